//! Both forms of a sorted set against a sorted vector.

use proptest::prelude::*;

use super::{ZSet, ZSetLimits};

type Model = Vec<(f64, Vec<u8>)>;

fn position(model: &Model, member: &[u8]) -> Option<usize> {
    model.iter().position(|(_, other)| other == member)
}

fn set(model: &mut Model, member: &[u8], score: f64) -> Option<f64> {
    let previous = position(model, member).map(|at| model.remove(at).0);
    let entry = (score, member.to_vec());
    let at = model.partition_point(|other| *other < entry);
    model.insert(at, entry);
    previous
}

fn listed(zset: &ZSet) -> Model {
    zset.iter().map(|(member, score)| (score, member.to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn both_forms_behave_as_a_sorted_vector(
        is_large in any::<bool>(),
        operations in prop::collection::vec((0u8..7, 0u32..200, -5i8..5), 1..500),
    ) {
        let mut zset = if is_large { ZSet::large() } else { ZSet::default() };
        let mut model = Model::new();
        for (operation, name, score) in operations {
            let member = name.to_string().into_bytes();
            match operation {
                0 => {
                    let expected = position(&model, &member).map(|at| model.remove(at).0);
                    prop_assert_eq!(zset.remove(&member), expected);
                }
                1 => {
                    let start = name as usize % (model.len() + 1);
                    let end = (start + score.unsigned_abs() as usize).min(model.len());
                    let mut removed = Model::new();
                    zset.remove_range(start, end, |(member, score)| {
                        removed.push((score, member.to_vec()));
                    });
                    prop_assert_eq!(removed, model.drain(start..end).collect::<Vec<_>>());
                }
                _ => {
                    let score = f64::from(score) / 2.0;
                    prop_assert_eq!(zset.set(&member, score), set(&mut model, &member, score));
                }
            }
            let found = position(&model, &member);
            prop_assert_eq!(zset.rank(&member), found.map(|at| (at, model[at].0)));
            prop_assert_eq!(zset.score(&member), found.map(|at| model[at].0));
            prop_assert_eq!(zset.len(), model.len());
        }
        prop_assert_eq!(listed(&zset), model.clone());
        prop_assert_eq!(listed(&zset.to_large()), model.clone());
        for bound in -5i8..5 {
            let bound = f64::from(bound) / 2.0;
            let below = zset.rank_where(|(_, score)| score < bound);
            prop_assert_eq!(below, model.iter().filter(|(score, _)| *score < bound).count());
        }
        let mut scanned = Model::new();
        let mut at = Some(0);
        while let Some(from) = at {
            at = zset.scan(from, |(member, score)| scanned.push((score, member.to_vec())));
        }
        scanned.sort_by(|a, b| a.partial_cmp(b).expect("no score is NaN"));
        prop_assert_eq!(scanned, model.clone());
        let small = zset.compact(ZSetLimits { entries: 1000, value: 64 });
        prop_assert_eq!(small.encoding(), "listpack");
        prop_assert_eq!(listed(&small), model);
    }
}

#[test]
fn zeros_of_either_sign_are_equal() {
    for (mut zset, kept) in [(ZSet::default(), 0.0f64), (ZSet::large(), -0.0)] {
        zset.set(b"b", -0.0);
        zset.set(b"a", 0.0);
        let members: Vec<&[u8]> = zset.iter().map(|(member, _)| member).collect();
        assert_eq!(members, [b"a", b"b"]);
        assert_eq!(zset.score(b"b").map(f64::to_bits), Some(kept.to_bits()));
        zset.set(b"a", -0.0);
        assert_eq!(zset.score(b"a").map(f64::to_bits), Some(kept.to_bits()));
    }
}

#[test]
fn infinities_are_the_ends() {
    for mut zset in [ZSet::default(), ZSet::large()] {
        zset.set(b"top", f64::INFINITY);
        zset.set(b"bottom", f64::NEG_INFINITY);
        zset.set(b"middle", 1e308);
        assert_eq!(zset.rank(b"top"), Some((2, f64::INFINITY)));
        assert_eq!(zset.rank(b"bottom"), Some((0, f64::NEG_INFINITY)));
    }
}

#[test]
fn a_member_of_sixteen_bytes_takes_at_most_75() {
    let count = 100_000u64;
    for spread in [1, 0x9E37_79B9_7F4A_7C15, u64::MAX] {
        let mut zset = ZSet::large();
        for n in 0..count {
            let member = format!("member:{n:09}");
            zset.set(member.as_bytes(), n.wrapping_mul(spread) as f64);
        }
        let each = zset.memory() as u64 / count;
        assert!(each <= 75, "{each} bytes for each member");
    }
}

#[test]
fn every_member_comes_up_at_random() {
    for mut zset in [ZSet::default(), ZSet::large()] {
        let mut rng = fastrand::Rng::with_seed(1);
        assert_eq!(zset.random(&mut rng), None);
        for n in 0..50 {
            zset.set(format!("{n}").as_bytes(), f64::from(n % 7));
        }
        let picked: std::collections::BTreeSet<Vec<u8>> = (0..2000)
            .filter_map(|_| zset.random(&mut rng).map(|(member, _)| member.to_vec()))
            .collect();
        assert_eq!(picked.len(), 50);
    }
}
