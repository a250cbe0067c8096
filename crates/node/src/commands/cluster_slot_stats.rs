//! CLUSTER SLOT-STATS: how many keys the slots of this node have, and what requests for them cost.
//!
//! The number of keys is always known; the costs are counted, and shown, while
//! `cluster-slot-stats-enabled` says so. Each shard of the node is asked for its own slots.

use std::cmp::Reverse;

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::slot::{SLOT_COUNT, Slot};
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::topology::Owner;
use shard::error::CommandError;
use shard::reply::Reply;

use super::cluster_slots::parse_slot;
use super::{Done, NodeCall, NodeCommand};
use crate::executor::Executor;
use crate::slot_stats::SlotCost;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[(&SPEC, run)];

static SPEC: CommandSpec = CommandSpec {
    name: "cluster|slot-stats",
    family: Family::Cluster,
    arity: Arity::at_least(4),
    flags: Flags::LOADING.union(Flags::STALE),
    tips: &["nondeterministic_output", "request_policy:all_shards"],
    since: "8.2.0",
    complexity: "O(N) where N is the total number of slots based on arguments. O(N*log(N)) with \
                 ORDERBY subcommand.",
    summary: "Return an array of slot usage statistics for slots assigned to the current node.",
    ..CommandSpec::NEW
};

/// What is known of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    slot: Slot,
    keys: u64,
    cost: SlotCost,
}

/// What slots can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    Keys,
    Time,
    BytesIn,
    BytesOut,
}

/// Which slots are shown, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    Range { first: Slot, last: Slot },
    Order { metric: Metric, limit: usize, ascending: bool },
}

impl Row {
    fn value(&self, metric: Metric) -> u64 {
        match metric {
            Metric::Keys => self.keys,
            Metric::Time => self.cost.nanos / 1000,
            Metric::BytesIn => self.cost.bytes_in,
            Metric::BytesOut => self.cost.bytes_out,
        }
    }
}

impl Query {
    /// Reads what follows the subcommand. `counted`: costs are known.
    fn parse(args: Args<'_>, counted: bool) -> Result<Self, CommandError> {
        if args.is(2, "SLOTSRANGE") && args.len() == 5 {
            let slot = |index| {
                let wrong = CommandError::Text("ERR Invalid or out of range slot");
                parse_slot(args.at(index)).ok_or(wrong)
            };
            let (first, last) = (slot(3)?, slot(4)?);
            if first > last {
                return Err(CommandError::dynamic(format!(
                    "ERR Start slot number {} is greater than end slot number {}",
                    first.number(),
                    last.number()
                )));
            }
            return Ok(Self::Range { first, last });
        }
        if args.is(2, "ORDERBY") {
            return Self::parse_order(args, counted);
        }
        let name = String::from_utf8_lossy(args.at(1)).into_owned();
        Err(CommandError::dynamic(format!(
            "ERR unknown subcommand or wrong number of arguments for '{name}'. Try CLUSTER HELP."
        )))
    }

    fn parse_order(args: Args<'_>, counted: bool) -> Result<Self, CommandError> {
        let metric = match args.at(3).to_ascii_lowercase().as_slice() {
            b"key-count" => Metric::Keys,
            b"cpu-usec" if counted => Metric::Time,
            b"network-bytes-in" if counted => Metric::BytesIn,
            b"network-bytes-out" if counted => Metric::BytesOut,
            _ => return Err(CommandError::Text("ERR Unrecognized sort metric for ORDERBY.")),
        };
        let (mut limit, mut ascending) = (None, None);
        let mut at = 4;
        while at < args.len() {
            let twice = if args.is(at, "LIMIT") && at + 1 < args.len() {
                at += 1;
                let most = i64::from(SLOT_COUNT);
                let number = args.int(at).ok().filter(|number| (1..=most).contains(number));
                let number = number.ok_or(CommandError::Text(
                    "ERR Limit has to lie in between 1 and 16384 (maximum number of slots).",
                ))?;
                limit.replace(number as usize).is_some()
            } else if args.is(at, "ASC") || args.is(at, "DESC") {
                ascending.replace(args.is(at, "ASC")).is_some()
            } else {
                return Err(ArgsError::Syntax.into());
            };
            if twice {
                return Err(CommandError::Text(
                    "ERR Multiple filters of the same type are disallowed.",
                ));
            }
            at += 1;
        }
        let limit = limit.unwrap_or(usize::from(SLOT_COUNT));
        Ok(Self::Order { metric, limit, ascending: ascending.unwrap_or(false) })
    }

    /// The rows that are shown, in their order. Of equal slots the first comes first.
    fn arrange(self, mut rows: Vec<Row>) -> Vec<Row> {
        match self {
            Self::Range { .. } => rows.sort_by_key(|row| row.slot),
            Self::Order { metric, limit, ascending } => {
                if ascending {
                    rows.sort_by_key(|row| (row.value(metric), row.slot));
                } else {
                    rows.sort_by_key(|row| (Reverse(row.value(metric)), row.slot));
                }
                rows.truncate(limit);
            }
        }
        rows
    }

    fn wants(self, slot: Slot) -> bool {
        match self {
            Self::Range { first, last } => (first..=last).contains(&slot),
            Self::Order { .. } => true,
        }
    }
}

fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let counted = call.executor.node.settings.counts_slots();
    let query = Query::parse(args, counted)?;
    if let Some(busy) = call.executor.any_busy() {
        return Err(CommandError::Text(busy));
    }
    let executor = call.executor.clone();
    let version = call.session.version;
    Ok(Done::Later(Box::pin(async move {
        let mut rows = Vec::new();
        for shard in 0..executor.node.topology.shards() {
            // Of each shard no more than are shown in all.
            let own = move |executor: &Executor| query.arrange(rows_of(executor, query));
            rows.extend(executor.ask(shard, own).await.unwrap_or_default());
        }
        let mut out = Vec::new();
        reply_rows(&query.arrange(rows), counted, &mut Reply::resp(&mut out, version));
        out
    })))
}

/// The slots of an executor's shard.
fn rows_of(executor: &Executor, query: Query) -> Vec<Row> {
    let Ok(shard) = executor.shard.try_borrow() else { return Vec::new() };
    let topology = &executor.node.topology;
    let own = Slot::all().filter(|slot| topology.owner(*slot) == Owner::Here(executor.index));
    own.filter(|slot| query.wants(*slot))
        .map(|slot| Row {
            slot,
            keys: shard.keyspace().slot_len(slot) as u64,
            cost: executor.slot_stats.of(slot),
        })
        .collect()
}

fn reply_rows(rows: &[Row], counted: bool, reply: &mut Reply<'_>) {
    const METRICS: &[(&str, Metric)] = &[
        ("key-count", Metric::Keys),
        ("cpu-usec", Metric::Time),
        ("network-bytes-in", Metric::BytesIn),
        ("network-bytes-out", Metric::BytesOut),
    ];
    let shown = if counted { METRICS } else { &METRICS[..1] };
    reply.array(rows.len());
    for row in rows {
        reply.array(2);
        reply.int(i64::from(row.slot.number()));
        reply.map(shown.len());
        for (name, metric) in shown {
            reply.bulk(name.as_bytes());
            reply.int(row.value(*metric) as i64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::args::Request;

    fn parse(line: &str) -> Result<Query, String> {
        let request = Request::of(format!("CLUSTER slot-stats {line}").split(' '));
        Query::parse(request.args(), false).map_err(|error| error.to_string())
    }

    #[test]
    fn bad_queries_are_refused_as_redis_refuses_them() {
        let limit = "ERR Limit has to lie in between 1 and 16384 (maximum number of slots).";
        let twice = "ERR Multiple filters of the same type are disallowed.";
        let unknown = "ERR unknown subcommand or wrong number of arguments for 'slot-stats'. Try \
                       CLUSTER HELP.";
        let metric = "ERR Unrecognized sort metric for ORDERBY.";
        for (line, text) in [
            ("SLOTSRANGE 5 3", "ERR Start slot number 5 is greater than end slot number 3"),
            ("SLOTSRANGE a 3", "ERR Invalid or out of range slot"),
            ("SLOTSRANGE 0 16384", "ERR Invalid or out of range slot"),
            ("SLOTSRANGE 1", unknown),
            ("SLOTSRANGE 1 2 3", unknown),
            ("FOO 1", unknown),
            ("ORDERBY foo", metric),
            // Nobody counts it.
            ("ORDERBY cpu-usec", metric),
            ("ORDERBY key-count LIMIT 0", limit),
            ("ORDERBY key-count LIMIT 16385", limit),
            ("ORDERBY key-count LIMIT x", limit),
            ("ORDERBY key-count LIMIT", "ERR syntax error"),
            ("ORDERBY key-count FOO", "ERR syntax error"),
            ("ORDERBY key-count ASC DESC", twice),
            ("ORDERBY key-count LIMIT 1 LIMIT 2", twice),
        ] {
            assert_eq!(parse(line), Err(text.to_owned()), "{line}");
        }
        let order = Query::Order { metric: Metric::Keys, limit: 3, ascending: true };
        assert_eq!(parse("orderby Key-Count asc limit 3"), Ok(order));
    }

    #[test]
    fn rows_are_ordered_by_the_metric_and_then_by_slot() {
        let row = |slot, keys| Row {
            slot: Slot::new(slot).unwrap(),
            keys,
            cost: SlotCost { bytes_in: u64::from(slot), ..SlotCost::default() },
        };
        let rows = vec![row(9, 1), row(3, 2), row(1, 1), row(2, 0)];
        let slots = |metric, limit, ascending| {
            let query = Query::Order { metric, limit, ascending };
            let rows = query.arrange(rows.clone());
            rows.iter().map(|row| row.slot.number()).collect::<Vec<_>>()
        };
        assert_eq!(slots(Metric::Keys, 9, false), [3, 1, 9, 2]);
        assert_eq!(slots(Metric::Keys, 3, true), [2, 1, 9]);
        assert_eq!(slots(Metric::BytesIn, 2, false), [9, 3]);
    }
}
