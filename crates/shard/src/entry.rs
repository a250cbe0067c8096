//! Entries: the effects of one command, transaction or script, which are done together or not at all.
//!
//! The log and its readers keep several entries in one piece of bytes: each is a length, LEB128, and
//! its effects ([`crate::effect`]).

use crate::effect::wire::{put_bytes, take_bytes};

/// Bytes that are not entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an entry at byte {at}")]
pub struct BadEntry {
    /// Offset of the entry that does not decode, in bytes.
    pub at: usize,
}

/// Appends an entry of these effects.
#[inline]
pub fn put(out: &mut Vec<u8>, effects: &[u8]) {
    put_bytes(out, effects);
}

/// The effects of all entries in `bytes`, in order.
pub fn all(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], BadEntry>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = bytes.len() - rest.len();
        let entry = take_bytes(&mut rest);
        if entry.is_none() {
            rest = &[];
        }
        Some(entry.ok_or(BadEntry { at }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back() {
        let long = vec![7; 300];
        let mut bytes = Vec::new();
        put(&mut bytes, b"one");
        put(&mut bytes, b"");
        put(&mut bytes, &long);
        let entries: Result<Vec<&[u8]>, _> = all(&bytes).collect();
        assert_eq!(entries, Ok(vec![&b"one"[..], b"", &long]));
        bytes.pop();
        let cut: Result<Vec<&[u8]>, _> = all(&bytes).collect();
        assert_eq!(cut, Err(BadEntry { at: 5 }));
    }
}
