//! Tests of the bounded number of scripts that have series of their own.

use super::*;

/// A shard with these scripts, each called so many times.
fn shard(scripts: &[(&str, u64)], unnamed: u64, has_more: bool) -> OfShard {
    let stats = |calls| {
        let mut stats = ScriptStats::default();
        (stats.calls, stats.nanos) = (calls, calls * 10);
        stats
    };
    let named: u64 = scripts.iter().map(|(_, calls)| calls).sum();
    let calls = named + unnamed;
    OfShard {
        scripts: scripts.iter().map(|(name, calls)| ((*name).to_owned(), stats(*calls))).collect(),
        has_more,
        total: Counts { calls, nanos: calls * 10, ..Counts::default() },
    }
}

/// What is shown of a script, and of the others.
fn shown(scripts: &Scripts, name: &str) -> (u64, u64) {
    let named = scripts.named.get(name).map_or(0, |named| named.shown().calls);
    (named, scripts.other.calls)
}

#[test]
fn all_scripts_of_all_shards_are_shown_while_there_are_few() {
    let mut scripts = Scripts::default();
    let shards = [shard(&[("a", 3), ("b", 1)], 0, false), shard(&[("a", 4)], 0, false)];
    scripts.merge(shards.iter());
    assert_eq!(shown(&scripts, "a"), (7, 0));
    assert_eq!(shown(&scripts, "b"), (1, 0));
    // One that is new is shown from its beginning.
    scripts.merge([shard(&[("a", 9), ("c", 5)], 1, false)].iter());
    assert_eq!(shown(&scripts, "c"), (5, 0));
}

#[test]
fn what_is_not_named_is_counted_as_one_and_nothing_goes_backwards() {
    let many: Vec<String> = (0..NAMED_MAX + 20).map(|number| format!("s{number:03}")).collect();
    let calls = |at: usize| 1000 - at as u64;
    let all: Vec<(&str, u64)> =
        many.iter().enumerate().map(|(at, name)| (name.as_str(), calls(at))).collect();
    let mut scripts = Scripts::default();
    scripts.merge([shard(&all, 0, false)].iter());
    assert_eq!(scripts.named.len(), NAMED_MAX);
    let rest: u64 = all[NAMED_MAX..].iter().map(|(_, calls)| calls).sum();
    assert_eq!(shown(&scripts, "s000"), (1000, rest));
    // One that is gone makes room; who takes it was counted with the others up to now.
    let without: Vec<(&str, u64)> = all[1..].to_vec();
    scripts.merge([shard(&without, 1000, false)].iter());
    assert!(!scripts.named.contains_key("s000"));
    assert_eq!(shown(&scripts, "s100"), (0, rest));
    let more: Vec<(&str, u64)> = without
        .iter()
        .map(|(name, calls)| (*name, if *name == "s100" { calls + 7 } else { *calls }))
        .collect();
    scripts.merge([shard(&more, 1000, true)].iter());
    assert_eq!(shown(&scripts, "s100"), (7, rest));
    // It comes back and is one of many.
    let back: Vec<(&str, u64)> = more.iter().copied().chain([("s000", 2)]).collect();
    scripts.merge([shard(&back, 1000, false)].iter());
    assert_eq!(shown(&scripts, "s000"), (0, rest + 2));
}

#[test]
fn one_that_has_begun_anew_does_too_and_so_do_all_after_a_reset() {
    let mut scripts = Scripts::default();
    scripts.merge([shard(&[("a", 10), ("b", 5)], 0, false)].iter());
    // Compiled again: what it had done before is still in the sum.
    scripts.merge([shard(&[("a", 2), ("b", 6)], 10, false)].iter());
    assert_eq!(shown(&scripts, "a"), (2, 0));
    // CONFIG RESETSTAT.
    scripts.merge([shard(&[("a", 1), ("b", 0)], 0, false)].iter());
    assert_eq!(shown(&scripts, "a"), (1, 0));
    assert_eq!(scripts.total.calls, 1);
}
