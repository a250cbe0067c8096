//! Commands of the family *server* that need the keyspace of a shard, or that scripts call.

mod dbsize;
mod debug_protocol;
mod flushall;
mod lolwut;
mod memory;
mod time;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &dbsize::COMMAND,
    &debug_protocol::DEBUG,
    &debug_protocol::COMMAND,
    &flushall::FLUSHALL,
    &flushall::FLUSHDB,
    &lolwut::COMMAND,
    &memory::MEMORY,
    &memory::USAGE,
    &time::COMMAND,
];
