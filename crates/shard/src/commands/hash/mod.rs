//! Commands of the family *hash*.

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[];
