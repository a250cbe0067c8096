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
//! # Invariants
//! - I1. Bucket `b` of `n` holds exactly the handles whose hash addresses `b` among `n` buckets.
//! - I2. A tag of 0 marks a free place; tags of handles are never 0.
//! - I3. A position of a scan is a prefix of the bit-reversed hash. Each bucket covers one interval
//!   of those, and splitting halves the interval, so a scan that goes on after growth or shrinking
//!   misses nothing that was there all the time.

/// Handles per bucket: what fits one cache line together with tags and the chain.
const PLACES: usize = 12;
/// Split when buckets hold more than this on average.
const SPLIT_ABOVE: usize = 9;
/// Merge when buckets hold fewer than this on average; far below the other, or a table at the
/// edge would split and merge for ever.
const MERGE_BELOW: usize = 3;
/// No overflow bucket.
const NO_CHAIN: u32 = u32::MAX;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    handles: [u32; PLACES],
    tags: [u8; PLACES],
    /// The overflow bucket that goes on, or `NO_CHAIN`.
    chain: u32,
}

const _: () = assert!(size_of::<Bucket>() == 64);

const EMPTY: Bucket = Bucket { handles: [0; PLACES], tags: [0; PLACES], chain: NO_CHAIN };

/// Places whose tag may equal `tag`, as one set bit each; a false positive is possible, a miss is
/// not (the classic zero-byte test on eight and four bytes at once).
#[inline]
fn candidates(tags: &[u8; PLACES], tag: u8) -> u16 {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *tags;
    let low =
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ (u64::from(tag) * 0x0101_0101_0101_0101);
    let high = u32::from_le_bytes([i, j, k, l]) ^ (u32::from(tag) * 0x0101_0101);
    let low = low.wrapping_sub(0x0101_0101_0101_0101) & !low & 0x8080_8080_8080_8080;
    let high = high.wrapping_sub(0x0101_0101) & !high & 0x8080_8080;
    // Gather the top bit of each byte.
    let low = (low >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let high = (high >> 7).wrapping_mul(0x1020_4080) >> 28;
    low as u16 | (high as u16) << 8
}

#[derive(Default)]
struct Overflow {
    buckets: Vec<Bucket>,
    free: Vec<u32>,
}

/// The index. See the module.
#[derive(Default)]
pub(crate) struct Index {
    buckets: Vec<Bucket>,
    overflow: Option<Box<Overflow>>,
    len: u32,
}

/// The tag of a hash: its top byte, which addressing does not use, and never 0 (I2).
#[inline]
fn tag_of(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

/// Puts a handle into a free place of a bucket, if there is one.
fn put_in(bucket: &mut Bucket, tag: u8, handle: u32) -> bool {
    let Some(place) = bucket.tags.iter().position(|&tag| tag == 0) else { return false };
    bucket.tags[place] = tag;
    bucket.handles[place] = handle;
    true
}

/// Takes a handle out of a bucket, if it is there.
fn take_from(bucket: &mut Bucket, tag: u8, handle: u32) -> bool {
    let is_it = |place: &usize| bucket.tags[*place] == tag && bucket.handles[*place] == handle;
    let Some(place) = (0..PLACES).find(is_it) else { return false };
    bucket.tags[place] = 0;
    true
}

impl Index {
    /// How many handles there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Bytes of memory outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        let overflow = self.overflow.as_ref();
        self.buckets.capacity() * size_of::<Bucket>()
            + overflow.map_or(0, |over| over.buckets.capacity() * size_of::<Bucket>())
    }

    /// The bucket that a hash addresses (I1).
    #[inline]
    fn address(&self, hash: u64) -> usize {
        let count = self.buckets.len();
        let wide = count.next_power_of_two() - 1;
        let bucket = hash as usize & wide;
        if bucket < count { bucket } else { bucket & (wide >> 1) }
    }

    /// The handle with this hash for which `is_it` says yes.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.buckets.is_empty() {
            return None;
        }
        let tag = tag_of(hash);
        let mut bucket = &self.buckets[self.address(hash)];
        loop {
            let mut candidates = candidates(&bucket.tags, tag);
            while candidates != 0 {
                let place = candidates.trailing_zeros() as usize;
                if bucket.tags[place] == tag && is_it(bucket.handles[place]) {
                    return Some(bucket.handles[place]);
                }
                candidates &= candidates - 1;
            }
            bucket = self.chained(bucket)?;
        }
    }

    /// A handle in the first bucket of this hash that may be the one, for [`super::warm`].
    #[inline]
    pub(crate) fn first_candidate(&self, hash: u64) -> Option<u32> {
        if self.buckets.is_empty() {
            return None;
        }
        let bucket = &self.buckets[self.address(hash)];
        let tag = tag_of(hash);
        let candidates = candidates(&bucket.tags, tag);
        let place = candidates.trailing_zeros() as usize;
        (candidates != 0 && bucket.tags[place] == tag).then(|| bucket.handles[place])
    }

    #[inline]
    fn chained(&self, bucket: &Bucket) -> Option<&Bucket> {
        if bucket.chain == NO_CHAIN {
            return None;
        }
        self.overflow.as_ref().map(|overflow| &overflow.buckets[bucket.chain as usize])
    }

    /// Adds a handle that is not there. `hash_of` tells the hash of any handle of the index, for
    /// the split that may be due.
    pub(crate) fn insert(&mut self, hash: u64, handle: u32, hash_of: impl Fn(u32) -> u64) {
        if self.buckets.is_empty() {
            self.buckets.push(EMPTY);
        } else if self.len as usize >= self.buckets.len() * SPLIT_ABOVE {
            self.split(hash_of);
        }
        self.place(self.address(hash), tag_of(hash), handle);
        self.len += 1;
    }

    /// Puts a handle into a bucket or its chain.
    fn place(&mut self, address: usize, tag: u8, handle: u32) {
        let bucket = &mut self.buckets[address];
        if put_in(bucket, tag, handle) {
            return;
        }
        let Overflow { buckets, free } = &mut **self.overflow.get_or_insert_default();
        // Chains are short: a new bucket goes between the first one and the rest of its chain.
        let mut at = bucket.chain;
        while at != NO_CHAIN {
            if put_in(&mut buckets[at as usize], tag, handle) {
                return;
            }
            at = buckets[at as usize].chain;
        }
        let new = free.pop().unwrap_or_else(|| {
            buckets.push(EMPTY);
            (buckets.len() - 1) as u32
        });
        buckets[new as usize].chain = bucket.chain;
        bucket.chain = new;
        put_in(&mut buckets[new as usize], tag, handle);
    }

    /// Removes a handle; says whether it was there.
    pub(crate) fn remove(&mut self, hash: u64, handle: u32, hash_of: impl Fn(u32) -> u64) -> bool {
        if self.buckets.is_empty() {
            return false;
        }
        let address = self.address(hash);
        let removed = self.take(address, tag_of(hash), handle);
        if removed {
            self.len -= 1;
            if self.len == 0 {
                *self = Self::default();
            } else if self.buckets.len() > 1 && self.len() < self.buckets.len() * MERGE_BELOW {
                self.merge(hash_of);
            }
        }
        removed
    }

    /// Gives a handle with this hash another number.
    pub(crate) fn rename(&mut self, hash: u64, handle: u32, new: u32) {
        if self.buckets.is_empty() {
            return;
        }
        let (address, tag) = (self.address(hash), tag_of(hash));
        if self.take(address, tag, handle) {
            self.place(address, tag, new);
        }
    }

    fn take(&mut self, address: usize, tag: u8, handle: u32) -> bool {
        let bucket = &mut self.buckets[address];
        if take_from(bucket, tag, handle) {
            return true;
        }
        let Some(overflow) = &mut self.overflow else { return false };
        let mut at = bucket.chain;
        while at != NO_CHAIN {
            let bucket = &mut overflow.buckets[at as usize];
            if take_from(bucket, tag, handle) {
                return true;
            }
            at = bucket.chain;
        }
        false
    }

    /// Adds one bucket and moves what belongs there from the one it splits off.
    fn split(&mut self, hash_of: impl Fn(u32) -> u64) {
        let count = self.buckets.len();
        let from = count - (1 << count.ilog2());
        if count == self.buckets.capacity() {
            // By a quarter: doubling would leave half of a large index unused.
            self.buckets.reserve_exact((count / 4).max(1));
        }
        self.buckets.push(EMPTY);
        self.redistribute(from, hash_of);
    }

    /// Takes the last bucket away and moves what is in it to the one it was split off from.
    fn merge(&mut self, hash_of: impl Fn(u32) -> u64) {
        let last = self.buckets.len() - 1;
        let handles = self.drain(last);
        self.buckets.pop();
        self.place_all(handles, hash_of);
    }

    fn redistribute(&mut self, address: usize, hash_of: impl Fn(u32) -> u64) {
        let handles = self.drain(address);
        self.place_all(handles, hash_of);
    }

    fn place_all(&mut self, handles: Vec<u32>, hash_of: impl Fn(u32) -> u64) {
        for handle in handles {
            let hash = hash_of(handle);
            self.place(self.address(hash), tag_of(hash), handle);
        }
    }

    /// Empties a bucket and its chain.
    fn drain(&mut self, address: usize) -> Vec<u32> {
        let mut handles = Vec::with_capacity(2 * PLACES);
        let mut bucket = std::mem::replace(&mut self.buckets[address], EMPTY);
        loop {
            let places = (0..PLACES).filter(|&place| bucket.tags[place] != 0);
            handles.extend(places.map(|place| bucket.handles[place]));
            if bucket.chain == NO_CHAIN {
                return handles;
            }
            let Some(overflow) = &mut self.overflow else { return handles };
            let chain = bucket.chain;
            overflow.free.push(chain);
            bucket = std::mem::replace(&mut overflow.buckets[chain as usize], EMPTY);
        }
    }

    /// Visits one bucket of a scan that has come to `position` and returns the next position, or
    /// `None` when the scan is complete. A scan begins at 0 (I3).
    pub(crate) fn scan(&self, position: u32, mut visit: impl FnMut(u32)) -> Option<u32> {
        if self.buckets.is_empty() {
            return None;
        }
        let address = self.address(u64::from(position.reverse_bits()));
        let mut bucket = &self.buckets[address];
        loop {
            let places = (0..PLACES).filter(|&place| bucket.tags[place] != 0);
            places.for_each(|place| visit(bucket.handles[place]));
            match self.chained(bucket) {
                Some(next) => bucket = next,
                None => break,
            }
        }
        // The bucket's address has `bits` low bits of the hash; reversed, they are the top bits.
        let count = self.buckets.len();
        let whole = count.next_power_of_two().ilog2();
        let is_split = address < count - (1 << count.ilog2()) || address >= 1 << count.ilog2();
        let bits = if is_split || count.is_power_of_two() { whole } else { whole - 1 };
        let width = 1u64 << (32 - bits);
        let start = u64::from(position) & !(width - 1);
        u32::try_from(start + width).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// A spread of hashes that is the same in every run.
    fn hash_of(handle: u32) -> u64 {
        (u64::from(handle) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
    }

    #[test]
    fn candidates_find_every_equal_tag() {
        for tag in [1u8, 2, 127, 128, 255] {
            for place in 0..PLACES {
                let mut tags = [0u8; PLACES];
                tags[place] = tag;
                assert!(candidates(&tags, tag) & (1 << place) != 0, "{tag} at {place}");
                assert!(candidates(&[tag; PLACES], tag) == 0xfff);
            }
        }
    }

    #[test]
    fn equal_hashes_chain() {
        let mut index = Index::default();
        for handle in 0..100 {
            index.insert(7, handle, |_| 7);
        }
        for handle in 0..100 {
            assert_eq!(index.find(7, |found| found == handle), Some(handle));
        }
        for handle in 0..100 {
            assert!(index.remove(7, handle, |_| 7));
        }
        assert_eq!(index.len(), 0);
    }

    proptest! {
        /// Against a plain set: every insertion and removal, and what a whole scan sees.
        #[test]
        fn behaves_as_a_set(operations in proptest::collection::vec((any::<bool>(), 0u32..600), 1..1500)) {
            let mut index = Index::default();
            let mut model = BTreeSet::new();
            for (add, handle) in operations {
                if add && model.insert(handle) {
                    index.insert(hash_of(handle), handle, hash_of);
                } else if !add {
                    let removed = index.remove(hash_of(handle), handle, hash_of);
                    prop_assert_eq!(removed, model.remove(&handle));
                }
                prop_assert_eq!(index.len(), model.len());
            }
            for handle in 0..600 {
                let found = index.find(hash_of(handle), |found| found == handle);
                prop_assert_eq!(found.is_some(), model.contains(&handle));
            }
            let mut scanned = BTreeSet::new();
            let mut position = Some(0);
            while let Some(at) = position {
                position = index.scan(at, |handle| {
                    assert!(scanned.insert(handle), "seen twice although nothing changed");
                });
            }
            prop_assert_eq!(scanned, model);
        }

        /// What is there during the whole scan is seen, whatever else comes and goes meanwhile.
        #[test]
        fn a_scan_misses_nothing_that_stays(
            stable in proptest::collection::btree_set(0u32..400, 1..200),
            changes in proptest::collection::vec((any::<bool>(), 400u32..3000), 0..2000),
        ) {
            let mut index = Index::default();
            let mut others = BTreeSet::new();
            for &handle in &stable {
                index.insert(hash_of(handle), handle, hash_of);
            }
            let mut changes = changes.into_iter();
            let mut seen = BTreeSet::new();
            let mut position = Some(0);
            while let Some(at) = position {
                position = index.scan(at, |handle| {
                    seen.insert(handle);
                });
                for (add, handle) in changes.by_ref().take(40) {
                    if add && others.insert(handle) {
                        index.insert(hash_of(handle), handle, hash_of);
                    } else if !add && others.remove(&handle) {
                        index.remove(hash_of(handle), handle, hash_of);
                    }
                }
            }
            prop_assert!(stable.is_subset(&seen));
        }
    }
}
