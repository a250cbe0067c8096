//! Claiming a pending entry: what XCLAIM and XAUTOCLAIM do to one.
//!
//! Not a command.

use super::consumer::Consumer;
use super::entries::{put_entry, put_id};
use crate::commands::Call;
use crate::effect::PendingEntry;
use crate::types::stream::id::StreamId;

/// How an entry is claimed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) consumer: Consumer<'a>,
    /// When it counts as delivered, in milliseconds since the epoch.
    pub(super) time: i64,
    /// How often it counts as delivered, if that is to be set.
    pub(super) count: Option<u64>,
    /// Only the id is replied, and the claim counts as no delivery.
    pub(super) just_id: bool,
}

impl Claim<'_> {
    /// Claims an entry that is there, and that has been delivered `count` times.
    pub(super) fn take(self, call: &mut Call<'_, '_>, id: StreamId, count: u64) {
        let Consumer { key, group, name } = self.consumer;
        let more = if self.just_id { count } else { count.saturating_add(1) };
        let (time, count) = (self.time, self.count.unwrap_or(more));
        let entry = PendingEntry { id, consumer: name, time, count };
        call.keyspace.stream_deliver(key, group, entry);
    }

    /// Replies what has been claimed.
    pub(super) fn reply(self, call: &mut Call<'_, '_>, ids: &[StreamId]) {
        call.reply.array(ids.len());
        let Ok(Some(stream)) = call.keyspace.stream(self.consumer.key) else { return };
        for &id in ids {
            match stream.entry(id).filter(|_| !self.just_id) {
                Some(entry) => put_entry(call.reply, entry),
                None => put_id(call.reply, id),
            }
        }
    }
}

/// `min-idle-time` in milliseconds; a negative one is 0.
pub(super) fn min_idle(text: &[u8]) -> Option<i64> {
    protocol::number::parse_i64(text).map(|idle| idle.max(0))
}
