//! Shards: their keys, their threads, what goes in and out.

use std::sync::atomic::Ordering;

use super::catalogue;
use super::page::Page;
use crate::node::{Node, Published};

pub(super) fn put(page: &mut Page, node: &Node, published: &[Published], answered: &[bool]) {
    for (index, figures) in published.iter().enumerate() {
        let shard = index.to_string();
        let answered = answered.get(index).copied().unwrap_or(false);
        page.count(&catalogue::SHARD_UP, &[&shard], u64::from(answered));
        put_state(page, node, index, &shard);
        put_keys(page, &shard, figures);
        put_traffic(page, &shard, figures);
    }
}

fn put_state(page: &mut Page, node: &Node, index: usize, shard: &str) {
    let handle = &node.executors[index];
    let (_, slots) = node.topology.shard_range(index as u16);
    let is_busy = handle.busy.load(Ordering::Relaxed);
    let runs = handle.live.get().is_some_and(|live| live.control.running().is_some());
    let millis = if runs { handle.script_age_ms.load(Ordering::Relaxed) } else { 0 };
    page.count(&catalogue::SHARD_BUSY, &[shard], u64::from(is_busy));
    page.put(&catalogue::SHARD_SCRIPT_AGE, &[shard], millis as f64 / 1e3);
    page.count(&catalogue::SLOTS, &[shard], u64::from(slots));
}

fn put_keys(page: &mut Page, shard: &str, figures: &Published) {
    let labels = [shard];
    for (metric, value) in [
        (&catalogue::KEYS, figures.keys),
        (&catalogue::KEYS_WITH_EXPIRY, figures.expiring),
        (&catalogue::KEYS_WITH_FIELD_EXPIRY, figures.with_expiring_fields),
        (&catalogue::KEYS_OVERDUE, figures.overdue),
        (&catalogue::CHANGES, figures.changes),
        (&catalogue::HITS, figures.hits),
        (&catalogue::MISSES, figures.misses),
        (&catalogue::EXPIRED_KEYS, figures.expired),
        (&catalogue::EXPIRED_FIELDS, figures.expired_fields),
        (&catalogue::EVICTED_KEYS, figures.evicted),
        (&catalogue::LAZY_FREE_PENDING, figures.garbage),
        (&catalogue::LAZY_FREED, figures.lazily_freed),
        (&catalogue::TRACKED_KEYS, figures.tracked.0),
        (&catalogue::KEPT_REPLIES, figures.kept_replies.0),
        (&catalogue::KEPT_REPLIES_BYTES, figures.kept_replies.1),
    ] {
        page.count(metric, &labels, value);
    }
    page.put(&catalogue::EXPIRE_SECONDS, &labels, figures.expire_nanos as f64 / 1e9);
}

fn put_traffic(page: &mut Page, shard: &str, figures: &Published) {
    let labels = [shard];
    for (metric, value) in [
        (&catalogue::CONNECTIONS, figures.connections),
        (&catalogue::RECEIVED_BYTES, figures.bytes_in),
        (&catalogue::SENT_BYTES, figures.bytes_out),
        (&catalogue::MESSAGES_PUBLISHED, figures.messages.0),
        (&catalogue::MESSAGES_DELIVERED, figures.messages.1),
    ] {
        page.count(metric, &labels, value);
    }
    page.times(&catalogue::EVENT_LOOP_DELAY, &labels, &figures.delays);
    page.count(&catalogue::MEMORY_LUA, &[shard, "scripts"], figures.script_memory);
    page.count(&catalogue::MEMORY_LUA, &[shard, "functions"], figures.function_memory);
}
