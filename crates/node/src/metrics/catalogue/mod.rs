//! Every metric: name, type, labels, meaning. docs/metrics.md is made from it.
//!
//! Names are Prometheus's way: base units at the end, `_total` for what only grows.

mod node;
mod shards;

pub(super) use node::*;
pub(super) use shards::*;

/// What kind of metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

/// One metric.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Names of its labels, in the order of their values.
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

type Labels = &'static [&'static str];

const fn counter(name: &'static str, labels: Labels, help: &'static str) -> Described {
    Described { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: Labels, help: &'static str) -> Described {
    Described { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(name: &'static str, labels: Labels, help: &'static str) -> Described {
    Described { name, kind: Kind::Histogram, labels, help }
}

const fn summary(name: &'static str, labels: Labels, help: &'static str) -> Described {
    Described { name, kind: Kind::Summary, labels, help }
}

/// All of them, by what they are about.
#[cfg(test)]
pub(super) const ALL: &[&Described] = &[
    &SHARD_UP,
    &SHARD_BUSY,
    &SHARD_SCRIPT_AGE,
    &SLOTS,
    &KEYS,
    &KEYS_WITH_EXPIRY,
    &KEYS_WITH_FIELD_EXPIRY,
    &KEYS_OVERDUE,
    &CHANGES,
    &HITS,
    &MISSES,
    &EXPIRED_KEYS,
    &EXPIRED_FIELDS,
    &EXPIRE_SECONDS,
    &EVICTED_KEYS,
    &LAZY_FREE_PENDING,
    &LAZY_FREED,
    &TRACKED_KEYS,
    &KEPT_REPLIES,
    &KEPT_REPLIES_BYTES,
    &EVENT_LOOP_DELAY,
    &CONNECTIONS,
    &RECEIVED_BYTES,
    &SENT_BYTES,
    &COMMANDS,
    &COMMANDS_REJECTED,
    &COMMANDS_FAILED,
    &COMMAND_ERRORS,
    &COMMAND_DURATION,
    &SCRIPTS,
    &SCRIPTS_ROLLED_BACK,
    &SCRIPT_CALLS,
    &SCRIPT_ERROR_REPLIES,
    &SCRIPT_ROLLED_BACK,
    &SCRIPT_DURATION,
    &SCRIPTS_CACHED,
    &SCRIPTS_EVICTED,
    &FUNCTIONS,
    &LIBRARIES,
    &MEMORY_USED,
    &MEMORY_RSS,
    &MEMORY_PEAK,
    &MEMORY_STARTUP,
    &MEMORY_MACHINE,
    &MEMORY_LIMIT,
    &MEMORY_LUA,
    &MEMORY_SCRIPT_STORE,
    &MEMORY_FUNCTION_STORE,
    &MEMORY_CLIENTS,
    &MEMORY_CLIENTS_LIMIT,
    &LOG_INFO,
    &LOG_UNSYNCED_ENTRIES,
    &LOG_UNSYNCED_BYTES,
    &LOG_UNSYNCED_AGE,
    &LOG_SIZE,
    &LOG_FRAMES,
    &LOG_SYNC_DURATION,
    &LOG_WRITE_FAILURES,
    &LOG_FULL,
    &SNAPSHOTS,
    &SNAPSHOT_FAILURES,
    &SNAPSHOT_RUNNING,
    &SNAPSHOT_FAILED,
    &SNAPSHOT_LAST,
    &SNAPSHOT_DURATION,
    &SNAPSHOT_SIZE,
    &SNAPSHOT_CHANGES,
    &LOADING,
    &LOADED_RATIO,
    &CONNECTIONS_ACCEPTED,
    &CONNECTIONS_REJECTED,
    &CONNECTIONS_LIMIT,
    &CLIENTS_EVICTED,
    &CLIENTS_DISCONNECTED,
    &CLIENTS_BLOCKED,
    &CLIENTS_TRACKING,
    &CHANNELS,
    &MESSAGES_PUBLISHED,
    &MESSAGES_DELIVERED,
    &RELAY_DROPPED,
    &ACL_DENIED,
    &BUILD_INFO,
    &UPTIME,
    &SCRAPE_DURATION,
    &START_TIME,
    &CPU_SECONDS,
];
