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
//! Buckets lie in segments, of which the first grows with the index and the others are made whole:
//! nothing larger than a segment is ever copied, however many buckets there are.
//!
//! # Invariants
//! - I1. Bucket `b` of `n` holds exactly the handles whose hash addresses `b` among `n` buckets.
//! - I2. A tag of 0 marks a free place; tags of handles are never 0.
//! - I3. A position of a scan is a prefix of the bit-reversed hash. Each bucket covers one interval
//!   of those, and splitting halves the interval, so a scan that goes on after growth or shrinking
//!   misses nothing that was there all the time.

/// Handles per bucket: what fits one cache line together with tags and the chain.
const PLACES: usize = 12;
/// Split when buckets hold more than this on average. A single bucket is filled first.
const SPLIT_ABOVE: usize = 9;
/// Merge when buckets hold fewer than this on average; far below the other, or a table at the
/// edge would split and merge for ever.
const MERGE_BELOW: usize = 3;
/// Buckets of a segment.
const SEGMENT: usize = 512;
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

/// Bytes of a bucket.
pub(crate) const BUCKET: usize = size_of::<Bucket>();

const _: () = assert!(BUCKET == 64);

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

/// How many buckets more the first segment gets when it is full. By a quarter: doubling would leave
/// half of it unused. But the slots of a shard grow side by side, and each size they leave behind
/// is memory in pieces that nothing else fits; so there are few small sizes, and those are powers
/// of two, which need no room for alignment.
fn growth(count: usize) -> usize {
    let more = if count <= 8 { count } else { count / 4 };
    more.clamp(1, SEGMENT - count)
}

/// Buckets in segments. Nearly always there is only the first one.
#[derive(Default)]
struct Segments {
    first: Vec<Bucket>,
    #[expect(clippy::box_collection, reason = "8 bytes in each of 16384 slots instead of 24")]
    others: Option<Box<Vec<Vec<Bucket>>>>,
}

impl Segments {
    fn memory(&self) -> usize {
        let others = self.others.as_ref().map_or(0, |others| {
            let buckets: usize = others.iter().map(Vec::capacity).sum();
            size_of::<Vec<Vec<Bucket>>>()
                + others.capacity() * size_of::<Vec<Bucket>>()
                + buckets * size_of::<Bucket>()
        });
        self.first.capacity() * size_of::<Bucket>() + others
    }

    #[inline]
    fn at(&self, at: usize) -> &Bucket {
        if at < SEGMENT {
            return &self.first[at];
        }
        match &self.others {
            Some(others) => &others[at / SEGMENT - 1][at % SEGMENT],
            None => unreachable!("addresses are below the count of buckets"),
        }
    }

    #[inline]
    fn at_mut(&mut self, at: usize) -> &mut Bucket {
        if at < SEGMENT {
            return &mut self.first[at];
        }
        match &mut self.others {
            Some(others) => &mut others[at / SEGMENT - 1][at % SEGMENT],
            None => unreachable!("addresses are below the count of buckets"),
        }
    }

    /// Adds bucket number `count`.
    fn push(&mut self, count: usize, bucket: Bucket) {
        if count < SEGMENT {
            if count == self.first.capacity() {
                self.first.reserve_exact(growth(count));
            }
            self.first.push(bucket);
            return;
        }
        let others = self.others.get_or_insert_default();
        if count.is_multiple_of(SEGMENT) {
            others.push(Vec::with_capacity(SEGMENT));
        }
        if let Some(last) = others.last_mut() {
            last.push(bucket);
        }
    }

    /// Takes the last bucket away.
    fn pop(&mut self) {
        let Some(others) = &mut self.others else {
            self.first.pop();
            return;
        };
        let Some(last) = others.last_mut() else { return };
        last.pop();
        if last.is_empty() {
            others.pop();
            if others.is_empty() {
                self.others = None;
            }
        }
    }

    /// Frees one segment; says whether there was one.
    fn free_one(&mut self) -> bool {
        let other = self.others.as_mut().and_then(|others| others.pop());
        other.is_some() || !std::mem::take(&mut self.first).is_empty()
    }
}

/// Overflow buckets, and which of them are free: a list through their chains.
struct Overflow {
    buckets: Segments,
    count: u32,
    free: u32,
}

impl Default for Overflow {
    fn default() -> Self {
        Self { buckets: Segments::default(), count: 0, free: NO_CHAIN }
    }
}

/// The index. See the module.
#[derive(Default)]
pub(crate) struct Index {
    buckets: Segments,
    overflow: Option<Box<Overflow>>,
    len: u32,
    /// How many buckets there are.
    count: u32,
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
        self.buckets.memory()
            + overflow.map_or(0, |over| size_of::<Overflow>() + over.buckets.memory())
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
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let tag = tag_of(hash);
        let mut bucket = self.buckets.at(self.address(hash));
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
        if self.count == 0 {
            return None;
        }
        let bucket = self.buckets.at(self.address(hash));
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
        self.overflow.as_ref().map(|overflow| overflow.buckets.at(bucket.chain as usize))
    }

    /// Adds a handle that is not there. `hash_of` tells the hash of any handle of the index, for
    /// the split that may be due.
    pub(crate) fn insert(&mut self, hash: u64, handle: u32, hash_of: impl Fn(u32) -> u64) {
        if self.count == 0 {
            self.add_bucket();
        } else if self.len as usize >= self.room() {
            self.split(hash_of);
        }
        self.place(self.address(hash), tag_of(hash), handle);
        self.len += 1;
    }

    /// How many handles there may be before a bucket is added.
    fn room(&self) -> usize {
        if self.count == 1 { PLACES } else { self.count as usize * SPLIT_ABOVE }
    }

    fn add_bucket(&mut self) {
        self.buckets.push(self.count as usize, EMPTY);
        self.count += 1;
    }

    /// Puts a handle into a bucket or its chain.
    fn place(&mut self, address: usize, tag: u8, handle: u32) {
        let bucket = self.buckets.at_mut(address);
        if put_in(bucket, tag, handle) {
            return;
        }
        let Overflow { buckets, count, free } = &mut **self.overflow.get_or_insert_default();
        // Chains are short: a new bucket goes between the first one and the rest of its chain.
        let mut at = bucket.chain;
        while at != NO_CHAIN {
            let chained = buckets.at_mut(at as usize);
            if put_in(chained, tag, handle) {
                return;
            }
            at = chained.chain;
        }
        let new = if *free == NO_CHAIN {
            buckets.push(*count as usize, EMPTY);
            *count += 1;
            *count - 1
        } else {
            *free
        };
        let added = buckets.at_mut(new as usize);
        if new == *free {
            *free = added.chain;
        }
        added.chain = bucket.chain;
        bucket.chain = new;
        put_in(added, tag, handle);
    }

    /// Removes a handle; says whether it was there.
    pub(crate) fn remove(&mut self, hash: u64, handle: u32, hash_of: impl Fn(u32) -> u64) -> bool {
        if self.count == 0 {
            return false;
        }
        let address = self.address(hash);
        let removed = self.take(address, tag_of(hash), handle);
        if removed {
            self.len -= 1;
            if self.len == 0 {
                *self = Self::default();
            } else if self.count > 1 && self.len() < self.count as usize * MERGE_BELOW {
                self.merge(hash_of);
            }
        }
        removed
    }

    /// Gives a handle with this hash another number.
    pub(crate) fn rename(&mut self, hash: u64, handle: u32, new: u32) {
        if self.count == 0 {
            return;
        }
        let (address, tag) = (self.address(hash), tag_of(hash));
        if self.take(address, tag, handle) {
            self.place(address, tag, new);
        }
    }

    fn take(&mut self, address: usize, tag: u8, handle: u32) -> bool {
        let bucket = self.buckets.at_mut(address);
        if take_from(bucket, tag, handle) {
            return true;
        }
        let Some(overflow) = &mut self.overflow else { return false };
        let mut at = bucket.chain;
        while at != NO_CHAIN {
            let bucket = overflow.buckets.at_mut(at as usize);
            if take_from(bucket, tag, handle) {
                return true;
            }
            at = bucket.chain;
        }
        false
    }

    /// Adds one bucket and moves what belongs there from the one it splits off.
    fn split(&mut self, hash_of: impl Fn(u32) -> u64) {
        let count = self.count as usize;
        let from = count - (1 << count.ilog2());
        self.add_bucket();
        self.redistribute(from, hash_of);
    }

    /// Takes the last bucket away and moves what is in it to the one it was split off from.
    fn merge(&mut self, hash_of: impl Fn(u32) -> u64) {
        let last = self.count as usize - 1;
        let handles = self.drain(last);
        self.buckets.pop();
        self.count -= 1;
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
        let mut bucket = std::mem::replace(self.buckets.at_mut(address), EMPTY);
        loop {
            let places = (0..PLACES).filter(|&place| bucket.tags[place] != 0);
            handles.extend(places.map(|place| bucket.handles[place]));
            if bucket.chain == NO_CHAIN {
                return handles;
            }
            let Some(overflow) = &mut self.overflow else { return handles };
            let chain = bucket.chain;
            let freed = Bucket { chain: overflow.free, ..EMPTY };
            bucket = std::mem::replace(overflow.buckets.at_mut(chain as usize), freed);
            overflow.free = chain;
        }
    }

    /// Frees a part of the buckets of an index that is used no more; says whether there was one.
    pub(crate) fn free_one(&mut self) -> bool {
        self.buckets.free_one()
            || self.overflow.as_mut().is_some_and(|overflow| overflow.buckets.free_one())
    }

    /// Where a scan visits a hash: with the first bucket after positions up to this one (I3).
    #[inline]
    pub(crate) fn position_of(hash: u64) -> u32 {
        (hash as u32).reverse_bits()
    }

    /// Visits one bucket of a scan that has come to `position` and returns the next position, or
    /// `None` when the scan is complete. A scan begins at 0 (I3).
    pub(crate) fn scan(&self, position: u32, mut visit: impl FnMut(u32)) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let address = self.address(u64::from(position.reverse_bits()));
        let mut bucket = self.buckets.at(address);
        loop {
            let places = (0..PLACES).filter(|&place| bucket.tags[place] != 0);
            places.for_each(|place| visit(bucket.handles[place]));
            match self.chained(bucket) {
                Some(next) => bucket = next,
                None => break,
            }
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

#[cfg(test)]
#[path = "index_test.rs"]
mod tests;
