//! Clients: connections, their memory, channels.

use std::sync::atomic::Ordering;

use super::catalogue;
use super::page::Page;
use crate::acl_log::REASONS;
use crate::node::{Node, Published};

pub(super) fn put(page: &mut Page, node: &Node, _published: &[Published]) {
    let (accepted, refused) = node.clients.totals();
    let (settings, statistics) = (&node.settings, &node.statistics);
    for (metric, value) in [
        (&catalogue::CONNECTIONS_ACCEPTED, accepted),
        (&catalogue::CONNECTIONS_REJECTED, refused),
        (&catalogue::CONNECTIONS_LIMIT, settings.maxclients.load(Ordering::Relaxed)),
        (&catalogue::CLIENTS_EVICTED, node.clients.evictions()),
        (&catalogue::CLIENTS_BLOCKED, statistics.blocked_clients.load(Ordering::Relaxed)),
        (&catalogue::CLIENTS_TRACKING, node.trackers.counts().0 as u64),
        (&catalogue::MEMORY_CLIENTS, node.clients.footprint()),
        (&catalogue::MEMORY_CLIENTS_LIMIT, settings.clients_memory_limit().unwrap_or(0)),
        (&catalogue::RELAY_DROPPED, node.peers.dropped()),
    ] {
        page.count(metric, &[], value);
    }
    for (reason, count) in [
        ("output_limit", &statistics.output_limit_disconnections),
        ("query_limit", &statistics.query_limit_disconnections),
    ] {
        let count = count.load(Ordering::Relaxed);
        page.count(&catalogue::CLIENTS_DISCONNECTED, &[reason], count);
    }
    let (channels, patterns, shard_channels) = node.channels.counts();
    for (kind, count) in
        [("channel", channels), ("pattern", patterns), ("shard_channel", shard_channels)]
    {
        page.count(&catalogue::CHANNELS, &[kind], count as u64);
    }
    for reason in REASONS {
        page.count(&catalogue::ACL_DENIED, &[reason], node.acl_log.count(reason));
    }
}
