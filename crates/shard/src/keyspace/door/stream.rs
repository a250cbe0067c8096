//! Streams: reading, and their mutators.
//!
//! What consumers do (reading, claiming, acknowledging) changes no entry, so it spoils no WATCH and
//! wakes nobody who waits for the key, as in Redis: a client that waits for entries would otherwise
//! be woken by its own attempt to read them.

use super::Inverse;
use crate::effect::{Effect, PendingEntry, StreamEffect};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::keyspace::short_bytes::ShortBytes;
use crate::keyspace::undo::Undo;
use crate::keyspace::value::{Value, ValueMut, ValueView};
use crate::types::stream::fields::Pairs;
use crate::types::stream::group::{Delivery, Group, Progress, Removed, Times};
use crate::types::stream::id::StreamId;
use crate::types::stream::{Deleted, Entry, Position, Stream, Trimmed};

/// How to take back one change inside a stream.
pub(in crate::keyspace) enum StreamInverse {
    /// An entry was added; this was remembered before.
    Added(Position),
    /// The entry was there.
    Deleted { id: StreamId, deleted: Deleted, position: Position },
    /// All this was there.
    Trimmed(Trimmed),
    /// This was remembered.
    Position(Position),
    /// The group was at this place, or was not there.
    Group { group: ShortBytes, previous: Option<Progress> },
    /// The group was there.
    GroupRemoved { name: ShortBytes, group: Box<Group> },
    /// The consumer was there then, or was not one of the group.
    Consumer { group: ShortBytes, consumer: ShortBytes, previous: Option<Times> },
    /// The consumer was one of the group.
    ConsumerRemoved { group: ShortBytes, removed: Box<Removed> },
    /// The entry was pending so, or was not.
    Pending { group: ShortBytes, id: StreamId, previous: Option<Delivery> },
}

impl StreamInverse {
    /// Bytes of memory outside of this struct.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Added(_) | Self::Position(_) => 0,
            Self::Deleted { deleted, .. } => deleted.memory(),
            Self::Trimmed(trimmed) => trimmed.memory(),
            Self::Group { group, .. } | Self::Pending { group, .. } => group.memory(),
            Self::GroupRemoved { name, group } => name.memory() + group.memory(),
            Self::Consumer { group, consumer, .. } => group.memory() + consumer.memory(),
            Self::ConsumerRemoved { group, removed } => group.memory() + removed.memory(),
        }
    }

    pub(super) fn apply(self, stream: &mut Stream) {
        match self {
            Self::Added(position) => stream.undo_add(position),
            Self::Deleted { id, deleted, position } => {
                stream.undo_delete(id, deleted);
                stream.set_position(position);
            }
            Self::Trimmed(trimmed) => stream.undo_trim(trimmed),
            Self::Position(position) => drop(stream.set_position(position)),
            Self::Group { group, previous: None } => {
                stream.groups_mut().remove(group.as_bytes());
            }
            Self::Group { group, previous: Some(progress) } => {
                in_group(stream, &group, |group| group.progress = progress);
            }
            Self::GroupRemoved { name, group } => {
                stream.groups_mut().insert(name.as_bytes().into(), *group);
            }
            Self::Consumer { group, consumer, previous } => {
                in_group(stream, &group, |group| match previous {
                    Some(times) => drop(group.set_consumer(consumer.as_bytes(), times)),
                    None => group.undo_add_consumer(consumer.as_bytes()),
                });
            }
            Self::ConsumerRemoved { group, removed } => {
                in_group(stream, &group, |group| group.undo_remove_consumer(*removed));
            }
            Self::Pending { group, id, previous } => {
                in_group(stream, &group, |group| {
                    group.put(id, previous);
                });
            }
        }
    }
}

fn in_group(stream: &mut Stream, name: &ShortBytes, change: impl FnOnce(&mut Group)) {
    if let Some(group) = stream.groups_mut().get_mut(name.as_bytes()) {
        change(group);
    }
}

/// Appends the effects that make the stream at a key.
pub(super) fn effects_of_whole(key: &[u8], stream: &Stream, out: &mut Vec<u8>) {
    effects_of_entries(key, stream.range(StreamId::MIN, StreamId::MAX), out);
    effects_of_groups(key, stream, out);
}

/// Appends the effects that add entries to the stream at a key; returns the last one's id.
pub(in crate::keyspace) fn effects_of_entries<'a>(
    key: &[u8],
    entries: impl Iterator<Item = Entry<'a>>,
    out: &mut Vec<u8>,
) -> Option<StreamId> {
    let mut room = Vec::new();
    let mut last = None;
    for entry in entries {
        let texts = entry.fields.flat_map(|(field, value)| [field, value]);
        let pairs = Pairs::write(texts, &mut room);
        Effect::Stream(key, StreamEffect::Add { id: entry.id, pairs }).encode(out);
        last = Some(entry.id);
    }
    last
}

/// Appends the effects that make what the stream at a key has besides entries.
pub(in crate::keyspace) fn effects_of_groups(key: &[u8], stream: &Stream, out: &mut Vec<u8>) {
    let mut put = |change| Effect::Stream(key, change).encode(out);
    put(StreamEffect::Position(stream.position()));
    for (name, group) in stream.groups() {
        put(StreamEffect::GroupCreate { group: name, progress: group.progress });
        for consumer in group.consumers() {
            let (consumer, times) = (consumer.name(), consumer.times);
            put(StreamEffect::Consumer { group: name, consumer, times });
        }
        for (&id, &delivery) in group.pending() {
            let consumer = group.owner(delivery);
            let Delivery { time, count, .. } = delivery;
            let entry = PendingEntry { id, consumer, time, count };
            put(StreamEffect::Pending { group: name, entry });
        }
    }
}

impl Keyspace {
    /// The stream at a key; `None` when the key is missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when the key holds something else.
    pub fn stream(&mut self, key: &[u8]) -> Result<Option<&Stream>, CommandError> {
        let Some(handle) = self.read(key) else { return Ok(None) };
        match self.tables.entries.at(handle).value() {
            ValueView::Stream(stream) => Ok(Some(stream)),
            _ => Err(CommandError::WrongType),
        }
    }

    /// Adds an entry to the stream at a key, which is made when it is missing. Says whether the id
    /// is above the last one: nothing has changed when it is not.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn stream_add(
        &mut self,
        key: &[u8],
        id: StreamId,
        pairs: Pairs<'_>,
    ) -> Result<bool, CommandError> {
        let limits = self.settings.stream_limits;
        let found = self.live(key);
        if found.is_none() && id == StreamId::MIN {
            return Ok(false);
        }
        let handle = match found {
            Some(handle) => handle,
            None => self.insert(key, Value::Stream(Box::default()), None),
        };
        let ValueMut::Stream(stream) = self.tables.entries.at_mut(handle).value_mut() else {
            return Err(CommandError::WrongType);
        };
        if id <= stream.position().last {
            return Ok(false);
        }
        let position = stream.add(id, pairs, limits);
        let effect = Effect::Stream(key, StreamEffect::Add { id, pairs });
        self.changed_inside(handle, key, effect, || {
            Inverse::Stream(StreamInverse::Added(position))
        });
        Ok(true)
    }

    /// Removes an entry of the stream at a key. Says whether it was there. One that is `trimmed`
    /// does not count as deleted.
    pub fn stream_delete(&mut self, key: &[u8], id: StreamId, trimmed: bool) -> bool {
        let Some((handle, stream)) = self.stream_mut(key) else { return false };
        let position = stream.position();
        let Some(deleted) = stream.delete(id) else { return false };
        if !trimmed && id > position.max_deleted {
            stream.set_position(Position { max_deleted: id, ..position });
        }
        let effect = Effect::Stream(key, StreamEffect::Delete { id, trimmed });
        self.changed_inside(handle, key, effect, || {
            Inverse::Stream(StreamInverse::Deleted { id, deleted, position })
        });
        true
    }

    /// Removes all entries up to an id from the stream at a key and returns how many those were.
    pub fn stream_trim_through(&mut self, key: &[u8], id: StreamId) -> usize {
        let Some((handle, stream)) = self.stream_mut(key) else { return 0 };
        let before = stream.len();
        let trimmed = stream.trim_through(id);
        let removed = before - stream.len();
        if removed > 0 {
            let effect = Effect::Stream(key, StreamEffect::TrimThrough { id });
            self.changed_inside(handle, key, effect, || {
                Inverse::Stream(StreamInverse::Trimmed(trimmed))
            });
        }
        removed
    }

    /// Sets what the stream at a key remembers besides its entries; a missing one is made. The
    /// last id must not be below that of the last entry: nothing changes when it is.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn stream_set_position(
        &mut self,
        key: &[u8],
        position: Position,
    ) -> Result<(), CommandError> {
        let handle = match self.live(key) {
            Some(handle) => handle,
            None => self.insert(key, Value::Stream(Box::default()), None),
        };
        let ValueMut::Stream(stream) = self.tables.entries.at_mut(handle).value_mut() else {
            return Err(CommandError::WrongType);
        };
        if stream.last().is_some_and(|entry| entry.id > position.last) {
            return Ok(());
        }
        let previous = stream.set_position(position);
        let effect = Effect::Stream(key, StreamEffect::Position(position));
        self.changed_inside(handle, key, effect, || {
            Inverse::Stream(StreamInverse::Position(previous))
        });
        Ok(())
    }

    /// Adds a group to the stream at a key. Says whether it is new: nothing has changed when there
    /// is one of that name.
    pub fn stream_group_create(&mut self, key: &[u8], name: &[u8], progress: Progress) -> bool {
        let Some((_, stream)) = self.stream_mut(key) else { return false };
        if stream.group(name).is_some() {
            return false;
        }
        stream.groups_mut().insert(name.into(), Group::new(progress));
        self.changed_beside(key, StreamEffect::GroupCreate { group: name, progress }, || {
            StreamInverse::Group { group: ShortBytes::new(name), previous: None }
        });
        true
    }

    /// Sets the place of a group of the stream at a key. Says whether there is such a group.
    pub fn stream_group_set(&mut self, key: &[u8], name: &[u8], progress: Progress) -> bool {
        let Some(group) = self.group_mut(key, name) else { return false };
        let previous = Some(std::mem::replace(&mut group.progress, progress));
        self.changed_beside(key, StreamEffect::GroupSet { group: name, progress }, || {
            StreamInverse::Group { group: ShortBytes::new(name), previous }
        });
        true
    }

    /// Removes a group of the stream at a key. Says whether it was there. Those who wait in the
    /// group are told.
    pub fn stream_group_remove(&mut self, key: &[u8], name: &[u8]) -> bool {
        let Some((handle, stream)) = self.stream_mut(key) else { return false };
        let Some(group) = stream.groups_mut().remove(name) else { return false };
        let effect = Effect::Stream(key, StreamEffect::GroupRemove { group: name });
        self.changed_inside(handle, key, effect, || {
            let group = Box::new(group);
            Inverse::Stream(StreamInverse::GroupRemoved { name: ShortBytes::new(name), group })
        });
        true
    }

    /// Sets when a consumer was there; a missing one is added to the group. Says whether there is
    /// such a group.
    pub fn stream_consumer(
        &mut self,
        key: &[u8],
        name: &[u8],
        consumer: &[u8],
        times: Times,
    ) -> bool {
        let Some(group) = self.group_mut(key, name) else { return false };
        let previous = group.set_consumer(consumer, times);
        if previous == Some(times) {
            return true;
        }
        let effect = StreamEffect::Consumer { group: name, consumer, times };
        self.changed_beside(key, effect, || StreamInverse::Consumer {
            group: ShortBytes::new(name),
            consumer: ShortBytes::new(consumer),
            previous,
        });
        true
    }

    /// Removes a consumer of a group and forgets what it has not acknowledged: returns how much
    /// that was, or `None` when there is no such consumer.
    pub fn stream_consumer_remove(
        &mut self,
        key: &[u8],
        name: &[u8],
        consumer: &[u8],
    ) -> Option<usize> {
        let removed = self.group_mut(key, name)?.remove_consumer(consumer)?;
        let pending = removed.pending();
        let effect = StreamEffect::ConsumerRemove { group: name, consumer };
        self.changed_beside(key, effect, || StreamInverse::ConsumerRemoved {
            group: ShortBytes::new(name),
            removed: Box::new(removed),
        });
        Some(pending)
    }

    /// An entry is pending for a consumer from now on. Says whether there are such a group and
    /// such a consumer.
    pub fn stream_deliver(&mut self, key: &[u8], name: &[u8], entry: PendingEntry<'_>) -> bool {
        let PendingEntry { id, consumer, time, count } = entry;
        let Some(group) = self.group_mut(key, name) else { return false };
        let Some(previous) = group.deliver(id, consumer, time, count) else { return false };
        self.changed_beside(key, StreamEffect::Pending { group: name, entry }, || {
            StreamInverse::Pending { group: ShortBytes::new(name), id, previous }
        });
        true
    }

    /// An entry is pending no more. Says whether it was.
    pub fn stream_forget(&mut self, key: &[u8], name: &[u8], id: StreamId) -> bool {
        let Some(group) = self.group_mut(key, name) else { return false };
        let Some(delivery) = group.forget(id) else { return false };
        self.changed_beside(key, StreamEffect::PendingRemove { group: name, id }, || {
            let previous = Some(delivery);
            StreamInverse::Pending { group: ShortBytes::new(name), id, previous }
        });
        true
    }

    fn stream_mut(&mut self, key: &[u8]) -> Option<(u32, &mut Stream)> {
        let handle = self.live(key)?;
        match self.tables.entries.at_mut(handle).value_mut() {
            ValueMut::Stream(stream) => Some((handle, stream)),
            _ => None,
        }
    }

    fn group_mut(&mut self, key: &[u8], name: &[u8]) -> Option<&mut Group> {
        self.stream_mut(key)?.1.groups_mut().get_mut(name)
    }

    /// Records a change of what consumers do. See the module.
    fn changed_beside(
        &mut self,
        key: &[u8],
        change: StreamEffect<'_>,
        inverse: impl FnOnce() -> StreamInverse,
    ) {
        self.undo.push(|| Undo::Inside {
            key: ShortBytes::new(key),
            inverse: Inverse::Stream(inverse()),
        });
        self.counters.changes += 1;
        if self.record {
            Effect::Stream(key, change).encode(&mut self.effects);
        }
    }

    /// Applies a recorded effect.
    pub(super) fn apply_to_stream(&mut self, key: &[u8], effect: StreamEffect<'_>) {
        match effect {
            StreamEffect::Add { id, pairs } => drop(self.stream_add(key, id, pairs)),
            StreamEffect::Delete { id, trimmed } => {
                self.stream_delete(key, id, trimmed);
            }
            StreamEffect::TrimThrough { id } => {
                self.stream_trim_through(key, id);
            }
            StreamEffect::Position(position) => drop(self.stream_set_position(key, position)),
            StreamEffect::GroupCreate { group, progress } => {
                self.stream_group_create(key, group, progress);
            }
            StreamEffect::GroupSet { group, progress } => {
                self.stream_group_set(key, group, progress);
            }
            StreamEffect::GroupRemove { group } => {
                self.stream_group_remove(key, group);
            }
            StreamEffect::Consumer { group, consumer, times } => {
                self.stream_consumer(key, group, consumer, times);
            }
            StreamEffect::ConsumerRemove { group, consumer } => {
                self.stream_consumer_remove(key, group, consumer);
            }
            StreamEffect::Pending { group, entry } => {
                self.stream_deliver(key, group, entry);
            }
            StreamEffect::PendingRemove { group, id } => {
                self.stream_forget(key, group, id);
            }
        }
    }
}
