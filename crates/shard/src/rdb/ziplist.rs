//! Ziplists: what small collections lay in before Redis 7.
//!
//! Four bytes of length in all, four of where the last element begins, two of how many there are
//! (65535: nobody has counted), the elements, and 0xFF. An element is the length of the one before
//! it (a byte, or 254 and four), its kind with its length, and its text or number.

use crate::types::list::Element;

use super::RdbError;

const HEAD: usize = 10;
const END: u8 = 0xFF;
const UNCOUNTED: u16 = u16::MAX;
/// In place of a length: four bytes of it follow.
const LONG: u8 = 0xFE;

const BROKEN: RdbError = RdbError::Corrupt("a ziplist is broken");

/// The elements of a ziplist.
///
/// # Errors
/// It contradicts itself.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Element<'_>>, RdbError> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or(BROKEN)?;
    let number = |at: usize| {
        u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize
    };
    let (total, last) = (number(0), number(4));
    let Some((&END, mut rest)) = rest.split_last() else { return Err(BROKEN) };
    if total != bytes.len() {
        return Err(BROKEN);
    }
    let (mut elements, mut previous, mut last_at) = (Vec::new(), 0, HEAD);
    while !rest.is_empty() {
        let (element, len) = decode(rest, previous).ok_or(BROKEN)?;
        last_at = bytes.len() - 1 - rest.len();
        elements.push(element);
        previous = len;
        rest = &rest[len..];
    }
    let count = u16::from_le_bytes([head[8], head[9]]);
    let counted = count == UNCOUNTED || usize::from(count) == elements.len();
    if counted && last == last_at { Ok(elements) } else { Err(BROKEN) }
}

/// The element at the beginning, and how many bytes it takes in all.
fn decode(bytes: &[u8], previous: usize) -> Option<(Element<'_>, usize)> {
    let (&first, after) = bytes.split_first()?;
    let (said, at) = match first {
        END => return None,
        LONG => (u32::from_le_bytes(*after.first_chunk()?) as usize, 5),
        len => (usize::from(len), 1),
    };
    if said != previous {
        return None;
    }
    let bytes_from = bytes.get(at..)?;
    let (&kind, rest) = bytes_from.split_first()?;
    let int = |len: usize| {
        let mut wide = [0; 8];
        wide[8 - len..].copy_from_slice(rest.get(..len)?);
        let number = i64::from_le_bytes(wide) >> (8 * (8 - len));
        Some((Element::Int(number), at + 1 + len))
    };
    let text = |head: usize, len: usize| {
        let end = head.checked_add(len)?;
        Some((Element::Text(bytes_from.get(head..end)?), at + end))
    };
    match kind {
        0..0x40 => text(1, usize::from(kind)),
        0x40..0x80 => text(2, usize::from(kind & 0x3F) << 8 | usize::from(*rest.first()?)),
        0x80 => text(5, u32::from_be_bytes(*rest.first_chunk()?) as usize),
        0xC0 => int(2),
        0xD0 => int(4),
        0xE0 => int(8),
        0xF0 => int(3),
        0xFE => int(1),
        0xF1..=0xFD => Some((Element::Int(i64::from(kind) - 0xF1), at + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(bytes: &[u8]) -> Result<Vec<Vec<u8>>, RdbError> {
        Ok(read(bytes)?.into_iter().map(Element::to_vec).collect())
    }

    fn ziplist(last: u32, count: u16, elements: &[u8]) -> Vec<u8> {
        let total = (HEAD + elements.len() + 1) as u32;
        let head = [&total.to_le_bytes()[..], &last.to_le_bytes(), &count.to_le_bytes()].concat();
        [&head, elements, &[END]].concat()
    }

    #[test]
    fn every_kind_of_element_is_read() {
        let elements = b"\x00\x02ab\x04\x40\x03abc\x06\x80\0\0\0\x01x\x07\xf1\x02\xfd\x02\xfe\x80\
            \x03\xc0\x00\x80\x04\xf0\x00\x00\x80\x05\xd0\x00\x00\x00\x80\x06\xe0\xff\xff\xff\xff\xff\
            \xff\xff\x7f\x0a\x00";
        let last = (HEAD + elements.len() - 2) as u32;
        let expected = [
            "ab",
            "abc",
            "x",
            "0",
            "12",
            "-128",
            "-32768",
            "-8388608",
            "-2147483648",
            "9223372036854775807",
            "",
        ];
        let expected = expected.map(|text| text.as_bytes().to_vec());
        assert_eq!(texts(&ziplist(last, 11, elements)).unwrap(), expected);
        assert_eq!(texts(&ziplist(last, u16::MAX, elements)).unwrap(), expected);
        assert!(texts(&ziplist(last, 10, elements)).is_err());
        assert!(texts(&ziplist(last - 1, 11, elements)).is_err());
        assert_eq!(texts(&ziplist(10, 0, b"")).unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn long_elements_have_long_lengths() {
        let text = [b'x'; 300];
        let elements = [&b"\x00\x41\x2c"[..], &text, b"\xfe\x2f\x01\x00\x00\x01y"].concat();
        let whole = ziplist(HEAD as u32 + 303, 2, &elements);
        assert_eq!(texts(&whole).unwrap(), [text.to_vec(), b"y".to_vec()]);
        for at in 0..whole.len() {
            assert!(texts(&whole[..at]).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = texts(&ziplist(HEAD as u32, u16::MAX, &bytes));
            let _ = texts(&bytes);
        }
    }
}
