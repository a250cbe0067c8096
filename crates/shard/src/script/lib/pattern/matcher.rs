//! The matcher: tries a pattern at a place, and goes back to try again where it may.

use std::ops::Range;

use super::class::{Class, Set, Table};
use super::fault::Miss;
use crate::script::lib::Watch;
use crate::script::raw::Raise;

/// Most captures of a pattern.
const CAPTURES_MAX: usize = 32;

/// How deep the matcher recurses: items of a pattern that may be tried again.
const DEPTH_MAX: u32 = 200;

/// Steps between two looks at the watch: some tens of microseconds.
const LOOK_EVERY: usize = 4096;

/// Bytes of the subject that are looked at in a row without counting steps.
const SLICE: usize = 4096;

/// Bytes of a fast loop that count as one step.
const BYTES_A_STEP: usize = 16;

/// Looking for a byte in a set longer than this counts as steps.
const SHORT_SET: usize = 256;

/// So many bytes in a row that are of a set make it worth while to write it out as a table.
const TABLE_AFTER: usize = 16;

/// A part of the subject.
#[derive(Clone, Copy)]
struct Capture {
    start: u32,
    /// Or one of the two below: strings of the VM are shorter than 2^31.
    len: u32,
}

/// The length of a capture whose `)` has not been met.
const OPEN: u32 = u32::MAX;

/// The length of `()`.
const POSITION: u32 = u32::MAX - 1;

/// What a capture has caught.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::script::lib) enum Captured<'s> {
    Text(&'s [u8]),
    /// Counted from 1.
    Position(usize),
}

/// A pattern and a subject.
pub(in crate::script::lib) struct Matcher<'a> {
    subject: &'a [u8],
    pattern: &'a [u8],
    watch: &'a Watch<'a>,
    steps_left: usize,
    /// It has looked at the watch.
    looked: bool,
    depth: u32,
    /// How many captures there are.
    level: usize,
    captures: [Capture; CAPTURES_MAX],
}

impl<'a> Matcher<'a> {
    /// A matcher for a pattern without its anchor.
    #[inline]
    pub(in crate::script::lib) fn new(
        subject: &'a [u8],
        pattern: &'a [u8],
        watch: &'a Watch<'a>,
    ) -> Self {
        debug_assert!(subject.len() < POSITION as usize);
        let captures = [Capture { start: 0, len: 0 }; CAPTURES_MAX];
        Self {
            subject,
            pattern,
            watch,
            steps_left: LOOK_EVERY,
            looked: false,
            depth: 0,
            level: 0,
            captures,
        }
    }

    /// The first match that begins at `from` or later; `anchored`, at `from` only.
    ///
    /// # Errors
    /// There is something wrong with the pattern, or the script is to end.
    #[inline]
    pub(in crate::script::lib) fn find(
        &mut self,
        from: usize,
        anchored: bool,
    ) -> Result<Option<Range<usize>>, Raise> {
        let first = if anchored { None } else { self.plain_byte(0) };
        let mut at = from;
        loop {
            if let Some(first) = first {
                match self.skip_to(first, at) {
                    Ok(next) => at = next,
                    Err(Miss::Here) => return Ok(None),
                    Err(fault) => return Err(fault.raise()),
                }
            }
            (self.level, self.depth) = (0, 0);
            match self.try_rest(at, 0) {
                Ok(end) => return Ok(Some(at..end)),
                Err(Miss::Here) => {}
                Err(fault) => return Err(fault.raise()),
            }
            if anchored || at >= self.subject.len() {
                return Ok(None);
            }
            at += 1;
        }
    }

    /// How many captures the match has.
    #[inline]
    pub(in crate::script::lib) fn captures(&self) -> usize {
        self.level
    }

    /// A capture of the match that is at `whole`, counted from 0. Without captures the first is the
    /// whole match.
    ///
    /// # Errors
    /// There is none, or it has no end.
    #[inline]
    pub(in crate::script::lib) fn capture(
        &self,
        index: usize,
        whole: &Range<usize>,
    ) -> Result<Captured<'a>, Raise> {
        match self.captures[..self.level].get(index) {
            None if index == 0 => Ok(Captured::Text(&self.subject[whole.clone()])),
            None => Err(Miss::InvalidCaptureIndex.raise()),
            Some(Capture { len: OPEN, .. }) => Err(Miss::UnfinishedCapture.raise()),
            Some(Capture { start, len: POSITION }) => Ok(Captured::Position(*start as usize + 1)),
            Some(capture) => Ok(Captured::Text(self.text_of(*capture))),
        }
    }

    /// Whether what it has done so far took long enough to look at the watch.
    pub(in crate::script::lib) fn was_long(&self) -> bool {
        self.looked
    }

    fn text_of(&self, Capture { start, len }: Capture) -> &'a [u8] {
        &self.subject[start as usize..][..len as usize]
    }

    /// The byte that whatever the pattern matches from `p` on begins with, where that is plain to
    /// see.
    #[inline]
    fn plain_byte(&self, p: usize) -> Option<u8> {
        match self.pattern[p..] {
            [b'(' | b')' | b'%' | b'.' | b'[' | b'$', ..] => None,
            [_, b'*' | b'?' | b'-', ..] => None,
            [first, ..] => Some(first),
            [] => None,
        }
    }

    /// [`Self::try_rest`], if the byte at the place `s` is the one that the rest begins with.
    #[inline(always)]
    fn try_rest_if(&mut self, next: Option<u8>, s: usize, p: usize) -> Result<usize, Miss> {
        if next.is_some() && self.subject.get(s).copied() != next {
            self.spend(1)?;
            return Err(Miss::Here);
        }
        self.try_rest(s, p)
    }

    /// The next place with that byte.
    #[inline]
    fn skip_to(&mut self, byte: u8, from: usize) -> Result<usize, Miss> {
        let mut at = from;
        for slice in self.subject[from..].chunks(SLICE) {
            let found = memchr::memchr(byte, slice);
            self.spend(found.unwrap_or(slice.len()) / BYTES_A_STEP)?;
            if let Some(found) = found {
                return Ok(at + found);
            }
            at += slice.len();
        }
        Err(Miss::Here)
    }

    /// Counts steps and, now and then, looks whether the script is to end.
    #[inline(always)]
    fn spend(&mut self, steps: usize) -> Result<(), Miss> {
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => self.look(),
        }
    }

    #[cold]
    fn look(&mut self) -> Result<(), Miss> {
        (self.steps_left, self.looked) = (LOOK_EVERY, true);
        self.watch.look().map_err(|_| Miss::Ended)
    }

    /// Matches the pattern from `p` on at the place `s`, one level deeper. Returns where the match
    /// ends.
    fn try_rest(&mut self, s: usize, p: usize) -> Result<usize, Miss> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Miss::TooComplex);
        }
        let result = self.match_items(s, p);
        self.depth -= 1;
        result
    }

    /// Goes along the pattern as long as there is one way to go.
    fn match_items(&mut self, mut s: usize, mut p: usize) -> Result<usize, Miss> {
        loop {
            self.spend(1)?;
            let Some(&first) = self.pattern.get(p) else { return Ok(s) };
            let end = match first {
                b'(' => return self.open_capture(s, p + 1),
                b')' => return self.close_capture(s, p + 1),
                b'$' if p + 1 == self.pattern.len() => {
                    return if s == self.subject.len() { Ok(s) } else { Err(Miss::Here) };
                }
                b'%' => match self.pattern.get(p + 1) {
                    None => return Err(Miss::EndsWithPercent),
                    Some(b'b') => {
                        s = self.match_balance(s, p + 2)?;
                        p += 4;
                        continue;
                    }
                    Some(b'f') => {
                        p = self.match_frontier(s, p + 2)?;
                        continue;
                    }
                    Some(&digit) if digit.is_ascii_digit() => {
                        s = self.match_capture(s, digit)?;
                        p += 2;
                        continue;
                    }
                    Some(_) => p + 2,
                },
                b'[' => self.set_end(p)?,
                _ => p + 1,
            };
            match self.pattern.get(end) {
                Some(b'?') => {
                    if self.has_single(s, p, end)? {
                        match self.try_rest(s + 1, end + 1) {
                            Err(Miss::Here) => {}
                            done => return done,
                        }
                    }
                    p = end + 1;
                }
                Some(b'*') => return self.match_most(s, p, end, 0),
                Some(b'+') => return self.match_most(s, p, end, 1),
                Some(b'-') => return self.match_least(s, p, end),
                _ if self.has_single(s, p, end)? => (s, p) = (s + 1, end),
                _ => return Err(Miss::Here),
            }
        }
    }

    /// Where the set ends that begins at `p`. Its first byte does not end it.
    fn set_end(&mut self, p: usize) -> Result<usize, Miss> {
        let mut at = if self.pattern.get(p + 1) == Some(&b'^') { p + 2 } else { p + 1 };
        loop {
            if at % SLICE == 0 {
                self.spend(SLICE / BYTES_A_STEP)?;
            }
            match self.pattern.get(at) {
                None => return Err(Miss::MissingBracket),
                // What it escapes is not looked at, if there is something.
                Some(b'%') if at + 1 < self.pattern.len() => at += 2,
                Some(_) => at += 1,
            }
            if self.pattern.get(at) == Some(&b']') {
                return Ok(at + 1);
            }
        }
    }

    /// Whether the item from `p` to `end` matches at the place `s`.
    #[inline(always)]
    fn has_single(&mut self, s: usize, p: usize, end: usize) -> Result<bool, Miss> {
        let Some(&byte) = self.subject.get(s) else { return Ok(false) };
        match self.pattern[p] {
            b'.' => Ok(true),
            b'%' => Ok(Class::of(self.pattern[p + 1]).has(byte)),
            b'[' => self.has_in_set(byte, p, end),
            own => Ok(byte == own),
        }
    }

    /// Whether the set from `p` to `end` has a byte.
    fn has_in_set(&mut self, byte: u8, p: usize, end: usize) -> Result<bool, Miss> {
        let set = Set::new(&self.pattern[p..end]);
        if end - p <= SHORT_SET {
            return Ok(set.has(byte));
        }
        for element in set.elements() {
            self.spend(1)?;
            if element.has(byte) {
                return Ok(!set.is_inverted());
            }
        }
        Ok(set.is_inverted())
    }

    /// Repeats an item as often as it matches, `least` times at least, and then less often until
    /// the rest matches, too.
    fn match_most(&mut self, s: usize, p: usize, end: usize, least: usize) -> Result<usize, Miss> {
        let mut count = self.count_in_a_row(s, p, end)?;
        if end + 1 == self.pattern.len() && count >= least {
            return Ok(s + count);
        }
        let next = self.plain_byte(end + 1);
        while count >= least {
            match self.try_rest_if(next, s + count, end + 1) {
                Err(Miss::Here) => {}
                done => return done,
            }
            if count == 0 {
                break;
            }
            count -= 1;
        }
        Err(Miss::Here)
    }

    /// How many bytes in a row, from the place `s` on, the item from `p` to `end` matches.
    fn count_in_a_row(&mut self, s: usize, p: usize, end: usize) -> Result<usize, Miss> {
        match self.pattern[p] {
            b'.' => Ok(self.subject.len() - s),
            b'%' => {
                let class = Class::of(self.pattern[p + 1]);
                self.count_while(s, |byte| class.has(byte))
            }
            b'[' => self.count_in_set(s, p, end),
            own => self.count_while(s, |byte| byte == own),
        }
    }

    fn count_in_set(&mut self, s: usize, p: usize, end: usize) -> Result<usize, Miss> {
        let set = Set::new(&self.pattern[p..end]);
        if end - p <= SHORT_SET {
            let start = &self.subject[s..self.subject.len().min(s + TABLE_AFTER)];
            match start.iter().position(|&byte| !set.has(byte)) {
                Some(other) => return Ok(other),
                None if start.len() < TABLE_AFTER => return Ok(start.len()),
                None => {}
            }
        }
        let mut table = Table::new();
        for element in set.elements() {
            self.spend(1)?;
            table.add(element);
        }
        let table = table.complete(set);
        self.count_while(s, |byte| table.has(byte))
    }

    #[inline]
    fn count_while(&mut self, s: usize, has: impl Fn(u8) -> bool) -> Result<usize, Miss> {
        let mut count = 0;
        for slice in self.subject[s..].chunks(SLICE) {
            let other = slice.iter().position(|&byte| !has(byte));
            count += other.unwrap_or(slice.len());
            self.spend(other.unwrap_or(slice.len()) / BYTES_A_STEP)?;
            if other.is_some() {
                break;
            }
        }
        Ok(count)
    }

    /// Repeats an item as seldom as the rest allows.
    fn match_least(&mut self, s: usize, p: usize, end: usize) -> Result<usize, Miss> {
        let mut at = s;
        let next = self.plain_byte(end + 1);
        loop {
            match self.try_rest_if(next, at, end + 1) {
                Err(Miss::Here) => {}
                done => return done,
            }
            if !self.has_single(at, p, end)? {
                return Err(Miss::Here);
            }
            at += 1;
        }
    }

    /// A capture that begins at the place `s`, or is that place: `p` is after the `(`.
    fn open_capture(&mut self, s: usize, p: usize) -> Result<usize, Miss> {
        let (len, p) =
            if self.pattern.get(p) == Some(&b')') { (POSITION, p + 1) } else { (OPEN, p) };
        let level = self.level;
        let Some(capture) = self.captures.get_mut(level) else {
            return Err(Miss::TooManyCaptures);
        };
        *capture = Capture { start: s as u32, len };
        self.level = level + 1;
        let result = self.try_rest(s, p);
        if result.is_err() {
            self.level = level;
        }
        result
    }

    fn close_capture(&mut self, s: usize, p: usize) -> Result<usize, Miss> {
        let open = self.captures[..self.level].iter().rposition(|capture| capture.len == OPEN);
        let Some(index) = open else { return Err(Miss::InvalidCapture) };
        let start = self.captures[index].start;
        self.captures[index].len = s as u32 - start;
        let result = self.try_rest(s, p);
        if result.is_err() {
            self.captures[index].len = OPEN;
        }
        result
    }

    /// `%1`: what a capture has caught, once more.
    fn match_capture(&mut self, s: usize, digit: u8) -> Result<usize, Miss> {
        // `%0` is the last byte of all, which no capture is.
        let index = usize::from(digit.wrapping_sub(b'1'));
        match self.captures[..self.level].get(index) {
            None | Some(Capture { len: OPEN, .. }) => Err(Miss::InvalidCaptureIndex),
            Some(Capture { len: POSITION, .. }) => Err(Miss::Here),
            Some(&capture) => {
                self.spend(capture.len as usize / BYTES_A_STEP)?;
                let caught = self.text_of(capture);
                if self.subject[s..].starts_with(caught) {
                    Ok(s + caught.len())
                } else {
                    Err(Miss::Here)
                }
            }
        }
    }

    /// `%bxy`, its two bytes at `p`.
    fn match_balance(&mut self, s: usize, p: usize) -> Result<usize, Miss> {
        let Some(&[open, close]) = self.pattern.get(p..p + 2) else {
            return Err(Miss::Unbalanced);
        };
        if self.subject.get(s) != Some(&open) {
            return Err(Miss::Here);
        }
        let (mut depth, mut at) = (1usize, s + 1);
        while let Some(&byte) = self.subject.get(at) {
            self.spend(1)?;
            at += 1;
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Err(Miss::Here)
    }

    /// `%f`, its set at `p`: the byte before is not of the set and the next is; before the
    /// beginning and after the end lies a zero. Returns where the set ends.
    fn match_frontier(&mut self, s: usize, p: usize) -> Result<usize, Miss> {
        if self.pattern.get(p) != Some(&b'[') {
            return Err(Miss::MissingSetOfFrontier);
        }
        let end = self.set_end(p)?;
        let before = if s == 0 { 0 } else { self.subject[s - 1] };
        let next = self.subject.get(s).copied().unwrap_or(0);
        let begins = !self.has_in_set(before, p, end)? && self.has_in_set(next, p, end)?;
        if begins { Ok(end) } else { Err(Miss::Here) }
    }
}
