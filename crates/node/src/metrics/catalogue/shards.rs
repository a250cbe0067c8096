//! Metrics of shards and of the commands that they run.

use super::{Described, counter, gauge, histogram};

pub(in crate::metrics) static SHARD_UP: Described = gauge(
    "atoll_shard_up",
    &["shard"],
    "Whether the shard answered this scrape in time (1); where it did not, its figures are \
     those that it published last.",
);

pub(in crate::metrics) static SHARD_BUSY: Described = gauge(
    "atoll_shard_busy",
    &["shard"],
    "Whether the shard answers BUSY, for a script that runs past busy-reply-threshold.",
);

pub(in crate::metrics) static SHARD_SCRIPT_AGE: Described = gauge(
    "atoll_shard_script_age_seconds",
    &["shard"],
    "How long the script has been running that runs now; 0 where none has been seen.",
);

pub(in crate::metrics) static SLOTS: Described =
    gauge("atoll_slots", &["shard"], "Hash slots of the shard.");

pub(in crate::metrics) static KEYS: Described = gauge("atoll_keys", &["shard"], "Keys.");

pub(in crate::metrics) static KEYS_WITH_EXPIRY: Described =
    gauge("atoll_keys_with_expiry", &["shard"], "Keys that expire.");

pub(in crate::metrics) static KEYS_WITH_FIELD_EXPIRY: Described =
    gauge("atoll_keys_with_field_expiry", &["shard"], "Hashes with fields that expire.");

pub(in crate::metrics) static KEYS_OVERDUE: Described = gauge(
    "atoll_keys_overdue",
    &["shard"],
    "Keys that have expired and have not been removed yet; nobody sees them.",
);

pub(in crate::metrics) static CHANGES: Described =
    counter("atoll_changes_total", &["shard"], "Changes of keys.");

pub(in crate::metrics) static HITS: Described = counter(
    "atoll_keyspace_hits_total",
    &["shard"],
    "Look-ups of keys that were found by commands that read.",
);

pub(in crate::metrics) static MISSES: Described = counter(
    "atoll_keyspace_misses_total",
    &["shard"],
    "Look-ups of keys that were not found by commands that read.",
);

pub(in crate::metrics) static EXPIRED_KEYS: Described =
    counter("atoll_expired_keys_total", &["shard"], "Keys that have expired and been removed.");

pub(in crate::metrics) static EXPIRED_FIELDS: Described = counter(
    "atoll_expired_fields_total",
    &["shard"],
    "Fields of hashes that have expired and been removed.",
);

pub(in crate::metrics) static EXPIRE_SECONDS: Described = counter(
    "atoll_expire_cpu_seconds_total",
    &["shard"],
    "Processor time spent on removing what has expired.",
);

pub(in crate::metrics) static EVICTED_KEYS: Described = counter(
    "atoll_evicted_keys_total",
    &["shard"],
    "Keys that were evicted because memory was full.",
);

pub(in crate::metrics) static LAZY_FREE_PENDING: Described = gauge(
    "atoll_lazy_free_pending",
    &["shard"],
    "Values that are used no more and wait to be freed in parts.",
);

pub(in crate::metrics) static LAZY_FREED: Described =
    counter("atoll_lazy_freed_total", &["shard"], "Values that have been freed in parts.");

pub(in crate::metrics) static TRACKED_KEYS: Described =
    gauge("atoll_tracked_keys", &["shard"], "Keys that clients keep copies of (CLIENT TRACKING).");

pub(in crate::metrics) static KEPT_REPLIES: Described = gauge(
    "atoll_kept_replies",
    &["shard"],
    "Replies that are kept for who asks again (CLIENT IDEMPOTENCY).",
);

pub(in crate::metrics) static KEPT_REPLIES_BYTES: Described =
    gauge("atoll_memory_kept_replies_bytes", &["shard"], "Memory of these replies.");

pub(in crate::metrics) static EVENT_LOOP_DELAY: Described = histogram(
    "atoll_event_loop_delay_seconds",
    &["shard"],
    "How late a timer of the shard's thread came, some fifty times a second: what else it does \
     makes clients wait as long. A millisecond is the timer's own grain.",
);

pub(in crate::metrics) static CONNECTIONS: Described =
    gauge("atoll_connections", &["shard"], "Connections that live with the shard's thread.");

pub(in crate::metrics) static RECEIVED_BYTES: Described = counter(
    "atoll_network_received_bytes_total",
    &["shard"],
    "Bytes read from clients by the shard's thread.",
);

pub(in crate::metrics) static SENT_BYTES: Described = counter(
    "atoll_network_sent_bytes_total",
    &["shard"],
    "Bytes written to clients by the shard's thread.",
);

pub(in crate::metrics) static COMMANDS: Described = counter(
    "atoll_commands_total",
    &["shard", "family", "source"],
    "Calls of commands that ran, sent by clients or called by scripts (source).",
);

pub(in crate::metrics) static COMMANDS_REJECTED: Described = counter(
    "atoll_commands_rejected_total",
    &["shard", "family"],
    "Commands that were refused before they ran: by their arity, permissions, routing, full \
     memory.",
);

pub(in crate::metrics) static COMMANDS_FAILED: Described = counter(
    "atoll_commands_failed_total",
    &["shard", "family"],
    "Commands that ran and replied an error.",
);

pub(in crate::metrics) static COMMAND_ERRORS: Described = counter(
    "atoll_command_errors_total",
    &["shard", "family", "class"],
    "Error replies by their first word (other: one that is not Atoll's), of clients' requests \
     and of calls of scripts; family none: requests that are no command.",
);

pub(in crate::metrics) static COMMAND_DURATION: Described = histogram(
    "atoll_command_duration_seconds",
    &["shard", "family"],
    "How long commands of clients ran, without waiting for their turn, the network or the disk.",
);
