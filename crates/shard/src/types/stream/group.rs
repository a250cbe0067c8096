//! Groups of consumers: how far a group has read, and which entries have been delivered to whom
//! and not been acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use super::id::StreamId;

/// How far a group has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The id of the entry delivered last.
    pub last: StreamId,
    /// How many entries of the stream's whole life that is; `None` when it is not known.
    pub entries_read: Option<u64>,
}

/// When a consumer was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it last tried something, in milliseconds since the epoch.
    pub seen: i64,
    /// When it last got something; `None` for never.
    pub active: Option<i64>,
}

/// An entry that has been delivered and not been acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// To whom: a number that the group knows.
    pub(crate) consumer: u32,
    /// When, in milliseconds since the epoch.
    pub time: i64,
    /// How often.
    pub count: u64,
}

/// One consumer of a group.
#[derive(Debug, Clone)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it was there.
    pub times: Times,
    /// What it has got and not acknowledged.
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// What it has got and not acknowledged.
    pub fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

/// A group of consumers.
#[derive(Debug, Clone)]
pub struct Group {
    /// How far it has read.
    pub progress: Progress,
    pending: BTreeMap<StreamId, Delivery>,
    names: BTreeMap<Box<[u8]>, u32>,
    /// By number; numbers of consumers that are gone are given again.
    consumers: Vec<Option<Consumer>>,
}

/// A consumer that was removed, with what it had not acknowledged.
pub(crate) struct Removed {
    number: u32,
    consumer: Consumer,
    pending: Vec<(StreamId, Delivery)>,
}

impl Removed {
    /// Bytes of memory that it keeps alive.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.consumer.name.len() + self.pending.capacity() * PENDING_BYTES
    }

    /// How many entries it had not acknowledged.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }
}

/// About what a pending entry takes in both of its places.
const PENDING_BYTES: usize = 80;

impl Group {
    pub(crate) fn new(progress: Progress) -> Self {
        Self { progress, pending: BTreeMap::new(), names: BTreeMap::new(), consumers: Vec::new() }
    }

    /// How many entries consumers have got and not acknowledged.
    pub(super) fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// Forgets some of what consumers have not acknowledged, of a group that is used no more; says
    /// whether there was anything.
    pub(super) fn free_part(&mut self) -> bool {
        const TOGETHER: usize = 64;
        let before = self.pending.len();
        for _ in 0..TOGETHER {
            self.pending.pop_first();
        }
        for consumer in self.consumers.iter_mut().flatten() {
            if (0..TOGETHER).filter(|_| consumer.pending.pop_first().is_some()).count() > 0 {
                return true;
            }
        }
        before > 0
    }

    /// All pending entries by id.
    pub fn pending(&self) -> &BTreeMap<StreamId, Delivery> {
        &self.pending
    }

    /// The consumers, sorted by name.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.names.values().filter_map(|&number| self.consumers[number as usize].as_ref())
    }

    /// How many consumers there are.
    pub fn consumer_count(&self) -> usize {
        self.names.len()
    }

    /// The consumer with this name.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers[*self.names.get(name)? as usize].as_ref()
    }

    /// The name of the consumer that has got an entry.
    pub fn owner(&self, delivery: Delivery) -> &[u8] {
        let consumer = self.consumers.get(delivery.consumer as usize).and_then(Option::as_ref);
        consumer.map_or(&[], |consumer| &consumer.name)
    }

    pub(crate) fn memory(&self) -> usize {
        let names: usize = self.names.keys().map(|name| name.len() * 2).sum();
        let consumers = self.consumers.capacity() * (size_of::<Option<Consumer>>() + 24);
        size_of::<Self>() + names + consumers + self.pending.len() * PENDING_BYTES
    }

    /// Sets when a consumer was there; a missing one is added. Returns what was there.
    pub(crate) fn set_consumer(&mut self, name: &[u8], times: Times) -> Option<Times> {
        if let Some(&number) = self.names.get(name) {
            let consumer = self.consumers[number as usize].as_mut()?;
            return Some(std::mem::replace(&mut consumer.times, times));
        }
        let has_gaps = self.consumers.len() > self.names.len();
        let gap = has_gaps.then(|| self.consumers.iter().position(Option::is_none)).flatten();
        let number = gap.unwrap_or_else(|| {
            self.consumers.push(None);
            self.consumers.len() - 1
        });
        let consumer = Consumer { name: name.into(), times, pending: BTreeSet::new() };
        self.consumers[number] = Some(consumer);
        self.names.insert(name.into(), number as u32);
        None
    }

    /// Removes a consumer and forgets what it has not acknowledged.
    pub(crate) fn remove_consumer(&mut self, name: &[u8]) -> Option<Removed> {
        let number = self.names.remove(name)?;
        let consumer = self.consumers[number as usize].take()?;
        let pending = consumer
            .pending
            .iter()
            .filter_map(|id| Some((*id, self.pending.remove(id)?)))
            .collect();
        Some(Removed { number, consumer, pending })
    }

    /// Takes back the newest [`Self::remove_consumer`].
    pub(crate) fn undo_remove_consumer(&mut self, removed: Removed) {
        let Removed { number, consumer, pending } = removed;
        self.names.insert(consumer.name.clone(), number);
        self.consumers[number as usize] = Some(consumer);
        self.pending.extend(pending);
    }

    /// Takes back the newest addition of a consumer.
    pub(crate) fn undo_add_consumer(&mut self, name: &[u8]) {
        if let Some(number) = self.names.remove(name) {
            self.consumers[number as usize] = None;
        }
    }

    /// An entry is pending for a consumer, which is there: `None` when it is not. Returns the
    /// delivery before.
    pub(crate) fn deliver(
        &mut self,
        id: StreamId,
        consumer: &[u8],
        time: i64,
        count: u64,
    ) -> Option<Option<Delivery>> {
        let consumer = *self.names.get(consumer)?;
        Some(self.put(id, Some(Delivery { consumer, time, count })))
    }

    /// An entry is pending no more. Returns how it was delivered.
    pub(crate) fn forget(&mut self, id: StreamId) -> Option<Delivery> {
        self.put(id, None)
    }

    /// Makes the delivery of an entry this one and returns the one before.
    pub(crate) fn put(&mut self, id: StreamId, delivery: Option<Delivery>) -> Option<Delivery> {
        let previous = match delivery {
            Some(delivery) => self.pending.insert(id, delivery),
            None => self.pending.remove(&id),
        };
        let (before, after) = (previous.map(|it| it.consumer), delivery.map(|it| it.consumer));
        if before != after {
            if let Some(consumer) = before.and_then(|number| self.numbered(number)) {
                consumer.pending.remove(&id);
            }
            if let Some(consumer) = after.and_then(|number| self.numbered(number)) {
                consumer.pending.insert(id);
            }
        }
        previous
    }

    fn numbered(&mut self, number: u32) -> Option<&mut Consumer> {
        self.consumers.get_mut(number as usize)?.as_mut()
    }

    pub(super) fn for_digest(&self, put: &mut dyn FnMut(&[u8])) {
        let Progress { last, entries_read } = self.progress;
        last.with_text(&mut *put);
        put(&entries_read.map_or(-1, |read| read as i64).to_le_bytes());
        for consumer in self.consumers() {
            put(&consumer.name);
            put(&consumer.times.seen.to_le_bytes());
            put(&consumer.times.active.unwrap_or(-1).to_le_bytes());
            put(&(consumer.pending.len() as u64).to_le_bytes());
            consumer.pending.iter().for_each(|id| id.with_text(&mut *put));
        }
        for (id, delivery) in &self.pending {
            id.with_text(&mut *put);
            put(self.owner(*delivery));
            put(&delivery.time.to_le_bytes());
            put(&delivery.count.to_le_bytes());
        }
    }
}
