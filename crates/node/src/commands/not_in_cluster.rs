//! FAILOVER, MOVE, REPLICAOF, SLAVEOF and SWAPDB: what Redis has and refuses in cluster mode. Clients
//! and tools know these answers.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};
use shard::error::CommandError;

use super::NodeCommand;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&FAILOVER, |_, _| {
        refused("ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.")
    }),
    (&MOVE, |_, _| refused("ERR MOVE is not allowed in cluster mode")),
    (&REPLICAOF, |_, _| refused(NO_REPLICA)),
    (&SLAVEOF, |_, _| refused(NO_REPLICA)),
    (&SWAPDB, |_, _| refused("ERR SWAPDB is not allowed in cluster mode")),
];

const NO_REPLICA: &str = "ERR REPLICAOF not allowed in cluster mode.";

fn refused<T>(text: &'static str) -> Result<T, CommandError> {
    Err(CommandError::Text(text))
}

const BASE: CommandSpec = CommandSpec { family: Family::Server, ..CommandSpec::NEW };

static FAILOVER: CommandSpec = CommandSpec {
    name: "failover",
    arity: Arity::at_least(1),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::STALE),
    since: "6.2.0",
    summary: "Starts a coordinated failover from a server to one of its replicas.",
    ..BASE
};

static MOVE: CommandSpec = CommandSpec {
    name: "move",
    family: Family::Generic,
    arity: Arity::exactly(3),
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])],
    since: "1.0.0",
    summary: "Moves a key to another database.",
    ..CommandSpec::NEW
};

static REPLICAOF: CommandSpec = CommandSpec {
    name: "replicaof",
    arity: Arity::exactly(3),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::STALE),
    since: "5.0.0",
    summary: "Configures a server as replica of another, or promotes it to a master.",
    ..BASE
};

static SLAVEOF: CommandSpec = CommandSpec {
    name: "slaveof",
    since: "1.0.0",
    summary: "Sets a Redis server as a replica of another, or promotes it to being a master.",
    ..REPLICAOF
};

static SWAPDB: CommandSpec = CommandSpec {
    name: "swapdb",
    arity: Arity::exactly(3),
    flags: Flags::WRITE.union(Flags::FAST),
    acl_extra: &["keyspace", "dangerous"],
    since: "4.0.0",
    complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases.",
    summary: "Swaps two Redis databases.",
    ..BASE
};
