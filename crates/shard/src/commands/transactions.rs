//! The family *transactions*: specifications only. On a connection the node runs these commands,
//! since they are about the session; inside a script the script host does.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

/// What runs although data is being loaded, a replica's data is old, or a script is running.
const ALWAYS: Flags = Flags::NOSCRIPT
    .union(Flags::LOADING)
    .union(Flags::STALE)
    .union(Flags::FAST)
    .union(Flags::ALLOW_BUSY);

/// DISCARD: drop what has been queued.
pub static DISCARD: CommandSpec = CommandSpec {
    name: "discard",
    family: Family::Transactions,
    arity: Arity::exactly(1),
    flags: ALWAYS,
    since: "2.0.0",
    complexity: "O(N), when N is the number of queued commands",
    summary: "Discards a transaction.",
    ..CommandSpec::NEW
};

/// EXEC: run what has been queued.
pub static EXEC: CommandSpec = CommandSpec {
    name: "exec",
    family: Family::Transactions,
    arity: Arity::exactly(1),
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::SKIP_SLOWLOG),
    since: "1.2.0",
    complexity: "Depends on commands in the transaction",
    summary: "Executes all commands in a transaction.",
    ..CommandSpec::NEW
};

/// MULTI: begin to queue.
pub static MULTI: CommandSpec = CommandSpec {
    name: "multi",
    family: Family::Transactions,
    arity: Arity::exactly(1),
    flags: ALWAYS,
    since: "1.2.0",
    summary: "Starts a transaction.",
    ..CommandSpec::NEW
};

/// UNWATCH: watch no key any more.
pub static UNWATCH: CommandSpec = CommandSpec {
    name: "unwatch",
    family: Family::Transactions,
    arity: Arity::exactly(1),
    flags: ALWAYS,
    since: "2.2.0",
    summary: "Forgets about watched keys of a transaction.",
    ..CommandSpec::NEW
};

/// WATCH: EXEC does nothing if one of these keys changes before.
pub static WATCH: CommandSpec = CommandSpec {
    name: "watch",
    family: Family::Transactions,
    arity: Arity::at_least(2),
    flags: ALWAYS,
    keys: &[KeySpec::rest(1, 1, Access::Ro, &[])],
    since: "2.2.0",
    complexity: "O(1) for every key.",
    summary: "Monitors changes to keys to determine the execution of a transaction.",
    ..CommandSpec::NEW
};
