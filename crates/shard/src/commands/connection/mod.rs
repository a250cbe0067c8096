//! Commands of the family *connection* that a shard can answer, so that scripts and transactions
//! may use them: they need no session.

mod echo;
mod ping;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[&echo::COMMAND, &ping::COMMAND];
