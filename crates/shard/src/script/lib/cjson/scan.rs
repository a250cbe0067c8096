//! Finds the bytes of a string that are not simply copied, eight at a time.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The top bit of each byte that is `byte`. Above one that is, others may be set that are not.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let zeros = word ^ (LOW * u64::from(byte));
    zeros.wrapping_sub(LOW) & !zeros & HIGH
}

/// The same for bytes that are less than `limit`, which is at most 128.
#[inline]
fn less(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(LOW * u64::from(limit)) & !word & HIGH
}

/// Up to eight bytes as a word, the first lowest, with zeros above.
#[inline]
fn word_of(bytes: &[u8]) -> u64 {
    let at = |place: usize| u64::from(bytes[place]) << (place * 8);
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // The two may overlap.
        (Some(first), Some(last)) => {
            let last = u64::from(u32::from_le_bytes(*last)) << ((bytes.len() - 4) * 8);
            u64::from(u32::from_le_bytes(*first)) | last
        }
        _ if bytes.is_empty() => 0,
        _ => at(0) | at(bytes.len() / 2) | at(bytes.len() - 1),
    }
}

/// Where the first byte is whose top bit `mask` sets in a word; the length when there is none.
#[inline]
fn find(text: &[u8], mask: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = mask(u64::from_le_bytes(*word));
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let found = mask(word_of(rest));
    text.len() - rest.len() + (found.trailing_zeros() as usize / 8).min(rest.len())
}

/// Where a string of JSON ends or has an escape.
#[inline]
pub(super) fn find_end(text: &[u8]) -> usize {
    find(text, |word| equal(word, b'"') | equal(word, b'\\'))
}

/// Where a byte is that is written as an escape.
#[inline]
pub(super) fn find_escaped(text: &[u8]) -> usize {
    find(text, |word| {
        less(word, 0x20)
            | equal(word, b'"')
            | equal(word, b'/')
            | equal(word, b'\\')
            | equal(word, 0x7f)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_escaped(byte: u8) -> bool {
        matches!(byte, 0..0x20 | b'"' | b'/' | b'\\' | 0x7f)
    }

    proptest! {
        #[test]
        fn what_is_found_is_the_first(text in "[ -~\\x00-\\x21\\x7f\u{80}\u{ff}]{0,40}") {
            let text = text.as_bytes();
            let plain = |is_it: fn(u8) -> bool| {
                text.iter().position(|&byte| is_it(byte)).unwrap_or(text.len())
            };
            prop_assert_eq!(find_escaped(text), plain(is_escaped));
            prop_assert_eq!(find_end(text), plain(|byte| matches!(byte, b'"' | b'\\')));
        }

        #[test]
        fn any_bytes(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let first = text.iter().position(|&byte| is_escaped(byte)).unwrap_or(text.len());
            prop_assert_eq!(find_escaped(&text), first);
        }
    }
}
