//! The index of one collection, with buckets of its own.
//!
//! Buckets lie in segments, of which the first grows with the index and the others are made whole:
//! nothing larger than a segment is ever copied, however many buckets there are.

use super::bucket::{BUCKET, Bucket, EMPTY, NO_CHAIN};
use super::{Change, Linear, Look};

/// Buckets of a segment.
const SEGMENT: usize = 512;

/// How many buckets more the first segment gets when it is full. By a quarter: doubling would leave
/// half of it unused. The small sizes are powers of two, which need no room for alignment.
fn growth(count: usize) -> usize {
    let more = if count <= 8 { count } else { count / 4 };
    more.clamp(1, SEGMENT - count)
}

/// Buckets in segments. Nearly always there is only the first one.
#[derive(Default)]
struct Segments {
    first: Vec<Bucket>,
    #[expect(clippy::box_collection, reason = "8 bytes in each collection instead of 24")]
    others: Option<Box<Vec<Vec<Bucket>>>>,
}

impl Segments {
    fn memory(&self) -> usize {
        let others = self.others.as_ref().map_or(0, |others| {
            let buckets: usize = others.iter().map(Vec::capacity).sum();
            size_of::<Vec<Vec<Bucket>>>()
                + others.capacity() * size_of::<Vec<Bucket>>()
                + buckets * BUCKET
        });
        self.first.capacity() * BUCKET + others
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
    fn push(&mut self, count: usize) {
        if count < SEGMENT {
            if count == self.first.capacity() {
                self.first.reserve_exact(growth(count));
            }
            self.first.push(EMPTY);
            return;
        }
        let others = self.others.get_or_insert_default();
        if count.is_multiple_of(SEGMENT) {
            others.push(Vec::with_capacity(SEGMENT));
        }
        if let Some(last) = others.last_mut() {
            last.push(EMPTY);
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

/// Where the buckets lie.
#[derive(Default)]
struct Buckets {
    segments: Segments,
    overflow: Option<Box<Overflow>>,
}

impl Look for Buckets {
    #[inline]
    fn at(&self, address: usize) -> &Bucket {
        self.segments.at(address)
    }

    #[inline]
    fn chained(&self, chain: u32) -> &Bucket {
        match &self.overflow {
            Some(overflow) => overflow.buckets.at(chain as usize),
            None => unreachable!("a chain names an overflow bucket"),
        }
    }
}

impl Change for Buckets {
    #[inline]
    fn at_mut(&mut self, address: usize) -> &mut Bucket {
        self.segments.at_mut(address)
    }

    #[inline]
    fn chained_mut(&mut self, chain: u32) -> &mut Bucket {
        match &mut self.overflow {
            Some(overflow) => overflow.buckets.at_mut(chain as usize),
            None => unreachable!("a chain names an overflow bucket"),
        }
    }

    fn push(&mut self, count: usize) {
        self.segments.push(count);
    }

    fn pop(&mut self, last: usize) {
        self.segments.pop();
        if last == 0 {
            *self = Self::default();
        }
    }

    #[inline]
    fn has_spare(&self, _: usize) -> bool {
        // Buckets are many here, and what is spare is soon used.
        false
    }

    fn add_chained(&mut self) -> u32 {
        let Overflow { buckets, count, free } = &mut **self.overflow.get_or_insert_default();
        if *free == NO_CHAIN {
            buckets.push(*count as usize);
            *count += 1;
            return *count - 1;
        }
        let chain = *free;
        *free = std::mem::replace(buckets.at_mut(chain as usize), EMPTY).chain;
        chain
    }

    fn free_chained(&mut self, chain: u32) {
        if let Some(overflow) = &mut self.overflow {
            let freed = Bucket { chain: overflow.free, ..EMPTY };
            *overflow.buckets.at_mut(chain as usize) = freed;
            overflow.free = chain;
        }
    }
}

/// The index of a collection. See the module and [`Linear`].
#[derive(Default)]
pub(crate) struct Index {
    buckets: Buckets,
    linear: Linear,
}

impl Index {
    /// How many handles there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.linear.len()
    }

    /// Bytes of memory outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        let Buckets { segments, overflow } = &self.buckets;
        let overflow = overflow.as_ref();
        segments.memory()
            + overflow.map_or(0, |overflow| size_of::<Overflow>() + overflow.buckets.memory())
    }

    /// See [`Linear::find`].
    #[inline]
    pub(crate) fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.linear.find(&self.buckets, hash, is_it)
    }

    /// See [`Linear::first_candidate`].
    #[inline]
    pub(crate) fn first_candidate(&self, hash: u64) -> Option<u32> {
        self.linear.first_candidate(&self.buckets, hash)
    }

    /// See [`Linear::insert`].
    pub(crate) fn insert(&mut self, hash: u64, handle: u32, hash_of: impl Fn(u32) -> u64) {
        self.linear.insert(&mut self.buckets, hash, handle, hash_of);
    }

    /// See [`Linear::remove`].
    pub(crate) fn remove(&mut self, hash: u64, handle: u32, hash_of: impl Fn(u32) -> u64) -> bool {
        self.linear.remove(&mut self.buckets, hash, handle, hash_of)
    }

    /// See [`Linear::rename`].
    pub(crate) fn rename(&mut self, hash: u64, handle: u32, new: u32) {
        self.linear.rename(&mut self.buckets, hash, handle, new);
    }

    /// Frees a part of the buckets of an index that is used no more; says whether there was one.
    pub(crate) fn free_one(&mut self) -> bool {
        let Buckets { segments, overflow } = &mut self.buckets;
        segments.free_one() || overflow.as_mut().is_some_and(|overflow| overflow.buckets.free_one())
    }

    /// See [`Linear::scan`].
    pub(crate) fn scan(&self, position: u32, visit: impl FnMut(u32)) -> Option<u32> {
        self.linear.scan(&self.buckets, position, visit)
    }
}
