//! Finds the bytes of a string that are not simply copied, sixteen at a time.

use crate::script::raw::{find_any, find_control_or_any};

/// Bytes that are looked at together.
const BLOCK: usize = 16;

#[inline]
pub(super) fn words_of(block: &[u8; BLOCK]) -> [u64; 2] {
    let (words, _) = block.as_chunks();
    [u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])]
}

/// The place of the first byte that `find` finds in a block; the length when there is none.
#[inline(always)]
fn first(text: &[u8], find: impl Fn([u64; 2]) -> u32) -> usize {
    let Some(last) = text.last_chunk() else { return first_of_short(text, find) };
    let (blocks, rest) = text.as_chunks();
    for (at, block) in blocks.iter().enumerate() {
        let found = find(words_of(block));
        if found != 0 {
            return at * BLOCK + found.trailing_zeros() as usize;
        }
    }
    // The last block again has bytes of the one before, in which nothing was found.
    let found = if rest.is_empty() { 0 } else { find(words_of(last)) };
    if found == 0 { text.len() } else { text.len() - BLOCK + found.trailing_zeros() as usize }
}

/// [`first`] of a text that is shorter than a block. What is looked at is its beginning and its
/// end.
#[inline(always)]
fn first_of_short(text: &[u8], find: impl Fn([u64; 2]) -> u32) -> usize {
    let (words, end) = if let (Some(head), Some(tail)) = (text.first_chunk(), text.last_chunk()) {
        ([u64::from_le_bytes(*head), u64::from_le_bytes(*tail)], 16)
    } else if let (Some(head), Some(tail)) = (text.first_chunk(), text.last_chunk()) {
        let tail = u64::from(u32::from_le_bytes(*tail)) << 32;
        ([tail | u64::from(u32::from_le_bytes(*head)); 2], 8)
    } else {
        let byte = |at: usize| u64::from(text.get(at).copied().unwrap_or(b' '));
        let spaces = u64::from_le_bytes(*b"\0\0\0     ");
        ([byte(0) | byte(1) << 8 | byte(2) << 16 | spaces; 2], 0)
    };
    let found = find(words);
    if found == 0 {
        return text.len();
    }
    let at = found.trailing_zeros() as usize;
    // Those of the second half are counted from the end.
    if at < end / 2 || end == 0 { at } else { text.len() + at - end }
}

const END: [u8; 2] = *b"\"\\";

/// Where a string of JSON ends or has an escape.
#[inline]
pub(super) fn find_end(text: &[u8]) -> usize {
    first(text, |words| find_any(words, END))
}

/// The same in a block; `None` when there is none.
#[inline]
pub(super) fn find_end_in(words: [u64; 2]) -> Option<usize> {
    let found = find_any(words, END);
    (found != 0).then_some(found.trailing_zeros() as usize)
}

/// Where a byte is that is written as an escape.
#[inline]
pub(super) fn find_escaped(text: &[u8]) -> usize {
    first(text, |words| find_control_or_any(words, *b"\"/\\\x7f"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_escaped(byte: u8) -> bool {
        matches!(byte, 0..0x20 | b'"' | b'/' | b'\\' | 0x7f)
    }

    fn is_end(byte: u8) -> bool {
        matches!(byte, b'"' | b'\\')
    }

    #[test]
    fn every_byte_is_seen_at_every_place() {
        for len in 0..=40 {
            for place in 0..len {
                for byte in 0..=255 {
                    let mut text = vec![b'x'; len];
                    text[place] = byte;
                    assert_eq!(find_escaped(&text), if is_escaped(byte) { place } else { len });
                    assert_eq!(find_end(&text), if is_end(byte) { place } else { len });
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_the_first(
            text in "[ -~\\x00-\\x21\\x7f\u{80}\u{ff}]{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..40)
        ) {
            for text in [text.as_bytes(), &bytes] {
                let first = |is_it: fn(u8) -> bool| {
                    text.iter().position(|&byte| is_it(byte)).unwrap_or(text.len())
                };
                prop_assert_eq!(find_escaped(text), first(is_escaped));
                prop_assert_eq!(find_end(text), first(is_end));
                if let Some(block) = text.first_chunk() {
                    let end = find_end_in(words_of(block)).unwrap_or(BLOCK);
                    prop_assert_eq!(end, first(is_end).min(BLOCK));
                }
            }
        }
    }
}
