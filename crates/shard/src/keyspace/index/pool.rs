//! The buckets of many indexes, one for each slot, in one pool.
//!
//! A shard has thousands of slots with some tens of keys each. A vector of buckets for each would
//! be allocated anew whenever it grows; all slots grow side by side, so each size that they leave
//! is memory in pieces that nothing else fits, and half of what a vector has is unused. So the
//! buckets of a slot lie in runs that are added and never moved: the first ones as large as all
//! before them together, later ones a quarter of that, up to a chunk of the pool.
//!
//! # Invariants
//! - I1. A run of `2^order` buckets begins at a multiple of that, so it lies in one chunk.
//! - I2. The first bucket of each run in a free list has the next one as its chain.

use super::bucket::{BUCKET, Bucket, EMPTY, NO_CHAIN};
use super::{Change, Look};

/// Buckets of a chunk, the longest run: 4 KB, so that a shard of few keys takes little, and what the
/// allocator has just so.
const CHUNK: usize = 64;
/// Lengths of runs: 1, 2, 4 … `CHUNK`.
const ORDERS: usize = CHUNK.ilog2() as usize + 1;

/// Runs that are named beside the slot's counts, and how many buckets those have: 1, 1, 2 and 4.
const NEAR: usize = 4;
const NEAR_BUCKETS: usize = 8;
/// Runs that are named in one more piece of memory: 128 buckets together with those before.
const CLOSE: usize = 14;
/// Up to as many buckets the runs grow.
const GROWING: usize = 4 * CHUNK;
/// The runs that those take, without the near ones.
const GROWING_RUNS: usize = 4 * GROWING.ilog2() as usize - 14;

/// Buckets for all slots of a shard.
pub(crate) struct Pool {
    chunks: Vec<Box<[Bucket; CHUNK]>>,
    /// The first free run of each length, or `NO_CHAIN`.
    free: [u32; ORDERS],
}

impl Default for Pool {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: [NO_CHAIN; ORDERS] }
    }
}

impl Pool {
    /// Bytes of memory outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        self.chunks.len() * CHUNK * BUCKET + self.chunks.capacity() * size_of::<usize>()
    }

    /// Frees a chunk of a pool that is used no more; says whether there was one.
    pub(crate) fn free_one(&mut self) -> bool {
        self.chunks.pop().is_some()
    }

    #[inline]
    fn at(&self, at: usize) -> &Bucket {
        &self.chunks[at / CHUNK][at % CHUNK]
    }

    #[inline]
    fn at_mut(&mut self, at: usize) -> &mut Bucket {
        &mut self.chunks[at / CHUNK][at % CHUNK]
    }

    /// Takes a run of `2^order` buckets. What is in them means nothing.
    #[inline]
    fn take(&mut self, order: usize) -> u32 {
        let run = self.free[order];
        if run == NO_CHAIN {
            return self.take_larger(order);
        }
        self.free[order] = self.at(run as usize).chain;
        run
    }

    fn take_larger(&mut self, order: usize) -> u32 {
        let free = (order + 1..ORDERS).find(|&larger| self.free[larger] != NO_CHAIN);
        let (run, mut larger) = match free {
            Some(larger) => {
                let run = self.free[larger];
                self.free[larger] = self.at(run as usize).chain;
                (run, larger)
            }
            None => (self.add_chunk(), ORDERS - 1),
        };
        // What is not needed is free, the upper half each time (I1).
        while larger > order {
            larger -= 1;
            self.give(run + (1 << larger), larger);
        }
        run
    }

    #[cold]
    fn add_chunk(&mut self) -> u32 {
        let Ok(chunk) = vec![EMPTY; CHUNK].into_boxed_slice().try_into() else {
            unreachable!("the chunk has been made with CHUNK buckets")
        };
        self.chunks.push(chunk);
        ((self.chunks.len() - 1) * CHUNK) as u32
    }

    /// Gives a run of `2^order` buckets back.
    fn give(&mut self, run: u32, order: usize) {
        self.at_mut(run as usize).chain = self.free[order];
        self.free[order] = run;
    }
}

/// Runs past the near ones.
#[derive(Default)]
struct More {
    close: [u32; CLOSE],
    far: Vec<u32>,
}

/// Which runs of a pool are those of one index, in the order of the buckets.
#[derive(Default)]
pub(crate) struct Runs {
    near: [u32; NEAR],
    more: Option<Box<More>>,
}

/// Where a bucket is among the runs of its index.
struct Place {
    /// The number of the run, the near ones not counted where it is none of them.
    run: usize,
    offset: usize,
    order: usize,
}

/// The place of a bucket in a near run.
fn near_place(bucket: usize) -> Place {
    let run = (usize::BITS - bucket.leading_zeros()) as usize;
    Place { run, offset: bucket ^ ((1 << run) >> 1), order: run.saturating_sub(1) }
}

/// The place of a bucket past the near runs.
fn far_place(bucket: usize) -> Place {
    if bucket >= GROWING {
        let run = GROWING_RUNS + (bucket - GROWING) / CHUNK;
        return Place { run, offset: bucket % CHUNK, order: ORDERS - 1 };
    }
    // Four runs from each power of two to the next one, but two from 8 to 16: none is below 4.
    let power = bucket.ilog2() as usize;
    let order = (power - 2).max(2);
    let before = if power == 3 { 0 } else { 4 * power - 14 };
    let run = before + ((bucket - (1 << power)) >> order);
    Place { run, offset: bucket & ((1 << order) - 1), order }
}

fn place_of(bucket: usize) -> Place {
    if bucket < NEAR_BUCKETS { near_place(bucket) } else { far_place(bucket) }
}

impl Runs {
    /// Bytes of memory outside of this struct and of the pool.
    pub(crate) fn memory(&self) -> usize {
        let more = |more: &More| size_of::<More>() + more.far.capacity() * size_of::<u32>();
        self.more.as_deref().map_or(0, more)
    }

    /// Where a bucket is in the pool.
    #[inline]
    fn find(&self, bucket: usize) -> usize {
        // What `near_place` works out, which takes longer.
        const RUN: [u8; NEAR_BUCKETS] = [0, 1, 2, 2, 3, 3, 3, 3];
        const OFFSET: [u8; NEAR_BUCKETS] = [0, 0, 0, 1, 0, 1, 2, 3];
        if bucket < NEAR_BUCKETS {
            return self.near[usize::from(RUN[bucket]) % NEAR] as usize
                + usize::from(OFFSET[bucket]);
        }
        self.find_far(bucket)
    }

    fn find_far(&self, bucket: usize) -> usize {
        let Place { run, offset, .. } = far_place(bucket);
        let Some(more) = &self.more else { unreachable!("buckets are in runs") };
        let start = if run < CLOSE { more.close[run] } else { more.far[run - CLOSE] };
        start as usize + offset
    }

    /// Notes the run that begins with a bucket.
    fn note(&mut self, bucket: usize, run: usize, start: u32) {
        if bucket < NEAR_BUCKETS {
            self.near[run] = start;
            return;
        }
        let more = self.more.get_or_insert_default();
        if run < CLOSE {
            more.close[run] = start;
        } else {
            more.far.push(start);
        }
    }

    /// Forgets the run that begins with a bucket, the last one.
    fn forget(&mut self, bucket: usize) {
        if bucket == NEAR_BUCKETS {
            self.more = None;
        } else if let Some(more) = &mut self.more {
            more.far.pop();
        }
    }
}

/// The buckets of one index, to be looked at.
#[derive(Clone, Copy)]
pub(crate) struct Pooled<'a> {
    pub(crate) runs: &'a Runs,
    pub(crate) pool: &'a Pool,
}

/// The buckets of one index, to be changed.
pub(crate) struct PooledMut<'a> {
    pub(crate) runs: &'a mut Runs,
    pub(crate) pool: &'a mut Pool,
}

impl Look for Pooled<'_> {
    #[inline]
    fn at(&self, address: usize) -> &Bucket {
        self.pool.at(self.runs.find(address))
    }

    #[inline]
    fn chained(&self, chain: u32) -> &Bucket {
        self.pool.at(chain as usize)
    }
}

impl Look for PooledMut<'_> {
    #[inline]
    fn at(&self, address: usize) -> &Bucket {
        self.pool.at(self.runs.find(address))
    }

    #[inline]
    fn chained(&self, chain: u32) -> &Bucket {
        self.pool.at(chain as usize)
    }
}

impl Change for PooledMut<'_> {
    #[inline]
    fn at_mut(&mut self, address: usize) -> &mut Bucket {
        self.pool.at_mut(self.runs.find(address))
    }

    #[inline]
    fn chained_mut(&mut self, chain: u32) -> &mut Bucket {
        self.pool.at_mut(chain as usize)
    }

    #[inline]
    fn push(&mut self, count: usize) {
        if count == 0 {
            let start = self.pool.take(0);
            self.runs.near[0] = start;
            *self.pool.at_mut(start as usize) = EMPTY;
            return;
        }
        let Place { run, offset, order } = place_of(count);
        if offset == 0 {
            let start = self.pool.take(order);
            self.runs.note(count, run, start);
        }
        *self.at_mut(count) = EMPTY;
    }

    #[inline]
    fn pop(&mut self, last: usize) {
        if last == 0 {
            self.pool.give(self.runs.near[0], 0);
            return;
        }
        let Place { offset, order, .. } = place_of(last);
        if offset == 0 {
            self.pool.give(self.runs.find(last) as u32, order);
            self.runs.forget(last);
        }
    }

    #[inline]
    fn has_spare(&self, count: usize) -> bool {
        place_of(count).offset != 0
    }

    fn add_chained(&mut self) -> u32 {
        let chain = self.pool.take(0);
        *self.pool.at_mut(chain as usize) = EMPTY;
        chain
    }

    fn free_chained(&mut self, chain: u32) {
        self.pool.give(chain, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_follow_each_other() {
        let (mut runs, mut end) = ([0, 0], 0);
        let near = Runs { near: [10, 20, 30, 40], more: None };
        for bucket in 0..20_000 {
            let Place { run, offset, order } = place_of(bucket);
            if bucket < NEAR_BUCKETS {
                assert_eq!(near.find(bucket), near.near[run] as usize + offset);
            }
            let runs = &mut runs[usize::from(bucket >= NEAR_BUCKETS)];
            if bucket == end {
                assert_eq!((run, offset), (*runs, 0), "{bucket}");
                *runs += 1;
                end += 1 << order;
            }
            assert_eq!((run + 1, offset), (*runs, bucket + (1 << order) - end), "{bucket}");
        }
    }

    #[test]
    fn what_is_given_back_is_taken_again() {
        let (mut pool, mut runs) = (Pool::default(), [Runs::default(), Runs::default()]);
        for count in 0..1000 {
            for runs in &mut runs {
                PooledMut { runs, pool: &mut pool }.push(count);
            }
        }
        let memory = pool.memory();
        let mut places: Vec<usize> =
            runs.iter().flat_map(|runs| (0..1000).map(|at| runs.find(at))).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 2000, "no place is that of two");
        let [one, other] = &mut runs;
        (0..1000).rev().for_each(|last| PooledMut { runs: one, pool: &mut pool }.pop(last));
        assert_eq!(one.memory(), 0);
        (0..1000).for_each(|count| PooledMut { runs: one, pool: &mut pool }.push(count));
        assert_eq!(pool.memory(), memory);
        assert!((0..1000).all(|at| (0..8).all(|near| one.find(at) != other.find(near))));
    }
}
