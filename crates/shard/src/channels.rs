//! Who has subscribed to what on this node: channels, patterns of channels, shard channels.
//!
//! One for the node, shared by its shards: PUBLISH replies how many will be told, on whatever shard
//! it runs. Telling them is the node's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::glob;

/// One connection that has subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subscriber {
    /// The executor that the connection lives on.
    pub executor: u16,
    /// The client's id.
    pub client: u64,
}

/// What can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// A channel of the whole cluster (SUBSCRIBE).
    Channel,
    /// All channels whose names match a glob pattern (PSUBSCRIBE).
    Pattern,
    /// A channel that lives on the shard of its slot (SSUBSCRIBE).
    Shard,
}

type Names = HashMap<Box<[u8]>, BTreeSet<Subscriber>>;

#[derive(Debug, Default)]
struct Tables {
    channels: Names,
    /// Ordered, so that a message arrives in the same order at whoever has several patterns.
    patterns: BTreeMap<Box<[u8]>, BTreeSet<Subscriber>>,
    shard: Names,
}

/// All subscriptions of the node. See the module.
#[derive(Debug, Default)]
pub struct Channels {
    tables: RwLock<Tables>,
    /// How many names there are in all tables: publishing to nobody takes no lock.
    names: AtomicUsize,
}

impl Channels {
    /// Subscribes to one name.
    pub fn subscribe(&self, kind: ChannelKind, name: &[u8], subscriber: Subscriber) {
        self.change(|tables| {
            let subscribers = match kind {
                ChannelKind::Channel => tables.channels.entry(name.into()).or_default(),
                ChannelKind::Pattern => tables.patterns.entry(name.into()).or_default(),
                ChannelKind::Shard => tables.shard.entry(name.into()).or_default(),
            };
            subscribers.insert(subscriber);
        });
    }

    /// Ends the subscription to one name.
    pub fn unsubscribe(&self, kind: ChannelKind, name: &[u8], subscriber: Subscriber) {
        self.change(|tables| {
            let subscribers = match kind {
                ChannelKind::Channel => tables.channels.get_mut(name),
                ChannelKind::Pattern => tables.patterns.get_mut(name),
                ChannelKind::Shard => tables.shard.get_mut(name),
            };
            let Some(subscribers) = subscribers else { return };
            subscribers.remove(&subscriber);
            if subscribers.is_empty() {
                match kind {
                    ChannelKind::Channel => drop(tables.channels.remove(name)),
                    ChannelKind::Pattern => drop(tables.patterns.remove(name)),
                    ChannelKind::Shard => drop(tables.shard.remove(name)),
                }
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Tables)) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut tables);
        let names = tables.channels.len() + tables.patterns.len() + tables.shard.len();
        self.names.store(names, Ordering::Release);
    }

    /// `None` when nobody has subscribed to anything.
    fn read<R>(&self, read: impl FnOnce(&Tables) -> R) -> Option<R> {
        if self.names.load(Ordering::Acquire) == 0 {
            return None;
        }
        Some(read(&self.tables.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// How many times a message on a channel will be told.
    pub fn receivers(&self, channel: &[u8]) -> usize {
        let mut count = 0;
        self.for_each_receiver(channel, |_, _| count += 1);
        count
    }

    /// How many connections a message on a shard channel will be told.
    pub fn shard_receivers(&self, channel: &[u8]) -> usize {
        self.read(|tables| tables.shard.get(channel).map_or(0, BTreeSet::len)).unwrap_or(0)
    }

    /// Calls `visit` for each time that a message on a channel is to be told, with the pattern
    /// that matched, if it was one: first those of the channel itself (as Redis).
    pub fn for_each_receiver(
        &self,
        channel: &[u8],
        mut visit: impl FnMut(Option<&[u8]>, Subscriber),
    ) {
        self.read(|tables| {
            for subscriber in tables.channels.get(channel).into_iter().flatten() {
                visit(None, *subscriber);
            }
            let matching =
                tables.patterns.iter().filter(|(glob, _)| glob::matches(glob, channel, false));
            for (pattern, subscribers) in matching {
                subscribers.iter().for_each(|subscriber| visit(Some(pattern), *subscriber));
            }
        });
    }

    /// Those who have subscribed to a shard channel.
    pub fn shard_subscribers(&self, channel: &[u8]) -> Vec<Subscriber> {
        let found = |tables: &Tables| tables.shard.get(channel).cloned().unwrap_or_default();
        self.read(found).unwrap_or_default().into_iter().collect()
    }

    /// Names of channels, or of shard channels, that match a pattern and have subscribers, sorted.
    pub fn names(&self, kind: ChannelKind, pattern: Option<&[u8]>) -> Vec<Vec<u8>> {
        let wanted = |name: &[u8]| pattern.is_none_or(|glob| glob::matches(glob, name, false));
        let found = self.read(|tables| {
            let names: Vec<&[u8]> = match kind {
                ChannelKind::Channel => tables.channels.keys().map(|name| &**name).collect(),
                ChannelKind::Pattern => tables.patterns.keys().map(|name| &**name).collect(),
                ChannelKind::Shard => tables.shard.keys().map(|name| &**name).collect(),
            };
            names.into_iter().filter(|name| wanted(name)).map(<[u8]>::to_vec).collect::<Vec<_>>()
        });
        let mut names = found.unwrap_or_default();
        names.sort_unstable();
        names
    }

    /// How many have subscribed to exactly this name.
    pub fn subscribers(&self, kind: ChannelKind, name: &[u8]) -> usize {
        self.read(|tables| match kind {
            ChannelKind::Channel => tables.channels.get(name).map_or(0, BTreeSet::len),
            ChannelKind::Pattern => tables.patterns.get(name).map_or(0, BTreeSet::len),
            ChannelKind::Shard => tables.shard.get(name).map_or(0, BTreeSet::len),
        })
        .unwrap_or(0)
    }

    /// How many channels, patterns and shard channels have subscribers.
    pub fn counts(&self) -> (usize, usize, usize) {
        self.read(|tables| (tables.channels.len(), tables.patterns.len(), tables.shard.len()))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Subscriber = Subscriber { executor: 0, client: 1 };
    const TWO: Subscriber = Subscriber { executor: 1, client: 2 };

    #[test]
    fn channels_come_before_patterns_and_each_counts() {
        let channels = Channels::default();
        assert_eq!(channels.receivers(b"news"), 0);
        channels.subscribe(ChannelKind::Pattern, b"n*", ONE);
        channels.subscribe(ChannelKind::Channel, b"news", ONE);
        channels.subscribe(ChannelKind::Channel, b"news", TWO);
        channels.subscribe(ChannelKind::Channel, b"news", TWO);
        channels.subscribe(ChannelKind::Shard, b"news", TWO);
        let mut told = Vec::new();
        channels.for_each_receiver(b"news", |pattern, who| {
            told.push((pattern.map(<[u8]>::to_vec), who.client));
        });
        assert_eq!(told, [(None, 1), (None, 2), (Some(b"n*".to_vec()), 1)]);
        assert_eq!(channels.shard_receivers(b"news"), 1);
        assert_eq!(channels.counts(), (1, 1, 1));
        assert_eq!(channels.names(ChannelKind::Channel, Some(b"x*")), Vec::<Vec<u8>>::new());
        channels.unsubscribe(ChannelKind::Channel, b"news", ONE);
        channels.unsubscribe(ChannelKind::Channel, b"news", TWO);
        channels.unsubscribe(ChannelKind::Channel, b"news", TWO);
        assert_eq!(channels.receivers(b"news"), 1);
        assert_eq!(channels.names(ChannelKind::Channel, None), Vec::<Vec<u8>>::new());
    }
}
