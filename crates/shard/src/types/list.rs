//! Lists: a sequence of nodes, each one block of elements.
//!
//! Both ends are reached at once, and whatever is done in the middle concerns one node, after
//! walking the nodes to it. A list that fits one node is a `listpack`; beyond it is a `quicklist`,
//! and becomes a listpack again when it has shrunk to one node that is half full at most. These
//! are Redis's rules, since OBJECT ENCODING shows them.
//!
//! # Invariants
//! - I1. No node is empty.
//! - I2. A list that is not `quick` has at most one node.

mod edit;
mod import;
mod limit;
#[cfg(test)]
mod list_test;
mod node;

use std::collections::VecDeque;

pub(crate) use edit::Change;
pub use limit::ListLimit;
pub use node::Element;
pub(crate) use node::Encoded;
use node::Node;

/// One of the two ends of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where index 0 is; Redis also says left.
    Head,
    /// Where index -1 is; Redis also says right.
    Tail,
}

/// A list value. Never empty while it is the value of a key.
#[derive(Clone, Default)]
pub struct List {
    nodes: VecDeque<Box<Node>>,
    len: usize,
    /// It is beyond what one listpack takes.
    quick: bool,
}

/// Elements taken off an end: what puts them back exactly.
pub(crate) struct Cut {
    nodes: VecDeque<Box<Node>>,
    /// The innermost of these nodes was one with the outermost that is left.
    split: bool,
}

impl Cut {
    pub(crate) fn memory(&self) -> usize {
        let nodes: usize = self.nodes.iter().map(|node| node.memory()).sum();
        nodes + self.nodes.capacity() * size_of::<Box<Node>>()
    }
}

impl List {
    /// How many elements there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        if self.quick { "quicklist" } else { "listpack" }
    }

    /// Bytes of memory outside of this struct. Walks the nodes.
    pub(crate) fn memory(&self) -> usize {
        let nodes: usize = self.nodes.iter().map(|node| node.memory()).sum();
        nodes + self.nodes.capacity() * size_of::<Box<Node>>()
    }

    /// Frees some of a list that is used no more; says whether there was anything.
    pub(crate) fn free_part(&mut self) -> bool {
        self.nodes.pop_back().is_some()
    }

    /// The node of an element and its index in there; `None` at or past the end.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index <= self.len / 2 {
            let mut before = 0;
            for (at, node) in self.nodes.iter().enumerate() {
                if index < before + node.len() {
                    return Some((at, index - before));
                }
                before += node.len();
            }
        } else {
            let mut before = self.len;
            for (at, node) in self.nodes.iter().enumerate().rev() {
                before -= node.len();
                if index >= before {
                    return Some((at, index - before));
                }
            }
        }
        None
    }

    /// The element at an index.
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        let (at, within) = self.locate(index)?;
        let node = &self.nodes[at];
        Some(node.element(node.seek(within)).0)
    }

    /// The elements from an index on.
    pub fn iter_from(&self, index: usize) -> impl Iterator<Item = Element<'_>> {
        let (at, within) = self.locate(index).unwrap_or((self.nodes.len(), 0));
        self.nodes.range(at..).enumerate().flat_map(move |(nth, node)| {
            let first = if nth == 0 { node.seek(within) } else { node.first() };
            Forward { node, place: first }
        })
    }

    /// The elements from an index on, towards the head.
    pub fn iter_back_from(&self, index: usize) -> impl Iterator<Item = Element<'_>> {
        let (nodes, within) = match self.locate(index) {
            Some((at, within)) => (at + 1, within),
            None => (0, 0),
        };
        self.nodes.range(..nodes).rev().enumerate().flat_map(move |(nth, node)| {
            let end = if nth == 0 { node.seek(within + 1) } else { node.end() };
            Backward { node, place: end }
        })
    }

    /// Compares the elements, from one end on, with a text; calls `visit` with the index of each
    /// and whether it is equal, until that says that it is enough.
    ///
    /// # Errors
    /// That of `visit`.
    pub(crate) fn search<E>(
        &self,
        text: &[u8],
        from: End,
        mut visit: impl FnMut(usize, bool) -> Result<bool, E>,
    ) -> Result<(), E> {
        let wanted = Encoded::new(text);
        match from {
            End::Head => {
                let mut index = 0;
                for node in &self.nodes {
                    let mut place = node.first();
                    while place < node.end() {
                        let next = node.element(place).1;
                        if !visit(index, node.is(place, next, &wanted))? {
                            return Ok(());
                        }
                        (place, index) = (next, index + 1);
                    }
                }
            }
            End::Tail => {
                let mut index = self.len;
                for node in self.nodes.iter().rev() {
                    let mut next = node.end();
                    while next > node.first() {
                        let place = node.before(next);
                        index -= 1;
                        if !visit(index, node.is(place, next, &wanted))? {
                            return Ok(());
                        }
                        next = place;
                    }
                }
            }
        }
        Ok(())
    }
}

struct Forward<'a> {
    node: &'a Node,
    place: usize,
}

impl<'a> Iterator for Forward<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.place >= self.node.end() {
            return None;
        }
        let (element, next) = self.node.element(self.place);
        self.place = next;
        Some(element)
    }
}

struct Backward<'a> {
    node: &'a Node,
    place: usize,
}

impl<'a> Iterator for Backward<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.place <= self.node.first() {
            return None;
        }
        self.place = self.node.before(self.place);
        Some(self.node.element(self.place).0)
    }
}
