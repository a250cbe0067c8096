//! Warming: bringing the keys of a batch of requests into the cache before they run.
//!
//! A request for a key that is not in the cache waits for memory three times, one after the other:
//! for the slot's table, for the bucket, for the entry; and where the value is a collection, three
//! times more: for its head, for what leads to the element that is asked for, for the element.
//! Looking at all keys of a batch first, stage by stage, lets those waits overlap, since no look
//! depends on another's. The looks are plain loads whose values go into a sum that nothing reads: a
//! prefetch in safe code.

use std::hint::black_box;

use protocol::args::Args;
use protocol::slot::Slot;

use super::Keyspace;
use super::value::ValueView;

/// Keys warmed together: enough to overlap waits, few enough to still be there when they run.
const TOGETHER: usize = 16;

/// A key that is going to be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'k> {
    /// The slot of the key.
    pub slot: Slot,
    /// The key.
    pub key: &'k [u8],
    /// What its request says besides.
    pub rest: Args<'k>,
}

/// Where a key lies, or would lie.
#[derive(Clone, Copy)]
struct Place<'k> {
    slot: usize,
    hash: u64,
    rest: Args<'k>,
}

impl Keyspace {
    /// Looks at where keys lie, each in its slot, or would lie, and at what of their values is asked
    /// for. Changes nothing; keys of other shards are passed over.
    #[inline]
    pub fn warm<'k>(&self, keys: impl Iterator<Item = Expected<'k>>) {
        let mut places = [Place { slot: 0, hash: 0, rest: Args::new(&[], &[]) }; TOGETHER];
        let (mut count, mut missing) = (0, 0);
        for Expected { slot, key, rest } in keys {
            let slot = slot.index().wrapping_sub(self.tables.first);
            if slot < self.tables.slots.len() {
                places[count] = Place { slot, hash: self.hasher.hash(key), rest };
                count += 1;
                if count == TOGETHER {
                    missing += self.warm_places(&places, missing);
                    count = 0;
                }
            }
        }
        self.warm_places(&places[..count], missing);
    }

    /// Looks at the buckets and the counts of keys with an expiry, each by its slot and its hash.
    #[inline]
    pub(super) fn warm_expiring(&self, keys: impl Iterator<Item = (Slot, u64)> + Clone) {
        let at = |slot: Slot| slot.index().wrapping_sub(self.tables.first);
        let slot_of = |slot: Slot| self.tables.slot(at(slot));
        let expiring = |slot: Slot| self.tables.expiring_in.get(at(slot)).map_or(0, |&count| count);
        let lens = keys.clone().map(|(slot, _)| {
            slot_of(slot).map_or(0, |slot| slot.len() as u64) ^ u64::from(expiring(slot))
        });
        let handles = keys.map(|(slot, hash)| {
            u64::from(slot_of(slot).and_then(|slot| slot.first_candidate(hash)).unwrap_or(0))
        });
        black_box(lens.fold(0, u64::wrapping_add));
        black_box(handles.fold(0, u64::wrapping_add));
    }

    /// Looks at places, after others of which so many had no key; returns how many of these have none.
    fn warm_places(&self, places: &[Place<'_>], missing_before: usize) -> usize {
        let mut sum = 0u64;
        let tables = &self.tables;
        for place in places {
            let slot = tables.slot(place.slot);
            sum = sum.wrapping_add(slot.map_or(0, |slot| slot.len() as u64));
        }
        let mut handles = [None; TOGETHER];
        for (place, handle) in places.iter().zip(&mut handles) {
            let slot = tables.slot(place.slot);
            *handle = slot.and_then(|slot| slot.first_candidate(place.hash));
        }
        for handle in handles.iter().flatten() {
            sum = sum.wrapping_add(u64::from(tables.entries.at(*handle).access()));
        }
        // Where new keys will lie, if these are written.
        let missing = handles[..places.len()].iter().filter(|handle| handle.is_none()).count();
        sum = sum.wrapping_add(tables.entries.look_at_vacant(missing_before, missing));
        let mut values = [None; TOGETHER];
        let mut count = 0;
        for (place, handle) in places.iter().zip(&handles) {
            let value = handle.and_then(|handle| tables.entries.at(handle).collection());
            if let Some(value) = value {
                values[count] = Some((value, place.rest));
                count += 1;
            }
        }
        if count > 0 {
            sum = sum.wrapping_add(warm_collections(&values[..count]));
        }
        black_box(sum);
        missing
    }
}

/// Looks at the elements of collections that are asked for.
fn warm_collections(values: &[Option<(ValueView<'_>, Args<'_>)>]) -> u64 {
    let mut sum = 0u64;
    let each = || values.iter().flatten();
    for (value, _) in each() {
        sum = sum.wrapping_add(value.len() as u64);
    }
    let mut handles = [None; TOGETHER];
    for ((value, rest), handle) in each().zip(&mut handles) {
        *handle = value.first_candidate(*rest);
    }
    for ((value, _), handle) in each().zip(&handles) {
        if let Some(handle) = handle {
            sum = sum.wrapping_add(value.look_at(*handle));
        }
    }
    sum
}
