//! Commands of the family *string*.

mod get;
mod getdel;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[&get::COMMAND, &getdel::COMMAND];
