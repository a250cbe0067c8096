//! The tree against a plain sorted vector.

use proptest::prelude::*;

use super::tree::Tree;

/// Entries in the tests are ordered by score, then by handle.
fn before(score: f64, handle: u32) -> impl Fn(f64, u32) -> bool {
    move |other, other_handle| (other, other_handle) < (score, handle)
}

fn insert(tree: &mut Tree, model: &mut Vec<(f64, u32)>, entry: (f64, u32)) {
    let at = model.partition_point(|other| *other < entry);
    if model.get(at) != Some(&entry) {
        model.insert(at, entry);
        tree.insert(entry.0, entry.1, before(entry.0, entry.1));
    }
}

fn assert_equal(tree: &Tree, model: &[(f64, u32)]) {
    tree.check();
    assert_eq!(tree.len(), model.len());
    assert_eq!(tree.range(0, usize::MAX).collect::<Vec<_>>(), model);
    let backwards: Vec<_> = tree.range(0, usize::MAX).rev().collect();
    assert_eq!(backwards, model.iter().rev().copied().collect::<Vec<_>>());
}

#[test]
fn entries_appended_in_order_fill_their_leaves() {
    let (mut tree, mut model) = (Tree::default(), Vec::new());
    for n in 0..20_000 {
        insert(&mut tree, &mut model, (f64::from(n), n));
    }
    assert_equal(&tree, &model);
    assert!(tree.memory() < 20_000 * 14, "{} bytes", tree.memory());
}

#[test]
fn entries_in_falling_order_leave_half_full_leaves() {
    let (mut tree, mut model) = (Tree::default(), Vec::new());
    for n in (0..20_000).rev() {
        insert(&mut tree, &mut model, (f64::from(n), n));
    }
    assert_equal(&tree, &model);
    assert!(tree.memory() < 20_000 * 27, "{} bytes", tree.memory());
}

/// Empties a tree of thousands of entries, by the rank that `pick` picks of so many.
fn empty_by(mut pick: impl FnMut(usize) -> usize) {
    let (mut tree, mut model) = (Tree::default(), Vec::new());
    for n in 0..5_000u32 {
        insert(&mut tree, &mut model, (f64::from(n % 70), n));
    }
    while !model.is_empty() {
        let rank = pick(model.len());
        assert_eq!(tree.remove(rank), model.remove(rank));
        if model.len() % 100 == 0 {
            assert_equal(&tree, &model);
        }
    }
}

#[test]
fn a_tree_can_be_emptied_from_either_end_and_from_the_middle() {
    let mut rng = fastrand::Rng::with_seed(1);
    empty_by(|_| 0);
    empty_by(|len| len - 1);
    empty_by(|len| len / 2);
    empty_by(|len| rng.usize(..len));
}

#[test]
fn the_end_can_come_and_go_after_appending() {
    // An appended leaf begins with one entry; taking that away must not leave an empty leaf.
    let (mut tree, mut model) = (Tree::default(), Vec::new());
    for n in 0..6_000 {
        insert(&mut tree, &mut model, (f64::from(n), n));
        for _ in 0..n % 3 {
            let last = model.len() - 1;
            assert_eq!(Some(tree.remove(last)), model.pop());
            tree.check();
            insert(&mut tree, &mut model, (f64::from(n), n));
            tree.check();
        }
    }
    assert_equal(&tree, &model);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Every operation against the model; few scores, so that many entries share one, or many.
    #[test]
    fn behaves_as_a_sorted_vector(
        scores in prop::sample::select(vec![1u32, 20, 100_000]),
        operations in prop::collection::vec((0u8..8, any::<u32>(), any::<u32>()), 1..4000),
        shrink in any::<bool>(),
    ) {
        let (mut tree, mut model) = (Tree::default(), Vec::new());
        let half = operations.len() / 2;
        for (at, (operation, a, b)) in operations.into_iter().enumerate() {
            // The second half may remove more than it adds.
            let removes = if shrink && at > half { 7 } else { 2 };
            if operation < removes && !model.is_empty() {
                let rank = a as usize % model.len();
                prop_assert_eq!(tree.range(rank, rank + 1).next(), Some(model[rank]));
                prop_assert_eq!(tree.remove(rank), model.remove(rank));
            } else {
                insert(&mut tree, &mut model, (f64::from(a % scores), b % 10_000));
            }
            if at % 300 == 0 {
                tree.check();
            }
            let (score, handle) = (f64::from(b % scores), a % 10_000);
            let rank = model.partition_point(|other| *other < (score, handle));
            prop_assert_eq!(tree.rank(before(score, handle)), rank);
        }
        assert_equal(&tree, &model);
        for start in (0..model.len()).step_by(model.len() / 7 + 1) {
            for end in (start..model.len()).step_by(model.len() / 5 + 1) {
                let range: Vec<_> = tree.range(start, end).collect();
                prop_assert_eq!(&range[..], &model[start..end]);
                // From both ends at once, until they meet.
                let (mut range, mut expected) = (tree.range(start, end), model[start..end].iter());
                while let Some(first) = range.next() {
                    prop_assert_eq!(Some(&first), expected.next());
                    prop_assert_eq!(range.next_back(), expected.next_back().copied());
                    prop_assert_eq!(range.len(), expected.len());
                }
                prop_assert!(expected.next().is_none());
            }
        }
    }
}
