//! Walking over the members of a sorted set between two ranks, from either end.

use super::large::{Members, name_of};
use super::{Pair, pairs, tree_range};
use crate::types::packed::Packed;

/// Members with their scores, in order.
pub struct Range<'a>(Walk<'a>);

enum Walk<'a> {
    /// The small form is read from its start only, so a walk has what it has found there.
    Small(std::vec::IntoIter<Pair<'a>>),
    Large {
        members: &'a Members,
        entries: tree_range::Range<'a>,
    },
}

impl<'a> Range<'a> {
    pub(super) fn of_small(packed: &'a Packed, start: usize, end: usize) -> Self {
        let found = pairs(packed).take(end).skip(start);
        let mut members = Vec::with_capacity(end.min(packed.len() / 2).saturating_sub(start));
        members.extend(found);
        Self(Walk::Small(members.into_iter()))
    }

    pub(super) fn of_large(members: &'a Members, entries: tree_range::Range<'a>) -> Self {
        Self(Walk::Large { members, entries })
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        match &mut self.0 {
            Walk::Small(pairs) => pairs.next(),
            Walk::Large { members, entries } => {
                let (score, handle) = entries.next()?;
                Some((name_of(members, handle), score))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Walk::Small(pairs) => pairs.size_hint(),
            Walk::Large { entries, .. } => entries.size_hint(),
        }
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Small(pairs) => pairs.next_back(),
            Walk::Large { members, entries } => {
                let (score, handle) = entries.next_back()?;
                Some((name_of(members, handle), score))
            }
        }
    }
}

impl ExactSizeIterator for Range<'_> {}
