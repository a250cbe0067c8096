//! Streams as they come from outside and go there: block by block.

use super::block::Block;
use super::fields::Pairs;
use super::id::StreamId;
use super::{Position, Stream};

/// A block that comes from outside, entry by entry.
pub(crate) struct Incoming {
    block: Block,
    first: Option<StreamId>,
}

impl Incoming {
    /// A block whose entries may have the names of these fields.
    pub(crate) fn new(names: Pairs<'_>) -> Self {
        Self { block: Block::new(names), first: None }
    }

    /// Adds an entry. Says whether its id is above all others: nothing has changed when it is not.
    pub(crate) fn push(&mut self, id: StreamId, pairs: Pairs<'_>, deleted: bool) -> bool {
        let first = *self.first.get_or_insert(id);
        if id == StreamId::MIN || (self.block.count() > 0 && id <= self.block.last()) {
            return false;
        }
        if deleted {
            self.block.push_deleted(first, id, pairs);
        } else {
            self.block.push(first, id, pairs);
        }
        true
    }
}

impl Stream {
    /// Puts a block at the end; one without entries that are not deleted is left out. Says whether
    /// its ids are above those that are there: nothing has changed when they are not.
    pub(crate) fn append(&mut self, incoming: Incoming) -> bool {
        let Incoming { mut block, first } = incoming;
        let Some(first) = first.filter(|_| block.live() > 0) else { return true };
        if self.blocks.last_key_value().is_some_and(|(_, last)| last.last() >= first) {
            return false;
        }
        block.shrink();
        self.len += block.live();
        let last = self.position.last.max(block.last());
        self.position = Position { last, ..self.position };
        self.blocks.insert(first, block);
        true
    }

    /// The blocks, and the id of the first entry of each.
    pub(crate) fn packs(&self) -> impl ExactSizeIterator<Item = (StreamId, &Block)> {
        self.blocks.iter().map(|(first, block)| (*first, block))
    }
}
