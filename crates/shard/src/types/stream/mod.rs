//! Streams: entries ordered by id, and the groups of consumers that read them.
//!
//! Entries lie in packed blocks under an index by the first id of each, so finding an id takes
//! O(log n), appending touches the last block alone, and trimming drops whole blocks. A stream may
//! be empty and still be the value of its key: it remembers its last id and its groups.

mod acknowledged;
mod block;
pub mod fields;
pub mod group;
pub mod id;
mod import;
mod lag;
#[cfg(test)]
mod model_test;

use std::collections::BTreeMap;

pub(crate) use block::Block;
pub use block::Entry;
pub(crate) use import::Incoming;

use fields::Pairs;
use group::Group;
use id::StreamId;

/// When a block is full (`stream-node-max-entries`, `stream-node-max-bytes`). 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// Most entries, deleted ones included.
    pub entries: usize,
    /// Most bytes.
    pub bytes: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self { entries: 100, bytes: 4096 }
    }
}

/// What a stream remembers besides its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The id of the entry that was added last, or what XSETID has said.
    pub last: StreamId,
    /// The largest id that has been deleted, not counting trimming.
    pub max_deleted: StreamId,
    /// How many entries have ever been added.
    pub added: u64,
}

/// Which entries trimming removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// The oldest, so that this many are left.
    MaxLen(u64),
    /// Those below this id.
    MinId(StreamId),
}

/// What trimming is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// Which entries go.
    pub threshold: Threshold,
    /// Only whole blocks.
    pub approximate: bool,
    /// How many entries at most; 0 is no limit.
    pub limit: u64,
}

/// A stream value.
#[derive(Clone, Default)]
pub struct Stream {
    /// By the id of their first entry.
    blocks: BTreeMap<StreamId, Block>,
    /// Entries that are not deleted.
    len: usize,
    position: Position,
    groups: BTreeMap<Box<[u8]>, Group>,
}

/// What a deletion took away.
pub(crate) enum Deleted {
    /// The entry was marked in its block.
    Marked,
    /// It was the last one of this block, in which it is not marked.
    Block(StreamId, Box<Block>),
}

/// What trimming took away.
pub(crate) struct Trimmed {
    blocks: Vec<(StreamId, Block)>,
    marked: Vec<StreamId>,
}

impl Trimmed {
    /// Bytes of memory that it keeps alive.
    pub(crate) fn memory(&self) -> usize {
        let blocks = self.blocks.iter().map(|(_, block)| size_of_val(block) + block.memory());
        blocks.sum::<usize>() + self.marked.capacity() * size_of::<StreamId>()
    }
}

impl Deleted {
    /// Bytes of memory that it keeps alive.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Marked => 0,
            Self::Block(_, block) => size_of::<Block>() + block.memory(),
        }
    }
}

impl Stream {
    /// How much there is to free: entries, and what consumers have not acknowledged.
    pub(crate) fn weight(&self) -> usize {
        self.len + self.groups.values().map(Group::pending_len).sum::<usize>()
    }

    /// Frees some of a stream that is used no more; says whether there was anything.
    pub(crate) fn free_part(&mut self) -> bool {
        if let Some((_, group)) = self.groups.iter_mut().next() {
            if !group.free_part() {
                self.groups.pop_first();
            }
            return true;
        }
        self.blocks.pop_first().is_some()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What the stream remembers besides its entries.
    pub fn position(&self) -> Position {
        self.position
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The groups by name.
    pub fn groups(&self) -> &BTreeMap<Box<[u8]>, Group> {
        &self.groups
    }

    /// The group with this name.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    pub(crate) fn groups_mut(&mut self) -> &mut BTreeMap<Box<[u8]>, Group> {
        &mut self.groups
    }

    pub(crate) fn memory(&self) -> usize {
        let blocks = self.blocks.values().map(|block| size_of_val(block) + block.memory());
        let groups = self.groups.iter().map(|(name, group)| name.len() + group.memory());
        blocks.sum::<usize>() + groups.sum::<usize>()
    }

    /// Entries from one id to another, both included.
    pub fn range(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let from = self.blocks.range(..=start).next_back().map_or(start, |(first, _)| *first);
        let blocks = (start <= end).then(|| self.blocks.range(from..=end));
        let blocks = blocks.into_iter().flatten();
        let entries = blocks.flat_map(move |(first, block)| block.iter_from(*first, start));
        entries.take_while(move |entry| entry.id <= end)
    }

    /// The same, last first.
    pub fn range_back(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let from = self.blocks.range(..=start).next_back().map_or(start, |(first, _)| *first);
        let blocks = (start <= end).then(|| self.blocks.range(from..=end).rev());
        let entries =
            blocks.into_iter().flatten().flat_map(|(first, block)| block.iter_back(*first));
        entries.skip_while(move |entry| entry.id > end).take_while(move |entry| entry.id >= start)
    }

    /// The first entry.
    pub fn first(&self) -> Option<Entry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX).next()
    }

    /// The last entry.
    pub fn last(&self) -> Option<Entry<'_>> {
        self.range_back(StreamId::MIN, StreamId::MAX).next()
    }

    /// The entry with this id.
    pub fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// Adds an entry. Its id must be above the last one. Returns what the position was.
    pub(crate) fn add(&mut self, id: StreamId, pairs: Pairs<'_>, limits: StreamLimits) -> Position {
        debug_assert!(id > self.position.last);
        let last = self.blocks.last_entry();
        let full = last.as_ref().is_none_or(|last| is_full(last.get(), pairs, limits));
        if let Some(mut last) = last {
            if full {
                last.get_mut().shrink();
            } else {
                let first = *last.key();
                last.get_mut().push(first, id, pairs);
            }
        }
        if full {
            let mut block = Block::new(pairs);
            block.push(id, id, pairs);
            self.blocks.insert(id, block);
        }
        self.len += 1;
        let before = self.position;
        self.position = Position { last: id, added: before.added.saturating_add(1), ..before };
        before
    }

    /// Takes back the newest [`Self::add`].
    pub(crate) fn undo_add(&mut self, position: Position) {
        if let Some(mut last) = self.blocks.last_entry() {
            let first = *last.key();
            if last.get_mut().unpush(first) {
                last.remove();
            }
        }
        self.len -= 1;
        self.position = position;
    }

    /// Changes the position and returns what it was.
    pub(crate) fn set_position(&mut self, position: Position) -> Position {
        std::mem::replace(&mut self.position, position)
    }

    /// Deletes an entry; `None` when it is not there.
    pub(crate) fn delete(&mut self, id: StreamId) -> Option<Deleted> {
        let (&first, block) = self.blocks.range_mut(..=id).next_back()?;
        let deleted = if block.live() > 1 {
            block.mark(first, id, true).then_some(Deleted::Marked)?
        } else {
            block.iter(first).find(|entry| entry.id == id)?;
            Deleted::Block(first, Box::new(self.blocks.remove(&first)?))
        };
        self.len -= 1;
        Some(deleted)
    }

    /// Takes back the newest [`Self::delete`], which was of this id.
    pub(crate) fn undo_delete(&mut self, id: StreamId, deleted: Deleted) {
        match deleted {
            Deleted::Marked => self.unmark(id),
            Deleted::Block(first, block) => {
                self.blocks.insert(first, *block);
            }
        }
        self.len += 1;
    }

    fn unmark(&mut self, id: StreamId) {
        if let Some((&first, block)) = self.blocks.range_mut(..=id).next_back() {
            block.mark(first, id, false);
        }
    }

    /// The last entry that trimming would remove; `None` when it would remove none.
    pub fn trim_point(&self, trim: Trim) -> Option<StreamId> {
        let (mut point, mut removed) = (None, 0);
        for (&first, block) in &self.blocks {
            let entries = block.live() as u64;
            let left = self.len as u64 - removed;
            let whole = match trim.threshold {
                Threshold::MaxLen(len) if left <= len => break,
                Threshold::MaxLen(len) => left - entries >= len,
                Threshold::MinId(id) => block.last() < id,
            };
            if trim.limit > 0 && removed + entries > trim.limit {
                break;
            }
            if !whole && trim.approximate {
                break;
            }
            if !whole {
                let ids = block.iter(first).map(|entry| entry.id);
                let last = match trim.threshold {
                    Threshold::MaxLen(len) => ids.take((left - len) as usize).last(),
                    Threshold::MinId(id) => ids.take_while(|found| *found < id).last(),
                };
                return last.or(point);
            }
            point = Some(block.last());
            removed += entries;
        }
        point
    }

    /// How many entries there are up to an id.
    pub fn count_through(&self, id: StreamId) -> usize {
        let blocks = self.blocks.range(..=id);
        blocks
            .map(|(&first, block)| {
                if block.last() <= id {
                    block.live()
                } else {
                    block.iter(first).take_while(|entry| entry.id <= id).count()
                }
            })
            .sum()
    }

    /// Removes all entries up to an id.
    pub(crate) fn trim_through(&mut self, id: StreamId) -> Trimmed {
        let mut trimmed = Trimmed { blocks: Vec::new(), marked: Vec::new() };
        while let Some(mut entry) = self.blocks.first_entry() {
            let first = *entry.key();
            if first > id {
                break;
            }
            let block = entry.get_mut();
            // Also when what is left in it has been deleted before.
            if block.last() <= id || block.iter_back(first).next().is_none_or(|it| it.id <= id) {
                self.len -= block.live();
                trimmed.blocks.push(entry.remove_entry());
                continue;
            }
            trimmed.marked = block.mark_through(first, id);
            self.len -= trimmed.marked.len();
            break;
        }
        trimmed
    }

    /// Takes back the newest [`Self::trim_through`].
    pub(crate) fn undo_trim(&mut self, trimmed: Trimmed) {
        self.len += trimmed.marked.len();
        trimmed.marked.into_iter().for_each(|id| self.unmark(id));
        for (first, block) in trimmed.blocks {
            self.len += block.live();
            self.blocks.insert(first, block);
        }
    }

    /// Gives `put` all of the stream that clients can see, in order.
    pub(crate) fn for_digest(&self, put: &mut dyn FnMut(&[u8])) {
        let Position { last, max_deleted, added } = self.position;
        for id in [last, max_deleted] {
            id.with_text(&mut *put);
        }
        put(&added.to_le_bytes());
        for entry in self.range(StreamId::MIN, StreamId::MAX) {
            entry.id.with_text(&mut *put);
            for (field, value) in entry.fields {
                put(field);
                put(value);
            }
        }
        for (name, group) in &self.groups {
            put(name);
            group.for_digest(put);
        }
    }

    /// Gives `put` how the entries lie in blocks: XTRIM with `~` looks at that.
    pub(crate) fn for_exact_digest(&self, put: &mut dyn FnMut(&[u8])) {
        for (first, block) in &self.blocks {
            first.with_text(&mut *put);
            put(&(block.count() as u64).to_le_bytes());
            put(&(block.len_bytes() as u64).to_le_bytes());
            block.last().with_text(&mut *put);
        }
    }
}

fn is_full(block: &Block, pairs: Pairs<'_>, limits: StreamLimits) -> bool {
    (limits.bytes > 0 && block.len_bytes() + pairs.texts.len() >= limits.bytes)
        || (limits.entries > 0 && block.count() >= limits.entries)
        || block.len_bytes() + pairs.texts.len() >= BLOCK_LEN_MAX
}

/// Longest block, in bytes, whatever the settings say; one entry may be longer.
const BLOCK_LEN_MAX: usize = 1 << 30;
