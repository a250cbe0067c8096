//! `string.gsub`.
//!
//! [`gsub`] itself replaces by texts and by tables without metamethods. For the other replacements
//! the sandbox has a loop: [`begin`] looks at the arguments, [`batch`] finds some matches, the loop
//! calls what the script has given for each, [`join`] makes a piece of the result of that, and so on.

use std::ffi::c_int;
use std::ops::Range;

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
    if stack.kind(-1) == Kind::Number {
        return stack.text(-1).map(|text| append(out, &text, watch));
    }
    stack.with_bytes(-1, |text| append(out, text, watch))
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

/// Where `gsub_batch` has its list.
const LIST: c_int = 5;

/// Some matches in a row.
struct Batch {
    count: usize,
    /// Captures of each.
    width: usize,
    /// Only the first capture of each is wanted: what is wrong with others does not matter.
    first_only: bool,
    /// The place to go on at, counted from 0, if there may be more.
    next: Option<usize>,
    /// What is wrong with the pattern, seen behind these matches.
    fault: Option<Raise>,
}

/// `gsub_batch(text, pattern, at, most, list, first_only)`: fills the list with the next matches, from a place
/// on: of each the first and the last place, and the captures. Returns what is wrong with the
/// pattern, if anything is, how many matches there are, how many captures each has, and the place to
/// go on at, if there may be more. Places are counted from 1.
pub(super) fn batch(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "gsub");
    let from = (stack.number(3) as usize).saturating_sub(1);
    let most = stack.number(4) as usize;
    let first_only = stack.boolean(6);
    let batch = arguments.with_text(1, |subject| {
        arguments.with_text(2, |pattern| {
            let watch = Watch::new(host);
            let (anchored, pattern) = split_anchor(pattern);
            let mut matcher = Matcher::new(subject, pattern, &watch);
            Ok(if anchored {
                find_anchored(stack, &mut matcher, from == 0 && most > 0, first_only)
            } else {
                find_some(stack, &mut matcher, from..subject.len() + 1, most, first_only)
            })
        })
    })?;
    match batch.fault.map(|fault| watched(host, stack, Err::<(), _>(fault))) {
        Some(Err(Raise::At(text))) if host.stop.is_none() => stack.push_bytes(&text),
        Some(Err(raise)) => return Err(raise),
        Some(Ok(())) | None => stack.push_nil(),
    }
    stack.push_number(batch.count as f64);
    stack.push_number(batch.width as f64);
    match batch.next {
        Some(next) => stack.push_number((next + 1) as f64),
        None => stack.push_nil(),
    }
    Ok(4)
}

/// The one match that an anchored pattern may have, at the beginning.
fn find_anchored(
    stack: Stack,
    matcher: &mut Matcher<'_>,
    at_start: bool,
    first_only: bool,
) -> Batch {
    let mut batch = Batch { count: 0, width: 1, first_only, next: None, fault: None };
    if at_start {
        batch.fault = batch.add(stack, matcher, 0, true).err();
    }
    batch.next = None;
    batch
}

/// The next matches, at most so many.
fn find_some(
    stack: Stack,
    matcher: &mut Matcher<'_>,
    places: Range<usize>,
    most: usize,
    first_only: bool,
) -> Batch {
    let next = Some(places.start);
    let mut batch = Batch { count: 0, width: 1, first_only, next, fault: None };
    while let Some(from) = batch.next.filter(|_| batch.count < most && batch.fault.is_none()) {
        batch.next = None;
        if from < places.end {
            batch.fault = batch.add(stack, matcher, from, false).err();
        }
    }
    batch
}

impl Batch {
    /// Adds the next match to the list, if there is one.
    fn add(
        &mut self,
        stack: Stack,
        matcher: &mut Matcher<'_>,
        from: usize,
        anchored: bool,
    ) -> Result<(), Raise> {
        let Some(found) = matcher.find(from, anchored)? else { return Ok(()) };
        // A pattern has as many captures wherever it matches.
        self.width = if self.first_only { 1 } else { matcher.captures().max(1) };
        let at = self.count * (self.width + 2);
        stack.push_number((found.start + 1) as f64);
        stack.raw_set_index(LIST, at + 1);
        stack.push_number(found.end as f64);
        stack.raw_set_index(LIST, at + 2);
        for index in 0..self.width {
            push_captured(stack, &matcher.capture(index, &found)?);
            stack.raw_set_index(LIST, at + 3 + index);
        }
        self.count += 1;
        self.next = Some(found.end + usize::from(found.is_empty()));
        Ok(())
    }
}

/// `gsub_join(text, list, count, width, kept, is_last)`: the text from the place `kept` to the last
/// match of the list, or to the end, replaced by what the list has instead of the first captures.
/// Returns that, and the place after the last match.
pub(super) fn join(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let [count, width, kept] = [3, 4, 5].map(|at| stack.number(at) as usize);
    let is_last = stack.boolean(6);
    let mut out = host.libraries.take_buffer();
    let mut kept = kept.saturating_sub(1);
    let result = Arguments::new(stack, "gsub").with_text(1, |text| {
        let mut watch = Watch::new(host);
        let part = |part: Range<usize>| text.get(part).unwrap_or_default();
        for at in 0..count {
            watch.tick(out.len())?;
            (1..=3).for_each(|field| stack.raw_get_index(2, at * (width + 2) + field));
            let first = (stack.number(-3) as usize).saturating_sub(1);
            let last = stack.number(-2) as usize;
            append(&mut out, part(kept..first), &watch)?;
            match append_stacked(&mut out, stack, &watch) {
                Some(appended) => appended?,
                None => append(&mut out, part(first..last), &watch)?,
            }
            kept = last;
            stack.pop(3);
        }
        if is_last { append(&mut out, part(kept..text.len()), &watch) } else { Ok(()) }
    });
    if result.is_ok() {
        stack.push_bytes(&out);
        stack.push_number((kept + 1) as f64);
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
