//! Commands by shard and family: calls, errors, times.

use std::collections::BTreeMap;

use protocol::spec::Family;

use super::catalogue;
use super::page::Page;
use crate::node::{CommandFigures, Node, Published};
use crate::times::Durations;

/// Codes of errors that are told apart; the others, which scripts can make up, are one class.
const CLASSES: &[&str] = &[
    "ASK",
    "BUSY",
    "BUSYGROUP",
    "BUSYKEY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "DENIED",
    "ERR",
    "EXECABORT",
    "INVALIDOBJ",
    "IOERR",
    "LOADING",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOGROUP",
    "NOPERM",
    "NOPROTO",
    "NOREPLICAS",
    "NOSCRIPT",
    "NOTBUSY",
    "OOM",
    "READONLY",
    "TIMEOUT",
    "TRYAGAIN",
    "UNBLOCKED",
    "WRONGPASS",
    "WRONGTYPE",
];

/// The class of errors with other codes.
const OTHER: &str = "other";

/// The family of requests that are no command.
const NO_FAMILY: &str = "none";

/// What is known of the commands of a family on one shard.
#[derive(Debug, Default)]
struct Figures {
    calls: u64,
    scripted: u64,
    rejected: u64,
    failed: u64,
    durations: Durations,
}

impl Figures {
    fn add(&mut self, row: &CommandFigures) {
        self.calls += row.calls;
        self.scripted += row.scripted;
        self.rejected += row.rejected;
        self.failed += row.failed;
        if let Some(times) = &row.times {
            self.durations.add(times, row.nanos);
        }
    }
}

pub(super) fn put(page: &mut Page, node: &Node, published: &[Published]) {
    let families: Vec<Family> = node.table().iter().map(|(_, row)| row.spec.family).collect();
    for (shard, figures) in published.iter().enumerate() {
        let shard = shard.to_string();
        let mut all: BTreeMap<&str, Figures> = BTreeMap::new();
        for (family, row) in families.iter().zip(&figures.calls) {
            all.entry(family.group()).or_default().add(row);
        }
        for (family, figures) in all {
            put_family(page, &shard, family, &figures);
        }
        let mut errors: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (code, rows) in &figures.errors {
            let class = CLASSES.iter().find(|class| *class == code).copied().unwrap_or(OTHER);
            for (row, count) in rows {
                let family = row.and_then(|row| families.get(row));
                let family = family.map_or(NO_FAMILY, |family| family.group());
                *errors.entry((family, class)).or_default() += count;
            }
        }
        for ((family, class), count) in errors {
            page.count(&catalogue::COMMAND_ERRORS, &[&shard, family, class], count);
        }
    }
}

fn put_family(page: &mut Page, shard: &str, family: &str, figures: &Figures) {
    let labels = [shard, family];
    page.count(&catalogue::COMMANDS, &[shard, family, "client"], figures.calls);
    page.count(&catalogue::COMMANDS, &[shard, family, "script"], figures.scripted);
    page.count(&catalogue::COMMANDS_REJECTED, &labels, figures.rejected);
    page.count(&catalogue::COMMANDS_FAILED, &labels, figures.failed);
    if figures.durations.times.count() > 0 {
        page.times(&catalogue::COMMAND_DURATION, &labels, &figures.durations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_sorted() {
        assert!(CLASSES.is_sorted());
    }
}
