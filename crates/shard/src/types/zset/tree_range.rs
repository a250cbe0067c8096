//! Walking over the entries of a [`Tree`] between two ranks, from either end.

use super::tree::{Leaf, Tree};

/// The entries of a range of ranks: score and handle.
pub(super) struct Range<'a> {
    tree: &'a Tree,
    start: usize,
    end: usize,
    /// The leaf that has the next entry, and where.
    front: Option<(&'a Leaf, usize)>,
    /// The leaf that has the last entry, and where it ends.
    back: Option<(&'a Leaf, usize)>,
}

impl<'a> Range<'a> {
    pub(super) fn new(tree: &'a Tree, start: usize, end: usize) -> Self {
        Self { tree, start, end, front: None, back: None }
    }
}

impl Iterator for Range<'_> {
    type Item = (f64, u32);

    fn next(&mut self) -> Option<(f64, u32)> {
        if self.start >= self.end {
            return None;
        }
        let (leaf, at) = self
            .front
            .filter(|(leaf, at)| *at < leaf.len())
            .unwrap_or_else(|| self.tree.leaf_at(self.start));
        self.front = Some((leaf, at + 1));
        self.start += 1;
        Some(leaf.at(at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end.saturating_sub(self.start);
        (left, Some(left))
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<(f64, u32)> {
        if self.start >= self.end {
            return None;
        }
        self.end -= 1;
        let (leaf, at) = self
            .back
            .filter(|(_, end)| *end > 0)
            .map_or_else(|| self.tree.leaf_at(self.end), |(leaf, end)| (leaf, end - 1));
        self.back = Some((leaf, at));
        Some(leaf.at(at))
    }
}

impl ExactSizeIterator for Range<'_> {}
