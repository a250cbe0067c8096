//! The door: every mutator of the keyspace, their inverses, and replay.

use protocol::slot::Slot;

use super::short_bytes::ShortBytes;
use super::undo::Undo;
use super::{Entry, Keyspace, Tables, Value};
use crate::effect::{BadEffect, Effect};
use crate::error::CommandError;
use crate::time::Millis;
use crate::types::hash::{Hash, Replaced};
use crate::types::string::StringValue;

/// What a string's expiry becomes when it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewExpiry {
    /// None.
    Never,
    /// What it was.
    Keep,
    /// This point in time.
    At(Millis),
}

impl Keyspace {
    /// Records that a key changes: its effect and its watchers.
    #[inline]
    fn record(&mut self, key: &[u8], effect: Effect<'_>) {
        self.counters.changes += 1;
        if self.record {
            effect.encode(&mut self.effects);
        }
        if !self.watch.is_empty() {
            self.touched.push(ShortBytes::new(key));
        }
    }

    /// Sets a key to a string, whatever it held before.
    pub fn set_string(&mut self, key: &[u8], value: StringValue, expiry: NewExpiry) {
        let found = self.live(key);
        let expiry = match (expiry, found) {
            (NewExpiry::Never, _) | (NewExpiry::Keep, None) => None,
            (NewExpiry::At(at), _) => Some(at),
            (NewExpiry::Keep, Some(handle)) => self.tables.entries.at(handle).expiry(),
        };
        if self.record {
            value.with_text(|text| {
                let expiry = expiry.map(|at| at.0);
                Effect::SetString { key, value: text, expiry }.encode(&mut self.effects);
            });
        }
        self.counters.changes += 1;
        if !self.watch.is_empty() {
            self.touched.push(ShortBytes::new(key));
        }
        self.put(key, found, Value::String(value), expiry);
    }

    /// Writes `patch` into the string at a key at `offset`, filling a gap with zeros; a missing
    /// key is an empty string. Returns the new length.
    ///
    /// # Errors
    /// [`CommandError::WrongType`], [`CommandError::StringTooLong`].
    pub fn splice_string(
        &mut self,
        key: &[u8],
        offset: usize,
        patch: &[u8],
    ) -> Result<usize, CommandError> {
        let found = self.live(key);
        let end = offset.checked_add(patch.len()).ok_or(CommandError::StringTooLong)?;
        if end > self.settings.string_len_max {
            return Err(CommandError::StringTooLong);
        }
        let found = match found {
            Some(handle) => handle,
            None => self.insert(key, Value::String(StringValue::new(b"")), None),
        };
        let Value::String(string) = &mut self.tables.entries.at_mut(found).value else {
            return Err(CommandError::WrongType);
        };
        let len_before = string.len();
        // A short string is kept whole: that restores its encoding too.
        let whole = (len_before <= 64).then(|| string.clone());
        let overwritten = string.splice(offset, patch);
        let len = string.len();
        let clock = self.access_clock();
        self.tables.entries.at_mut(found).set_access(clock);
        let previous_expiry = self.tables.entries.at(found).expiry();
        self.undo.push(|| match whole {
            Some(string) => Undo::Entry {
                key: ShortBytes::new(key),
                previous: Some((Value::String(string), previous_expiry)),
            },
            None => Undo::Splice { key: ShortBytes::new(key), offset, overwritten, len_before },
        });
        self.record(key, Effect::SpliceString { key, offset: offset as u64, patch });
        Ok(len)
    }

    /// Sets or removes the expiry of a key. Says whether the key is there.
    pub fn set_expiry(&mut self, key: &[u8], expiry: Option<Millis>) -> bool {
        let Some(handle) = self.live(key) else { return false };
        let previous = self.tables.entries.at(handle).expiry();
        self.undo.push(|| Undo::Expiry { key: ShortBytes::new(key), previous });
        self.record(key, Effect::SetExpiry { key, expiry: expiry.map(|at| at.0) });
        self.change_expiry(handle, expiry);
        true
    }

    /// Removes a key. Says whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.live(key).is_some() && self.remove_found(key)
    }

    /// Removes a key, expired or not.
    pub(super) fn remove_found(&mut self, key: &[u8]) -> bool {
        let Some(handle) = self.find(key) else { return false };
        self.record(key, Effect::Remove { key });
        let entry = self.detach(handle);
        self.undo.push(|| {
            let expiry = entry.expiry();
            Undo::Entry { key: ShortBytes::new(key), previous: Some((entry.value, expiry)) }
        });
        true
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
        let replaced = hash.set(field, value);
        let is_new = matches!(replaced, Replaced::Absent);
        let clock = self.access_clock();
        self.tables.entries.at_mut(handle).set_access(clock);
        self.undo.push(|| Undo::HashField {
            key: ShortBytes::new(key),
            field: ShortBytes::new(field),
            previous: replaced,
        });
        self.record(key, Effect::HashSet { key, field, value });
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
        self.undo.push(|| Undo::HashRemoved {
            key: ShortBytes::new(key),
            field: ShortBytes::new(field),
            removed,
        });
        self.record(key, Effect::HashRemove { key, field });
        if empty {
            // The effect of the last field implies that of the key; replay does the same.
            let expiry = self.tables.entries.at(handle).expiry();
            let entry = self.detach(handle);
            self.undo.push(|| Undo::Entry {
                key: ShortBytes::new(key),
                previous: Some((entry.value, expiry)),
            });
        }
        Ok(true)
    }

    /// Gives the value and expiry of `from` to `to`, whatever that held, and removes `from`. Says
    /// whether `from` is there. Both keys are of the entered slot.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let Some(handle) = self.live(from) else { return false };
        if from == to {
            return true;
        }
        self.remove_found(to);
        self.record_whole(handle, to);
        self.record(from, Effect::Remove { key: from });
        let entry = self.detach(handle);
        let expiry = entry.expiry();
        self.attach(to, entry.value, expiry);
        self.undo.push(|| Undo::Rename { from: ShortBytes::new(from), to: ShortBytes::new(to) });
        true
    }

    /// Copies the value and expiry of `from` to `to`, whatever that held. Says whether `from` is
    /// there. Both keys are of the entered slot.
    pub fn copy(&mut self, from: &[u8], to: &[u8]) -> bool {
        let Some(handle) = self.live(from) else { return false };
        let value = self.tables.entries.at(handle).value.clone();
        let expiry = self.tables.entries.at(handle).expiry();
        self.remove_found(to);
        self.record_whole(handle, to);
        self.insert(to, value, expiry);
        true
    }

    /// Removes all keys.
    pub fn flush(&mut self) {
        for key in self.watch.keys() {
            let slot = Slot::of_key(key).index().wrapping_sub(self.tables.first);
            let hash = self.hasher.hash(key);
            let present = self.tables.slots.get(slot).is_some_and(|slot| {
                let found =
                    slot.index.find(hash, |handle| self.tables.entries.at(handle).key() == key);
                found.is_some()
            });
            if present {
                self.touched.push(ShortBytes::new(key));
            }
        }
        self.counters.changes += self.tables.len as u64;
        if self.record {
            Effect::Flush.encode(&mut self.effects);
        }
        let empty = self.tables.empty_like();
        let tables = std::mem::replace(&mut self.tables, empty);
        self.sweep = (0, 0);
        self.undo.push(|| Undo::Flush(Box::new(tables)));
    }

    // What the mutators are made of. Nothing below records effects.

    /// Records that `key`, which is missing, becomes what the entry is.
    fn record_whole(&mut self, handle: u32, key: &[u8]) {
        self.counters.changes += 1;
        if !self.watch.is_empty() {
            self.touched.push(ShortBytes::new(key));
        }
        if !self.record {
            return;
        }
        let entry = self.tables.entries.at(handle);
        let expiry = entry.expiry().map(|at| at.0);
        let effects = &mut self.effects;
        match &entry.value {
            Value::String(string) => string.with_text(|value| {
                Effect::SetString { key, value, expiry }.encode(effects);
            }),
            Value::Hash(hash) => {
                hash.for_each(|field, value| Effect::HashSet { key, field, value }.encode(effects));
                if expiry.is_some() {
                    Effect::SetExpiry { key, expiry }.encode(effects);
                }
            }
        }
    }

    /// Puts a value at a key; the old one goes to the undo log.
    fn put(&mut self, key: &[u8], found: Option<u32>, value: Value, expiry: Option<Millis>) {
        let Some(handle) = found else {
            self.insert(key, value, expiry);
            return;
        };
        let clock = self.access_clock();
        let entry = self.tables.entries.at_mut(handle);
        entry.set_access(clock);
        let old = std::mem::replace(&mut entry.value, value);
        let old_expiry = entry.expiry();
        self.change_expiry(handle, expiry);
        self.undo
            .push(|| Undo::Entry { key: ShortBytes::new(key), previous: Some((old, old_expiry)) });
    }

    /// Adds a key that is not there; undo removes it again.
    fn insert(&mut self, key: &[u8], value: Value, expiry: Option<Millis>) -> u32 {
        let handle = self.attach(key, value, expiry);
        self.undo.push(|| Undo::Entry { key: ShortBytes::new(key), previous: None });
        handle
    }

    fn attach(&mut self, key: &[u8], value: Value, expiry: Option<Millis>) -> u32 {
        let clock = self.access_clock();
        let Self { tables, hasher, slot, .. } = self;
        let Tables { slots, entries, first, len, expiring } = tables;
        let handle = entries.insert(Entry::new(key, value, expiry, clock));
        let slot = &mut slots[slot.index() - *first];
        slot.index.insert(hasher.hash(key), handle, |handle| hasher.hash(entries.at(handle).key()));
        *len += 1;
        if expiry.is_some() {
            slot.expiring += 1;
            *expiring += 1;
        }
        handle
    }

    fn detach(&mut self, handle: u32) -> Entry {
        let Self { tables, hasher, slot, .. } = self;
        let Tables { slots, entries, first, len, expiring } = tables;
        let slot = &mut slots[slot.index() - *first];
        let hash = hasher.hash(entries.at(handle).key());
        slot.index.remove(hash, handle, |handle| hasher.hash(entries.at(handle).key()));
        let entry = entries.remove(handle);
        *len -= 1;
        if entry.expiry().is_some() {
            slot.expiring -= 1;
            *expiring -= 1;
        }
        entry
    }

    fn change_expiry(&mut self, handle: u32, expiry: Option<Millis>) {
        let entry = self.tables.entries.at_mut(handle);
        let (had, has) = (entry.expiry().is_some(), expiry.is_some());
        entry.set_expiry(expiry);
        if had != has {
            let slot = &mut self.tables.slots[self.slot.index() - self.tables.first];
            if has {
                slot.expiring += 1;
                self.tables.expiring += 1;
            } else {
                slot.expiring -= 1;
                self.tables.expiring -= 1;
            }
        }
    }

    // Roll back.

    pub(super) fn apply_undo(&mut self, record: Undo) {
        match record {
            Undo::Entry { key, previous } => {
                let found = self.enter_slot_of(key.as_bytes());
                match (found, previous) {
                    (Some(handle), Some((value, expiry))) => {
                        self.tables.entries.at_mut(handle).value = value;
                        self.change_expiry(handle, expiry);
                    }
                    (Some(handle), None) => drop(self.detach(handle)),
                    (None, Some((value, expiry))) => {
                        self.attach(key.as_bytes(), value, expiry);
                    }
                    (None, None) => unreachable!("a key that was added is there to remove"),
                }
            }
            Undo::Rename { from, to } => {
                if let Some(handle) = self.enter_slot_of(to.as_bytes()) {
                    let entry = self.detach(handle);
                    let expiry = entry.expiry();
                    self.attach(from.as_bytes(), entry.value, expiry);
                }
            }
            Undo::Expiry { key, previous } => {
                if let Some(handle) = self.enter_slot_of(key.as_bytes()) {
                    self.change_expiry(handle, previous);
                }
            }
            Undo::Splice { key, offset, overwritten, len_before } => {
                if let Some(Value::String(string)) = self.value_to_undo(key.as_bytes()) {
                    string.unsplice(offset, &overwritten, len_before);
                }
            }
            Undo::HashField { key, field, previous } => {
                if let Some(Value::Hash(hash)) = self.value_to_undo(key.as_bytes()) {
                    match previous {
                        Replaced::Absent => drop(hash.remove(field.as_bytes())),
                        Replaced::Value(value) => drop(hash.set(field.as_bytes(), &value)),
                    }
                }
            }
            Undo::HashRemoved { key, field, removed } => {
                if let Some(Value::Hash(hash)) = self.value_to_undo(key.as_bytes()) {
                    hash.restore(field.as_bytes(), &removed);
                }
            }
            Undo::Flush(tables) => self.tables = *tables,
        }
    }

    fn enter_slot_of(&mut self, key: &[u8]) -> Option<u32> {
        self.slot = Slot::of_key(key);
        self.find(key)
    }

    fn value_to_undo(&mut self, key: &[u8]) -> Option<&mut Value> {
        let handle = self.enter_slot_of(key)?;
        Some(&mut self.tables.entries.at_mut(handle).value)
    }

    // Replay.

    /// Applies recorded effects: what replicas and recovery do instead of running requests.
    /// Nothing expires meanwhile; expiry arrives as an effect like any other change.
    ///
    /// # Errors
    /// [`BadEffect`] when the bytes are not effects; those before it have been applied.
    pub fn replay(&mut self, effects: &[u8]) -> Result<(), BadEffect> {
        let (now, slot) = (self.now, self.slot);
        self.now = crate::time::Micros(i64::MIN);
        let mut result = Ok(());
        for effect in Effect::decode_all(effects) {
            match effect {
                Ok(effect) => self.apply(&effect),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        (self.now, self.slot) = (now, slot);
        self.commit_command();
        result
    }

    /// Applies one effect. Total: an effect that does not fit the state (a field set in a string)
    /// changes nothing, since the entry that carries it has been checked where it was made.
    fn apply(&mut self, effect: &Effect<'_>) {
        let key: &[u8] = match effect {
            Effect::SetString { key, .. }
            | Effect::SpliceString { key, .. }
            | Effect::SetExpiry { key, .. }
            | Effect::Remove { key }
            | Effect::HashSet { key, .. }
            | Effect::HashRemove { key, .. } => key,
            Effect::Flush => return self.flush(),
        };
        self.slot = Slot::of_key(key);
        if self.slot.index().wrapping_sub(self.tables.first) >= self.tables.slots.len() {
            return;
        }
        match *effect {
            Effect::SetString { key, value, expiry } => {
                let expiry = expiry.map_or(NewExpiry::Never, |at| NewExpiry::At(Millis(at)));
                self.set_string(key, StringValue::new(value), expiry);
            }
            Effect::SpliceString { key, offset, patch } => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                drop(self.splice_string(key, offset, patch));
            }
            Effect::SetExpiry { key, expiry } => {
                self.set_expiry(key, expiry.map(Millis));
            }
            Effect::Remove { key } => {
                self.remove_found(key);
            }
            Effect::HashSet { key, field, value } => drop(self.hash_set(key, field, value)),
            Effect::HashRemove { key, field } => drop(self.hash_remove(key, field)),
            Effect::Flush => {}
        }
    }
}
