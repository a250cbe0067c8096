//! Warming: bringing the keys of a batch of requests into the cache before they run.
//!
//! A request for a key that is not in the cache waits for memory three times, one after the other:
//! for the slot's table, for the bucket, for the entry. Looking at all keys of a batch first, stage
//! by stage, lets those waits overlap, since no look depends on another's. The looks are plain
//! loads whose values go into a sum that nothing reads: a prefetch in safe code.

use std::hint::black_box;

use protocol::slot::Slot;

use super::Keyspace;

/// Keys warmed together: enough to overlap waits, few enough to still be there when they run.
const TOGETHER: usize = 16;

impl Keyspace {
    /// Looks at where `keys` lie, each in its slot, or would lie. Changes nothing; keys of other
    /// shards are passed over.
    #[inline]
    pub fn warm<'k>(&self, keys: impl Iterator<Item = (Slot, &'k [u8])>) {
        let mut places = [(0usize, 0u64); TOGETHER];
        let mut count = 0;
        for (slot, key) in keys {
            let slot = slot.index().wrapping_sub(self.tables.first);
            if slot < self.tables.slots.len() {
                places[count] = (slot, self.hasher.hash(key));
                count += 1;
                if count == TOGETHER {
                    self.warm_places(&places);
                    count = 0;
                }
            }
        }
        self.warm_places(&places[..count]);
    }

    fn warm_places(&self, places: &[(usize, u64)]) {
        let mut sum = 0u64;
        let tables = &self.tables;
        for &(slot, _) in places {
            sum = sum.wrapping_add(tables.slot(slot).map_or(0, |slot| slot.index.len() as u64));
        }
        let mut handles = [None; TOGETHER];
        for (&(slot, hash), handle) in places.iter().zip(&mut handles) {
            *handle = tables.slot(slot).and_then(|slot| slot.index.first_candidate(hash));
        }
        for handle in handles.iter().flatten() {
            sum = sum.wrapping_add(u64::from(tables.entries.at(*handle).access()));
        }
        black_box(sum);
    }
}
