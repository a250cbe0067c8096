//! Figures of scripts and functions, by name, for a bounded number of names.
//!
//! A script that has been given a series of its own keeps it for as long as a shard knows it, so that
//! no series goes backwards. All others are counted as one, `other`: so much of what all have done as
//! is not shown elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shard::script::{Reason, ScriptCounters, ScriptStats};

use super::catalogue;
use super::page::Page;
use crate::executor::Executor;
use crate::node::{Node, Published};

/// Scripts and functions that have series of their own.
pub(super) const NAMED_MAX: usize = 100;

/// The name of all others.
const OTHER: &str = "other";

/// Names of scripts.
pub(super) type Names = Arc<BTreeSet<String>>;

/// What a shard says of its scripts.
#[derive(Debug, Clone, Default)]
pub(super) struct OfShard {
    scripts: Vec<(String, ScriptStats)>,
    /// It has others.
    has_more: bool,
    total: Counts,
}

impl OfShard {
    /// Those of `names`, and of the others those that have been called most.
    pub(super) fn of(executor: &Executor, names: &BTreeSet<String>) -> Self {
        let shard = executor.shard.borrow();
        let (mut known, mut others) = (Vec::new(), Vec::new());
        for (name, stats) in shard.scripts().stats() {
            if names.contains(name) {
                known.push((name, stats));
            } else if stats.calls > 0 {
                others.push((name, stats));
            }
        }
        let room = NAMED_MAX.saturating_sub(known.len());
        let has_more = others.len() > room;
        if has_more {
            others.sort_unstable_by_key(|(name, stats)| (std::cmp::Reverse(stats.calls), *name));
            others.truncate(room);
        }
        let all = known.into_iter().chain(others);
        Self {
            scripts: all.map(|(name, stats)| (name.to_owned(), stats.clone())).collect(),
            has_more,
            total: Counts::of_all(&shard.scripts().counters()),
        }
    }
}

/// What is counted of a script.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    calls: u64,
    error_replies: u64,
    nanos: u64,
    rolled_back: [u64; Reason::ALL.len()],
}

impl Counts {
    fn of(stats: &ScriptStats) -> Self {
        let ScriptStats { calls, error_replies, rolled_back, nanos, .. } = *stats;
        Self { calls, error_replies, nanos, rolled_back }
    }

    fn of_all(counters: &ScriptCounters) -> Self {
        let ScriptCounters { runs, rolled_back, error_replies, nanos } = *counters;
        Self { calls: runs, error_replies, nanos, rolled_back }
    }

    /// Both, field by field.
    fn with(self, other: Self, both: impl Fn(u64, u64) -> u64) -> Self {
        let pairs = self.rolled_back.into_iter().zip(other.rolled_back);
        let mut rolled_back = [0; Reason::ALL.len()];
        for (sum, (one, other)) in rolled_back.iter_mut().zip(pairs) {
            *sum = both(one, other);
        }
        Self {
            calls: both(self.calls, other.calls),
            error_replies: both(self.error_replies, other.error_replies),
            nanos: both(self.nanos, other.nanos),
            rolled_back,
        }
    }

    fn plus(self, other: Self) -> Self {
        self.with(other, u64::wrapping_add)
    }

    fn minus(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }
}

/// A script that has series of its own.
#[derive(Debug, Default)]
struct Named {
    /// What it had done before, which is counted with the others.
    before: Counts,
    /// What it has done, with that.
    counts: Counts,
    stats: ScriptStats,
}

impl Named {
    fn shown(&self) -> Counts {
        self.counts.minus(self.before)
    }
}

/// What is known of the scripts of all shards, from one scrape to the next. See the module.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    named: BTreeMap<String, Named>,
    /// Some scripts may have been counted with the others.
    has_others: bool,
    /// What those have done that were named and are gone.
    gone: Counts,
    total: Counts,
    other: Counts,
}

impl Scripts {
    /// The names that have series.
    pub(super) fn names(&self) -> Names {
        Arc::new(self.named.keys().cloned().collect())
    }

    /// Takes in what shards have said.
    pub(super) fn merge<'a>(&mut self, shards: impl Iterator<Item = &'a OfShard> + Clone) {
        let total = shards.clone().fold(Counts::default(), |sum, shard| sum.plus(shard.total));
        if total.calls < self.total.calls {
            // CONFIG RESETSTAT: everything begins anew.
            *self = Self::default();
        }
        self.total = total;
        let mut all: BTreeMap<&str, ScriptStats> = BTreeMap::new();
        for (name, stats) in shards.clone().flat_map(|shard| &shard.scripts) {
            all.entry(name).or_default().add(stats);
        }
        self.forget_gone(&all);
        let mut rest = Vec::new();
        for (name, stats) in all {
            match self.named.get_mut(name) {
                Some(named) => {
                    named.counts = Counts::of(&stats);
                    named.stats = stats;
                }
                None if stats.calls > 0 => rest.push((name, stats)),
                None => {}
            }
        }
        rest.sort_by_key(|(_, stats)| std::cmp::Reverse(stats.calls));
        let room = NAMED_MAX.saturating_sub(self.named.len());
        let has_more = rest.len() > room || shards.clone().any(|shard| shard.has_more);
        for (name, stats) in rest.into_iter().take(room) {
            let counts = Counts::of(&stats);
            let before = if self.has_others { counts } else { Counts::default() };
            self.named.insert(name.to_owned(), Named { before, counts, stats });
        }
        self.has_others |= has_more;
        let shown = self.named.values().fold(self.gone, |sum, named| sum.plus(named.shown()));
        // Never backwards.
        self.other = total.minus(shown).with(self.other, u64::max);
    }

    /// Forgets names that no shard knows any more, or that have begun anew.
    fn forget_gone(&mut self, all: &BTreeMap<&str, ScriptStats>) {
        self.named.retain(|name, named| {
            let stays = all.get(name.as_str()).is_some_and(|now| now.calls >= named.counts.calls);
            if !stays {
                self.gone = self.gone.plus(named.shown());
            }
            stays
        });
    }

    pub(super) fn put(&self, page: &mut Page, node: &Node, published: &[Published]) {
        for (name, named) in &self.named {
            put_counts(page, name, named.shown());
            let quantile = |share| (share, named.stats.micros_at(share) / 1e6);
            let shown = named.shown();
            let sum = (shown.calls, shown.nanos as f64 / 1e9);
            let quantiles = [quantile(0.5), quantile(0.99)];
            page.summary(&catalogue::SCRIPT_DURATION, &[name], sum, &quantiles);
        }
        put_counts(page, OTHER, self.other);
        let sum = (self.other.calls, self.other.nanos as f64 / 1e9);
        page.summary(&catalogue::SCRIPT_DURATION, &[OTHER], sum, &[]);
        for (shard, figures) in published.iter().enumerate() {
            let shard = shard.to_string();
            page.count(&catalogue::SCRIPTS, &[&shard], figures.scripts.runs);
            for reason in Reason::ALL {
                let count = figures.scripts.rolled_back[reason as usize];
                page.count(&catalogue::SCRIPTS_ROLLED_BACK, &[&shard, reason.name()], count);
            }
        }
        let functions = node.functions.figures();
        page.count(&catalogue::SCRIPTS_CACHED, &[], node.scripts.len() as u64);
        page.count(&catalogue::SCRIPTS_EVICTED, &[], node.scripts.evicted());
        page.count(&catalogue::FUNCTIONS, &[], functions.functions as u64);
        page.count(&catalogue::LIBRARIES, &[], functions.libraries as u64);
    }
}

fn put_counts(page: &mut Page, name: &str, counts: Counts) {
    page.count(&catalogue::SCRIPT_CALLS, &[name], counts.calls);
    page.count(&catalogue::SCRIPT_ERROR_REPLIES, &[name], counts.error_replies);
    for reason in Reason::ALL {
        let count = counts.rolled_back[reason as usize];
        if count > 0 {
            page.count(&catalogue::SCRIPT_ROLLED_BACK, &[name, reason.name()], count);
        }
    }
}

#[cfg(test)]
#[path = "scripts_test.rs"]
mod tests;
