//! Lists as they come from outside and go there: node by node.

use super::node::Node;
use super::{Encoded, List, ListLimit};

impl List {
    /// An empty list that is to be filled in nodes: what is done last is [`Self::settle`].
    pub(crate) fn unsettled() -> Self {
        Self { quick: true, ..Self::default() }
    }

    /// Begins a new node, which must not stay empty.
    pub(crate) fn begin_node(&mut self) {
        if let Some(last) = self.nodes.back_mut() {
            last.close();
        }
        self.nodes.push_back(Box::default());
    }

    /// Puts an element at the end of the last node, whatever its size.
    pub(crate) fn push_in_node(&mut self, text: &[u8]) {
        if self.nodes.is_empty() {
            self.begin_node();
        }
        let last = self.nodes.len() - 1;
        self.nodes[last].push_back(&Encoded::new(text));
        self.len += 1;
    }

    /// Has a list that fits one listpack be one.
    pub(crate) fn settle(&mut self, limit: ListLimit) {
        if let Some(last) = self.nodes.back_mut() {
            last.close();
        }
        let fits = |node: &Node| !limit.is_exceeded(node.size(), node.len());
        self.quick = match self.nodes.len() {
            0 => false,
            1 => !fits(&self.nodes[0]),
            _ => true,
        };
    }

    /// For each node its elements, as they lie in a listpack, and how many those are.
    pub(crate) fn packs(&self) -> impl ExactSizeIterator<Item = (&[u8], usize)> {
        self.nodes.iter().map(|node| (node.bytes(node.first(), node.end()), node.len()))
    }
}
