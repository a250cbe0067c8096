//! The numbers and flags that CONFIG SET can change, by their names.

use std::sync::atomic::AtomicU64;

use protocol::limits::QUERY_BUFFER_MAX;

use super::Settings;

/// A number that CONFIG SET can change.
pub(crate) struct Parameter {
    /// The name, as Redis writes it.
    pub(crate) name: &'static str,
    pub(crate) number: fn(&Settings) -> &AtomicU64,
    pub(crate) least: i64,
    pub(crate) most: i64,
    /// It is a size: `1mb` and the like are understood.
    pub(crate) memory: bool,
}

const fn number(name: &'static str, number: fn(&Settings) -> &AtomicU64, most: i64) -> Parameter {
    Parameter { name, number, least: 0, most, memory: false }
}

const fn memory(
    name: &'static str,
    number: fn(&Settings) -> &AtomicU64,
    least: i64,
    most: i64,
) -> Parameter {
    Parameter { name, number, least, most, memory: true }
}

/// From where on requests are logged; -1: none.
const fn log_limit(name: &'static str, number: fn(&Settings) -> &AtomicU64) -> Parameter {
    Parameter { name, number, least: -1, most: MILLIS_MAX, memory: false }
}

/// The size of nodes of lists: a number of elements, or for -1 to -5 a class of bytes.
const fn node_size(name: &'static str) -> Parameter {
    let number: fn(&Settings) -> &AtomicU64 = |settings| &settings.list_max_listpack_size;
    Parameter { name, number, least: i32::MIN as i64, most: i32::MAX as i64, memory: false }
}

const MILLIS_MAX: i64 = i64::MAX;

/// All numbers that CONFIG SET can change, the other names of some included.
pub(crate) const PARAMETERS: &[Parameter] = &[
    number("busy-reply-threshold", |settings| &settings.busy_reply_threshold, MILLIS_MAX),
    number("lua-time-limit", |settings| &settings.busy_reply_threshold, MILLIS_MAX),
    number("script-time-limit", |settings| &settings.script_time_limit, MILLIS_MAX),
    number(
        "auto-aof-rewrite-percentage",
        |settings| &settings.auto_aof_rewrite_percentage,
        i32::MAX as i64,
    ),
    memory(
        "auto-aof-rewrite-min-size",
        |settings| &settings.auto_aof_rewrite_min_size,
        0,
        MILLIS_MAX,
    ),
    memory("script-memory-limit", |settings| &settings.script_memory_limit, 1 << 20, 1 << 40),
    memory("script-undo-limit", |settings| &settings.script_undo_limit, 1 << 20, 1 << 40),
    memory("script-reply-limit", |settings| &settings.script_reply_limit, 1 << 20, 1 << 40),
    memory("script-size-limit", |settings| &settings.script_size_limit, 1 << 10, 512 << 20),
    number("hash-max-listpack-entries", |settings| &settings.hash_max_listpack_entries, MILLIS_MAX),
    number("hash-max-ziplist-entries", |settings| &settings.hash_max_listpack_entries, MILLIS_MAX),
    memory("hash-max-listpack-value", |settings| &settings.hash_max_listpack_value, 0, MILLIS_MAX),
    memory("hash-max-ziplist-value", |settings| &settings.hash_max_listpack_value, 0, MILLIS_MAX),
    memory("hll-sparse-max-bytes", |settings| &settings.hll_sparse_max_bytes, 0, MILLIS_MAX),
    node_size("list-max-listpack-size"),
    node_size("list-max-ziplist-size"),
    number("list-compress-depth", |settings| &settings.list_compress_depth, i32::MAX as i64),
    number("set-max-intset-entries", |settings| &settings.set_max_intset_entries, MILLIS_MAX),
    number("set-max-listpack-entries", |settings| &settings.set_max_listpack_entries, MILLIS_MAX),
    memory("set-max-listpack-value", |settings| &settings.set_max_listpack_value, 0, MILLIS_MAX),
    number("stream-node-max-entries", |settings| &settings.stream_node_max_entries, MILLIS_MAX),
    memory("stream-node-max-bytes", |settings| &settings.stream_node_max_bytes, 0, MILLIS_MAX),
    number("zset-max-listpack-entries", |settings| &settings.zset_max_listpack_entries, MILLIS_MAX),
    number("zset-max-ziplist-entries", |settings| &settings.zset_max_listpack_entries, MILLIS_MAX),
    memory("zset-max-listpack-value", |settings| &settings.zset_max_listpack_value, 0, MILLIS_MAX),
    memory("zset-max-ziplist-value", |settings| &settings.zset_max_listpack_value, 0, MILLIS_MAX),
    memory("proto-max-bulk-len", |settings| &settings.proto_max_bulk_len, 1 << 10, 1 << 30),
    Parameter {
        name: "maxclients",
        number: |settings| &settings.maxclients,
        least: 1,
        most: u32::MAX as i64,
        memory: false,
    },
    memory("maxmemory", |settings| &settings.maxmemory, 0, 1 << 50),
    Parameter {
        name: "maxmemory-samples",
        number: |settings| &settings.maxmemory_samples,
        least: 1,
        most: 64,
        memory: false,
    },
    number("lfu-log-factor", |settings| &settings.lfu_log_factor, i32::MAX as i64),
    number("lfu-decay-time", |settings| &settings.lfu_decay_time, i32::MAX as i64),
    number("idempotency-window", |settings| &settings.idempotency_window, 86_400),
    memory(
        "idempotency-memory-limit",
        |settings| &settings.idempotency_memory_limit,
        1 << 16,
        1 << 40,
    ),
    number("tracking-table-max-keys", |settings| &settings.tracking_table_max_keys, MILLIS_MAX),
    log_limit("slowlog-log-slower-than", |settings| &settings.slowlog_log_slower_than),
    log_limit("commandlog-execution-slower-than", |settings| &settings.slowlog_log_slower_than),
    number("slowlog-max-len", |settings| &settings.slowlog_max_len, MILLIS_MAX),
    number("commandlog-slow-execution-max-len", |settings| &settings.slowlog_max_len, MILLIS_MAX),
    log_limit("commandlog-request-larger-than", |settings| {
        &settings.commandlog_request_larger_than
    }),
    number(
        "commandlog-large-request-max-len",
        |settings| &settings.commandlog_large_request_max_len,
        MILLIS_MAX,
    ),
    log_limit("commandlog-reply-larger-than", |settings| &settings.commandlog_reply_larger_than),
    number(
        "commandlog-large-reply-max-len",
        |settings| &settings.commandlog_large_reply_max_len,
        MILLIS_MAX,
    ),
    number("latency-monitor-threshold", |settings| &settings.latency_monitor_threshold, MILLIS_MAX),
    number("min-replicas-to-write", |settings| &settings.min_replicas_to_write, MILLIS_MAX),
    number("min-slaves-to-write", |settings| &settings.min_replicas_to_write, MILLIS_MAX),
    number("timeout", |settings| &settings.timeout, i32::MAX as i64),
    number("tcp-keepalive", |settings| &settings.tcp_keepalive, i32::MAX as i64),
    number("acllog-max-len", |settings| &settings.acllog_max_len, MILLIS_MAX),
    memory(
        "client-query-buffer-limit",
        |settings| &settings.query_buffer_limit,
        1 << 20,
        QUERY_BUFFER_MAX as i64,
    ),
];

/// A setting that is on or off.
type Flag = (&'static str, fn(&Settings) -> &AtomicU64);

/// What CONFIG SET can switch on and off, 1 and 0.
pub(crate) const FLAGS: &[Flag] = &[
    ("cluster-slot-stats-enabled", |settings| &settings.cluster_slot_stats_enabled),
    ("latency-tracking", |settings| &settings.latency_tracking),
];

impl Parameter {
    /// Reads a value for it; a negative one as the bits of an `i64`.
    ///
    /// # Errors
    /// Redis's reason, without its preamble.
    pub(crate) fn parse(&self, text: &[u8]) -> Result<u64, String> {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let parsed = if self.memory { parse_memory(text) } else { text.parse::<i128>().ok() };
        let Some(value) = parsed else {
            let what = if self.memory {
                "argument must be a memory value"
            } else {
                "argument couldn't be parsed into an integer"
            };
            return Err(what.into());
        };
        self.check(value)
    }

    /// Whether it may have this value.
    pub(super) fn check(&self, value: i128) -> Result<u64, String> {
        i64::try_from(value)
            .ok()
            .filter(|value| (self.least..=self.most).contains(value))
            .map(|value| value as u64)
            .ok_or_else(|| {
                let Self { least, most, .. } = self;
                format!("argument must be between {least} and {most} inclusive")
            })
    }
}

/// `100`, `1k`, `1kb`, `1mb`, `1gb`: Redis's memory units, a `b` meaning powers of 1024.
pub(crate) fn parse_memory(text: &str) -> Option<i128> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<i128>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_redis_reads_them() {
        let memory = PARAMETERS.iter().find(|known| known.name == "script-memory-limit").unwrap();
        assert_eq!(memory.parse(b"2mb"), Ok(2 << 20));
        assert_eq!(memory.parse(b"2m"), Ok(2_000_000));
        assert_eq!(memory.parse(b"x"), Err("argument must be a memory value".into()));
        let plain = &PARAMETERS[0];
        assert_eq!(plain.parse(b"17"), Ok(17));
        assert_eq!(
            plain.parse(b"-1"),
            Err("argument must be between 0 and 9223372036854775807 inclusive".into())
        );
        let signed = PARAMETERS.iter().find(|known| known.name == "list-max-ziplist-size").unwrap();
        assert_eq!(signed.parse(b"-2"), Ok(-2i64 as u64));
        assert!(signed.parse(b"-2147483649").is_err());
        assert_eq!(plain.parse(b"abc"), Err("argument couldn't be parsed into an integer".into()));
    }
}
