//! Commands of the family *pub/sub* that run on a shard: those that publish. Subscribing concerns
//! the connection, and the node does it.

mod publish;
mod spublish;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[&publish::COMMAND, &spublish::COMMAND];
