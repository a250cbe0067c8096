//! Taking changes back, and making recorded ones again: the door without a command.

use protocol::slot::Slot;

use super::super::undo::Undo;
use super::super::{Keyspace, Tables};
use crate::effect::{BadEffect, Effect, Subject};
use crate::time::{Micros, Millis};

impl Keyspace {
    pub(in crate::keyspace) fn apply_undo(&mut self, record: Undo) {
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
