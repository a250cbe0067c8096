//! Commands of the family *generic*.

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[];
