//! Fields with their values, one after the other in one byte string: how they are kept in blocks,
//! and how they travel in effects. Each text is its length as LEB128 and its bytes.

use crate::effect::wire::{put_bytes, take_bytes};

/// The fields of an entry that is to be added: field, value, field, value, …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairs<'a> {
    pub(super) texts: &'a [u8],
    pub(super) count: usize,
}

impl<'a> Pairs<'a> {
    /// Writes texts, of which there is an even number, into `room` and gives them as fields.
    pub fn write<'b>(texts: impl Iterator<Item = &'b [u8]>, room: &'a mut Vec<u8>) -> Self {
        room.clear();
        let mut written = 0;
        for text in texts {
            put_bytes(room, text);
            written += 1;
        }
        Self { texts: room, count: written / 2 }
    }

    /// Reads what [`Self::texts`] gave; `None` when it is not texts in an even number.
    pub fn read(texts: &'a [u8]) -> Option<Self> {
        let (mut rest, mut read) = (texts, 0);
        while !rest.is_empty() {
            take_bytes(&mut rest)?;
            read += 1;
        }
        (read % 2 == 0).then_some(Self { texts, count: read / 2 })
    }

    /// The texts as they are kept.
    pub fn texts(&self) -> &'a [u8] {
        self.texts
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The fields with their values.
    pub fn iter(&self) -> Fields<'a> {
        Fields { names: None, texts: self.texts, left: self.count }
    }
}

/// Fields with their values, in order.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// The names, when only the values are among the texts.
    pub(super) names: Option<&'a [u8]>,
    pub(super) texts: &'a [u8],
    pub(super) left: usize,
}

impl<'a> Fields<'a> {
    /// Whether the names are those of the first entry of the block.
    pub(crate) fn has_first_names(&self) -> bool {
        self.names.is_some()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => take_bytes(names)?,
            None => take_bytes(&mut self.texts)?,
        };
        Some((name, take_bytes(&mut self.texts)?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
