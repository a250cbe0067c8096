//! Settings that can be changed while the node runs, and what CONFIG GET and CONFIG SET know.
//!
//! Parameters have Redis's names where they mean the same. A number is one atomic, read with plain
//! loads; what shards need of them is sent to each shard when it changes.

mod parameters;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use shard::commands::table::CommandTable;
use shard::keyspace::{Events, Eviction, Lfu, Settings as KeyspaceSettings};
use shard::script::Limits;
use shard::types::hash::HashLimits;
use shard::types::list::ListLimit;
use shard::types::set::SetLimits;
use shard::types::stream::StreamLimits;
use shard::types::zset::ZSetLimits;

use crate::accepted::Accepted;
use crate::clients;
use crate::command_log::LogKind;
use crate::config::{AppendFsync, Config, CrossSlotKeys, DebugAllowed, Percentiles, SavePoints};
use crate::output_limits::OutputLimits;

pub(crate) use parameters::{FLAGS, PARAMETERS, Parameter, parse_memory};

/// Numbers that can be changed while the node runs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) busy_reply_threshold: AtomicU64,
    pub(crate) script_time_limit: AtomicU64,
    pub(crate) script_memory_limit: AtomicU64,
    pub(crate) script_undo_limit: AtomicU64,
    pub(crate) script_reply_limit: AtomicU64,
    pub(crate) script_size_limit: AtomicU64,
    pub(crate) script_cross_slot_keys: AtomicU64,
    pub(crate) hash_max_listpack_entries: AtomicU64,
    pub(crate) hash_max_listpack_value: AtomicU64,
    pub(crate) hll_sparse_max_bytes: AtomicU64,
    /// An `i32`, sign extended.
    pub(crate) list_max_listpack_size: AtomicU64,
    /// Accepted and shown: nodes of lists are not compressed.
    pub(crate) list_compress_depth: AtomicU64,
    pub(crate) set_max_intset_entries: AtomicU64,
    pub(crate) set_max_listpack_entries: AtomicU64,
    pub(crate) set_max_listpack_value: AtomicU64,
    pub(crate) stream_node_max_entries: AtomicU64,
    pub(crate) stream_node_max_bytes: AtomicU64,
    pub(crate) zset_max_listpack_entries: AtomicU64,
    pub(crate) zset_max_listpack_value: AtomicU64,
    pub(crate) proto_max_bulk_len: AtomicU64,
    /// The place in [`Eviction::ALL`].
    eviction: AtomicU64,
    pub(crate) maxmemory_samples: AtomicU64,
    pub(crate) lfu_log_factor: AtomicU64,
    pub(crate) lfu_decay_time: AtomicU64,
    /// The bits of [`Events`].
    pub(crate) keyspace_events: AtomicU64,
    pub(crate) maxclients: AtomicU64,
    /// Seconds; 0 keeps no replies.
    pub(crate) idempotency_window: AtomicU64,
    pub(crate) idempotency_memory_limit: AtomicU64,
    pub(crate) tracking_table_max_keys: AtomicU64,
    /// 0: no limit.
    pub(crate) maxmemory: AtomicU64,
    pub(crate) timeout: AtomicU64,
    /// There are no replicas, so any number but 0 refuses writes.
    pub(crate) min_replicas_to_write: AtomicU64,
    /// Microseconds, an `i64`; negative: nothing is slow.
    pub(crate) slowlog_log_slower_than: AtomicU64,
    pub(crate) slowlog_max_len: AtomicU64,
    /// Bytes, an `i64`; negative: no request is large.
    pub(crate) commandlog_request_larger_than: AtomicU64,
    pub(crate) commandlog_large_request_max_len: AtomicU64,
    /// Bytes, an `i64`; negative: no reply is large.
    pub(crate) commandlog_reply_larger_than: AtomicU64,
    pub(crate) commandlog_large_reply_max_len: AtomicU64,
    /// 1: latencies are shown by command.
    pub(crate) latency_tracking: AtomicU64,
    percentiles: Mutex<Percentiles>,
    /// 1: what the requests of each slot cost is counted.
    pub(crate) cluster_slot_stats_enabled: AtomicU64,
    /// Milliseconds; 0: off.
    pub(crate) latency_monitor_threshold: AtomicU64,
    pub(crate) tcp_keepalive: AtomicU64,
    pub(crate) output_limits: OutputLimits,
    /// Bytes that a client may have sent without their being served.
    pub(crate) query_buffer_limit: AtomicU64,
    /// Bytes, or per cent of `maxmemory` as a negative `i64`; 0: no limit.
    pub(crate) maxmemory_clients: AtomicU64,
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub(crate) active_expire: AtomicBool,
    debug_allowed: DebugAllowed,
    pub(crate) acllog_max_len: AtomicU64,
    /// The last password that `requirepass` was set to.
    requirepass: Mutex<Vec<u8>>,
    script_denied_commands: Vec<String>,
    /// When the log is synced, if there is one and `durability` does not say otherwise.
    appendfsync: Mutex<AppendFsync>,
    save_points: Mutex<SavePoints>,
    pub(crate) auto_aof_rewrite_percentage: AtomicU64,
    pub(crate) auto_aof_rewrite_min_size: AtomicU64,
    /// What is kept and shown and has no effect.
    pub(crate) accepted: Accepted,
}

impl Settings {
    pub(crate) fn new(config: &Config) -> Self {
        let same_shard = config.script_cross_slot_keys == CrossSlotKeys::SameShard;
        Self {
            busy_reply_threshold: config.busy_reply_threshold.into(),
            script_time_limit: config.script_time_limit.into(),
            script_memory_limit: config.script_memory_limit.into(),
            script_undo_limit: config.script_undo_limit.into(),
            script_reply_limit: config.script_reply_limit.into(),
            script_size_limit: config.script_size_limit.into(),
            script_cross_slot_keys: u64::from(same_shard).into(),
            hash_max_listpack_entries: config.hash_max_listpack_entries.into(),
            hash_max_listpack_value: config.hash_max_listpack_value.into(),
            hll_sparse_max_bytes: config.hll_sparse_max_bytes.into(),
            list_max_listpack_size: (i64::from(config.list_max_listpack_size) as u64).into(),
            list_compress_depth: config.list_compress_depth.into(),
            set_max_intset_entries: config.set_max_intset_entries.into(),
            set_max_listpack_entries: config.set_max_listpack_entries.into(),
            set_max_listpack_value: config.set_max_listpack_value.into(),
            stream_node_max_entries: config.stream_node_max_entries.into(),
            stream_node_max_bytes: config.stream_node_max_bytes.into(),
            zset_max_listpack_entries: config.zset_max_listpack_entries.into(),
            zset_max_listpack_value: config.zset_max_listpack_value.into(),
            proto_max_bulk_len: config.proto_max_bulk_len.into(),
            eviction: place_of(config.maxmemory_policy.0).into(),
            maxmemory_samples: config.maxmemory_samples.into(),
            lfu_log_factor: config.lfu_log_factor.into(),
            lfu_decay_time: config.lfu_decay_time.into(),
            keyspace_events: u64::from(config.notify_keyspace_events.0.bits()).into(),
            maxclients: config.maxclients.into(),
            idempotency_window: config.idempotency_window.into(),
            idempotency_memory_limit: config.idempotency_memory_limit.into(),
            tracking_table_max_keys: config.tracking_table_max_keys.into(),
            maxmemory: config.maxmemory.into(),
            timeout: config.timeout.into(),
            slowlog_log_slower_than: (config.slowlog_log_slower_than as u64).into(),
            slowlog_max_len: config.slowlog_max_len.into(),
            commandlog_request_larger_than: (config.commandlog_request_larger_than as u64).into(),
            commandlog_large_request_max_len: config.commandlog_large_request_max_len.into(),
            commandlog_reply_larger_than: (config.commandlog_reply_larger_than as u64).into(),
            commandlog_large_reply_max_len: config.commandlog_large_reply_max_len.into(),
            latency_tracking: u64::from(config.latency_tracking).into(),
            percentiles: Mutex::new(config.latency_tracking_info_percentiles.clone()),
            cluster_slot_stats_enabled: u64::from(config.cluster_slot_stats_enabled).into(),
            latency_monitor_threshold: config.latency_monitor_threshold.into(),
            tcp_keepalive: config.tcp_keepalive.into(),
            output_limits: config.client_output_buffer_limit.limits(),
            query_buffer_limit: config.client_query_buffer_limit.into(),
            maxmemory_clients: (config.maxmemory_clients.0 as u64).into(),
            active_expire: true.into(),
            debug_allowed: config.enable_debug_command,
            acllog_max_len: config.acllog_max_len.into(),
            requirepass: Mutex::new(config.requirepass.clone().into()),
            script_denied_commands: config.script_denied_commands.clone(),
            appendfsync: Mutex::new(config.appendfsync),
            save_points: Mutex::new(config.save.clone()),
            auto_aof_rewrite_percentage: config.auto_aof_rewrite_percentage.into(),
            auto_aof_rewrite_min_size: config.auto_aof_rewrite_min_size.into(),
            accepted: Accepted::new(config.accepted.clone()),
            min_replicas_to_write: config.min_replicas_to_write.into(),
        }
    }

    /// A number that CONFIG SET would not take, and why.
    pub(crate) fn wrong(&self) -> Option<(&'static str, String)> {
        PARAMETERS.iter().find_map(|parameter| {
            let number = (parameter.number)(self).load(Ordering::Relaxed) as i64;
            parameter.check(number.into()).err().map(|why| (parameter.name, why))
        })
    }

    fn eviction(&self) -> Eviction {
        Eviction::ALL.get(as_usize(&self.eviction)).map_or(Eviction::None, |(policy, _)| *policy)
    }

    /// Sets which keys go when memory is full.
    pub(crate) fn set_eviction(&self, policy: Eviction) {
        self.eviction.store(place_of(policy), Ordering::Relaxed);
    }

    /// Bytes that all connections together may take.
    pub(crate) fn clients_memory_limit(&self) -> Option<u64> {
        let setting = self.maxmemory_clients.load(Ordering::Relaxed) as i64;
        clients::limit(setting, self.maxmemory.load(Ordering::Relaxed))
    }

    /// Who may use DEBUG.
    pub(crate) fn debug_allowed(&self) -> DebugAllowed {
        self.debug_allowed
    }

    /// What a keyspace is told.
    pub(crate) fn keyspace(&self) -> KeyspaceSettings {
        KeyspaceSettings {
            hash_limits: HashLimits {
                entries: as_usize(&self.hash_max_listpack_entries),
                value: as_usize(&self.hash_max_listpack_value),
            },
            hll_sparse_max: as_usize(&self.hll_sparse_max_bytes),
            list_limit: ListLimit(self.list_max_listpack_size.load(Ordering::Relaxed) as i32),
            set_limits: SetLimits {
                ints: as_usize(&self.set_max_intset_entries),
                entries: as_usize(&self.set_max_listpack_entries),
                value: as_usize(&self.set_max_listpack_value),
            },
            stream_limits: StreamLimits {
                entries: as_usize(&self.stream_node_max_entries),
                bytes: as_usize(&self.stream_node_max_bytes),
            },
            string_len_max: as_usize(&self.proto_max_bulk_len),
            kept_replies_memory_max: as_usize(&self.idempotency_memory_limit),
            tracked_keys_max: as_usize(&self.tracking_table_max_keys),
            eviction: self.eviction(),
            eviction_samples: as_usize(&self.maxmemory_samples),
            lfu: Lfu {
                log_factor: self.lfu_log_factor.load(Ordering::Relaxed) as u32,
                decay_minutes: self.lfu_decay_time.load(Ordering::Relaxed) as u32,
            },
            events: Events::from_bits_truncate(as_usize(&self.keyspace_events) as u16),
            zset_limits: ZSetLimits {
                entries: as_usize(&self.zset_max_listpack_entries),
                value: as_usize(&self.zset_max_listpack_value),
            },
        }
    }

    /// What a script host is told.
    pub(crate) fn script_limits(&self, table: &CommandTable) -> Limits {
        let denied = self.script_denied_commands.iter();
        Limits {
            time_ms: self.script_time_limit.load(Ordering::Relaxed),
            memory_bytes: as_usize(&self.script_memory_limit),
            undo_bytes: as_usize(&self.script_undo_limit),
            reply_bytes: as_usize(&self.script_reply_limit),
            script_bytes: as_usize(&self.script_size_limit),
            cross_slot_keys: self.script_cross_slot_keys.load(Ordering::Relaxed) != 0,
            denied: denied.filter_map(|name| table.lookup(name.as_bytes())).collect(),
        }
    }

    /// Whether what the requests of each slot cost is counted.
    pub(crate) fn counts_slots(&self) -> bool {
        self.cluster_slot_stats_enabled.load(Ordering::Relaxed) != 0
    }

    /// Whether latencies are shown by command.
    pub(crate) fn tracks_latencies(&self) -> bool {
        self.latency_tracking.load(Ordering::Relaxed) != 0
    }

    /// Which percentiles of them.
    pub(crate) fn percentiles(&self) -> Percentiles {
        self.percentiles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets which percentiles of them.
    pub(crate) fn set_percentiles(&self, percentiles: Percentiles) {
        *self.percentiles.lock().unwrap_or_else(PoisonError::into_inner) = percentiles;
    }

    /// How many entries a log keeps.
    pub(crate) fn log_len_max(&self, kind: LogKind) -> usize {
        as_usize(match kind {
            LogKind::Slow => &self.slowlog_max_len,
            LogKind::LargeRequest => &self.commandlog_large_request_max_len,
            LogKind::LargeReply => &self.commandlog_large_reply_max_len,
        })
    }

    /// When the log is synced, in Redis's words.
    pub(crate) fn appendfsync(&self) -> AppendFsync {
        *self.appendfsync.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers it.
    pub(crate) fn set_appendfsync(&self, when: AppendFsync) {
        *self.appendfsync.lock().unwrap_or_else(PoisonError::into_inner) = when;
    }

    /// When snapshots are taken by themselves.
    pub(crate) fn save_points(&self) -> SavePoints {
        self.save_points.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets when.
    pub(crate) fn set_save_points(&self, points: SavePoints) {
        *self.save_points.lock().unwrap_or_else(PoisonError::into_inner) = points;
    }

    /// What `requirepass` was set to; empty: no password.
    pub(crate) fn requirepass(&self) -> Vec<u8> {
        self.requirepass.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what `requirepass` has been set to.
    pub(crate) fn set_requirepass(&self, password: &[u8]) {
        *self.requirepass.lock().unwrap_or_else(PoisonError::into_inner) = password.to_vec();
    }

    /// The commands that scripts may not call, by configuration.
    pub(crate) fn denied_commands(&self) -> &[String] {
        &self.script_denied_commands
    }
}

fn place_of(policy: Eviction) -> u64 {
    Eviction::ALL.iter().position(|(known, _)| *known == policy).unwrap_or_default() as u64
}

fn as_usize(number: &AtomicU64) -> usize {
    usize::try_from(number.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
}
