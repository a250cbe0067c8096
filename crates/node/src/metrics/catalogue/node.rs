//! Metrics of scripts, and of the node as a whole.

use super::{Described, counter, gauge, histogram, summary};

pub(in crate::metrics) static SCRIPTS: Described =
    counter("atoll_scripts_total", &["shard"], "Runs of scripts and functions.");

pub(in crate::metrics) static SCRIPTS_ROLLED_BACK: Described = counter(
    "atoll_scripts_rolled_back_total",
    &["shard", "reason"],
    "Runs of scripts and functions that were rolled back, by reason: error, error_reply \
     (rollback-on-error-reply), gave_up (redis.rollback), kill, timeout, memory, undo, reply \
     (limits).",
);

pub(in crate::metrics) static SCRIPT_CALLS: Described = counter(
    "atoll_script_calls_total",
    &["script"],
    "Runs by script (SHA-1) or function (name). The hundred that are called most have series of \
     their own; the rest is other.",
);

pub(in crate::metrics) static SCRIPT_ERROR_REPLIES: Described = counter(
    "atoll_script_error_replies_total",
    &["script"],
    "Runs that replied an error and kept what they had written.",
);

pub(in crate::metrics) static SCRIPT_ROLLED_BACK: Described = counter(
    "atoll_script_rolled_back_total",
    &["script", "reason"],
    "Runs that were rolled back; reasons as above (timeout: the time limit), once they have \
     occurred.",
);

pub(in crate::metrics) static SCRIPT_DURATION: Described = summary(
    "atoll_script_duration_seconds",
    &["script"],
    "How long runs took; quantiles 0.5 and 0.99 are over all runs since the script was \
     compiled, on all shards; other has none.",
);

pub(in crate::metrics) static SCRIPTS_CACHED: Described =
    gauge("atoll_scripts_cached", &[], "Scripts in the script cache of the node.");

pub(in crate::metrics) static SCRIPTS_EVICTED: Described =
    counter("atoll_scripts_evicted_total", &[], "Scripts that the cache has dropped for others.");

pub(in crate::metrics) static FUNCTIONS: Described =
    gauge("atoll_functions", &[], "Functions that are loaded.");

pub(in crate::metrics) static LIBRARIES: Described =
    gauge("atoll_function_libraries", &[], "Libraries of functions that are loaded.");

pub(in crate::metrics) static MEMORY_USED: Described = gauge(
    "atoll_memory_used_bytes",
    &[],
    "Memory that the process has allocated; what counts towards maxmemory.",
);

pub(in crate::metrics) static MEMORY_RSS: Described =
    gauge("atoll_memory_rss_bytes", &[], "Resident memory of the process.");

pub(in crate::metrics) static MEMORY_PEAK: Described =
    gauge("atoll_memory_peak_bytes", &[], "The most memory that was seen to be allocated.");

pub(in crate::metrics) static MEMORY_STARTUP: Described = gauge(
    "atoll_memory_startup_bytes",
    &[],
    "Memory that was allocated before anybody was served.",
);

pub(in crate::metrics) static MEMORY_MACHINE: Described =
    gauge("atoll_memory_machine_bytes", &[], "Memory of the machine.");

pub(in crate::metrics) static MEMORY_LIMIT: Described =
    gauge("atoll_memory_limit_bytes", &[], "maxmemory; 0: no limit.");

pub(in crate::metrics) static MEMORY_LUA: Described = gauge(
    "atoll_memory_lua_bytes",
    &["shard", "vm"],
    "Memory of Lua: of the VM of scripts and of that of functions.",
);

pub(in crate::metrics) static MEMORY_SCRIPT_STORE: Described =
    gauge("atoll_memory_script_cache_bytes", &[], "Memory of the texts in the script cache.");

pub(in crate::metrics) static MEMORY_FUNCTION_STORE: Described =
    gauge("atoll_memory_function_libraries_bytes", &[], "Memory of the texts of libraries.");

pub(in crate::metrics) static MEMORY_CLIENTS: Described = gauge(
    "atoll_memory_clients_bytes",
    &[],
    "Memory of clients: input, output, queued commands, sessions.",
);

pub(in crate::metrics) static MEMORY_CLIENTS_LIMIT: Described =
    gauge("atoll_memory_clients_limit_bytes", &[], "maxmemory-clients; 0: no limit.");

pub(in crate::metrics) static LOG_INFO: Described = gauge(
    "atoll_log_info",
    &["durability"],
    "1, with what is done for a write before it is acknowledged.",
);

pub(in crate::metrics) static LOG_UNSYNCED_ENTRIES: Described = gauge(
    "atoll_log_unsynced_entries",
    &["shard"],
    "Entries (commands, transactions, scripts that have changed something) that are not on the \
     disk. With durability everysec they have been acknowledged, and a crash of the machine \
     would lose them.",
);

pub(in crate::metrics) static LOG_UNSYNCED_BYTES: Described =
    gauge("atoll_log_unsynced_bytes", &["shard"], "Bytes of these entries.");

pub(in crate::metrics) static LOG_UNSYNCED_AGE: Described = gauge(
    "atoll_log_unsynced_age_seconds",
    &[],
    "How long the oldest write of the log has not been on the disk; 0 where all is.",
);

pub(in crate::metrics) static LOG_SIZE: Described =
    gauge("atoll_log_size_bytes", &[], "Bytes of the log's files.");

pub(in crate::metrics) static LOG_FRAMES: Described = counter(
    "atoll_log_frames_total",
    &[],
    "Frames of the log; each holds all entries that had gathered.",
);

pub(in crate::metrics) static LOG_SYNC_DURATION: Described = histogram(
    "atoll_log_sync_duration_seconds",
    &[],
    "How long syncs of the log (fdatasync) took. One that fails ends the process (exit code \
     74), for nobody knows then what is on the disk.",
);

pub(in crate::metrics) static LOG_WRITE_FAILURES: Described = counter(
    "atoll_log_write_failures_total",
    &[],
    "Writes of the log that found no room on the disk, each try by itself.",
);

pub(in crate::metrics) static LOG_FULL: Described =
    gauge("atoll_log_full", &[], "Whether writes are refused because the disk is full.");

pub(in crate::metrics) static SNAPSHOTS: Described =
    counter("atoll_snapshots_total", &[], "Snapshots that were taken.");

pub(in crate::metrics) static SNAPSHOT_FAILURES: Described =
    counter("atoll_snapshot_failures_total", &[], "Snapshots that failed.");

pub(in crate::metrics) static SNAPSHOT_RUNNING: Described =
    gauge("atoll_snapshot_in_progress", &[], "Whether one is being taken.");

pub(in crate::metrics) static SNAPSHOT_FAILED: Described =
    gauge("atoll_snapshot_last_failed", &[], "Whether the last one failed.");

pub(in crate::metrics) static SNAPSHOT_LAST: Described = gauge(
    "atoll_snapshot_last_timestamp_seconds",
    &[],
    "When the last one that succeeded was begun; 0: never.",
);

pub(in crate::metrics) static SNAPSHOT_DURATION: Described =
    gauge("atoll_snapshot_last_duration_seconds", &[], "How long the last one took.");

pub(in crate::metrics) static SNAPSHOT_SIZE: Described =
    gauge("atoll_snapshot_last_size_bytes", &[], "Bytes of the last one that succeeded.");

pub(in crate::metrics) static SNAPSHOT_CHANGES: Described =
    gauge("atoll_snapshot_changes_since", &[], "Changes of keys since the last one.");

pub(in crate::metrics) static LOADING: Described =
    gauge("atoll_loading", &[], "Whether the data is being read.");

pub(in crate::metrics) static LOADED_RATIO: Described =
    gauge("atoll_loaded_ratio", &[], "How much of the data has been read, by its size.");

pub(in crate::metrics) static CONNECTIONS_ACCEPTED: Described =
    counter("atoll_connections_accepted_total", &[], "Connections that were accepted.");

pub(in crate::metrics) static CONNECTIONS_REJECTED: Described = counter(
    "atoll_connections_rejected_total",
    &[],
    "Connections that were refused because there were maxclients.",
);

pub(in crate::metrics) static CONNECTIONS_LIMIT: Described =
    gauge("atoll_connections_limit", &[], "maxclients.");

pub(in crate::metrics) static CLIENTS_EVICTED: Described = counter(
    "atoll_clients_evicted_total",
    &[],
    "Clients that were disconnected because all of them took more than maxmemory-clients.",
);

pub(in crate::metrics) static CLIENTS_DISCONNECTED: Described = counter(
    "atoll_clients_disconnected_total",
    &["reason"],
    "Clients that were disconnected because they left too much unread (output_limit) or sent \
     too much (query_limit).",
);

pub(in crate::metrics) static CLIENTS_BLOCKED: Described =
    gauge("atoll_clients_blocked", &[], "Clients that wait in a blocking command.");

pub(in crate::metrics) static CLIENTS_TRACKING: Described =
    gauge("atoll_clients_tracking", &[], "Clients that keep copies (CLIENT TRACKING).");

pub(in crate::metrics) static CHANNELS: Described = gauge(
    "atoll_pubsub_channels",
    &["kind"],
    "Channels, patterns and shard channels that somebody has subscribed to.",
);

pub(in crate::metrics) static MESSAGES_PUBLISHED: Described = counter(
    "atoll_pubsub_published_total",
    &["shard"],
    "Messages published by clients and scripts of this node.",
);

pub(in crate::metrics) static MESSAGES_DELIVERED: Described = counter(
    "atoll_pubsub_delivered_total",
    &["shard"],
    "Messages on channels to one subscriber each, keyspace events and those of other nodes \
     included.",
);

pub(in crate::metrics) static RELAY_DROPPED: Described = counter(
    "atoll_pubsub_relay_dropped_total",
    &[],
    "Messages that were not sent on to another node, which did not take them.",
);

pub(in crate::metrics) static ACL_DENIED: Described =
    counter("atoll_acl_denied_total", &["reason"], "What users were refused, by reason.");

pub(in crate::metrics) static BUILD_INFO: Described =
    gauge("atoll_build_info", &["version", "arch"], "1, with the version of Atoll.");

pub(in crate::metrics) static UPTIME: Described =
    gauge("atoll_uptime_seconds", &[], "How long the node has been running.");

pub(in crate::metrics) static SCRAPE_DURATION: Described =
    gauge("atoll_scrape_duration_seconds", &[], "How long it took to gather these figures.");

pub(in crate::metrics) static START_TIME: Described =
    gauge("process_start_time_seconds", &[], "When the process started, in seconds since 1970.");

pub(in crate::metrics) static CPU_SECONDS: Described = counter(
    "process_cpu_seconds_total",
    &[],
    "Processor time of all threads, in user and in system mode.",
);
