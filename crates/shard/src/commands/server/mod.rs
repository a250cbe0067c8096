//! Commands of the family *server* that need the keyspace of a shard.

mod time;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[&time::COMMAND];
