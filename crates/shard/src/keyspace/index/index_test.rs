//! That an index behaves as a set, also while it is scanned and when hashes are equal, whether its
//! buckets are its own or lie in a pool with those of another one.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What the tests need of an index.
trait Tested: Default {
    fn len(&self) -> usize;
    fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32>;
    fn insert(&mut self, hash: u64, handle: u32, hash_of: fn(u32) -> u64);
    fn remove(&mut self, hash: u64, handle: u32, hash_of: fn(u32) -> u64) -> bool;
    fn scan(&self, position: u32, visit: impl FnMut(u32)) -> Option<u32>;
}

impl Tested for Index {
    fn len(&self) -> usize {
        self.len()
    }

    fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.find(hash, is_it)
    }

    fn insert(&mut self, hash: u64, handle: u32, hash_of: fn(u32) -> u64) {
        self.insert(hash, handle, hash_of);
    }

    fn remove(&mut self, hash: u64, handle: u32, hash_of: fn(u32) -> u64) -> bool {
        self.remove(hash, handle, hash_of)
    }

    fn scan(&self, position: u32, visit: impl FnMut(u32)) -> Option<u32> {
        self.scan(position, visit)
    }
}

/// An index in a pool, and beside it another one that has the same operations.
#[derive(Default)]
struct InPool {
    pool: Pool,
    runs: [Runs; 2],
    linear: [Linear; 2],
}

impl InPool {
    fn both(&mut self, mut run: impl FnMut(&mut Linear, PooledMut<'_>) -> bool) -> bool {
        let Self { pool, runs: [one, other], linear: [first, second] } = self;
        run(first, PooledMut { runs: other, pool }) & run(second, PooledMut { runs: one, pool })
    }

    fn look(&self) -> Pooled<'_> {
        Pooled { runs: &self.runs[1], pool: &self.pool }
    }
}

impl Tested for InPool {
    fn len(&self) -> usize {
        self.linear[0].len()
    }

    fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.linear[0].find(&self.look(), hash, is_it)
    }

    fn insert(&mut self, hash: u64, handle: u32, hash_of: fn(u32) -> u64) {
        self.both(|linear, mut buckets| {
            linear.insert(&mut buckets, hash, handle, hash_of);
            true
        });
    }

    fn remove(&mut self, hash: u64, handle: u32, hash_of: fn(u32) -> u64) -> bool {
        self.both(|linear, mut buckets| linear.remove(&mut buckets, hash, handle, hash_of))
    }

    fn scan(&self, position: u32, visit: impl FnMut(u32)) -> Option<u32> {
        self.linear[0].scan(&self.look(), position, visit)
    }
}

/// A spread of hashes that is the same in every run.
fn hash_of(handle: u32) -> u64 {
    (u64::from(handle) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
}

#[test]
fn equal_hashes_chain() {
    equal_hashes::<Index>();
    equal_hashes::<InPool>();
}

fn equal_hashes<I: Tested>() {
    let mut index = I::default();
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
    fn behaves_as_a_set(
        operations in proptest::collection::vec((any::<bool>(), 0u32..600), 1..1500),
    ) {
        as_a_set::<Index>(&operations);
        as_a_set::<InPool>(&operations);
    }

    /// What is there during the whole scan is seen, whatever else comes and goes meanwhile.
    #[test]
    fn a_scan_misses_nothing_that_stays(
        stable in proptest::collection::btree_set(0u32..400, 1..200),
        changes in proptest::collection::vec((any::<bool>(), 400u32..3000), 0..2000),
    ) {
        scan_while_it_changes::<Index>(&stable, &changes);
        scan_while_it_changes::<InPool>(&stable, &changes);
    }
}

fn as_a_set<I: Tested>(operations: &[(bool, u32)]) {
    let mut index = I::default();
    let mut model = BTreeSet::new();
    for &(add, handle) in operations {
        if add && model.insert(handle) {
            index.insert(hash_of(handle), handle, hash_of);
        } else if !add {
            let removed = index.remove(hash_of(handle), handle, hash_of);
            assert_eq!(removed, model.remove(&handle));
        }
        assert_eq!(index.len(), model.len());
    }
    for handle in 0..600 {
        let found = index.find(hash_of(handle), |found| found == handle);
        assert_eq!(found.is_some(), model.contains(&handle));
    }
    let mut scanned = BTreeSet::new();
    let mut position = Some(0);
    while let Some(at) = position {
        position = index.scan(at, |handle| {
            assert!(scanned.insert(handle), "seen twice although nothing changed");
        });
    }
    assert_eq!(scanned, model);
}

fn scan_while_it_changes<I: Tested>(stable: &BTreeSet<u32>, changes: &[(bool, u32)]) {
    let mut index = I::default();
    let mut others = BTreeSet::new();
    for &handle in stable {
        index.insert(hash_of(handle), handle, hash_of);
    }
    let mut changes = changes.iter();
    let mut seen = BTreeSet::new();
    let mut position = Some(0);
    while let Some(at) = position {
        position = index.scan(at, |handle| {
            seen.insert(handle);
        });
        for &(add, handle) in changes.by_ref().take(40) {
            if add && others.insert(handle) {
                index.insert(hash_of(handle), handle, hash_of);
            } else if !add && others.remove(&handle) {
                index.remove(hash_of(handle), handle, hash_of);
            }
        }
    }
    assert!(stable.is_subset(&seen));
}

#[test]
fn a_pool_of_which_all_is_given_back_is_used_again() {
    let mut index = InPool::default();
    let mut memory = 0;
    for round in 0..5 {
        (0..5000).for_each(|handle| index.insert(hash_of(handle), handle, hash_of));
        (0..5000).for_each(|handle| assert!(index.remove(hash_of(handle), handle, hash_of)));
        if round == 0 {
            memory = index.pool.memory();
        }
    }
    assert_eq!(index.pool.memory(), memory);
    assert!(index.runs.iter().all(|runs| runs.memory() == 0));
}
