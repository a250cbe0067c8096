//! Whose log a file belongs to: the node, and how its shards were dealt.

use std::fmt;

/// The name of a node for life: 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId([u8; 40]);

impl NodeId {
    /// Reads an id; `None` unless it is 40 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits: [u8; 40] = text.try_into().ok()?;
        digits
            .iter()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
            .then_some(Self(digits))
    }

    /// The 40 digits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 40] {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| write!(formatter, "{}", char::from(*digit)))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NodeId({self})")
    }
}

/// The slots of one shard: `count` of them from `first` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotRange {
    /// The lowest slot.
    pub first: u16,
    /// How many slots; may be none.
    pub count: u16,
}

/// The slots of each shard of the node, by the number of the shard. The indices of a shard mean
/// something within one layout only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// At most [`crate::limits::SHARDS_MAX`].
    pub shards: Vec<SlotRange>,
}

impl Layout {
    /// How many shards there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.len()
    }

    /// Whether there is no shard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_forty_lower_case_hexadecimal_digits() {
        let text = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(NodeId::parse(text.as_bytes()).unwrap().to_string(), text);
        assert_eq!(NodeId::parse(&text.as_bytes()[1..]), None);
        assert_eq!(NodeId::parse(text.to_uppercase().as_bytes()), None);
        assert_eq!(NodeId::parse(text.replace('0', "g").as_bytes()), None);
    }
}
