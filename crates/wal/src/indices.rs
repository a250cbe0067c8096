//! An index for each shard and one for the node, and the rule by which they rise.

use crate::record::{Kind, NODE, Record};

/// An index for each shard of a layout, and one for the node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Indices {
    /// By the number of the shard.
    pub shards: Vec<u64>,
    /// Of what belongs to the node.
    pub node: u64,
}

/// Why a record does not follow those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// There is no such shard, or the kind does not go with it.
    Shard,
    /// Another index follows.
    Index { expected: u64 },
}

impl Indices {
    /// The same index everywhere; 0 for a log that has just begun.
    #[must_use]
    pub fn all(shards: usize, index: u64) -> Self {
        Self { shards: vec![index; shards], node: index }
    }

    /// The index of a shard or of [`NODE`]; `None` when there is no such shard.
    #[must_use]
    pub fn of(&self, shard: u16) -> Option<u64> {
        if shard == NODE { Some(self.node) } else { self.shards.get(usize::from(shard)).copied() }
    }

    /// Whether each of these is at least the other one's. Both are of one layout.
    #[must_use]
    pub fn cover(&self, others: &Self) -> bool {
        self.node >= others.node
            && self.shards.len() == others.shards.len()
            && self.shards.iter().zip(&others.shards).all(|(own, other)| own >= other)
    }

    fn slot(&mut self, shard: u16) -> Option<&mut u64> {
        if shard == NODE { Some(&mut self.node) } else { self.shards.get_mut(usize::from(shard)) }
    }

    /// Moves on by one record, or says why it cannot be the next.
    pub(crate) fn advance(&mut self, record: &Record<'_>) -> Result<(), Misplaced> {
        let of_node = record.shard == NODE;
        let fits = match record.kind {
            Kind::Entries => !of_node,
            Kind::Node => of_node,
            Kind::Gap => true,
            Kind::SyncMark => of_node && record.body.is_empty(),
        };
        if !fits {
            return Err(Misplaced::Shard);
        }
        let last = self.slot(record.shard).ok_or(Misplaced::Shard)?;
        let next = last.checked_add(1);
        let (expected, follows) = match record.kind {
            Kind::SyncMark => (0, record.index == 0),
            Kind::Entries | Kind::Node => (next.unwrap_or(0), Some(record.index) == next),
            Kind::Gap => (next.unwrap_or(0), record.index > *last),
        };
        if !follows {
            return Err(Misplaced::Index { expected });
        }
        if record.kind != Kind::SyncMark {
            *last = record.index;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: Kind, shard: u16, index: u64) -> Record<'static> {
        Record { kind, shard, index, time_ms: 0, body: &[] }
    }

    #[test]
    fn entries_take_the_next_index_of_their_shard() {
        let mut indices = Indices::all(2, 4);
        assert_eq!(indices.advance(&record(Kind::Entries, 1, 5)), Ok(()));
        assert_eq!(indices.of(1), Some(5));
        assert_eq!(indices.of(0), Some(4));
        for index in [0, 4, 5, 7] {
            let refused = Err(Misplaced::Index { expected: 6 });
            assert_eq!(indices.advance(&record(Kind::Entries, 1, index)), refused);
        }
    }

    #[test]
    fn a_gap_may_leave_indices_out_but_not_go_back() {
        let mut indices = Indices::all(1, 4);
        assert_eq!(indices.advance(&record(Kind::Gap, 0, 9)), Ok(()));
        assert_eq!(indices.advance(&record(Kind::Entries, 0, 10)), Ok(()));
        let refused = Err(Misplaced::Index { expected: 11 });
        assert_eq!(indices.advance(&record(Kind::Gap, 0, 10)), refused);
    }

    #[test]
    fn kinds_go_with_the_node_or_with_shards() {
        let mut indices = Indices::all(1, 0);
        assert_eq!(indices.advance(&record(Kind::Entries, NODE, 1)), Err(Misplaced::Shard));
        assert_eq!(indices.advance(&record(Kind::Node, 0, 1)), Err(Misplaced::Shard));
        assert_eq!(indices.advance(&record(Kind::Entries, 1, 1)), Err(Misplaced::Shard));
        assert_eq!(indices.advance(&record(Kind::SyncMark, 0, 0)), Err(Misplaced::Shard));
        assert_eq!(indices.advance(&record(Kind::SyncMark, NODE, 0)), Ok(()));
        assert_eq!(indices.advance(&record(Kind::Node, NODE, 1)), Ok(()));
        assert_eq!(indices, Indices { shards: vec![0], node: 1 });
    }

    #[test]
    fn nothing_follows_the_last_index_of_all() {
        let mut indices = Indices::all(1, u64::MAX);
        let refused = Err(Misplaced::Index { expected: 0 });
        assert_eq!(indices.advance(&record(Kind::Entries, 0, 0)), refused);
    }
}
