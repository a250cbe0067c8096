//! Sets: reading, and their mutators.

use super::Inverse;
use crate::effect::{Effect, SetEffect};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::keyspace::short_bytes::ShortBytes;
use crate::keyspace::undo::Undo;
use crate::keyspace::value::{Value, ValueMut, ValueView};
use crate::types::set::{Form, Set};

/// How to take back one change inside a set.
pub(in crate::keyspace) enum SetInverse {
    /// The member was not there.
    Added { member: ShortBytes },
    /// The member was there, at this place of the packed form.
    Removed { member: ShortBytes, place: usize },
}

impl SetInverse {
    /// Bytes of memory outside of this struct.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Added { member } | Self::Removed { member, .. } => member.memory(),
        }
    }

    pub(super) fn apply(self, set: &mut Set) {
        match self {
            Self::Added { member } => {
                set.remove(member.as_bytes());
            }
            Self::Removed { member, place } => set.restore(member.as_bytes(), place),
        }
    }
}

/// Appends the effects that make the set at a key.
pub(super) fn effects_of_whole(key: &[u8], set: &Set, out: &mut Vec<u8>) {
    set.for_each(|member| Effect::Set(key, SetEffect::Add { member }).encode(out));
}

impl Keyspace {
    /// The set at a key; `None` when the key is missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when the key holds something else.
    pub fn set(&mut self, key: &[u8]) -> Result<Option<&Set>, CommandError> {
        let Some(handle) = self.read(key) else { return Ok(None) };
        match self.tables.entries.at(handle).value() {
            ValueView::Set(set) => Ok(Some(set)),
            _ => Err(CommandError::WrongType),
        }
    }

    /// The sets at several keys, `None` for each key that is missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when one of them holds something else.
    pub fn sets<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<Vec<Option<&Set>>, CommandError> {
        // A removed key (its time had come) leaves the handles of the others as they are.
        let handles: Vec<Option<u32>> = keys.map(|key| self.read(key)).collect();
        let set_at = |handle: Option<u32>| {
            handle.map_or(Ok(None), |handle| match self.tables.entries.at(handle).value() {
                ValueView::Set(set) => Ok(Some(set)),
                _ => Err(CommandError::WrongType),
            })
        };
        handles.into_iter().map(set_at).collect()
    }

    /// Adds members to the set at a key, which is made when it is missing. Returns how many are
    /// new.
    ///
    /// # Errors
    /// [`CommandError::WrongType`]; nothing has changed.
    pub fn set_add<'m>(
        &mut self,
        key: &[u8],
        members: impl ExactSizeIterator<Item = &'m [u8]> + Clone,
    ) -> Result<usize, CommandError> {
        let limits = self.settings.set_limits;
        let handle = match self.live(key) {
            Some(handle) => handle,
            None => {
                let Some(first) = members.clone().next() else { return Ok(0) };
                let set = Set::new(first, members.len(), limits);
                self.insert(key, Value::Set(Box::new(set)), None)
            }
        };
        let form = self.set_at(handle)?.form_for_many(members.len(), limits);
        self.change_form(handle, key, form)?;
        let mut added = 0;
        for member in members {
            let form = self.set_at(handle)?.form_with(member, limits);
            self.change_form(handle, key, form)?;
            if self.set_at(handle)?.insert(member) {
                added += 1;
                let effect = Effect::Set(key, SetEffect::Add { member });
                self.changed_inside(handle, key, effect, || {
                    Inverse::Set(SetInverse::Added { member: ShortBytes::new(member) })
                });
            }
        }
        Ok(added)
    }

    /// The set of an entry.
    fn set_at(&mut self, handle: u32) -> Result<&mut Set, CommandError> {
        match self.tables.entries.at_mut(handle).value_mut() {
            ValueMut::Set(set) => Ok(set),
            _ => Err(CommandError::WrongType),
        }
    }

    /// Has the set of an entry in another form. The old one goes to the undo log.
    fn change_form(&mut self, handle: u32, key: &[u8], form: Form) -> Result<(), CommandError> {
        let set = self.set_at(handle)?;
        if set.form() != form {
            let new = set.to_form(form);
            let old = Box::new(std::mem::replace(set, new));
            let expiry = self.tables.entries.at(handle).expiry();
            self.undo.push(|| Undo::Entry {
                key: ShortBytes::new(key),
                previous: Some((Value::Set(old), expiry)),
            });
        }
        Ok(())
    }

    /// Removes a member of the set at a key, and the key with its last member. Says whether the
    /// member was there.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn set_remove(&mut self, key: &[u8], member: &[u8]) -> Result<bool, CommandError> {
        let Some(handle) = self.live(key) else { return Ok(false) };
        let set = self.set_at(handle)?;
        let Some(place) = set.remove(member) else { return Ok(false) };
        let empty = set.is_empty();
        self.changed_inside(handle, key, Effect::Set(key, SetEffect::Remove { member }), || {
            Inverse::Set(SetInverse::Removed { member: ShortBytes::new(member), place })
        });
        if empty {
            self.drop_emptied(handle, key);
        }
        Ok(true)
    }

    /// Has a key hold this set, whatever it held before; an empty one removes the key. Says
    /// whether the key was there.
    pub fn set_store(&mut self, key: &[u8], set: Set) -> bool {
        let existed = self.remove(key);
        if !set.is_empty() {
            let handle = self.insert(key, Value::Set(Box::new(set)), None);
            self.record_whole(handle, key);
        }
        existed
    }

    /// Applies a recorded effect.
    pub(super) fn apply_to_set(&mut self, key: &[u8], effect: SetEffect<'_>) {
        match effect {
            SetEffect::Add { member } => drop(self.set_add(key, std::iter::once(member))),
            SetEffect::Remove { member } => drop(self.set_remove(key, member)),
        }
    }
}
