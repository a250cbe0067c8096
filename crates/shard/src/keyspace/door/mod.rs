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
mod replay;
mod set;
mod stream;
mod string;
mod zset;

use protocol::slot::Slot;

use super::short_bytes::ShortBytes;
use super::undo::Undo;
use super::value::{ValueMut, ValueView};
use super::{Entry, Events, Keyspace, Message, Tables, Value};
use crate::effect::{Effect, StringEffect};
use crate::time::Millis;
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

    /// Removes a key that has expired, of the entered slot and with this hash, while no undo log is
    /// open.
    pub(super) fn expire_hashed(&mut self, handle: u32, hash: u64) {
        let entry = self.detach_hashed(handle, hash);
        let key = entry.key();
        self.counters.expired += 1;
        self.record(key, Effect::Remove { key });
        self.notify(Events::EXPIRED, "expired", key);
        // A text frees itself.
        if entry.collection().is_some() {
            self.garbage.add(entry.into_value());
        }
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
                let found = slot.find(hash, |handle| self.tables.entries.at(handle).key() == key);
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
        let Tables { slots, pool, entries, len, field_expiries, schedule, .. } = tables;
        let next = value.view().next_field_expiry();
        let handle = entries.insert(Entry::new(key, value, expiry, access));
        field_expiries.change(handle, None, next);
        let at = slot.index() - tables.first;
        let hash_of = |handle| hasher.hash(entries.at(handle).key());
        slots[at].get_or_insert_default().insert(pool, hasher.hash(key), handle, hash_of);
        *len += 1;
        if let Some(time) = expiry {
            tables.expiring_in[at] += 1;
            tables.expiring += 1;
            schedule.note(handle, time);
        }
        handle
    }

    fn detach(&mut self, handle: u32) -> Entry {
        let hash = self.hasher.hash(self.tables.entries.at(handle).key());
        self.detach_hashed(handle, hash)
    }

    fn detach_hashed(&mut self, handle: u32, hash: u64) -> Entry {
        let Self { tables, hasher, slot, .. } = self;
        let Tables { slots, pool, entries, len, field_expiries, .. } = tables;
        let at = slot.index() - tables.first;
        let hash_of = |handle| hasher.hash(entries.at(handle).key());
        let Some(table) = &mut slots[at] else {
            unreachable!("an entry is in the table of its slot")
        };
        table.remove(pool, hash, handle, hash_of);
        if table.is_empty() {
            slots[at] = None;
        }
        let entry = entries.remove(handle);
        if let Some(value) = entry.collection() {
            field_expiries.change(handle, value.next_field_expiry(), None);
        }
        *len -= 1;
        if entry.expiry().is_some() {
            tables.expiring_in[at] -= 1;
            tables.expiring -= 1;
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
        if had != has {
            let in_slot = &mut self.tables.expiring_in[self.slot.index() - self.tables.first];
            if has {
                *in_slot += 1;
                self.tables.expiring += 1;
            } else {
                *in_slot -= 1;
                self.tables.expiring -= 1;
            }
        }
    }
}
