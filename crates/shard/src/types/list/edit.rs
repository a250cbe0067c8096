//! Changes of lists, and what takes them back.

use std::collections::VecDeque;

use super::node::{Encoded, Node};
use super::{Cut, End, List, ListLimit};

impl List {
    /// Whether the list is beyond one listpack.
    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    /// Prepares for elements of that many bytes in all: a listpack that they would make too large
    /// becomes a quicklist.
    pub(crate) fn grow(&mut self, bytes: usize, count: usize, limit: ListLimit) {
        let size = self.nodes.front().map_or_else(|| Node::default().size(), |node| node.size());
        self.quick = self.quick || limit.is_exceeded(size + bytes, self.len + count);
    }

    /// Has a list that has become small be one listpack again.
    pub(crate) fn shrink(&mut self, limit: ListLimit) {
        if self.quick && self.nodes.len() == 1 {
            self.quick = !limit.is_far(&self.nodes[0]);
        }
    }

    /// Puts an element at an end. The caller has seen to [`Self::grow`].
    pub(crate) fn push(&mut self, end: End, text: &[u8], limit: ListLimit) {
        let element = Encoded::new(text);
        let outer = match end {
            End::Head => self.nodes.front_mut(),
            End::Tail => self.nodes.back_mut(),
        };
        let quick = self.quick;
        let node = match outer {
            Some(node) if !quick || limit.admits(node, text.len()) => node,
            full => {
                if let Some(node) = full {
                    node.close();
                }
                self.add_node(end)
            }
        };
        match end {
            End::Head => node.push_front(&element),
            End::Tail => node.push_back(&element),
        }
        self.len += 1;
    }

    fn add_node(&mut self, end: End) -> &mut Node {
        let at = match end {
            End::Head => {
                self.nodes.push_front(Box::default());
                0
            }
            End::Tail => {
                self.nodes.push_back(Box::default());
                self.nodes.len() - 1
            }
        };
        &mut self.nodes[at]
    }

    /// Takes elements off an end, at most all.
    pub(crate) fn drop_end(&mut self, end: End, count: usize) {
        let mut left = count.min(self.len);
        self.len -= left;
        while left > 0 {
            let outer = match end {
                End::Head => self.nodes.front_mut(),
                End::Tail => self.nodes.back_mut(),
            };
            let Some(node) = outer else { return };
            if node.len() > left {
                match end {
                    End::Head => node.drop_front(left),
                    End::Tail => node.drop_back(left),
                }
                return;
            }
            left -= node.len();
            match end {
                End::Head => self.nodes.pop_front(),
                End::Tail => self.nodes.pop_back(),
            };
        }
    }

    /// Takes elements off an end, at most all, and returns them.
    pub(crate) fn cut(&mut self, end: End, count: usize) -> Cut {
        let mut left = count.min(self.len);
        self.len -= left;
        let mut cut = Cut { nodes: VecDeque::new(), split: false };
        while left > 0 {
            let outer = match end {
                End::Head => self.nodes.pop_front(),
                End::Tail => self.nodes.pop_back(),
            };
            let Some(mut node) = outer else { break };
            if node.len() > left {
                let taken = match end {
                    End::Head => node.copy(0, left),
                    End::Tail => node.copy(node.len() - left, node.len()),
                };
                match end {
                    End::Head => node.drop_front(left),
                    End::Tail => node.drop_back(left),
                }
                match end {
                    End::Head => self.nodes.push_front(node),
                    End::Tail => self.nodes.push_back(node),
                }
                node = Box::new(taken);
                cut.split = true;
            }
            left -= node.len();
            match end {
                End::Head => cut.nodes.push_back(node),
                End::Tail => cut.nodes.push_front(node),
            }
        }
        cut
    }

    /// Puts back what [`Self::cut`] has taken off.
    fn put_back(&mut self, end: End, cut: Cut) {
        let Cut { mut nodes, split } = cut;
        self.len += nodes.iter().map(|node| node.len()).sum::<usize>();
        if split {
            let (inner, outer) = match end {
                End::Head => (nodes.pop_back(), self.nodes.front_mut()),
                End::Tail => (nodes.pop_front(), self.nodes.back_mut()),
            };
            if let (Some(inner), Some(outer)) = (inner, outer) {
                match end {
                    End::Head => outer.prepend(&inner),
                    End::Tail => outer.append(&inner),
                }
            }
        }
        match end {
            End::Head => nodes.into_iter().rev().for_each(|node| self.nodes.push_front(node)),
            End::Tail => self.nodes.extend(nodes),
        }
    }

    /// Sets the element at an index and returns the old one; `None` past the end. The caller has
    /// seen to [`Self::grow`].
    pub(crate) fn set(&mut self, index: usize, text: &[u8], limit: ListLimit) -> Option<Vec<u8>> {
        let (at, within) = self.locate(index)?;
        let node = &mut self.nodes[at];
        let place = node.seek(within);
        let (old, next) = node.element(place);
        let old = old.to_vec();
        node.remove(place, next);
        self.len -= 1;
        if self.nodes[at].len() == 0 {
            // Alone it fits, however large.
            self.nodes[at].push_back(&Encoded::new(text));
            self.len += 1;
        } else {
            self.insert_in(at, within, text, limit);
        }
        Some(old)
    }

    /// Puts an element before the one at an index, or at the end. The caller has seen to
    /// [`Self::grow`].
    pub(crate) fn insert(&mut self, index: usize, text: &[u8], limit: ListLimit) {
        match self.locate(index) {
            None => self.push(End::Tail, text, limit),
            Some((0, 0)) => self.push(End::Head, text, limit),
            // Behind the last of a node rather than before the first of a full one.
            Some((at, 0)) if !limit.admits(&self.nodes[at], text.len()) => {
                self.insert_in(at - 1, self.nodes[at - 1].len(), text, limit);
            }
            Some((at, within)) => self.insert_in(at, within, text, limit),
        }
    }

    /// Puts an element into a node, which is divided when it is full.
    fn insert_in(&mut self, at: usize, within: usize, text: &[u8], limit: ListLimit) {
        self.len += 1;
        let element = Encoded::new(text);
        let node = &mut self.nodes[at];
        if !self.quick || limit.admits(node, text.len()) {
            node.insert(node.seek(within), &element);
            return;
        }
        let mut between = Box::new(Node::default());
        between.push_back(&element);
        if within == 0 {
            self.nodes.insert(at, between);
        } else if within == node.len() {
            self.nodes.insert(at + 1, between);
        } else {
            let behind = Box::new(node.copy(within, node.len()));
            node.drop_back(behind.len());
            self.nodes.insert(at + 1, behind);
            self.nodes.insert(at + 1, between);
            self.join(at + 1, limit);
            self.join(at, limit);
        }
    }

    /// Makes one node of two neighbours if they fit.
    fn join(&mut self, at: usize, limit: ListLimit) {
        let Some(next) = self.nodes.get(at + 1) else { return };
        let (size, count) =
            (self.nodes[at].size() + next.size(), self.nodes[at].len() + next.len());
        if !limit.is_exceeded(size, count)
            && let Some(next) = self.nodes.remove(at + 1)
        {
            self.nodes[at].append(&next);
        }
    }

    /// Removes the elements at these indexes, which ascend.
    pub(crate) fn remove(&mut self, indexes: &[usize]) {
        let Some(&first) = indexes.first() else { return };
        let Some((mut at, within)) = self.locate(first) else { return };
        // Index of the first element of the node, as the list was.
        let mut base = first - within;
        let mut rest = indexes;
        let mut emptied = Vec::new();
        while let Some(node) = self.nodes.get_mut(at).filter(|_| !rest.is_empty()) {
            let len = node.len();
            let here = rest.partition_point(|&index| index < base + len);
            if here == len {
                node.drop_front(len);
                emptied.push(at);
            } else {
                // From the back, so that the indexes before stay right.
                for &index in rest[..here].iter().rev() {
                    let place = node.seek(index - base);
                    node.remove(place, node.element(place).1);
                }
            }
            self.len -= here;
            rest = &rest[here..];
            base += len;
            at += 1;
        }
        match emptied[..] {
            [] => {}
            [at] => drop(self.nodes.remove(at)),
            _ => self.nodes.retain(|node| node.len() > 0),
        }
    }

    /// Puts an element back at these indexes, which ascend: the inverse of [`Self::remove`].
    fn restore(&mut self, indexes: &[usize], text: &[u8], limit: ListLimit) {
        if indexes.len() <= FEW {
            indexes.iter().for_each(|&index| self.insert(index, text, limit));
            return;
        }
        let element = Encoded::new(text);
        let mut indexes = indexes.iter().copied().peekable();
        let mut index = 0;
        let mut restored = Builder { nodes: VecDeque::with_capacity(self.nodes.len()), limit };
        for node in std::mem::take(&mut self.nodes) {
            if indexes.peek().is_none_or(|&next| next >= index + node.len()) {
                index += node.len();
                restored.nodes.push_back(node);
                continue;
            }
            let mut place = node.first();
            while place < node.end() {
                if indexes.next_if_eq(&index).is_some() {
                    restored.node_for(element.len()).push_back(&element);
                } else {
                    let next = node.element(place).1;
                    let bytes = node.bytes(place, next);
                    restored.node_for(bytes.len()).push_back_bytes(bytes);
                    place = next;
                }
                index += 1;
            }
        }
        for _ in indexes {
            restored.node_for(element.len()).push_back(&element);
        }
        self.nodes = restored.nodes;
        self.len = self.nodes.iter().map(|node| node.len()).sum();
    }

    /// Has the list be a listpack or a quicklist, as it was before a change that is taken back.
    fn restore_form(&mut self, quick: bool) {
        self.quick = quick;
        if !quick && self.nodes.len() > 1 {
            let mut nodes = std::mem::take(&mut self.nodes).into_iter();
            if let Some(mut all) = nodes.next() {
                nodes.for_each(|node| all.append(&node));
                self.nodes.push_back(all);
            }
        }
    }
}

/// What has been changed in a list: enough to take it back.
pub(crate) enum Change {
    /// That many elements have been put at an end.
    Pushed(End, usize),
    /// These have been taken off an end.
    Cut(End, Cut),
    /// The element at an index was this one.
    Replaced(usize, Vec<u8>),
    /// An element has been put at an index.
    Inserted(usize),
    /// Equal elements have been removed from these indexes, which ascend.
    Removed(Vec<usize>, Vec<u8>),
}

impl Change {
    /// Bytes of memory outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Pushed(..) | Self::Inserted(_) => 0,
            Self::Cut(_, cut) => cut.memory(),
            Self::Replaced(_, old) => old.capacity(),
            Self::Removed(indexes, element) => {
                indexes.capacity() * size_of::<usize>() + element.capacity()
            }
        }
    }
}

impl List {
    /// Takes a change back. `quick` is what [`Self::is_quick`] said before it, and before
    /// [`Self::grow`].
    pub(crate) fn take_back(&mut self, change: Change, quick: bool, limit: ListLimit) {
        // What is put back is put as the list was.
        self.quick |= quick;
        match change {
            Change::Pushed(end, count) => self.drop_end(end, count),
            Change::Cut(end, cut) => self.put_back(end, cut),
            Change::Replaced(index, old) => drop(self.set(index, &old, limit)),
            Change::Inserted(index) => self.remove(&[index]),
            Change::Removed(indexes, element) => self.restore(&indexes, &element, limit),
        }
        self.restore_form(quick);
    }
}

/// Up to that many elements are put back one by one; for more all nodes are walked.
const FEW: usize = 8;

/// Nodes that are filled one after the other.
struct Builder {
    nodes: VecDeque<Box<Node>>,
    limit: ListLimit,
}

impl Builder {
    /// The last node, or a new one when an element of that many bytes does not fit.
    fn node_for(&mut self, len: usize) -> &mut Node {
        let limit = self.limit;
        if !self.nodes.back().is_some_and(|node| limit.admits(node, len)) {
            self.nodes.push_back(Box::default());
        }
        let last = self.nodes.len() - 1;
        &mut self.nodes[last]
    }
}
