//! Matches in advance: what `gmatch` and `gsub` in the sandbox go through.
//!
//! A call of the host costs more than a match does, so the loops in the sandbox ask for some
//! matches at once. Nobody sees that: matching has no effects, and what is wrong with a pattern is
//! told when the loop has got there. Little is found in advance where matches are long or hard to
//! find.

use std::ffi::c_int;
use std::ops::Range;

use super::push_captured;
use crate::script::lib::pattern::{Captured, Matcher};
use crate::script::raw::{Raise, Stack};

/// Bytes of captures after which no more matches are looked for.
const BYTES_MAX: usize = 4096;

/// A range of places as so many bytes.
fn pack(range: &Range<usize>) -> [u8; 8] {
    (range.start as u64 | (range.end as u64) << 32).to_le_bytes()
}

/// The ranges of some packed ones.
pub(super) fn unpack(packed: &[u8]) -> impl Iterator<Item = Range<usize>> {
    packed.as_chunks().0.iter().map(|bytes| {
        let both = u64::from_le_bytes(*bytes);
        (both & u64::from(u32::MAX)) as usize..(both >> 32) as usize
    })
}

/// Some matches in a row.
pub(super) struct Batch<'a> {
    /// Gets the first place and the end of each, packed.
    pub(super) places: &'a mut Vec<u8>,
    /// Captures of each.
    pub(super) width: usize,
    /// Captures of all.
    pub(super) captures: usize,
    /// The place to go on at, counted from 0, if there may be more.
    pub(super) next: Option<usize>,
}

/// Which matches are to be found.
pub(super) struct Wanted {
    /// The place to begin at.
    pub(super) from: usize,
    /// There is no match from this place on.
    pub(super) end: usize,
    /// There is none but at the place to begin at.
    pub(super) anchored: bool,
    /// Most matches.
    pub(super) most: usize,
    /// Only the first capture of each is of interest.
    pub(super) first_only: bool,
}

impl<'a> Batch<'a> {
    /// Finds matches, at least one if there is one, and puts their captures into the list at the
    /// place `list` of the stack, behind its first `skip` items.
    ///
    /// # Errors
    /// What is wrong with the pattern, seen before the first match. What is seen behind it will be
    /// seen again.
    pub(super) fn find(
        stack: Stack,
        (list, skip): (c_int, usize),
        matcher: &mut Matcher<'_>,
        wanted: &Wanted,
        places: &'a mut Vec<u8>,
    ) -> Result<Self, Raise> {
        let mut batch = Batch { places, width: 1, captures: 0, next: Some(wanted.from) };
        let (mut count, mut bytes) = (0, 0);
        while let Some(from) = batch.next.filter(|_| count < wanted.most && bytes < BYTES_MAX) {
            if from >= wanted.end || (wanted.anchored && count > 0) {
                batch.next = None;
                break;
            }
            match batch.add(stack, (list, skip), matcher, from, wanted) {
                Ok(more) => bytes += more,
                Err(fault) if count == 0 => return Err(fault),
                Err(_) => break,
            }
            count += 1;
            if matcher.was_long() {
                break;
            }
        }
        Ok(batch)
    }

    /// Adds the next match, if there is one. Returns the length of its captures.
    fn add(
        &mut self,
        stack: Stack,
        (list, skip): (c_int, usize),
        matcher: &mut Matcher<'_>,
        from: usize,
        wanted: &Wanted,
    ) -> Result<usize, Raise> {
        let Some(found) = matcher.find(from, wanted.anchored)? else {
            self.next = None;
            return Ok(0);
        };
        // A pattern has as many captures wherever it matches.
        let width = if wanted.first_only { 1 } else { matcher.captures().max(1) };
        let mut bytes = 0;
        for index in 0..width {
            let captured = matcher.capture(index, &found)?;
            if let Captured::Text(text) = captured {
                bytes += text.len();
            }
            push_captured(stack, &captured);
            stack.raw_set_index(list, skip + self.captures + index + 1);
        }
        self.width = width;
        self.captures += width;
        self.next = Some(found.end + usize::from(found.is_empty()));
        self.places.extend_from_slice(&pack(&found));
        Ok(bytes)
    }
}
