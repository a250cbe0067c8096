//! Hashes: reading, and their mutators.

use super::{Inverse, NewExpiry};
use crate::effect::{Effect, HashEffect};
use crate::error::CommandError;
use crate::keyspace::short_bytes::ShortBytes;
use crate::keyspace::undo::Undo;
use crate::keyspace::value::{Value, ValueMut, ValueView};
use crate::keyspace::{Keyspace, Tables};
use crate::time::Millis;
use crate::types::hash::{Hash, HashView, Removed};

/// How to take back one change inside a hash.
pub(in crate::keyspace) enum HashInverse {
    /// The field had this expiry.
    Expiry { field: ShortBytes, previous: Option<Millis> },
    /// The field had this value and this expiry, or was not there.
    Field { field: ShortBytes, previous: Option<(ShortBytes, Option<Millis>)> },
    /// The field was there.
    Removed { field: ShortBytes, removed: Removed },
}

impl HashInverse {
    /// Whether it owns memory outside of itself, or may.
    #[inline]
    pub(super) fn owns(&self) -> bool {
        match self {
            Self::Expiry { field, .. } => !field.is_inline(),
            Self::Field { field, previous: None } => !field.is_inline(),
            Self::Field { field, previous: Some((value, _)) } => {
                !field.is_inline() || !value.is_inline()
            }
            Self::Removed { .. } => true,
        }
    }

    /// Bytes of memory outside of this struct.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Expiry { field, .. } => field.memory(),
            Self::Field { field, previous } => {
                field.memory() + previous.as_ref().map_or(0, |(value, _)| value.memory())
            }
            Self::Removed { field, removed } => field.memory() + removed.memory(),
        }
    }

    pub(super) fn apply(self, hash: &mut Hash) {
        match self {
            Self::Expiry { field, previous } => drop(hash.set_expiry(field.as_bytes(), previous)),
            Self::Field { field, previous: None } => drop(hash.remove(field.as_bytes())),
            Self::Field { field, previous: Some((value, expiry)) } => {
                hash.set(field.as_bytes(), value.as_bytes());
                hash.set_expiry(field.as_bytes(), expiry);
            }
            Self::Removed { field, removed } => hash.restore(field.as_bytes(), &removed),
        }
    }
}

/// Appends the effects that make the hash at a key.
pub(super) fn effects_of_whole(key: &[u8], hash: &Hash, out: &mut Vec<u8>) {
    hash.for_each(|field, value| {
        Effect::Hash(key, HashEffect::Set { field, value }).encode(out);
        if let Some(at) = hash.expiry(field) {
            set_expiry(key, field, Some(at)).encode(out);
        }
    });
}

fn set_expiry<'a>(key: &'a [u8], field: &'a [u8], expiry: Option<Millis>) -> Effect<'a> {
    Effect::Hash(key, HashEffect::SetExpiry { field, expiry: expiry.map(|at| at.0) })
}

impl Keyspace {
    /// The hash at a key, as a read: counts a hit or a miss. `None` when the key is missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when the key holds something else.
    pub fn hash(&mut self, key: &[u8]) -> Result<Option<HashView<'_>>, CommandError> {
        let found = self.read(key);
        self.hash_at(found)
    }

    /// The hash at a key that is about to be changed, which is no read.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when the key holds something else.
    pub fn hash_to_change(&mut self, key: &[u8]) -> Result<Option<HashView<'_>>, CommandError> {
        let found = self.live(key);
        self.hash_at(found)
    }

    fn hash_at(&self, found: Option<u32>) -> Result<Option<HashView<'_>>, CommandError> {
        let Some(handle) = found else { return Ok(None) };
        match self.tables.entries.at(handle).value() {
            ValueView::Hash(hash) => Ok(Some(hash.view(self.now()))),
            _ => Err(CommandError::WrongType),
        }
    }

    /// Sets a field of the hash at a key, which is made when it is missing, and when the field
    /// expires. Says whether the field is new.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn hash_set(
        &mut self,
        key: &[u8],
        field: &[u8],
        value: &[u8],
        expiry: NewExpiry,
    ) -> Result<bool, CommandError> {
        let handle = match self.live(key) {
            Some(handle) => {
                self.expire_field(handle, key, field);
                handle
            }
            None => self.insert(key, Value::Hash(Box::new(Hash::new())), None),
        };
        self.make_room(handle, key, field, value)?;
        let Tables { entries, field_expiries, .. } = &mut self.tables;
        let ValueMut::Hash(hash) = entries.at_mut(handle).value_mut() else {
            return Err(CommandError::WrongType);
        };
        let (first, expiry_before) = (hash.next_expiry(), hash.expiry(field));
        let expiry = match expiry {
            NewExpiry::Never => None,
            NewExpiry::Keep => expiry_before,
            NewExpiry::At(at) => Some(at),
        };
        let previous = hash.set(field, value).map(|value| (value, expiry_before));
        if expiry != expiry_before {
            hash.set_expiry(field, expiry);
        }
        field_expiries.change(handle, first, hash.next_expiry());
        let is_new = previous.is_none();
        // A field that is set expires no longer, so that is an effect of its own.
        let effect = Effect::Hash(key, HashEffect::Set { field, value });
        self.changed_inside(handle, key, effect, || {
            Inverse::Hash(HashInverse::Field { field: ShortBytes::new(field), previous })
        });
        if expiry.is_some() {
            self.record(key, set_expiry(key, field, expiry));
        }
        Ok(is_new)
    }

    /// Turns a packed hash into a table, if setting this field takes that.
    fn make_room(
        &mut self,
        handle: u32,
        key: &[u8],
        field: &[u8],
        value: &[u8],
    ) -> Result<(), CommandError> {
        let entry = self.tables.entries.at_mut(handle);
        let expiry = entry.expiry();
        let ValueMut::Hash(hash) = entry.value_mut() else { return Err(CommandError::WrongType) };
        if hash.outgrows(field, value, self.settings.hash_limits) {
            let large = Box::new(hash.to_large());
            let small = std::mem::replace(hash, large);
            self.undo.push(|| Undo::Entry {
                key: ShortBytes::new(key),
                previous: Some((Value::Hash(small), expiry)),
            });
        }
        Ok(())
    }

    /// Sets or removes the expiry of a field of the hash at a key. Says whether the field is there.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn hash_set_expiry(
        &mut self,
        key: &[u8],
        field: &[u8],
        expiry: Option<Millis>,
    ) -> Result<bool, CommandError> {
        let Some(handle) = self.live(key) else { return Ok(false) };
        self.expire_field(handle, key, field);
        let Tables { entries, field_expiries, .. } = &mut self.tables;
        let ValueMut::Hash(hash) = entries.at_mut(handle).value_mut() else {
            return Err(CommandError::WrongType);
        };
        if hash.value(field).is_none() {
            return Ok(false);
        }
        let first = hash.next_expiry();
        let previous = hash.set_expiry(field, expiry);
        field_expiries.change(handle, first, hash.next_expiry());
        self.changed_inside(handle, key, set_expiry(key, field, expiry), || {
            Inverse::Hash(HashInverse::Expiry { field: ShortBytes::new(field), previous })
        });
        Ok(true)
    }

    /// Removes a field of the hash at a key, and the key with its last field. Says whether the
    /// field was there.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn hash_remove(&mut self, key: &[u8], field: &[u8]) -> Result<bool, CommandError> {
        let Some(handle) = self.live(key) else { return Ok(false) };
        self.expire_field(handle, key, field);
        if !matches!(self.tables.entries.at(handle).value(), ValueView::Hash(_)) {
            return Err(CommandError::WrongType);
        }
        self.note_use(handle);
        Ok(self.hash_remove_found(handle, key, field))
    }

    /// Removes a field of a hash, expired or not; that is no use of the key.
    pub(in crate::keyspace) fn hash_remove_found(
        &mut self,
        handle: u32,
        key: &[u8],
        field: &[u8],
    ) -> bool {
        let Tables { entries, field_expiries, .. } = &mut self.tables;
        let ValueMut::Hash(hash) = entries.at_mut(handle).value_mut() else { return false };
        let first = hash.next_expiry();
        let Some(removed) = hash.remove(field) else { return false };
        field_expiries.change(handle, first, hash.next_expiry());
        let empty = hash.is_empty();
        self.undo.push(|| Undo::Inside {
            key: ShortBytes::new(key),
            inverse: Inverse::Hash(HashInverse::Removed { field: ShortBytes::new(field), removed }),
        });
        self.record(key, Effect::Hash(key, HashEffect::Remove { field }));
        if empty {
            self.drop_emptied(handle, key);
        }
        true
    }

    /// Applies a recorded effect.
    pub(super) fn apply_to_hash(&mut self, key: &[u8], effect: HashEffect<'_>) {
        match effect {
            HashEffect::Set { field, value } => {
                drop(self.hash_set(key, field, value, NewExpiry::Never));
            }
            HashEffect::Remove { field } => drop(self.hash_remove(key, field)),
            HashEffect::SetExpiry { field, expiry } => {
                drop(self.hash_set_expiry(key, field, expiry.map(Millis)));
            }
        }
    }
}
