//! The search for a text that is no pattern.

use memchr::memmem;

use crate::script::lib::Watch;
use crate::script::raw::Raise;

/// Places that are searched between two looks at the watch.
const SLICE: usize = 256 * 1024;

/// So much of a text is searched for; the rest is compared where that is found. Longer texts would
/// take long to prepare.
const HEAD_MAX: usize = 4096;

/// Bytes that are compared between two looks at the watch.
const COMPARE: usize = 1 << 20;

/// Whether a pattern has no byte that means something else than itself.
#[inline]
pub(in crate::script::lib) fn is_plain(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| {
        matches!(byte, b'^' | b'$' | b'*' | b'+' | b'?' | b'.' | b'(' | b'[' | b'%' | b'-')
    })
}

/// Where a text is first found.
///
/// # Errors
/// The script is to end.
#[inline]
pub(in crate::script::lib) fn find_plain(
    text: &[u8],
    needle: &[u8],
    watch: &Watch<'_>,
) -> Result<Option<usize>, Raise> {
    if text.len() <= SLICE && needle.len() <= HEAD_MAX {
        return Ok(memmem::find(text, needle));
    }
    find_long(text, needle, watch)
}

fn find_long(text: &[u8], needle: &[u8], watch: &Watch<'_>) -> Result<Option<usize>, Raise> {
    let (head, tail) = needle.split_at(needle.len().min(HEAD_MAX));
    let finder = memmem::Finder::new(head);
    // Places where there is room for it.
    let places = (text.len() + 1).saturating_sub(needle.len());
    let mut from = 0;
    while from < places {
        watch.look()?;
        let to = places.min(from + SLICE);
        let Some(at) = finder.find(&text[from..to - 1 + head.len()]) else {
            from = to;
            continue;
        };
        let at = from + at;
        if is_equal(&text[at + head.len()..at + needle.len()], tail, watch)? {
            return Ok(Some(at));
        }
        from = at + 1;
    }
    Ok(None)
}

fn is_equal(one: &[u8], other: &[u8], watch: &Watch<'_>) -> Result<bool, Raise> {
    for (one, other) in one.chunks(COMPARE).zip(other.chunks(COMPARE)) {
        watch.look()?;
        if one != other {
            return Ok(false);
        }
    }
    Ok(true)
}
