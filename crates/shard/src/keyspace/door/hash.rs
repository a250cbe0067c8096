//! Hashes: reading, and their mutators.

use super::Inverse;
use crate::effect::{Effect, HashEffect};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::keyspace::short_bytes::ShortBytes;
use crate::keyspace::undo::Undo;
use crate::keyspace::value::Value;
use crate::types::hash::{Hash, Removed, Replaced};

/// How to take back one change inside a hash.
pub(in crate::keyspace) enum HashInverse {
    /// The field had this value, or was not there.
    Field { field: ShortBytes, previous: Replaced },
    /// The field was there.
    Removed { field: ShortBytes, removed: Removed },
}

impl HashInverse {
    /// Bytes of memory outside of this struct.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Field { field, previous } => {
                let value = match previous {
                    Replaced::Absent => 0,
                    Replaced::Value(value) => value.capacity(),
                };
                field.memory() + value
            }
            Self::Removed { field, removed } => field.memory() + removed.value.capacity(),
        }
    }

    pub(super) fn apply(self, hash: &mut Hash) {
        match self {
            Self::Field { field, previous: Replaced::Absent } => {
                hash.remove(field.as_bytes());
            }
            Self::Field { field, previous: Replaced::Value(value) } => {
                hash.set(field.as_bytes(), &value);
            }
            Self::Removed { field, removed } => hash.restore(field.as_bytes(), &removed),
        }
    }
}

/// Appends the effects that make the hash at a key.
pub(super) fn effects_of_whole(key: &[u8], hash: &Hash, out: &mut Vec<u8>) {
    hash.for_each(|field, value| {
        Effect::Hash(key, HashEffect::Set { field, value }).encode(out);
    });
}

impl Keyspace {
    /// The hash at a key; `None` when the key is missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when the key holds something else.
    pub fn hash(&mut self, key: &[u8]) -> Result<Option<&Hash>, CommandError> {
        let Some(handle) = self.read(key) else { return Ok(None) };
        match &self.tables.entries.at(handle).value {
            Value::Hash(hash) => Ok(Some(hash)),
            _ => Err(CommandError::WrongType),
        }
    }

    /// Sets a field of the hash at a key, which is made when it is missing. Says whether the
    /// field is new.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn hash_set(
        &mut self,
        key: &[u8],
        field: &[u8],
        value: &[u8],
    ) -> Result<bool, CommandError> {
        let limits = self.settings.hash_limits;
        let handle = match self.live(key) {
            Some(handle) => handle,
            None => self.insert(key, Value::Hash(Box::new(Hash::new())), None),
        };
        let entry = self.tables.entries.at_mut(handle);
        let expiry = entry.expiry();
        let Value::Hash(hash) = &mut entry.value else { return Err(CommandError::WrongType) };
        if hash.outgrows(field, value, limits) {
            let large = Box::new(hash.to_large());
            let small = std::mem::replace(hash, large);
            self.undo.push(|| Undo::Entry {
                key: ShortBytes::new(key),
                previous: Some((Value::Hash(small), expiry)),
            });
        }
        let previous = hash.set(field, value);
        let is_new = matches!(previous, Replaced::Absent);
        self.changed_inside(
            handle,
            key,
            Effect::Hash(key, HashEffect::Set { field, value }),
            || Inverse::Hash(HashInverse::Field { field: ShortBytes::new(field), previous }),
        );
        Ok(is_new)
    }

    /// Removes a field of the hash at a key, and the key with its last field. Says whether the
    /// field was there.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn hash_remove(&mut self, key: &[u8], field: &[u8]) -> Result<bool, CommandError> {
        let Some(handle) = self.live(key) else { return Ok(false) };
        let Value::Hash(hash) = &mut self.tables.entries.at_mut(handle).value else {
            return Err(CommandError::WrongType);
        };
        let Some(removed) = hash.remove(field) else { return Ok(false) };
        let empty = hash.is_empty();
        self.changed_inside(handle, key, Effect::Hash(key, HashEffect::Remove { field }), || {
            Inverse::Hash(HashInverse::Removed { field: ShortBytes::new(field), removed })
        });
        if empty {
            self.drop_emptied(handle, key);
        }
        Ok(true)
    }

    /// Applies a recorded effect.
    pub(super) fn apply_to_hash(&mut self, key: &[u8], effect: HashEffect<'_>) {
        match effect {
            HashEffect::Set { field, value } => drop(self.hash_set(key, field, value)),
            HashEffect::Remove { field } => drop(self.hash_remove(key, field)),
        }
    }
}
