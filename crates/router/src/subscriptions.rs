//! What one connection has subscribed to.

use std::collections::BTreeSet;

use shard::channels::ChannelKind;

use crate::session::OF_NAME;

/// The channels, patterns and shard channels of one connection.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeSet<Vec<u8>>,
    patterns: BTreeSet<Vec<u8>>,
    shard: BTreeSet<Vec<u8>>,
    memory: usize,
}

impl Subscriptions {
    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shard.is_empty()
    }

    fn of(&mut self, kind: ChannelKind) -> &mut BTreeSet<Vec<u8>> {
        match kind {
            ChannelKind::Channel => &mut self.channels,
            ChannelKind::Pattern => &mut self.patterns,
            ChannelKind::Shard => &mut self.shard,
        }
    }

    /// Adds a name; says whether it is new.
    pub fn add(&mut self, kind: ChannelKind, name: &[u8]) -> bool {
        let new = self.of(kind).insert(name.to_vec());
        self.memory += if new { name.len() + OF_NAME } else { 0 };
        new
    }

    /// Removes a name; says whether it was there.
    pub fn remove(&mut self, kind: ChannelKind, name: &[u8]) -> bool {
        let known = self.of(kind).remove(name);
        self.memory -= if known { name.len() + OF_NAME } else { 0 };
        known
    }

    /// About how many bytes they take.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// All names of a kind.
    pub fn names(&self, kind: ChannelKind) -> Vec<Vec<u8>> {
        let names = match kind {
            ChannelKind::Channel => &self.channels,
            ChannelKind::Pattern => &self.patterns,
            ChannelKind::Shard => &self.shard,
        };
        names.iter().cloned().collect()
    }

    /// Whether something is true of all of them.
    pub fn all(&self, mut holds: impl FnMut(ChannelKind, &[u8]) -> bool) -> bool {
        self.channels.iter().all(|name| holds(ChannelKind::Channel, name))
            && self.patterns.iter().all(|name| holds(ChannelKind::Pattern, name))
            && self.shard.iter().all(|name| holds(ChannelKind::Shard, name))
    }

    /// The number that the replies of (UN)SUBSCRIBE and their like end with: channels and patterns
    /// together, shard channels by themselves.
    pub fn count(&self, kind: ChannelKind) -> usize {
        match kind {
            ChannelKind::Channel | ChannelKind::Pattern => {
                self.channels.len() + self.patterns.len()
            }
            ChannelKind::Shard => self.shard.len(),
        }
    }

    /// Channels, patterns, shard channels: what CLIENT LIST shows.
    pub fn counts(&self) -> [usize; 3] {
        [self.channels.len(), self.patterns.len(), self.shard.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_channels_count_by_themselves() {
        let mut subscriptions = Subscriptions::default();
        assert!(subscriptions.is_empty());
        assert!(subscriptions.add(ChannelKind::Channel, b"a"));
        assert!(!subscriptions.add(ChannelKind::Channel, b"a"));
        subscriptions.add(ChannelKind::Pattern, b"a*");
        subscriptions.add(ChannelKind::Shard, b"a");
        assert_eq!(subscriptions.count(ChannelKind::Channel), 2);
        assert_eq!(subscriptions.count(ChannelKind::Shard), 1);
        assert_eq!(subscriptions.counts(), [1, 1, 1]);
        assert!(subscriptions.remove(ChannelKind::Channel, b"a"));
        assert!(!subscriptions.remove(ChannelKind::Channel, b"a"));
        assert_eq!(subscriptions.memory(), 2 * OF_NAME + 3);
        assert!(!subscriptions.is_empty());
    }
}
