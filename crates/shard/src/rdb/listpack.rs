//! Listpacks: the packed form of small collections since Redis 7, and of streams.
//!
//! Four bytes of length in all, two of how many elements there are (65535: nobody has counted), the
//! elements, and 0xFF. An element is what a node of our lists has, see [`Encoded`].

use crate::types::list::{Element, Encoded};

use super::RdbError;

const HEAD: usize = 6;
const END: u8 = 0xFF;
/// So many elements, or more.
const UNCOUNTED: u16 = u16::MAX;

const BROKEN: RdbError = RdbError::Corrupt("a listpack is broken");

/// A listpack whose frame has been checked.
#[derive(Clone, Copy)]
pub(super) struct Listpack<'a> {
    elements: &'a [u8],
    count: u16,
}

impl<'a> Listpack<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, RdbError> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or(BROKEN)?;
        let [a, b, c, d, low, high] = *head;
        let total = u32::from_le_bytes([a, b, c, d]) as usize;
        match rest.split_last() {
            Some((&END, elements)) if total == bytes.len() => {
                Ok(Self { elements, count: u16::from_le_bytes([low, high]) })
            }
            _ => Err(BROKEN),
        }
    }

    /// How many elements there are: all are looked at.
    ///
    /// # Errors
    /// One of them is broken, or their number is not what is said.
    pub(super) fn len(&self) -> Result<usize, RdbError> {
        let mut elements = self.iter();
        let mut count = 0;
        while elements.next()?.is_some() {
            count += 1;
        }
        if self.count != UNCOUNTED && count != usize::from(self.count) {
            return Err(BROKEN);
        }
        Ok(count)
    }

    pub(super) fn iter(&self) -> Elements<'a> {
        Elements { rest: self.elements }
    }
}

/// The elements, first to last.
pub(super) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    /// The next element; `None` at the end.
    ///
    /// # Errors
    /// It is broken.
    pub(super) fn next(&mut self) -> Result<Option<Element<'a>>, RdbError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (element, len) = decode(self.rest).ok_or(BROKEN)?;
        let after = take_len(&self.rest[len..], len).ok_or(BROKEN)?;
        self.rest = after;
        Ok(Some(element))
    }

    /// The next element, which must be there.
    pub(super) fn element(&mut self) -> Result<Element<'a>, RdbError> {
        self.next()?.ok_or(BROKEN)
    }

    /// The next element, which must be an integer.
    pub(super) fn int(&mut self) -> Result<i64, RdbError> {
        match self.element()? {
            Element::Int(number) => Ok(number),
            Element::Text(_) => Err(BROKEN),
        }
    }
}

/// The number in little-endian bytes, with its sign.
fn int_of(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[8 - bytes.len()..].copy_from_slice(bytes);
    i64::from_le_bytes(wide) >> (8 * (8 - bytes.len()))
}

/// The element at the beginning and how many bytes it takes, its length at the end left out.
fn decode(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let int = |len: usize| Some((Element::Int(int_of(bytes.get(1..=len)?)), 1 + len));
    let text = |head: usize, len: usize| {
        let end = head.checked_add(len)?;
        Some((Element::Text(bytes.get(head..end)?), end))
    };
    let (&first, rest) = bytes.split_first()?;
    match first {
        0..0x80 => Some((Element::Int(first.into()), 1)),
        0x80..0xC0 => text(1, usize::from(first & 0x3F)),
        0xC0..0xE0 => {
            let number = i64::from(first & 0x1F) << 8 | i64::from(*rest.first()?);
            Some((Element::Int(number << 51 >> 51), 2))
        }
        0xE0..0xF0 => text(2, usize::from(first & 0x0F) << 8 | usize::from(*rest.first()?)),
        0xF0 => text(5, u32::from_le_bytes(*rest.first_chunk()?) as usize),
        0xF1 => int(2),
        0xF2 => int(3),
        0xF3 => int(4),
        0xF4 => int(8),
        0xF5.. => None,
    }
}

/// Takes the length of an element off, as it stands behind it, to be read backwards; it must be right.
fn take_len(rest: &[u8], len: usize) -> Option<&[u8]> {
    let (mut said, mut shift) = (0, 0);
    let count = match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    };
    let (bytes, after) = rest.split_at_checked(count)?;
    for (at, byte) in bytes.iter().rev().enumerate() {
        said |= usize::from(byte & 0x7F) << shift;
        shift += 7;
        if (byte & 0x80 == 0) != (at + 1 == count) {
            return None;
        }
    }
    (said == len).then_some(after)
}

/// Makes a listpack.
pub(super) struct ListpackWriter {
    bytes: Vec<u8>,
    count: usize,
}

impl ListpackWriter {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; HEAD], count: 0 }
    }

    /// Appends a text, or the integer that it is.
    pub(super) fn text(&mut self, text: &[u8]) {
        Encoded::new(text).parts().into_iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.count += 1;
    }

    pub(super) fn int(&mut self, number: i64) {
        self.text(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Appends elements that lie one after the other.
    pub(super) fn elements(&mut self, bytes: &[u8], count: usize) {
        self.bytes.extend_from_slice(bytes);
        self.count += count;
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(END);
        let total = self.bytes.len() as u32;
        let count = u16::try_from(self.count).unwrap_or(UNCOUNTED);
        self.bytes[..4].copy_from_slice(&total.to_le_bytes());
        self.bytes[4..HEAD].copy_from_slice(&count.to_le_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(bytes: &[u8]) -> Result<Vec<Vec<u8>>, RdbError> {
        let listpack = Listpack::new(bytes)?;
        let count = listpack.len()?;
        let mut elements = listpack.iter();
        let mut texts = Vec::new();
        while let Some(element) = elements.next()? {
            texts.push(element.to_vec());
        }
        assert_eq!(texts.len(), count);
        Ok(texts)
    }

    #[test]
    fn every_kind_of_element_reads_back() {
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for bits in 0..64 {
            let power = 1i64 << bits;
            let near = [power.wrapping_sub(1), power, power.wrapping_neg(), !power];
            expected.extend(near.map(|number| number.to_string().into_bytes()));
        }
        let lens = [0, 1, 63, 64, 126, 127, 128, 4095, 4096, 16_380, 16_383, 2_097_150];
        expected.extend(lens.map(|len| vec![b'x'; len]));
        let mut writer = ListpackWriter::new();
        expected.iter().for_each(|text| writer.text(text));
        assert_eq!(texts(&writer.finish()).unwrap(), expected);
    }

    #[test]
    fn what_is_broken_is_refused() {
        let mut writer = ListpackWriter::new();
        writer.text(b"text");
        writer.int(300);
        let good = writer.finish();
        assert!(texts(&good).is_ok());
        for at in 0..good.len() {
            let cut = &good[..at];
            assert!(texts(cut).is_err(), "cut at {at}");
        }
        // The frame, the number of elements, the lengths behind them, the end.
        for at in [0, 4, 11, 14, good.len() - 1] {
            let mut bent = good.clone();
            bent[at] ^= 1;
            assert!(texts(&bent).is_err(), "bent at {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let total = (bytes.len() + HEAD + 1) as u32;
            let framed = [&total.to_le_bytes()[..], &[0xFF, 0xFF], &bytes, &[END]].concat();
            let _ = texts(&framed);
        }
    }
}
