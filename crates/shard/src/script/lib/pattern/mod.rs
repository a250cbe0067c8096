//! Patterns of Lua 5.1, matched so that it can be stopped.
//!
//! The VM's own matcher runs within one call of a C function, where no hook runs: a pattern that
//! backtracks without end would hold its shard. This one counts its steps and looks at the
//! [`Watch`](super::Watch) while it works.
//!
//! | file | holds |
//! |---|---|
//! | `matcher` | the matcher: where a pattern matches, and what it captures |
//! | `class` | what one item matches: a byte, a class, a set |
//! | `plain` | the search for a text without patterns |
//! | `fault` | what is wrong with a pattern |
//!
//! # Invariants
//! - I1. The matcher recurses as deep as a pattern has items that may be tried again, up to 200 as
//!   in LuaJIT, and never as deep as the subject is long.
//! - I2. Between two looks at the watch lies a bounded amount of work, whatever the lengths of
//!   subject and pattern.
//! - I3. Nothing is allocated for a match.
//!
//! A zero byte is a byte like others, in subjects and in patterns.

mod class;
mod fault;
mod matcher;
mod plain;

pub(super) use matcher::{Captured, Matcher};
pub(super) use plain::{find_plain, is_plain};

/// Splits the anchor (`^`) off a pattern, for the functions that know it.
pub(super) fn split_anchor(pattern: &[u8]) -> (bool, &[u8]) {
    match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    }
}

#[cfg(test)]
#[path = "pattern_test.rs"]
mod tests;
