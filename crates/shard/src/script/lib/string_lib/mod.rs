//! The library `string`, as far as the VM's own could not be stopped or is not that of Lua 5.1.
//!
//! | file | holds |
//! |---|---|
//! | `search` | `find`, `match` |
//! | `gmatch` | `gmatch`, which the sandbox has a part of |
//! | `gsub` | `gsub`, which the sandbox has a part of |
//! | `batch` | matches in advance, for these two |
//! | `format`, `numeral` | `format` |
//! | `rep` | `rep` |
//!
//! `byte`, `char`, `len`, `lower`, `reverse`, `sub` and `upper` are the VM's: what they do is
//! bounded by the length of their result, and so by the memory limit.
//!
//! Functions of the host do not call back into Lua. Where a replacement of `gsub` is a function, or
//! a table that has metamethods, a loop in the sandbox asks for matches and calls it.

mod batch;
mod format;
mod gmatch;
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
        ("gmatch_begin", gmatch::begin),
        ("gmatch_check", gmatch::check),
        ("gmatch_fill", gmatch::fill),
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
