//! The library `string`, as far as the VM's own could not be stopped or is not that of Lua 5.1.
//!
//! | file | holds |
//! |---|---|
//! | `search` | `find`, `match`, `gmatch` |
//! | `gsub` | `gsub`, and the parts of it that the sandbox drives |
//! | `format`, `numeral` | `format` |
//! | `rep` | `rep` |
//!
//! `byte`, `char`, `len`, `lower`, `reverse`, `sub` and `upper` are the VM's: what they do is
//! bounded by the length of their result, and so by the memory limit.
//!
//! Functions of the host do not call back into Lua. Where a replacement of `gsub` is a function, or a
//! table that has metamethods, a loop in the sandbox asks for matches and calls it. What `gmatch`
//! returns is a closure of the sandbox, too: the JIT compiler takes all closures of one Lua function
//! for the same, but closures of the host for different functions, and would compile each anew.

mod format;
mod gsub;
mod numeral;
mod rep;
mod search;

use super::pattern::Captured;
use super::{Library, Watch};
use crate::script::raw::{Raise, Stack};

/// Bytes that are copied between two looks at the watch.
const BLOCK: usize = 1 << 20;

pub(super) const LIBRARY: Library = Library {
    name: "string",
    functions: &[
        ("find", search::find),
        ("format", format::format),
        ("gmatch_check", search::gmatch_check),
        ("gmatch_next", search::gmatch_next),
        ("gsub", gsub::gsub),
        ("gsub_batch", gsub::batch),
        ("gsub_begin", gsub::begin),
        ("gsub_concat", gsub::concat),
        ("gsub_fail", gsub::fail),
        ("gsub_join", gsub::join),
        ("match", search::match_),
        ("rep", rep::rep),
    ],
    texts: &[],
};

/// Pushes what a capture has caught.
#[inline]
fn push_captured(stack: Stack, captured: &Captured<'_>) {
    match captured {
        Captured::Text(text) => stack.push_bytes(text),
        Captured::Position(at) => stack.push_number(*at as f64),
    }
}

/// Appends to a result, within the limit.
#[inline]
fn append(out: &mut Vec<u8>, text: &[u8], watch: &Watch<'_>) -> Result<(), Raise> {
    watch.fits(out.len() + text.len())?;
    if text.len() <= BLOCK {
        out.extend_from_slice(text);
        return Ok(());
    }
    for block in text.chunks(BLOCK) {
        watch.look()?;
        out.extend_from_slice(block);
    }
    Ok(())
}

#[cfg(test)]
mod native_test;
#[cfg(test)]
mod string_test;
