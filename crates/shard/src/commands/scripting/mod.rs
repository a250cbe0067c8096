//! Commands of the family *scripting*.

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[];
