//! `string.gmatch`.
//!
//! The sandbox has the closure that it returns: the JIT compiler takes all closures of one Lua
//! function for the same, but closures of the host for different functions, and would compile each
//! anew. It goes through a list of captures, which [`fill`] fills.

use std::ffi::c_int;

use super::batch::{Batch, Wanted};
use crate::script::host::Host;
use crate::script::lib::arguments::Arguments;
use crate::script::lib::pattern::Matcher;
use crate::script::lib::{Watch, watched};
use crate::script::raw::{Kind, Raise, Stack};

/// Items of the list before the captures, which are the sandbox's.
const STATE: usize = 6;

/// Most matches in advance, for a loop that has just begun and for one that goes on.
const FIRST: usize = 8;
const MOST: usize = 32;

/// `gmatch_begin(text, pattern)`: both as strings; nothing where one is neither that nor a number.
pub(super) fn begin(_: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    if [1, 2].iter().any(|&at| !matches!(stack.kind(at), Kind::String | Kind::Number)) {
        return Ok(0);
    }
    let arguments = Arguments::new(stack, "gmatch");
    arguments.push_text(1);
    arguments.push_text(2);
    Ok(2)
}

/// Raises what is wrong with the arguments of `string.gmatch`.
pub(super) fn check(_: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "gmatch");
    arguments.with_text(1, |_| Ok(()))?;
    arguments.with_text(2, |_| Ok(()))?;
    Ok(0)
}

/// `gmatch_fill(text, pattern, at, list)`: puts the next matches, from a place on (counted from 0),
/// into the list. Returns how many captures there are, how many each match has, and the place to go
/// on at, if there may be more; nil and what is wrong with the pattern, if anything is.
pub(super) fn fill(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "gmatch");
    let from = stack.number(3) as usize;
    let mut places = host.libraries.take_buffer();
    let found = arguments.with_text(1, |text| {
        arguments.with_text(2, |pattern| {
            let watch = Watch::new(host);
            // A `^` is a byte like others here.
            let mut matcher = Matcher::new(text, pattern, &watch);
            let (end, most) = (text.len() + 1, if from == 0 { FIRST } else { MOST });
            let wanted = Wanted { from, end, anchored: false, most, first_only: false };
            let batch = Batch::find(stack, (4, STATE), &mut matcher, &wanted, &mut places)?;
            Ok((batch.captures, batch.width, batch.next))
        })
    });
    host.libraries.put_buffer(places);
    match watched(host, stack, found) {
        Ok((captures, width, next)) => {
            stack.push_number(captures as f64);
            stack.push_number(width as f64);
            match next {
                Some(next) => stack.push_number(next as f64),
                None => stack.push_nil(),
            }
            Ok(3)
        }
        Err(Raise::At(text)) if host.stop.is_none() => {
            stack.push_nil();
            stack.push_bytes(&text);
            Ok(2)
        }
        Err(raise) => Err(raise),
    }
}
