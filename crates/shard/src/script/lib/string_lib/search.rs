//! `string.find` and `string.match`.

use std::ffi::c_int;
use std::ops::Range;

use super::push_captured;
use crate::script::host::Host;
use crate::script::lib::arguments::Arguments;
use crate::script::lib::pattern::{Matcher, find_plain, is_plain, split_anchor};
use crate::script::lib::{Watch, raise, watched};
use crate::script::raw::{Kind, Raise, Stack};

/// `string.find(text, pattern, init, plain)`.
pub(super) fn find(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "find");
    let result = arguments.with_text(1, |subject| {
        arguments.with_text(2, |pattern| {
            let from = start(arguments, subject.len())?;
            let watch = Watch::new(host);
            if stack.boolean(4) || is_plain(pattern) {
                let found = find_plain(&subject[from..], pattern, &watch)?;
                return Ok(push_range(stack, found.map(|at| from + at..from + at + pattern.len())));
            }
            let (anchored, pattern) = split_anchor(pattern);
            let mut matcher = Matcher::new(subject, pattern, &watch);
            let Some(found) = matcher.find(from, anchored)? else {
                return Ok(push_range(stack, None));
            };
            let places = push_range(stack, Some(found.clone()));
            let captures = matcher.captures();
            Ok(places + push_captures(stack, &matcher, &found, captures)?)
        })
    });
    watched(host, stack, result)
}

/// `string.match(text, pattern, init)`.
pub(super) fn match_(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "match");
    let result = arguments.with_text(1, |subject| {
        arguments.with_text(2, |pattern| {
            let from = start(arguments, subject.len())?;
            let watch = Watch::new(host);
            let (anchored, pattern) = split_anchor(pattern);
            let mut matcher = Matcher::new(subject, pattern, &watch);
            match matcher.find(from, anchored)? {
                Some(found) => push_captures(stack, &matcher, &found, matcher.captures().max(1)),
                None => Ok(push_range(stack, None)),
            }
        })
    });
    watched(host, stack, result)
}

/// The place to start at, counted from 0, that the third argument names.
#[inline]
fn start(arguments: Arguments, len: usize) -> Result<usize, Raise> {
    if arguments.kind(3) == Kind::Nil {
        return Ok(0);
    }
    let init = arguments.integer(3)?;
    let len = len as i64;
    let at = if init < 0 { init.saturating_add(len) } else { init - 1 };
    Ok(at.clamp(0, len) as usize)
}

/// Pushes the first and the last place, counted from 1, of what was found, or nil.
#[inline]
fn push_range(stack: Stack, found: Option<Range<usize>>) -> c_int {
    match found {
        Some(found) => {
            stack.push_number((found.start + 1) as f64);
            stack.push_number(found.end as f64);
            2
        }
        None => {
            stack.push_nil();
            1
        }
    }
}

/// Pushes the first captures of a match.
#[inline]
pub(super) fn push_captures(
    stack: Stack,
    matcher: &Matcher<'_>,
    found: &Range<usize>,
    count: usize,
) -> Result<c_int, Raise> {
    if count > 8 && !stack.ensure(count) {
        return Err(raise("stack overflow (too many captures)"));
    }
    for index in 0..count {
        push_captured(stack, &matcher.capture(index, found)?);
    }
    Ok(count as c_int)
}
