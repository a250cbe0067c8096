//! Which hashes have fields that expire, in order of the first that does; and removing fields
//! whose time is over.
//!
//! Looking for them among all keys, as for keys that expire, would be slow for what is rare: one
//! hash with fields that expire in a slot of many keys. An ordered set names exactly the hashes
//! that have something to remove, and costs only keys that have such fields.

use std::collections::BTreeSet;

use protocol::slot::Slot;

use super::value::ValueView;
use super::{Events, Keyspace};
use crate::time::Millis;

/// Most fields that one look at a hash removes. Those that are left are hidden, and wait for the
/// next look: no request pays for a million of them.
const REMOVED_AT_ONCE: usize = 64;

/// When a field expires that never does. No clock passes it.
const NEVER: Millis = Millis(i64::MAX);

/// The hashes with fields that expire, by the time of the first of them.
pub(super) struct FieldExpiries {
    order: BTreeSet<(Millis, u32)>,
    /// The first time in `order`: what every look at a key is compared with.
    first: Millis,
}

impl Default for FieldExpiries {
    fn default() -> Self {
        Self { order: BTreeSet::new(), first: NEVER }
    }
}

impl FieldExpiries {
    /// How many hashes there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether a hash has a field that has expired at `now`.
    #[inline]
    pub(super) fn any_due(&self, now: Millis) -> bool {
        self.first < now
    }

    /// The hash of this entry has its first expiry at another time than before.
    #[inline]
    pub(super) fn change(&mut self, handle: u32, before: Option<Millis>, after: Option<Millis>) {
        if before != after {
            self.replace(handle, before, after);
        }
    }

    fn replace(&mut self, handle: u32, before: Option<Millis>, after: Option<Millis>) {
        if let Some(before) = before {
            self.order.remove(&(before, handle));
        }
        if let Some(after) = after {
            self.order.insert((after, handle));
        }
        self.first = self.order.first().map_or(NEVER, |(time, _)| *time);
    }

    fn first_due(&self, now: Millis) -> Option<u32> {
        self.order.first().filter(|(time, _)| *time < now).map(|(_, handle)| *handle)
    }
}

impl Keyspace {
    /// How many keys have fields that expire.
    pub fn with_expiring_fields(&self) -> usize {
        self.tables.field_expiries.len()
    }

    /// Removes fields of a key that is looked at, as far as their time is over and there are not
    /// too many. Says whether the key is still there: it is not without a field to be seen.
    #[cold]
    pub(super) fn expire_fields(&mut self, handle: u32, key: &[u8]) -> bool {
        self.expire_fields_up_to(REMOVED_AT_ONCE, handle, key).1
    }

    /// The same for up to `most` fields. Returns as well how many it removed.
    fn expire_fields_up_to(&mut self, most: usize, handle: u32, key: &[u8]) -> (usize, bool) {
        let now = self.now();
        let ValueView::Hash(hash) = self.tables.entries.at(handle).value() else {
            return (0, true);
        };
        if hash.all_due(now) {
            let count = hash.len();
            self.remove_found(key);
            self.notify(Events::HASH, "hexpired", key);
            self.notify(Events::GENERIC, "del", key);
            self.counters.expired_fields += count as u64;
            return (count, false);
        }
        let mut removed = 0;
        while removed < most && self.expire_first_field(handle, key, now) {
            removed += 1;
        }
        if removed > 0 {
            self.counters.expired_fields += removed as u64;
            self.notify(Events::HASH, "hexpired", key);
        }
        (removed, true)
    }

    /// Removes the field that has been expired longest; there is another one that has not.
    fn expire_first_field(&mut self, handle: u32, key: &[u8], now: Millis) -> bool {
        let ValueView::Hash(hash) = self.tables.entries.at(handle).value() else { return false };
        let Some(field) = hash.first_due(now).map(<[u8]>::to_vec) else { return false };
        self.hash_remove_found(handle, key, &field)
    }

    /// Removes a field of a hash that is about to be changed, if its time is over and it is still
    /// there: it is not what the change is made to.
    pub(super) fn expire_field(&mut self, handle: u32, key: &[u8], field: &[u8]) {
        let now = self.now();
        if !self.tables.field_expiries.any_due(now) {
            return;
        }
        let ValueView::Hash(hash) = self.tables.entries.at(handle).value() else { return };
        if hash.expiry(field).is_some_and(|at| at < now) {
            self.hash_remove_found(handle, key, field);
            self.counters.expired_fields += 1;
            self.notify(Events::HASH, "hexpired", key);
        }
    }

    /// Removes fields whose time is over, up to about `most`, wherever they are. Returns how many.
    pub(super) fn expire_some_fields(&mut self, most: usize) -> usize {
        let slot_before = self.slot;
        let mut removed = 0;
        while let Some(handle) = self.tables.field_expiries.first_due(self.now()) {
            if removed >= most {
                break;
            }
            let key = self.tables.entries.at(handle).key().to_vec();
            self.slot = Slot::of_key(&key);
            if self.tables.entries.at(handle).expired(self.now()) {
                self.expire(handle, &key);
                removed += 1;
            } else {
                removed += self.expire_fields_up_to(most - removed, handle, &key).0;
            }
        }
        self.slot = slot_before;
        removed
    }
}

#[cfg(test)]
#[path = "field_expiry_test.rs"]
mod tests;
