//! Telling subscribers: messages that shards release at commit, to connections on any executor.
//!
//! A message for a connection of another executor lies in that executor's `pushes` until its thread
//! takes it; a hint in its mailbox has it do so. So a full mailbox delays nobody who publishes, and
//! messages of one publisher stay in order. While the thread is in a script, the script's hook
//! takes them.

use std::sync::{Arc, PoisonError};

use protocol::encode::{self, Version};
use shard::Shard;
use shard::channels::Subscriber;
use shard::keyspace::{Events, Message};

use crate::executor::Executor;
use crate::log::Durability;

/// A push for one connection.
pub(crate) struct Push {
    pub(crate) client: u64,
    pub(crate) payload: Payload,
}

/// What a connection is told unasked.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// A push in RESP3, which in RESP2 is an array.
    Bytes(Arc<[u8]>),
    /// The same, for RESP3 alone.
    OnlyResp3(Arc<[u8]>),
    /// A line of MONITOR.
    Line(Arc<[u8]>),
    /// These keys, an array, have changed.
    Keys(Arc<[u8]>),
    /// All keys have gone.
    AllKeys,
}

/// A push of byte strings, in RESP3. In RESP2 it is an array, which differs in its first byte.
pub(crate) fn push_of(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::push(&mut out, Version::Resp3, parts.len());
    parts.iter().for_each(|part| encode::bulk(&mut out, part));
    out
}

impl Executor {
    /// Releases what a request, transaction or script has left to be told. To be called after
    /// each, with nothing open.
    #[inline]
    pub(crate) fn release(&self, shard: &mut Shard) {
        self.keep(shard);
        if shard.keyspace().has_messages() || shard.keyspace().has_ready() {
            self.release_all(shard);
        }
    }

    /// What blocked clients do that are served may have more to be told.
    #[cold]
    fn release_all(&self, shard: &mut Shard) {
        while shard.keyspace().has_messages() || shard.keyspace().has_ready() {
            self.release_messages(shard);
            self.serve_blocked(shard);
        }
    }

    /// Messages leave when what they tell of is as durable as it is to be, in order.
    fn release_messages(&self, shard: &mut Shard) {
        let events = shard.keyspace().settings().events;
        let by = shard.keyspace().caller().client;
        let messages: Vec<Message> = shard.keyspace_mut().take_messages();
        if messages.iter().any(|message| matches!(message, Message::Flushed)) {
            shard.keyspace_mut().forget_tracked();
        }
        let is_part = self.fans_out.get();
        match self.myself().filter(|_| self.node.log.durability() == Durability::Always) {
            None => self.deliver(messages, events, by, is_part),
            Some(me) => self.outlet.when_durable(self.outlet.last(), move || {
                me.deliver(messages, events, by, is_part);
            }),
        }
    }

    /// Tells what messages say; `is_part` of a command for all shards.
    fn deliver(&self, messages: Vec<Message>, events: Events, by: u64, is_part: bool) {
        let mut changed = Vec::new();
        for message in messages {
            if matches!(message, Message::Publish { .. } | Message::ShardPublish { .. }) {
                self.count_messages(1, 0);
            }
            match message {
                Message::Publish { channel, payload } => {
                    self.tell_subscribers(&channel, &payload);
                    self.node.peers.publish(&channel, &payload);
                }
                Message::ShardPublish { channel, payload } => {
                    self.tell_shard_subscribers(&channel, &payload);
                }
                Message::Event { event, key } => self.tell_event(events, event, &key),
                Message::Changed { key, trackers } => {
                    self.tell_readers(&key, &trackers, by);
                    changed.push(key);
                }
                // Of a command for all shards, clients are told once, when all have done it.
                Message::Flushed if is_part => {}
                Message::Flushed => self.tell_flushed(),
            }
        }
        self.tell_by_prefix(&changed, by);
    }

    /// A keyspace event stays on its node (as in Redis Cluster).
    fn tell_event(&self, events: Events, event: &str, key: &[u8]) {
        if events.contains(Events::KEYSPACE) {
            let channel = [b"__keyspace@0__:", key].concat();
            self.tell_subscribers(&channel, event.as_bytes());
        }
        if events.contains(Events::KEYEVENT) {
            let channel = [b"__keyevent@0__:", event.as_bytes()].concat();
            self.tell_subscribers(&channel, key);
        }
    }

    /// Tells all on this node who have subscribed to a channel or to a pattern that matches it.
    pub(crate) fn tell_subscribers(&self, channel: &[u8], payload: &[u8]) {
        let mut plain: Option<Arc<[u8]>> = None;
        let mut told: Vec<(Subscriber, Payload)> = Vec::new();
        self.node.channels.for_each_receiver(channel, |pattern, subscriber| {
            let bytes = match pattern {
                None => plain
                    .get_or_insert_with(|| push_of(&[b"message", channel, payload]).into())
                    .clone(),
                Some(pattern) => push_of(&[b"pmessage", pattern, channel, payload]).into(),
            };
            told.push((subscriber, Payload::Bytes(bytes)));
        });
        self.count_messages(0, told.len());
        self.push_all(told);
    }

    fn count_messages(&self, published: u64, told: usize) {
        let (all_published, all_told) = self.messages.get();
        self.messages.set((all_published + published, all_told + told as u64));
    }

    fn tell_shard_subscribers(&self, channel: &[u8], payload: &[u8]) {
        let bytes: Arc<[u8]> = push_of(&[b"smessage", channel, payload]).into();
        let subscribers = self.node.channels.shard_subscribers(channel);
        self.count_messages(0, subscribers.len());
        let told =
            subscribers.into_iter().map(|subscriber| (subscriber, Payload::Bytes(bytes.clone())));
        self.push_all(told.collect());
    }

    /// Pushes to connections, wherever they live.
    pub(crate) fn push_all(&self, pushes: Vec<(Subscriber, Payload)>) {
        for (subscriber, payload) in pushes {
            if subscriber.executor == self.index {
                self.push_here(subscriber.client, &payload);
                continue;
            }
            let handle = &self.node.executors[usize::from(subscriber.executor)];
            let mut waiting = handle.pushes.lock().unwrap_or_else(PoisonError::into_inner);
            let hint = waiting.is_empty();
            waiting.push(Push { client: subscriber.client, payload });
            drop(waiting);
            if hint {
                self.tell(subscriber.executor, Self::take_pushes);
            }
        }
    }

    /// Gives connections of this executor what others have left for them.
    pub(crate) fn take_pushes(&self) {
        let handle = &self.node.executors[usize::from(self.index)];
        let waiting =
            std::mem::take(&mut *handle.pushes.lock().unwrap_or_else(PoisonError::into_inner));
        for push in waiting {
            self.push_here(push.client, &push.payload);
        }
    }

    fn push_here(&self, client: u64, payload: &Payload) {
        let connection = self.connection(client);
        if let Some(connection) = connection {
            connection.push(self, payload);
        }
    }
}
