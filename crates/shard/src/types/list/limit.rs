//! What fits one node (`list-max-listpack-size`).

use super::node::Node;

/// How large a node may become: a number of elements, or for -1 to -5 a number of bytes (4 KiB, 8
/// KiB, … 64 KiB).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLimit(pub i32);

impl Default for ListLimit {
    fn default() -> Self {
        Self(-2)
    }
}

/// With a number of elements as the limit, most bytes of a node nevertheless.
const BYTES_MAX: usize = 8192;
/// What an element costs besides its text, as Redis estimates it, in bytes.
const ELEMENT_OVERHEAD: usize = 8;

impl ListLimit {
    /// Most bytes, and most elements, of which one is no limit.
    fn limits(self) -> (usize, usize) {
        match self.0 {
            0.. => (usize::MAX, (self.0.unsigned_abs() as usize).max(1)),
            negative => (4096 << (negative.unsigned_abs() - 1).min(4), usize::MAX),
        }
    }

    /// Whether a listpack of that many bytes and elements is too large.
    pub(super) fn is_exceeded(self, bytes: usize, count: usize) -> bool {
        let (bytes_max, count_max) = self.limits();
        let bytes_max = if bytes_max == usize::MAX { BYTES_MAX } else { bytes_max };
        bytes > bytes_max || count > count_max
    }

    /// Whether an element of that length may be put into a node that has others.
    pub(super) fn admits(self, node: &Node, len: usize) -> bool {
        !self.is_exceeded(node.size() + len + ELEMENT_OVERHEAD, node.len() + 1)
    }

    /// Whether a node is so small that a list that has shrunk to it is one listpack again.
    pub(super) fn is_far(self, node: &Node) -> bool {
        let (bytes_max, count_max) = self.limits();
        node.size() <= bytes_max / 2 && node.len() <= count_max / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_classes_of_size() {
        assert!(!ListLimit(3).is_exceeded(8192, 3));
        assert!(ListLimit(3).is_exceeded(100, 4));
        assert!(ListLimit(3).is_exceeded(8193, 1));
        assert!(!ListLimit(0).is_exceeded(8, 1));
        assert!(ListLimit(0).is_exceeded(8, 2));
        for (class, bytes) in [(-1, 4096), (-2, 8192), (-3, 16384), (-5, 65536), (-9, 65536)] {
            assert!(!ListLimit(class).is_exceeded(bytes, 1 << 30));
            assert!(ListLimit(class).is_exceeded(bytes + 1, 1));
        }
    }
}
