//! A node of a list: elements in one block, reached from both ends.
//!
//! An element is its kind and length, its text or its number, and the length of all that once
//! more, to be read backwards. The layout of an element is that of Redis's listpack, so that a node
//! is as large as Redis says when it decides what fits. In front of the first element there may be
//! a gap: room for what is put there, or where something has been taken away.

use protocol::number::parse_i64;

/// An element of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element<'a> {
    /// A text that is no integer in its canonical form.
    Text(&'a [u8]),
    /// An integer.
    Int(i64),
}

impl Element<'_> {
    /// Calls `read` with the text.
    #[inline]
    pub fn with_text<R>(self, read: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Text(text) => read(text),
            Self::Int(number) => read(itoa::Buffer::new().format(number).as_bytes()),
        }
    }

    /// The text as a copy.
    pub fn to_vec(self) -> Vec<u8> {
        self.with_text(<[u8]>::to_vec)
    }
}

// Kinds of elements, as the first byte says: the bits that are not the length or the number.
const INT_7: u8 = 0x00;
const TEXT_6: u8 = 0x80;
const INT_13: u8 = 0xC0;
const TEXT_12: u8 = 0xE0;
const TEXT_32: u8 = 0xF0;
const INT_16: u8 = 0xF1;
const INT_24: u8 = 0xF2;
const INT_32: u8 = 0xF3;
const INT_64: u8 = 0xF4;

/// What a listpack has around its elements, in bytes.
const FRAME: usize = 7;

/// An element as it lies in a node, in parts.
pub(crate) struct Encoded<'a> {
    head: [u8; 9],
    head_len: u8,
    text: &'a [u8],
    tail: [u8; 5],
    tail_len: u8,
}

impl<'a> Encoded<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let number = if text.len() <= 20 { parse_i64(text) } else { None };
        let (head, head_len, text) = match number {
            Some(number) => {
                let (head, len) = head_of_int(number);
                (head, len, &[][..])
            }
            None => {
                let (head, len) = head_of_text(text.len());
                (head, len, text)
            }
        };
        let (tail, tail_len) = tail_of(head_len + text.len());
        Self { head, head_len: head_len as u8, text, tail, tail_len: tail_len as u8 }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.head_len) + self.text.len() + usize::from(self.tail_len)
    }

    /// What it is made of, to be written one after the other.
    pub(crate) fn parts(&self) -> [&[u8]; 3] {
        let (head, tail) = (usize::from(self.head_len), usize::from(self.tail_len));
        [&self.head[..head], self.text, &self.tail[..tail]]
    }

    /// Whether these bytes of a node are the same element: each has one encoding.
    #[inline]
    fn equals(&self, bytes: &[u8]) -> bool {
        let head = usize::from(self.head_len);
        bytes.len() == self.len()
            && bytes[..head] == self.head[..head]
            && bytes[head..head + self.text.len()] == *self.text
    }

    fn write_to(&self, place: &mut [u8]) {
        let mut at = 0;
        for part in self.parts() {
            place[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
    }
}

/// The first bytes of a head: the kind, then bytes of the number or of the length.
fn head_of(kind: u8, rest: &[u8]) -> ([u8; 9], usize) {
    let mut head = [0; 9];
    head[0] = kind;
    head[1..=rest.len()].copy_from_slice(rest);
    (head, 1 + rest.len())
}

fn head_of_int(number: i64) -> ([u8; 9], usize) {
    let bytes = number.to_le_bytes();
    match number {
        0..=127 => head_of(INT_7 | bytes[0], &[]),
        -4096..=4095 => head_of(INT_13 | (bytes[1] & 0x1F), &bytes[..1]),
        -0x8000..=0x7FFF => head_of(INT_16, &bytes[..2]),
        -0x80_0000..=0x7F_FFFF => head_of(INT_24, &bytes[..3]),
        -0x8000_0000..=0x7FFF_FFFF => head_of(INT_32, &bytes[..4]),
        _ => head_of(INT_64, &bytes),
    }
}

fn head_of_text(len: usize) -> ([u8; 9], usize) {
    let bytes = (len as u32).to_le_bytes();
    match len {
        0..=63 => head_of(TEXT_6 | bytes[0], &[]),
        64..=4095 => head_of(TEXT_12 | bytes[1], &bytes[..1]),
        _ => head_of(TEXT_32, &bytes),
    }
}

/// The length that is read backwards: seven bits a byte, the lowest last; the top bit of a byte
/// says that another one lies before it.
fn tail_of(len: usize) -> ([u8; 5], usize) {
    let count = tail_len(len);
    let mut tail = [0; 5];
    for (at, byte) in tail[..count].iter_mut().enumerate() {
        let low = (len >> (7 * (count - 1 - at))) as u8 & 0x7F;
        *byte = if at == 0 { low } else { low | 0x80 };
    }
    (tail, count)
}

fn tail_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// The number in little-endian bytes, with its sign.
fn int_of(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[8 - bytes.len()..].copy_from_slice(bytes);
    i64::from_le_bytes(wide) >> (8 * (8 - bytes.len()))
}

/// The element that begins at the first of these bytes, and the length of its head and of its text.
fn decode(bytes: &[u8]) -> (Element<'_>, usize) {
    let first = bytes[0];
    let (head, len) = match first {
        0..TEXT_6 => return (Element::Int(first.into()), 1),
        TEXT_6..INT_13 => (1, usize::from(first & 0x3F)),
        INT_13..TEXT_12 => {
            let number = i64::from(first & 0x1F) << 8 | i64::from(bytes[1]);
            return (Element::Int(number << 51 >> 51), 2);
        }
        TEXT_12..TEXT_32 => (2, usize::from(first & 0x0F) << 8 | usize::from(bytes[1])),
        TEXT_32 => (5, int_of(&[bytes[1], bytes[2], bytes[3], bytes[4], 0]) as usize),
        INT_16 => return (Element::Int(int_of(&bytes[1..3])), 3),
        INT_24 => return (Element::Int(int_of(&bytes[1..4])), 4),
        INT_32 => return (Element::Int(int_of(&bytes[1..5])), 5),
        _ => return (Element::Int(int_of(&bytes[1..9])), 9),
    };
    (Element::Text(&bytes[head..head + len]), head + len)
}

/// Elements in one block. Places are byte offsets.
#[derive(Default)]
pub(super) struct Node {
    bytes: Vec<u8>,
    /// Where the first element begins; before it is the gap.
    start: u32,
    count: u32,
}

impl Node {
    /// How many elements there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    /// Bytes of a listpack with these elements.
    #[inline]
    pub(super) fn size(&self) -> usize {
        self.bytes.len() - self.start as usize + FRAME
    }

    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity()
    }

    /// The place of the first element.
    #[inline]
    pub(super) fn first(&self) -> usize {
        self.start as usize
    }

    /// The place behind the last element.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.bytes.len()
    }

    /// The element at a place, and the place of the next.
    #[inline]
    pub(super) fn element(&self, place: usize) -> (Element<'_>, usize) {
        let (element, len) = decode(&self.bytes[place..]);
        (element, place + len + tail_len(len))
    }

    /// The place of the element before a place that is not the first.
    #[inline]
    pub(super) fn before(&self, place: usize) -> usize {
        let (mut at, mut len, mut shift) = (place - 1, 0, 0);
        loop {
            let byte = self.bytes[at];
            len |= usize::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return at - len;
            }
            at -= 1;
            shift += 7;
        }
    }

    /// The place of an element by its index, from the nearer end; `len` gives the end.
    pub(super) fn seek(&self, index: usize) -> usize {
        if index <= self.len() / 2 {
            (0..index).fold(self.first(), |place, _| self.element(place).1)
        } else {
            (index..self.len()).fold(self.end(), |place, _| self.before(place))
        }
    }

    /// Whether the bytes between two places are this element.
    #[inline]
    pub(super) fn is(&self, place: usize, next: usize, element: &Encoded<'_>) -> bool {
        element.equals(&self.bytes[place..next])
    }

    pub(super) fn push_back(&mut self, element: &Encoded<'_>) {
        self.make_room(element.len());
        element.parts().into_iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.count += 1;
    }

    /// Puts an element of another node at the end.
    pub(super) fn push_back_bytes(&mut self, element: &[u8]) {
        self.make_room(element.len());
        self.bytes.extend_from_slice(element);
        self.count += 1;
    }

    /// The bytes between two places.
    pub(super) fn bytes(&self, place: usize, next: usize) -> &[u8] {
        &self.bytes[place..next]
    }

    /// Uses a gap that is as large as all elements, instead of more memory.
    fn make_room(&mut self, len: usize) {
        let used = self.bytes.len() - self.first();
        if self.bytes.len() + len > self.bytes.capacity() && self.first() >= used {
            self.bytes.drain(..self.start as usize);
            self.start = 0;
        }
        self.bytes.reserve(len);
    }

    pub(super) fn push_front(&mut self, element: &Encoded<'_>) {
        let len = element.len();
        if self.first() < len {
            // As much room as is used, so that the elements are moved now and then only.
            let used = self.bytes.len() - self.first();
            let gap = len + used.clamp(16, 1 << 12);
            let more = gap - self.first();
            self.bytes.splice(..0, std::iter::repeat_n(0, more));
            self.start = gap as u32;
        }
        let start = self.first() - len;
        element.write_to(&mut self.bytes[start..start + len]);
        self.start = start as u32;
        self.count += 1;
    }

    /// Puts an element at a place.
    pub(super) fn insert(&mut self, place: usize, element: &Encoded<'_>) {
        let len = element.len();
        self.bytes.splice(place..place, std::iter::repeat_n(0, len));
        element.write_to(&mut self.bytes[place..place + len]);
        self.count += 1;
    }

    /// Takes out the one element between two places.
    pub(super) fn remove(&mut self, place: usize, next: usize) {
        if place == self.first() {
            self.start = next as u32;
        } else {
            self.bytes.drain(place..next);
        }
        self.count -= 1;
    }

    /// Takes out the first elements.
    pub(super) fn drop_front(&mut self, count: usize) {
        self.start = self.seek(count) as u32;
        self.count -= count as u32;
    }

    /// Takes out the last elements.
    pub(super) fn drop_back(&mut self, count: usize) {
        self.bytes.truncate(self.seek(self.len() - count));
        self.count -= count as u32;
    }

    /// A node with the elements between two indexes.
    pub(super) fn copy(&self, from: usize, to: usize) -> Self {
        let (first, end) = (self.seek(from), self.seek(to));
        Self { bytes: self.bytes[first..end].to_vec(), start: 0, count: (to - from) as u32 }
    }

    /// Takes the elements of another node over, behind the own ones.
    pub(super) fn append(&mut self, other: &Self) {
        self.make_room(other.bytes.len() - other.first());
        self.bytes.extend_from_slice(&other.bytes[other.first()..]);
        self.count += other.count;
    }

    /// Takes the elements of another node over, in front of the own ones.
    pub(super) fn prepend(&mut self, other: &Self) {
        let new = &other.bytes[other.first()..];
        let start = self.first();
        let gap_used = start.min(new.len());
        let (outside, inside) = new.split_at(new.len() - gap_used);
        self.bytes[start - gap_used..start].copy_from_slice(inside);
        self.start = (start - gap_used) as u32;
        if !outside.is_empty() {
            self.bytes.splice(..0, outside.iter().copied());
            self.start = 0;
        }
        self.count += other.count;
    }

    /// Gives back what is not used, if it is more than a little: nothing more is put here for now.
    pub(super) fn close(&mut self) {
        let used = self.bytes.len() - self.first();
        if self.bytes.capacity() - used > used / 32 {
            // A vector that is made smaller stays in a place of its old size.
            self.bytes = self.bytes[self.first()..].to_vec();
            self.start = 0;
        }
    }
}

impl Clone for Node {
    fn clone(&self) -> Self {
        self.copy(0, self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn texts(node: &Node) -> Vec<Vec<u8>> {
        let (mut place, mut texts) = (node.first(), Vec::new());
        while place < node.end() {
            let (element, next) = node.element(place);
            assert_eq!(node.before(next), place);
            texts.push(element.to_vec());
            place = next;
        }
        texts
    }

    #[test]
    fn every_kind_reads_back_from_both_ends() {
        let mut node = Node::default();
        let mut expected = Vec::new();
        for bits in 0..64 {
            let power = 1i64 << bits;
            let near = [power.wrapping_sub(1), power, power.wrapping_neg(), !power];
            expected.extend(near.map(|number| number.to_string().into_bytes()));
        }
        for len in [0, 1, 63, 64, 126, 127, 128, 4095, 4096, 16_380, 16_383, 70_000] {
            expected.push(vec![b'x'; len]);
        }
        expected.extend([b"-0".to_vec(), b"007".to_vec(), b"99999999999999999999".to_vec()]);
        for text in &expected {
            node.push_back(&Encoded::new(text));
        }
        assert_eq!(texts(&node), expected);
    }

    #[test]
    fn sizes_are_those_of_a_listpack() {
        let size = |text: &[u8]| Encoded::new(text).len();
        let numbers = ["127", "128", "-4096", "4096", "40000", "9000000", "5000000000"];
        let sizes = numbers.map(|number| size(number.as_bytes()));
        assert_eq!(sizes, [2, 3, 3, 4, 5, 6, 10]);
        assert_eq!(
            [0, 63, 64, 125, 126, 4096].map(|len| size(&vec![b'x'; len])),
            [2, 65, 67, 128, 130, 4103]
        );
    }

    proptest! {
        #[test]
        fn behaves_as_a_deque(
            operations in proptest::collection::vec(
                (0u8..8, 0usize..40, prop_oneof!["[0-9]{1,6}", "[a-z]{0,80}"]), 1..120),
        ) {
            let mut node = Node::default();
            let mut model: VecDeque<Vec<u8>> = VecDeque::new();
            for (operation, at, text) in operations {
                let text = text.into_bytes();
                let encoded = Encoded::new(&text);
                let at = at.min(model.len());
                match operation {
                    0 | 1 => {
                        node.push_back(&encoded);
                        model.push_back(text);
                    }
                    2 | 3 => {
                        node.push_front(&encoded);
                        model.push_front(text);
                    }
                    4 => {
                        node.insert(node.seek(at), &encoded);
                        model.insert(at, text);
                    }
                    5 if at < model.len() => {
                        let place = node.seek(at);
                        node.remove(place, node.element(place).1);
                        model.remove(at);
                    }
                    6 => {
                        let cut = node.copy(0, at);
                        node.drop_front(at);
                        node.close();
                        node.prepend(&cut);
                    }
                    7 => {
                        let cut = node.copy(at, model.len());
                        node.drop_back(model.len() - at);
                        node.append(&cut);
                    }
                    _ => {}
                }
                prop_assert_eq!(node.len(), model.len());
                prop_assert!(texts(&node).iter().eq(model.iter()));
            }
        }
    }
}
