//! A block: a run of entries in one allocation.
//!
//! # Form
//! First the names of the fields of the first entry. Then entries: one byte of flags; the id, as the
//! difference to the block's first one in milliseconds and, within the same millisecond, in the
//! sequence number; the fields, or only the values when the names are those of the first entry; and
//! the length of all that, written so that it can be read backwards.
//!
//! # Invariants
//! - I1. An entry that is deleted keeps its place and has a flag, so that it can be brought back.
//! - I2. At least one entry is not deleted: a block without any is taken out of its stream.

use super::fields::{Fields, Pairs};
use super::id::StreamId;
use crate::effect::wire::{put_bytes, put_uint, take_bytes, take_uint};

/// The entry has been deleted.
const DELETED: u8 = 1;
/// The names of the fields are those at the beginning of the block.
const SAME_NAMES: u8 = 2;

/// A run of entries. Its stream knows the id of the first.
#[derive(Clone)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// Where the first entry begins.
    head: u32,
    /// How many names stand at the beginning.
    names: u32,
    /// Entries, deleted ones included.
    count: u32,
    /// Entries that are not deleted.
    live: u32,
    /// The id of the last entry, which may be deleted.
    last: StreamId,
}

/// An entry of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Its fields with their values.
    pub fields: Fields<'a>,
}

/// An entry, and where it lies.
struct Placed<'a> {
    entry: Entry<'a>,
    start: usize,
    end: usize,
    deleted: bool,
}

impl Block {
    /// A block whose first entry, yet to be pushed, has these names.
    pub(super) fn new(pairs: Pairs<'_>) -> Self {
        let mut bytes = Vec::with_capacity(pairs.texts.len() + 16);
        pairs.iter().for_each(|(name, _)| put_bytes(&mut bytes, name));
        Self {
            head: bytes.len() as u32,
            names: pairs.len() as u32,
            bytes,
            count: 0,
            live: 0,
            last: StreamId::MIN,
        }
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many entries there are, deleted ones included.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    /// How many entries there are that are not deleted.
    pub(crate) fn live(&self) -> usize {
        self.live as usize
    }

    pub(super) fn last(&self) -> StreamId {
        self.last
    }

    /// Gives back memory that is not needed by a block that does not grow any more.
    pub(super) fn shrink(&mut self) {
        // A vector that is made smaller stays in a place of its old size.
        self.bytes = self.bytes.as_slice().to_vec();
    }

    fn names(&self) -> &[u8] {
        &self.bytes[..self.head as usize]
    }

    fn same_names(&self, pairs: Pairs<'_>) -> bool {
        let mut names = self.names();
        self.names as usize == pairs.len()
            && pairs.iter().all(|(name, _)| take_bytes(&mut names) == Some(name))
    }

    /// Adds an entry with an id above all others.
    pub(super) fn push(&mut self, first: StreamId, id: StreamId, pairs: Pairs<'_>) {
        let start = self.bytes.len();
        let same = self.same_names(pairs);
        self.bytes.push(if same { SAME_NAMES } else { 0 });
        put_uint(&mut self.bytes, id.ms - first.ms);
        put_uint(&mut self.bytes, if id.ms == first.ms { id.seq - first.seq } else { id.seq });
        if same {
            pairs.iter().for_each(|(_, value)| put_bytes(&mut self.bytes, value));
        } else {
            put_uint(&mut self.bytes, pairs.len() as u64);
            self.bytes.extend_from_slice(pairs.texts);
        }
        let end = self.bytes.len();
        put_uint(&mut self.bytes, (end - start) as u64);
        self.bytes[end..].reverse();
        self.count += 1;
        self.live += 1;
        self.last = id;
    }

    /// Adds an entry that has been deleted, with an id above all others.
    pub(super) fn push_deleted(&mut self, first: StreamId, id: StreamId, pairs: Pairs<'_>) {
        let start = self.bytes.len();
        self.push(first, id, pairs);
        self.bytes[start] |= DELETED;
        self.live -= 1;
    }

    /// The names that stand at the beginning.
    pub(crate) fn first_names(&self) -> impl Iterator<Item = &[u8]> {
        let mut names = self.names();
        std::iter::from_fn(move || take_bytes(&mut names))
    }

    /// All entries, and of each whether it has been deleted.
    pub(crate) fn all(&self, first: StreamId) -> impl Iterator<Item = (Entry<'_>, bool)> {
        self.places(first).map(|placed| (placed.entry, placed.deleted))
    }

    /// Takes the newest entry back. Says whether the block is empty now.
    pub(super) fn unpush(&mut self, first: StreamId) -> bool {
        let Some(start) = self.start_of_entry_before(self.bytes.len()) else { return true };
        self.bytes.truncate(start);
        self.count -= 1;
        self.live -= 1;
        let previous = self.start_of_entry_before(start);
        self.last = previous.and_then(|at| self.at(first, at)).map_or(first, |it| it.entry.id);
        self.count == 0
    }

    /// The entry that begins at an offset; `None` at the end.
    fn at(&self, first: StreamId, start: usize) -> Option<Placed<'_>> {
        let mut rest = &self.bytes[start..];
        let (&flags, after) = rest.split_first()?;
        rest = after;
        let ms = first.ms + take_uint(&mut rest)?;
        let seq = take_uint(&mut rest)?;
        let seq = if ms == first.ms { first.seq + seq } else { seq };
        let fields = if flags & SAME_NAMES == 0 {
            let left = take_uint(&mut rest)? as usize;
            Fields { names: None, texts: rest, left }
        } else {
            Fields { names: Some(self.names()), texts: rest, left: self.names as usize }
        };
        let texts = if fields.names.is_some() { fields.left } else { fields.left * 2 };
        for _ in 0..texts {
            take_bytes(&mut rest)?;
        }
        let len = self.bytes.len() - rest.len() - start;
        let end = start + len + len_of_uint(len as u64);
        let entry = Entry { id: StreamId { ms, seq }, fields };
        Some(Placed { entry, start, end, deleted: flags & DELETED != 0 })
    }

    /// Where the entry begins that ends at an offset.
    fn start_of_entry_before(&self, end: usize) -> Option<usize> {
        if end <= self.head as usize {
            return None;
        }
        let (mut len, mut shift, mut at) = (0, 0, end);
        loop {
            at -= 1;
            let byte = self.bytes[at];
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return Some(at - len);
            }
        }
    }

    fn places(&self, first: StreamId) -> impl Iterator<Item = Placed<'_>> {
        self.places_from(first, self.head as usize)
    }

    fn places_from(&self, first: StreamId, offset: usize) -> impl Iterator<Item = Placed<'_>> {
        let mut at = offset;
        std::iter::from_fn(move || {
            let placed = self.at(first, at)?;
            at = placed.end;
            Some(placed)
        })
    }

    /// The id of the entry that begins at an offset.
    fn id_at(&self, first: StreamId, start: usize) -> Option<StreamId> {
        let mut rest = self.bytes.get(start + 1..)?;
        let ms = first.ms + take_uint(&mut rest)?;
        let seq = take_uint(&mut rest)?;
        Some(StreamId { ms, seq: if ms == first.ms { first.seq + seq } else { seq } })
    }

    /// Where the first entry begins whose id is not below `start`; the end if there is none. Looks
    /// from both ends: readers want the newest entries or go on from the oldest.
    fn offset_of(&self, first: StreamId, start: StreamId) -> usize {
        let (mut front, mut back) = (self.head as usize, self.bytes.len());
        while front < back {
            let Some(last) = self.start_of_entry_before(back) else { return back };
            if self.id_at(first, last).is_none_or(|id| id < start) {
                return back;
            }
            back = last;
            let Some(placed) = self.at(first, front) else { return back };
            if placed.entry.id >= start {
                return front;
            }
            front = placed.end;
        }
        back
    }

    /// The entries from an id on that are not deleted, in order.
    pub(super) fn iter_from(
        &self,
        first: StreamId,
        start: StreamId,
    ) -> impl Iterator<Item = Entry<'_>> {
        let head = self.head as usize;
        let offset = if first >= start { head } else { self.offset_of(first, start) };
        let places = self.places_from(first, offset);
        places.filter(|placed| !placed.deleted).map(|placed| placed.entry)
    }

    /// The entries that are not deleted, in order.
    pub(super) fn iter(&self, first: StreamId) -> impl Iterator<Item = Entry<'_>> {
        self.places(first).filter(|placed| !placed.deleted).map(|placed| placed.entry)
    }

    /// The same, last first.
    pub(super) fn iter_back(&self, first: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let mut end = self.bytes.len();
        let places = std::iter::from_fn(move || {
            end = self.start_of_entry_before(end)?;
            self.at(first, end)
        });
        places.filter(|placed| !placed.deleted).map(|placed| placed.entry)
    }

    /// Marks an entry as deleted, or takes that back. Says whether that changed anything.
    pub(super) fn mark(&mut self, first: StreamId, id: StreamId, deleted: bool) -> bool {
        let found = self.places(first).find(|placed| placed.entry.id >= id);
        let Some(start) = found
            .filter(|placed| placed.entry.id == id && placed.deleted != deleted)
            .map(|placed| placed.start)
        else {
            return false;
        };
        self.bytes[start] ^= DELETED;
        self.live = if deleted { self.live - 1 } else { self.live + 1 };
        true
    }

    /// Marks all entries up to an id as deleted and returns which those are.
    pub(super) fn mark_through(&mut self, first: StreamId, id: StreamId) -> Vec<StreamId> {
        let places = self.places(first).take_while(|placed| placed.entry.id <= id);
        let (starts, ids): (Vec<usize>, Vec<StreamId>) = places
            .filter(|placed| !placed.deleted)
            .map(|placed| (placed.start, placed.entry.id))
            .unzip();
        starts.iter().for_each(|&start| self.bytes[start] |= DELETED);
        self.live -= ids.len() as u32;
        ids
    }
}

/// How many bytes LEB128 takes.
fn len_of_uint(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}
