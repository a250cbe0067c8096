//! A hash index from 64-bit hashes to 32-bit handles: linear hashing over one-cache-line buckets.
//!
//! The things themselves lie in a [`super::slab::Slab`]; the index knows only their hashes. It is
//! used for the keys of each slot and for the fields of large hashes.
//!
//! A table that doubles must move everything at once, and a server that does so stops for
//! milliseconds. Linear hashing splits one bucket for each few insertions instead, so growing is
//! spread evenly, and all slots do not grow at the same moment. One lookup touches one line of
//! the index: twelve tags are compared at once, and only entries whose tag fits are looked at.
//!
//! Where the buckets lie is a matter of its own: [`own`] has those of a collection, of which there
//! is one large index, [`pool`] those of the slots of a shard, thousands of small ones.
//!
//! # Invariants
//! - I1. Bucket `b` of `n` holds exactly the handles whose hash addresses `b` among `n` buckets.
//! - I2. A tag of 0 marks a free place; tags of handles are never 0.
//! - I3. A position of a scan is a prefix of the bit-reversed hash. Each bucket covers one interval
//!   of those, and splitting halves the interval, so a scan that goes on after growth or shrinking
//!   misses nothing that was there all the time.

mod bucket;
mod own;
mod pool;

pub(crate) use bucket::BUCKET;
use bucket::{Bucket, EMPTY, NO_CHAIN, PLACES, candidates, tag_of};
pub(crate) use own::Index;
pub(crate) use pool::{Pool, Pooled, PooledMut, Runs};

/// Split when buckets hold more than this on average. A single bucket is filled first.
const SPLIT_ABOVE: usize = 9;
/// Split when buckets hold as many as this on average and there is room for one more bucket that
/// nothing else can have: fuller buckets would save nothing then. Above `MERGE_BELOW`, see there.
const SPARE_ABOVE: usize = 5;
/// Merge when buckets hold fewer than this on average; far below the others, or a table at the
/// edge would split and merge for ever.
const MERGE_BELOW: usize = 3;

/// Buckets of an index, to be looked at.
pub(crate) trait Look {
    /// The bucket with an address below the count of buckets.
    fn at(&self, address: usize) -> &Bucket;
    /// The overflow bucket that a chain names.
    fn chained(&self, chain: u32) -> &Bucket;
}

/// Buckets of an index, to be changed.
pub(crate) trait Change: Look {
    /// The bucket with an address below the count of buckets.
    fn at_mut(&mut self, address: usize) -> &mut Bucket;
    /// The overflow bucket that a chain names.
    fn chained_mut(&mut self, chain: u32) -> &mut Bucket;
    /// Adds an empty bucket with the address `count`.
    fn push(&mut self, count: usize);
    /// Takes the bucket with the address `last` away, the last one; it is empty.
    fn pop(&mut self, last: usize);
    /// Whether there is room already for the bucket with the address `count`.
    fn has_spare(&self, count: usize) -> bool;
    /// An empty overflow bucket.
    fn add_chained(&mut self) -> u32;
    /// Gives an overflow bucket back.
    fn free_chained(&mut self, chain: u32);
}

/// How many handles and buckets an index has: all of it but the buckets.
#[derive(Default)]
pub(crate) struct Linear {
    len: u32,
    count: u32,
}

impl Linear {
    /// How many handles there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// The bucket that a hash addresses (I1).
    #[inline]
    fn address(&self, hash: u64) -> usize {
        let count = self.count as usize;
        let wide = count.next_power_of_two() - 1;
        let bucket = hash as usize & wide;
        if bucket < count { bucket } else { bucket & (wide >> 1) }
    }

    /// The handle with this hash for which `is_it` says yes.
    #[inline]
    pub(crate) fn find(
        &self,
        buckets: &impl Look,
        hash: u64,
        mut is_it: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let tag = tag_of(hash);
        let mut bucket = buckets.at(self.address(hash));
        loop {
            let mut candidates = candidates(&bucket.tags, tag);
            while candidates != 0 {
                let place = candidates.trailing_zeros() as usize;
                if bucket.tags[place] == tag && is_it(bucket.handles[place]) {
                    return Some(bucket.handles[place]);
                }
                candidates &= candidates - 1;
            }
            if bucket.chain == NO_CHAIN {
                return None;
            }
            bucket = buckets.chained(bucket.chain);
        }
    }

    /// A handle in the first bucket of this hash that may be the one, for [`super::warm`].
    #[inline]
    pub(crate) fn first_candidate(&self, buckets: &impl Look, hash: u64) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let bucket = buckets.at(self.address(hash));
        let tag = tag_of(hash);
        let candidates = candidates(&bucket.tags, tag);
        let place = candidates.trailing_zeros() as usize;
        (candidates != 0 && bucket.tags[place] == tag).then(|| bucket.handles[place])
    }

    /// Adds a handle that is not there. `hash_of` tells the hash of any handle of the index, for
    /// the split that may be due.
    pub(crate) fn insert(
        &mut self,
        buckets: &mut impl Change,
        hash: u64,
        handle: u32,
        hash_of: impl Fn(u32) -> u64,
    ) {
        if self.count == 0 {
            buckets.push(0);
            self.count = 1;
        } else if self.is_full(buckets) {
            self.split(buckets, hash_of);
        }
        self.place(buckets, self.address(hash), tag_of(hash), handle);
        self.len += 1;
    }

    /// Whether a bucket is added before the next handle.
    #[inline]
    fn is_full(&self, buckets: &impl Change) -> bool {
        let (len, count) = (self.len as usize, self.count as usize);
        if count == 1 {
            return len >= PLACES;
        }
        len >= count * SPLIT_ABOVE || (len >= count * SPARE_ABOVE && buckets.has_spare(count))
    }

    /// Puts a handle into a bucket or its chain.
    fn place(&self, buckets: &mut impl Change, address: usize, tag: u8, handle: u32) {
        let bucket = buckets.at_mut(address);
        if bucket.put(tag, handle) {
            return;
        }
        let first = bucket.chain;
        let mut at = first;
        while at != NO_CHAIN {
            let chained = buckets.chained_mut(at);
            if chained.put(tag, handle) {
                return;
            }
            at = chained.chain;
        }
        // Chains are short: a new bucket goes between the first one and the rest of its chain.
        let new = buckets.add_chained();
        let added = buckets.chained_mut(new);
        added.chain = first;
        added.put(tag, handle);
        buckets.at_mut(address).chain = new;
    }

    /// Removes a handle; says whether it was there.
    pub(crate) fn remove(
        &mut self,
        buckets: &mut impl Change,
        hash: u64,
        handle: u32,
        hash_of: impl Fn(u32) -> u64,
    ) -> bool {
        if self.count == 0 {
            return false;
        }
        let removed = take(buckets, self.address(hash), tag_of(hash), handle);
        if removed {
            self.len -= 1;
            if self.len == 0 {
                self.clear(buckets);
            } else if self.count > 1 && self.len() < self.count as usize * MERGE_BELOW {
                self.merge(buckets, hash_of);
            }
        }
        removed
    }

    /// Gives a handle with this hash another number.
    pub(crate) fn rename(&self, buckets: &mut impl Change, hash: u64, handle: u32, new: u32) {
        if self.count == 0 {
            return;
        }
        let (address, tag) = (self.address(hash), tag_of(hash));
        if take(buckets, address, tag, handle) {
            self.place(buckets, address, tag, new);
        }
    }

    /// Gives all buckets back: the last handle is gone.
    fn clear(&mut self, buckets: &mut impl Change) {
        while self.count > 0 {
            self.count -= 1;
            let last = self.count as usize;
            let mut chain = buckets.at(last).chain;
            while chain != NO_CHAIN {
                let next = buckets.chained(chain).chain;
                buckets.free_chained(chain);
                chain = next;
            }
            buckets.pop(last);
        }
    }

    /// Adds one bucket and moves what belongs there from the one it splits off.
    fn split(&mut self, buckets: &mut impl Change, hash_of: impl Fn(u32) -> u64) {
        let count = self.count as usize;
        let from = count - (1 << count.ilog2());
        buckets.push(count);
        self.count += 1;
        let handles = drain(buckets, from);
        self.place_all(buckets, handles, hash_of);
    }

    /// Takes the last bucket away and moves what is in it to the one it was split off from.
    fn merge(&mut self, buckets: &mut impl Change, hash_of: impl Fn(u32) -> u64) {
        let last = self.count as usize - 1;
        let handles = drain(buckets, last);
        buckets.pop(last);
        self.count -= 1;
        self.place_all(buckets, handles, hash_of);
    }

    fn place_all(
        &self,
        buckets: &mut impl Change,
        handles: Vec<u32>,
        hash_of: impl Fn(u32) -> u64,
    ) {
        for handle in handles {
            let hash = hash_of(handle);
            self.place(buckets, self.address(hash), tag_of(hash), handle);
        }
    }

    /// Visits one bucket of a scan that has come to `position` and returns the next position, or
    /// `None` when the scan is complete. A scan begins at 0 (I3).
    pub(crate) fn scan(
        &self,
        buckets: &impl Look,
        position: u32,
        mut visit: impl FnMut(u32),
    ) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let address = self.address(u64::from(position.reverse_bits()));
        let mut bucket = buckets.at(address);
        loop {
            bucket.iter().for_each(&mut visit);
            if bucket.chain == NO_CHAIN {
                break;
            }
            bucket = buckets.chained(bucket.chain);
        }
        // The bucket's address has `bits` low bits of the hash; reversed, they are the top bits.
        let count = self.count as usize;
        let whole = count.next_power_of_two().ilog2();
        let is_split = address < count - (1 << count.ilog2()) || address >= 1 << count.ilog2();
        let bits = if is_split || count.is_power_of_two() { whole } else { whole - 1 };
        let width = 1u64 << (32 - bits);
        let start = u64::from(position) & !(width - 1);
        u32::try_from(start + width).ok()
    }
}

/// Where a scan visits a hash: with the first bucket after positions up to this one (I3).
#[inline]
pub(crate) fn position_of(hash: u64) -> u32 {
    (hash as u32).reverse_bits()
}

/// Takes a handle out of a bucket or its chain; says whether it was there.
fn take(buckets: &mut impl Change, address: usize, tag: u8, handle: u32) -> bool {
    let bucket = buckets.at_mut(address);
    if bucket.take(tag, handle) {
        return true;
    }
    let mut at = bucket.chain;
    while at != NO_CHAIN {
        let bucket = buckets.chained_mut(at);
        if bucket.take(tag, handle) {
            return true;
        }
        at = bucket.chain;
    }
    false
}

/// Empties a bucket and its chain.
fn drain(buckets: &mut impl Change, address: usize) -> Vec<u32> {
    let mut handles = Vec::with_capacity(2 * PLACES);
    let mut bucket = std::mem::replace(buckets.at_mut(address), EMPTY);
    loop {
        handles.extend(bucket.iter());
        if bucket.chain == NO_CHAIN {
            return handles;
        }
        let chain = bucket.chain;
        bucket = *buckets.chained(chain);
        buckets.free_chained(chain);
    }
}

#[cfg(test)]
mod index_test;
