//! The door: every mutator of the keyspace, their inverses, and replay.
//!
//! Here is what concerns keys as such, and what the mutators of all types are made of; each type of
//! value has a file with its own. To add a type: its file here (readers, mutators, an inverse with
//! `apply` and `memory`, `apply_to_…` for replay), a variant of [`Inverse`], its effects in
//! [`crate::effect`].

mod hash;
mod import;
mod kept_reply;
mod list;
mod set;
mod stream;
mod string;
mod zset;

use protocol::slot::Slot;

use super::short_bytes::ShortBytes;
use super::undo::Undo;
use super::value::{ValueMut, ValueView};
use super::{Entry, Events, Keyspace, Message, Tables, Value};
use crate::effect::{BadEffect, Effect, StringEffect, Subject};
use crate::time::{Micros, Millis};
use hash::HashInverse;
pub use import::Usage;
use list::ListInverse;
pub(crate) use list::indexes_of;
use set::SetInverse;
use stream::StreamInverse;
pub(super) use stream::{effects_of_entries, effects_of_groups};
use string::StringInverse;
pub use zset::Scored;
use zset::ZSetInverse;

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

/// How to take back one change inside a value.
pub(super) enum Inverse {
    Hash(HashInverse),
    List(ListInverse),
    Set(SetInverse),
    Stream(StreamInverse),
    String(StringInverse),
    ZSet(ZSetInverse),
}

impl Inverse {
    /// Whether it owns memory outside of itself, or may.
    #[inline]
    pub(super) fn owns(&self) -> bool {
        match self {
            Self::Hash(inverse) => inverse.owns(),
            _ => true,
        }
    }

    /// Bytes of memory outside of this struct.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Hash(inverse) => inverse.memory(),
            Self::List(inverse) => inverse.memory(),
            Self::Set(inverse) => inverse.memory(),
            Self::Stream(inverse) => inverse.memory(),
            Self::String(inverse) => inverse.memory(),
            Self::ZSet(inverse) => inverse.memory(),
        }
    }

    fn apply(self, entry: &mut Entry) {
        if let Self::String(inverse) = self {
            if let Some(text) = entry.raw_text() {
                inverse.apply(text);
            }
            return;
        }
        match (self, entry.value_mut()) {
            (Self::Hash(inverse), ValueMut::Hash(hash)) => inverse.apply(hash),
            (Self::List(inverse), ValueMut::List(list)) => inverse.apply(list),
            (Self::Set(inverse), ValueMut::Set(set)) => inverse.apply(set),
            (Self::Stream(inverse), ValueMut::Stream(stream)) => inverse.apply(stream),
            (Self::ZSet(inverse), ValueMut::ZSet(zset)) => inverse.apply(zset),
            _ => unreachable!("undone newest first, the value is of the type that was changed"),
        }
    }
}

/// Appends the effects that make an entry at a key.
pub(super) fn effects_of_entry(key: &[u8], entry: &Entry, effects: &mut Vec<u8>) {
    let expiry = entry.expiry().map(|at| at.0);
    match entry.value() {
        ValueView::String(string) => string.with_text(|value| {
            Effect::String(key, StringEffect::Set { value, expiry }).encode(effects);
        }),
        ValueView::Hash(hash) => hash::effects_of_whole(key, hash, effects),
        ValueView::List(list) => list::effects_of_whole(key, list, effects),
        ValueView::Set(set) => set::effects_of_whole(key, set, effects),
        ValueView::Stream(stream) => stream::effects_of_whole(key, stream, effects),
        ValueView::ZSet(zset) => zset::effects_of_whole(key, zset, effects),
    }
    if expiry.is_some() && !matches!(entry.value(), ValueView::String(_)) {
        Effect::SetExpiry { key, expiry }.encode(effects);
    }
}

impl Keyspace {
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
        self.remove_entry(handle, key);
        true
    }

    /// Removes a key, of which the entry is known.
    pub(super) fn remove_entry(&mut self, handle: u32, key: &[u8]) {
        self.record(key, Effect::Remove { key });
        let entry = self.detach(handle);
        let expiry = entry.expiry();
        self.discard(key, entry.into_value(), expiry);
    }

    /// The old value of a key goes to the undo log, or is freed when there is none.
    #[inline]
    fn discard(&mut self, key: &[u8], value: Value, expiry: Option<Millis>) {
        if self.undo.is_open() {
            let previous = Some((value, expiry));
            self.undo.push(|| Undo::Entry { key: ShortBytes::new(key), previous });
        } else {
            self.garbage.add(value);
        }
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
        self.attach(to, entry.into_value(), expiry);
        self.notify(Events::NEW, "new", to);
        self.undo.push(|| Undo::Rename { from: ShortBytes::new(from), to: ShortBytes::new(to) });
        true
    }

    /// Copies the value and expiry of `from` to `to`, whatever that held. Says whether `from` is
    /// there. Both keys are of the entered slot.
    pub fn copy(&mut self, from: &[u8], to: &[u8]) -> bool {
        let Some(handle) = self.live(from) else { return false };
        let value = self.tables.entries.at(handle).value().to_value();
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
            let present = self.tables.slot(slot).is_some_and(|slot| {
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
        let tables = Box::new(std::mem::replace(&mut self.tables, empty));
        self.outbox.push(Message::Flushed);
        if self.undo.is_open() {
            self.undo.push(|| Undo::Flush(tables));
        } else {
            self.garbage.add_tables(tables);
        }
    }

    // What the mutators are made of.

    /// Records that a key changes: its effect and its watchers.
    #[inline]
    fn record(&mut self, key: &[u8], effect: Effect<'_>) {
        self.counters.changes += 1;
        if self.record {
            effect.encode(&mut self.effects);
        }
        self.note_touched(key);
    }

    /// Remembers that a watched key has changed.
    #[inline]
    fn note_touched(&mut self, key: &[u8]) {
        if !self.watch.is_empty() || self.tell_all_changes {
            self.touched.push(ShortBytes::new(key));
        }
    }

    /// Records a change that has been made inside the value of an entry: its use, its inverse, its
    /// effect.
    #[inline]
    fn changed_inside(
        &mut self,
        handle: u32,
        key: &[u8],
        effect: Effect<'_>,
        inverse: impl FnOnce() -> Inverse,
    ) {
        self.prepare_inverse(handle, key, inverse);
        self.record(key, effect);
    }

    /// The part of [`Self::changed_inside`] that is done once for several effects: use and inverse.
    #[inline]
    fn prepare_inverse(&mut self, handle: u32, key: &[u8], inverse: impl FnOnce() -> Inverse) {
        self.note_use(handle);
        self.undo.push(|| Undo::Inside { key: ShortBytes::new(key), inverse: inverse() });
    }

    /// Removes the key of a collection that has lost its last element. The effect of that element
    /// implies this one; replay does the same.
    fn drop_emptied(&mut self, handle: u32, key: &[u8]) {
        let expiry = self.tables.entries.at(handle).expiry();
        let entry = self.detach(handle);
        self.undo.push(|| Undo::Entry {
            key: ShortBytes::new(key),
            previous: Some((entry.into_value(), expiry)),
        });
    }

    /// Records that `key`, which is missing, becomes what the entry is.
    fn record_whole(&mut self, handle: u32, key: &[u8]) {
        self.counters.changes += 1;
        self.note_touched(key);
        if !self.record {
            return;
        }
        effects_of_entry(key, self.tables.entries.at(handle), &mut self.effects);
    }

    /// Writes all data as effects and builds it anew from them: what a restart from a file would do
    /// (DEBUG RELOAD). Nothing has changed but forms that a new value would not have.
    pub fn rebuild(&mut self) {
        let mut effects = Vec::new();
        for (_, entry) in self.tables.entries.iter() {
            effects_of_entry(entry.key(), entry, &mut effects);
        }
        let empty = self.tables.empty_like();
        self.tables = empty;
        let changes = self.counters.changes;
        let record = std::mem::replace(&mut self.record, false);
        let events = std::mem::take(&mut self.settings.events);
        let replayed = self.replay(&effects);
        debug_assert!(replayed.is_ok(), "a shard's own effects decode");
        self.settings.events = events;
        self.record = record;
        self.counters.changes = changes;
    }

    /// Puts a value at a key; the old one goes to the undo log.
    fn put(&mut self, key: &[u8], found: Option<u32>, value: Value, expiry: Option<Millis>) {
        let Some(handle) = found else {
            self.insert(key, value, expiry);
            return;
        };
        self.note_use(handle);
        let old_expiry = self.tables.entries.at(handle).expiry();
        self.change_expiry(handle, expiry);
        let keep = self.undo.is_open();
        let entry = self.tables.entries.at_mut(handle);
        let small = if keep { entry.small_value() } else { None };
        if (small.is_some() || !keep) && entry.overwrite(&value) {
            if let Some(old) = small {
                let previous = Some((old, old_expiry));
                self.undo.push(|| Undo::Entry { key: ShortBytes::new(key), previous });
            }
            return;
        }
        let old = self.replace_value(handle, value);
        self.discard(key, old, old_expiry);
    }

    /// Gives an entry another value and returns the old one.
    fn replace_value(&mut self, handle: u32, value: Value) -> Value {
        let Tables { entries, field_expiries, .. } = &mut self.tables;
        let after = value.view().next_field_expiry();
        let old = entries.at_mut(handle).replace(value);
        field_expiries.change(handle, old.view().next_field_expiry(), after);
        old
    }

    /// Adds a key that is not there; undo removes it again.
    fn insert(&mut self, key: &[u8], value: Value, expiry: Option<Millis>) -> u32 {
        let handle = self.attach(key, value, expiry);
        self.notify(Events::NEW, "new", key);
        self.undo.push(|| Undo::Entry { key: ShortBytes::new(key), previous: None });
        handle
    }

    fn attach(&mut self, key: &[u8], value: Value, expiry: Option<Millis>) -> u32 {
        let access = self.new_access();
        let Self { tables, hasher, slot, .. } = self;
        let Tables { slots, entries, first, len, expiring, field_expiries, schedule, .. } = tables;
        let next = value.view().next_field_expiry();
        let handle = entries.insert(Entry::new(key, value, expiry, access));
        field_expiries.change(handle, None, next);
        let slot = slots[slot.index() - *first].get_or_insert_default();
        slot.index.insert(hasher.hash(key), handle, |handle| hasher.hash(entries.at(handle).key()));
        *len += 1;
        if let Some(at) = expiry {
            slot.expiring += 1;
            *expiring += 1;
            schedule.note(handle, at);
        }
        handle
    }

    fn detach(&mut self, handle: u32) -> Entry {
        let Self { tables, hasher, slot, .. } = self;
        let Tables { slots, entries, first, len, expiring, field_expiries, .. } = tables;
        let place = &mut slots[slot.index() - *first];
        let Some(slot) = place else { unreachable!("an entry is in the table of its slot") };
        let hash = hasher.hash(entries.at(handle).key());
        slot.index.remove(hash, handle, |handle| hasher.hash(entries.at(handle).key()));
        let entry = entries.remove(handle);
        field_expiries.change(handle, entry.value().next_field_expiry(), None);
        *len -= 1;
        if entry.expiry().is_some() {
            slot.expiring -= 1;
            *expiring -= 1;
        }
        if slot.index.len() == 0 {
            *place = None;
        }
        entry
    }

    fn change_expiry(&mut self, handle: u32, expiry: Option<Millis>) {
        let entry = self.tables.entries.at_mut(handle);
        let (had, has) = (entry.expiry().is_some(), expiry.is_some());
        entry.set_expiry(expiry);
        if let Some(at) = expiry {
            self.tables.schedule.note(handle, at);
        }
        if had != has
            && let Some(slot) = &mut self.tables.slots[self.slot.index() - self.tables.first]
        {
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
                        let new = self.replace_value(handle, value);
                        self.garbage.add(new);
                        self.change_expiry(handle, expiry);
                    }
                    (Some(handle), None) => {
                        let new = self.detach(handle).into_value();
                        self.garbage.add(new);
                    }
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
                    self.attach(from.as_bytes(), entry.into_value(), expiry);
                }
            }
            Undo::Expiry { key, previous } => {
                if let Some(handle) = self.enter_slot_of(key.as_bytes()) {
                    self.change_expiry(handle, previous);
                }
            }
            Undo::Inside { key, inverse } => {
                if let Some(handle) = self.enter_slot_of(key.as_bytes()) {
                    let Tables { entries, field_expiries, .. } = &mut self.tables;
                    let entry = entries.at_mut(handle);
                    let before = entry.value().next_field_expiry();
                    inverse.apply(entry);
                    field_expiries.change(handle, before, entry.value().next_field_expiry());
                }
            }
            Undo::Flush(tables) => {
                let new = std::mem::replace(&mut self.tables, *tables);
                self.garbage.add_tables(Box::new(new));
            }
            Undo::KeptReply { name } => drop(self.kept_replies.remove(&name)),
        }
    }

    fn enter_slot_of(&mut self, key: &[u8]) -> Option<u32> {
        self.slot = Slot::of_key(key);
        self.find(key)
    }

    // Replay.

    /// Applies recorded effects: what replicas and recovery do instead of running requests.
    /// Nothing expires meanwhile; expiry arrives as an effect like any other change.
    ///
    /// # Errors
    /// [`BadEffect`] when the bytes are not effects; those before it have been applied.
    pub fn replay(&mut self, effects: &[u8]) -> Result<(), BadEffect> {
        self.replay_of(self.slot_range(), effects)
    }

    /// The same with effects of a keyspace that had these slots, a first and one past the last. Of
    /// the keys in them those of other keyspaces are left out.
    ///
    /// # Errors
    /// As [`Self::replay`].
    pub fn replay_of(&mut self, slots: (u16, u16), effects: &[u8]) -> Result<(), BadEffect> {
        let (now, slot) = (self.now, self.slot);
        self.set_now(Micros(i64::MIN));
        let mut result = Ok(());
        for effect in Effect::decode_all(effects) {
            match effect {
                Ok(Effect::Flush) => self.flush_range(slots),
                Ok(effect) => self.apply(&effect),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.set_now(now);
        self.slot = slot;
        self.commit_command();
        result
    }

    /// Removes all keys of these slots, a first and one past the last.
    fn flush_range(&mut self, (first, end): (u16, u16)) {
        let (own_first, own_end) = self.slot_range();
        if first <= own_first && own_end <= end {
            return self.flush();
        }
        for slot in (first.max(own_first)..end.min(own_end)).filter_map(Slot::new) {
            self.slot = slot;
            for key in self.slot_keys(slot, usize::MAX) {
                self.remove_found(&key);
            }
        }
    }

    /// Applies one effect. Total: an effect that does not fit the state (a field set in a string)
    /// changes nothing, since the entry that carries it has been checked where it was made.
    fn apply(&mut self, effect: &Effect<'_>) {
        if let Effect::KeepReply(kept) = effect {
            return self.apply_kept_reply(kept);
        }
        let Subject::Key(key) = effect.subject() else { return self.flush() };
        self.slot = Slot::of_key(key);
        if self.slot.index().wrapping_sub(self.tables.first) >= self.tables.slots.len() {
            return;
        }
        match *effect {
            Effect::SetExpiry { key, expiry } => {
                self.set_expiry(key, expiry.map(Millis));
            }
            Effect::Remove { key } => {
                self.remove_found(key);
            }
            Effect::Flush | Effect::KeepReply(_) => {}
            Effect::String(key, change) => self.apply_to_string(key, change),
            Effect::Hash(key, change) => self.apply_to_hash(key, change),
            Effect::List(key, change) => self.apply_to_list(key, change),
            Effect::Set(key, change) => self.apply_to_set(key, change),
            Effect::Stream(key, change) => self.apply_to_stream(key, change),
            Effect::ZSet(key, change) => self.apply_to_zset(key, change),
        }
    }
}
