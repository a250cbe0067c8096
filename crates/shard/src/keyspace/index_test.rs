//! That an index behaves as a set, also while it is scanned and when hashes are equal.

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
