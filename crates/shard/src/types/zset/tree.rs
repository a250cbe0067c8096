//! A counted B+tree: the order of a large sorted set.
//!
//! Leaves hold scores and handles of members; the members' texts lie elsewhere. Each child of an
//! inner node is known with how many entries it has, so an entry's rank is found on the way down
//! to it, and an entry on the way down to its rank: both O(log n), as is where any range begins
//! and ends.
//!
//! The tree does not know what it is ordered by. Whoever looks for a place says of any entry
//! whether it lies before that place, which is asked along one path only.
//!
//! A leaf is twelve cache lines: a skip list needs a node of its own for each member and chases
//! as many pointers as it compares members; here the scores of a leaf lie side by side.
//!
//! # Invariants
//! - I1. All leaves are equally far from the root, and none but the root is empty.
//! - I2. A child is known with the first entry and the count of entries of its subtree.
//! - I3. Every node but the root is at least a quarter full, unless it was appended at the end.

use super::tree_range::Range;

/// Entries of a leaf: what fits twelve cache lines with the count.
const LEAF: usize = 63;
/// Children of an inner node.
const FAN: usize = 32;

/// Some entries in order.
#[repr(align(64))]
pub(super) struct Leaf {
    scores: [f64; LEAF],
    handles: [u32; LEAF],
    len: u32,
}

const _: () = assert!(size_of::<Leaf>() == 768);

enum Node {
    Leaf(Box<Leaf>),
    Inner(Vec<Child>),
}

/// A subtree, and what is known of it (I2).
struct Child {
    score: f64,
    handle: u32,
    count: u32,
    node: Node,
}

/// The tree. See the module.
pub(super) struct Tree {
    root: Node,
    len: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { root: Node::Leaf(Box::new(Leaf::EMPTY)), len: 0 }
    }
}

impl Tree {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory outside of this struct. Visits inner nodes only: one in a thousand entries.
    pub(super) fn memory(&self) -> usize {
        self.root.memory()
    }

    /// Frees the last leaf of a tree that is used no more; says whether there was one besides the
    /// root.
    pub(super) fn free_part(&mut self) -> bool {
        self.root.free_part()
    }

    /// How many entries lie before the place of which `before` tells.
    pub(super) fn rank(&self, before: impl Fn(f64, u32) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return rank + leaf.partition(&before),
                Node::Inner(children) => {
                    let at = child_before(children, &before);
                    rank += children[..at].iter().map(|child| child.count as usize).sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }

    /// The entries from one rank to before another one.
    pub(super) fn range(&self, start: usize, end: usize) -> Range<'_> {
        Range::new(self, start, end.min(self.len))
    }

    /// The leaf that has the entry of a rank, which must be below the count, and where in there.
    pub(super) fn leaf_at(&self, rank: usize) -> (&Leaf, usize) {
        let (mut node, mut left) = (&self.root, rank);
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, left),
                Node::Inner(children) => {
                    let at;
                    (at, left) = child_of_rank(children, left);
                    node = &children[at].node;
                }
            }
        }
    }

    /// Puts an entry where `before` tells.
    pub(super) fn insert(&mut self, score: f64, handle: u32, before: impl Fn(f64, u32) -> bool) {
        if let Some(right) = self.root.insert(score, handle, &before, true) {
            let left = std::mem::replace(&mut self.root, Node::Inner(Vec::with_capacity(FAN + 1)));
            if let Node::Inner(children) = &mut self.root {
                children.extend([Child::of(left), right]);
            }
        }
        self.len += 1;
    }

    /// Takes out the entry of a rank, which must be below the count.
    pub(super) fn remove(&mut self, rank: usize) -> (f64, u32) {
        let removed = self.root.remove(rank);
        self.len -= 1;
        if let Node::Inner(children) = &mut self.root
            && children.len() == 1
            && let Some(only) = children.pop()
        {
            self.root = only.node;
        }
        removed
    }

    /// Checks the invariants: for tests.
    #[cfg(test)]
    pub(super) fn check(&self) {
        assert_eq!(self.root.count(), self.len);
        self.root.check(true, true);
    }
}

/// The child in which the place of `before` lies: the last that begins before it.
fn child_before(children: &[Child], before: &impl Fn(f64, u32) -> bool) -> usize {
    children.partition_point(|child| before(child.score, child.handle)).saturating_sub(1)
}

/// The child that has the entry of a rank, and its rank in there.
fn child_of_rank(children: &[Child], mut rank: usize) -> (usize, usize) {
    for (at, child) in children.iter().enumerate() {
        if rank < child.count as usize {
            return (at, rank);
        }
        rank -= child.count as usize;
    }
    unreachable!("ranks lie below the count")
}

impl Child {
    fn of(node: Node) -> Self {
        let (score, handle) = node.first();
        Self { score, handle, count: node.count() as u32, node }
    }

    /// Looks at the subtree's first entry anew.
    fn refresh(&mut self) {
        (self.score, self.handle) = self.node.first();
    }
}

impl Node {
    fn free_part(&mut self) -> bool {
        let Self::Inner(children) = self else { return false };
        match children.last_mut() {
            Some(last) => {
                if !last.node.free_part() {
                    children.pop();
                }
                true
            }
            None => false,
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Leaf(_) => size_of::<Leaf>(),
            Self::Inner(children) => {
                let own = children.capacity() * size_of::<Child>();
                own + match &children[0].node {
                    Self::Leaf(_) => children.len() * size_of::<Leaf>(),
                    Self::Inner(_) => children.iter().map(|child| child.node.memory()).sum(),
                }
            }
        }
    }

    /// The first entry; of an empty leaf, which only the root can be, whatever lies there.
    fn first(&self) -> (f64, u32) {
        match self {
            Self::Leaf(leaf) => leaf.at(0),
            Self::Inner(children) => (children[0].score, children[0].handle),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.len(),
            Self::Inner(children) => children.iter().map(|child| child.count as usize).sum(),
        }
    }

    fn is_underfull(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.len() < LEAF / 4,
            Self::Inner(children) => children.len() < FAN / 4,
        }
    }

    /// Puts an entry in; returns the node that goes to the right of this one if it had to split.
    /// `is_last`: no other node of this level follows.
    fn insert(
        &mut self,
        score: f64,
        handle: u32,
        before: &impl Fn(f64, u32) -> bool,
        is_last: bool,
    ) -> Option<Child> {
        let children = match self {
            Self::Leaf(leaf) => {
                return leaf.insert(leaf.partition(before), score, handle, is_last);
            }
            Self::Inner(children) => children,
        };
        let at = child_before(children, before);
        let is_last = is_last && at + 1 == children.len();
        let child = &mut children[at];
        let right = child.node.insert(score, handle, before, is_last);
        child.count += 1;
        child.refresh();
        let right = right?;
        child.count -= right.count;
        children.insert(at + 1, right);
        if children.len() <= FAN {
            return None;
        }
        // What is appended in order leaves full nodes behind. Two go over, so that one of them can
        // become empty and merge with the other.
        let cut = if is_last { FAN - 1 } else { FAN / 2 };
        let mut upper = Vec::with_capacity(FAN + 1);
        upper.extend(children.drain(cut..));
        Some(Child::of(Self::Inner(upper)))
    }

    fn remove(&mut self, rank: usize) -> (f64, u32) {
        let children = match self {
            Self::Leaf(leaf) => return leaf.remove(rank),
            Self::Inner(children) => children,
        };
        let (at, rank) = child_of_rank(children, rank);
        let has_neighbour = children.len() > 1;
        let child = &mut children[at];
        let removed = child.node.remove(rank);
        child.count -= 1;
        if child.node.is_underfull() && has_neighbour {
            even_out(children, at);
        } else {
            child.refresh();
        }
        removed
    }

    #[cfg(test)]
    fn check(&self, is_last: bool, is_root: bool) -> usize {
        match self {
            Self::Leaf(leaf) => {
                assert!(is_root || leaf.len() > 0, "I1");
                assert!(is_last || leaf.len() >= LEAF / 4, "I3");
                0
            }
            Self::Inner(children) => {
                assert!(is_last || children.len() >= FAN / 4, "I3");
                assert!(children.len() > 1, "I3");
                let mut depths = Vec::new();
                for (at, child) in children.iter().enumerate() {
                    assert!(child.count > 0, "I1");
                    assert_eq!((child.score, child.handle), child.node.first(), "I2");
                    assert_eq!(child.count as usize, child.node.count(), "I2");
                    depths.push(child.node.check(is_last && at + 1 == children.len(), false));
                }
                assert!(depths.iter().all(|depth| *depth == depths[0]), "I1");
                depths[0] + 1
            }
        }
    }
}

/// Merges a child that has become small with a neighbour, or shares out what the two have.
fn even_out(children: &mut Vec<Child>, at: usize) {
    let left = if at + 1 < children.len() { at } else { at - 1 };
    let right = children.remove(left + 1).node;
    let rest = match (&mut children[left].node, right) {
        (Node::Leaf(left), Node::Leaf(right)) => left.share(&right).map(Node::Leaf),
        (Node::Inner(left), Node::Inner(mut right)) => {
            left.append(&mut right);
            (left.len() > FAN).then(|| {
                right.extend(left.drain(left.len() / 2..));
                Node::Inner(right)
            })
        }
        _ => unreachable!("I1: neighbours are of one kind"),
    };
    let child = &mut children[left];
    child.count = child.node.count() as u32;
    child.refresh();
    if let Some(rest) = rest {
        children.insert(left + 1, Child::of(rest));
    }
}

impl Leaf {
    const EMPTY: Self = Self { scores: [0.0; LEAF], handles: [0; LEAF], len: 0 };

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn at(&self, at: usize) -> (f64, u32) {
        (self.scores[at], self.handles[at])
    }

    fn partition(&self, before: &impl Fn(f64, u32) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if before(self.scores[middle], self.handles[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn insert(&mut self, at: usize, score: f64, handle: u32, is_last: bool) -> Option<Child> {
        if self.len() < LEAF {
            self.place(at, score, handle);
            return None;
        }
        let mut right = Box::new(Self::EMPTY);
        // What is appended in order leaves full leaves behind.
        let cut = if is_last && at == LEAF { LEAF } else { LEAF / 2 };
        right.scores[..LEAF - cut].copy_from_slice(&self.scores[cut..]);
        right.handles[..LEAF - cut].copy_from_slice(&self.handles[cut..]);
        right.len = (LEAF - cut) as u32;
        self.len = cut as u32;
        if at > cut || cut == LEAF {
            right.place(at - cut, score, handle);
        } else {
            self.place(at, score, handle);
        }
        Some(Child::of(Node::Leaf(right)))
    }

    /// Puts an entry into a leaf that has room.
    fn place(&mut self, at: usize, score: f64, handle: u32) {
        let len = self.len();
        self.scores.copy_within(at..len, at + 1);
        self.handles.copy_within(at..len, at + 1);
        self.scores[at] = score;
        self.handles[at] = handle;
        self.len += 1;
    }

    fn remove(&mut self, at: usize) -> (f64, u32) {
        let removed = self.at(at);
        let len = self.len();
        self.scores.copy_within(at + 1..len, at);
        self.handles.copy_within(at + 1..len, at);
        self.len -= 1;
        removed
    }

    /// Takes all entries of the leaf that follows, or as many as leave both half full; returns a
    /// leaf of the others.
    fn share(&mut self, next: &Self) -> Option<Box<Self>> {
        let all = |leaf: &Self| (0..leaf.len()).map(|at| leaf.at(at)).collect::<Vec<_>>();
        let entries = [all(self), all(next)].concat();
        if entries.len() <= LEAF {
            self.fill(&entries);
            return None;
        }
        let (lower, upper) = entries.split_at(entries.len() / 2);
        self.fill(lower);
        let mut rest = Box::new(Self::EMPTY);
        rest.fill(upper);
        Some(rest)
    }

    fn fill(&mut self, entries: &[(f64, u32)]) {
        self.len = entries.len() as u32;
        for (at, (score, handle)) in entries.iter().enumerate() {
            self.scores[at] = *score;
            self.handles[at] = *handle;
        }
    }
}
