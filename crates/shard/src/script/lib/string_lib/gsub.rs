//! `string.gsub`.
//!
//! [`gsub`] itself replaces by texts and by tables without metamethods. For the other replacements
//! the sandbox has a loop: [`begin`] looks at the arguments, [`batch`] finds some matches, the loop
//! calls what the script has given for each, [`join`] makes a piece of the result of that, and so
//! on.

use std::ffi::c_int;
use std::ops::Range;

use super::batch::{Batch, Wanted, unpack};
use super::{append, push_captured};
use crate::script::host::Host;
use crate::script::lib::arguments::Arguments;
use crate::script::lib::pattern::{Captured, Matcher, split_anchor};
use crate::script::lib::{Watch, raise, watched};
use crate::script::raw::{Kind, Raise, Stack};

/// A replacement.
#[derive(Clone, Copy)]
enum Replacement<'a> {
    Text(&'a [u8]),
    /// The table that is the third argument.
    Table,
}

/// `string.gsub(text, pattern, replacement, count)`.
pub(super) fn gsub(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "gsub");
    let mut out = host.libraries.take_buffer();
    let result = arguments.with_text(1, |subject| {
        arguments.with_text(2, |pattern| {
            let most = most(arguments)?;
            let watch = Watch::new(host);
            let (anchored, pattern) = split_anchor(pattern);
            let matcher = Matcher::new(subject, pattern, &watch);
            let mut run =
                Gsub { stack, subject, anchored, most, watch: &watch, matcher, out: &mut out };
            match arguments.kind(3) {
                Kind::Table => run.replace(Replacement::Table),
                Kind::String | Kind::Number => {
                    arguments.with_text(3, |text| run.replace(Replacement::Text(text)))
                }
                _ => Err(arguments.error(3, "string/function/table expected")),
            }
        })
    });
    if let Ok(count) = result {
        if count == 0 {
            arguments.push_text(1);
        } else {
            stack.push_bytes(&out);
        }
        stack.push_number(count as f64);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, result).map(|_| 2)
}

/// Most replacements; none where the fourth argument is missing.
fn most(arguments: Arguments) -> Result<usize, Raise> {
    if arguments.kind(4) == Kind::Nil {
        return Ok(usize::MAX);
    }
    arguments.int(4).map(|most| usize::try_from(most).unwrap_or(0))
}

/// A `gsub` under way.
struct Gsub<'a> {
    stack: Stack,
    subject: &'a [u8],
    anchored: bool,
    most: usize,
    watch: &'a Watch<'a>,
    matcher: Matcher<'a>,
    out: &'a mut Vec<u8>,
}

impl Gsub<'_> {
    /// Returns how many matches there were. Where there was none, `out` has nothing.
    fn replace(&mut self, replacement: Replacement<'_>) -> Result<usize, Raise> {
        let (mut count, mut kept, mut at) = (0, 0, 0);
        while count < self.most && at <= self.subject.len() {
            let Some(found) = self.matcher.find(at, self.anchored)? else { break };
            count += 1;
            self.append(kept..found.start)?;
            kept = found.end;
            match replacement {
                Replacement::Text(text) => self.append_text(text, &found)?,
                Replacement::Table => self.append_value(&found)?,
            }
            at = found.end + usize::from(found.is_empty());
            if self.anchored {
                break;
            }
        }
        if count > 0 {
            self.append(kept..self.subject.len())?;
        }
        Ok(count)
    }

    /// Appends a part of the subject.
    #[inline]
    fn append(&mut self, part: Range<usize>) -> Result<(), Raise> {
        append(self.out, &self.subject[part], self.watch)
    }

    /// Appends a replacement text, in which `%1` stands for a capture and `%` for the next byte.
    fn append_text(&mut self, text: &[u8], found: &Range<usize>) -> Result<(), Raise> {
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'%', rest) {
            append(self.out, &rest[..at], self.watch)?;
            // Lua reads the zero behind a text that ends with a `%`.
            let next = rest.get(at + 1).copied().unwrap_or(0);
            rest = rest.get(at + 2..).unwrap_or_default();
            match next {
                b'0' => self.append(found.clone())?,
                b'1'..=b'9' => {
                    let captured = self.matcher.capture(usize::from(next - b'1'), found)?;
                    append_captured(self.out, &captured, self.watch)?;
                }
                _ => self.out.push(next),
            }
        }
        append(self.out, rest, self.watch)
    }

    /// Appends what the table has for the first capture.
    fn append_value(&mut self, found: &Range<usize>) -> Result<(), Raise> {
        let stack = self.stack;
        push_captured(stack, &self.matcher.capture(0, found)?);
        stack.raw_get(3);
        let result = match stack.kind(-1) {
            Kind::Nil => self.append(found.clone()),
            Kind::Boolean if !stack.boolean(-1) => self.append(found.clone()),
            _ => append_stacked(self.out, stack, self.watch).unwrap_or_else(|| {
                Err(raise(format!("invalid replacement value (a {})", stack.kind_name(-1))))
            }),
        };
        stack.pop(1);
        result
    }
}

fn append_captured(
    out: &mut Vec<u8>,
    captured: &Captured<'_>,
    watch: &Watch<'_>,
) -> Result<(), Raise> {
    match captured {
        Captured::Text(text) => append(out, text, watch),
        Captured::Position(at) => append(out, itoa::Buffer::new().format(*at).as_bytes(), watch),
    }
}

/// Appends the string or number on top of the stack; `None` when it is something else.
fn append_stacked(out: &mut Vec<u8>, stack: Stack, watch: &Watch<'_>) -> Option<Result<(), Raise>> {
    match stack.kind(-1) {
        Kind::String => Some(stack.with_string(-1, |text| append(out, text, watch))),
        Kind::Number => stack.text(-1).map(|text| append(out, &text, watch)),
        _ => None,
    }
}

/// `gsub_begin(text, pattern, replacement, count)`: text, pattern and count as the loop needs them;
/// nothing where [`gsub`] is to be called, which either can do it or has an error to raise.
pub(super) fn begin(_: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "gsub");
    let is_text = |at| matches!(stack.kind(at), Kind::String | Kind::Number);
    let is_plain = stack.kind(3) == Kind::Table && !stack.has_metatable(3);
    if is_plain || !is_text(1) || !is_text(2) {
        return Ok(0);
    }
    let Ok(most) = most(arguments) else { return Ok(0) };
    arguments.push_text(1);
    arguments.push_text(2);
    stack.push_number(most as f64);
    Ok(3)
}

/// `gsub_batch(text, pattern, at, most, list, first_only)`: fills the list with the captures of the
/// next matches, or the first of each, from a place on (counted from 0). Returns the places of the
/// matches, for [`join`], how many captures each has, and the place to go on at, if there may be
/// more; nil and what is wrong with the pattern, if anything is.
pub(super) fn batch(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "gsub");
    let (from, most) = (stack.number(3) as usize, stack.number(4) as usize);
    let first_only = stack.boolean(6);
    let mut places = host.libraries.take_buffer();
    let found = arguments.with_text(1, |text| {
        arguments.with_text(2, |pattern| {
            let watch = Watch::new(host);
            let (anchored, pattern) = split_anchor(pattern);
            let mut matcher = Matcher::new(text, pattern, &watch);
            let end = if anchored { 1 } else { text.len() + 1 };
            let wanted = Wanted { from, end, anchored, most, first_only };
            let batch = Batch::find(stack, (5, 0), &mut matcher, &wanted, &mut places)?;
            Ok((batch.next, batch.width))
        })
    });
    let found = match watched(host, stack, found) {
        Ok((next, width)) => {
            stack.push_bytes(&places);
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
    };
    host.libraries.put_buffer(places);
    found
}

/// `gsub_join(text, list, places, width, kept, is_last)`: the text from the place `kept` (counted
/// from 0) to the last match, or to the end, with what the list has instead of the first captures
/// in place of the matches; false leaves a match. Returns that, and the place after the last match.
pub(super) fn join(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "gsub");
    let (width, mut kept) = (stack.number(4) as usize, stack.number(5) as usize);
    let is_last = stack.boolean(6);
    let mut out = host.libraries.take_buffer();
    let result = arguments.with_text(1, |text| {
        arguments.with_text(3, |places| {
            let mut watch = Watch::new(host);
            for (at, found) in unpack(places).enumerate() {
                watch.tick(out.len())?;
                append(&mut out, &text[kept..found.start], &watch)?;
                kept = found.end;
                stack.raw_get_item(2, at * width + 1);
                match append_stacked(&mut out, stack, &watch) {
                    Some(appended) => appended?,
                    None => append(&mut out, &text[found], &watch)?,
                }
                stack.pop(1);
            }
            if is_last { append(&mut out, &text[kept..], &watch) } else { Ok(()) }
        })
    });
    if result.is_ok() {
        stack.push_bytes(&out);
        stack.push_number(kept as f64);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, result).map(|()| 2)
}

/// `gsub_concat(list, count)`: the texts of a list, one after the other.
pub(super) fn concat(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let count = stack.number(2) as usize;
    let mut out = host.libraries.take_buffer();
    let mut watch = Watch::new(host);
    let result = (1..=count).try_for_each(|at| {
        watch.tick(out.len())?;
        stack.raw_get_index(1, at);
        append_stacked(&mut out, stack, &watch).unwrap_or(Ok(()))?;
        stack.pop(1);
        Ok(())
    });
    if result.is_ok() {
        stack.push_bytes(&out);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, result).map(|()| 1)
}

/// `gsub_fail(text)`: raises an error of `gsub`, with the position of the script.
pub(super) fn fail(_: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    Err(Raise::At(stack.text(1).unwrap_or_default()))
}
