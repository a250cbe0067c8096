//! Configuration: read once at start, from defaults, a file, the environment and flags.
//!
//! Later sources win: defaults < `--config FILE` < `ATOLL_*` < flags and `--set key=value`. An
//! unknown key or a bad value stops the start with an error that names it; nothing is guessed.
//! `config/atoll.toml` documents every key, and a test reads it.

pub(crate) mod rewrite;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::builder::DefaultState;
use config::{Case, ConfigBuilder, Environment, File, FileFormat, Value, ValueKind};
use protocol::limits::QUERY_BUFFER_MAX;
use serde::{Deserialize, Serialize};
use shard::keyspace::{Events, Eviction};

use crate::accepted;
use crate::admin;
use crate::error::NodeError;
use crate::log::Durability;
use crate::settings::Settings;
use crate::tls::{self, TlsSettings};

pub(crate) use values::{
    AppendFsync, CrossSlotKeys, DebugAllowed, EventLetters, MemoryShare, OutputBufferLimit,
    Percentiles, Policy, PubsubDefault, SavePoints, Shards, YesNo,
};

/// Every key, as it is written in the file.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Config {
    /// 0: none.
    pub(crate) port: u16,
    /// The port with TLS. 0: none.
    pub(crate) tls_port: u16,
    pub(crate) bind: Vec<String>,
    pub(crate) shards: Shards,
    pub(crate) dir: PathBuf,
    /// What is done for a write before it is acknowledged.
    pub(crate) durability: Durability,
    /// A file of Redis's format that is taken in when there is no data yet.
    pub(crate) import_rdb: Option<PathBuf>,
    /// Redis's word for whether there is a log.
    pub(crate) appendonly: Option<YesNo>,
    /// Redis's word for when it is synced.
    pub(crate) appendfsync: AppendFsync,
    /// Bytes of a segment of the log.
    pub(crate) log_segment_size: u64,
    pub(crate) save: SavePoints,
    pub(crate) auto_aof_rewrite_percentage: u64,
    pub(crate) auto_aof_rewrite_min_size: u64,
    pub(crate) announce_host: Option<String>,
    pub(crate) announce_port: Option<u16>,
    pub(crate) announce_tls_port: Option<u16>,
    pub(crate) shard_endpoints: bool,
    pub(crate) shard_endpoint_port: Option<u16>,
    pub(crate) tls_shard_endpoint_port: Option<u16>,
    /// Where figures for Prometheus are served; 0: nowhere.
    pub(crate) metrics_port: u16,
    pub(crate) metrics_bind: Vec<String>,
    pub(crate) cluster: Cluster,
    pub(crate) listener: Vec<Listener>,
    /// The environment's form of `listener`.
    pub(crate) listeners: Option<String>,
    pub(crate) log: String,
    /// Where the admin page is; 0: nowhere.
    pub(crate) admin_port: u16,
    pub(crate) admin_bind: Vec<String>,
    /// Names that the page may be asked for by, besides addresses of the node.
    pub(crate) admin_hosts: Vec<String>,
    pub(crate) requirepass: String,
    pub(crate) masteruser: String,
    pub(crate) masterauth: String,
    pub(crate) aclfile: String,
    /// Each the rest of a line of an ACL file, without `user` in front.
    pub(crate) user: Vec<String>,
    pub(crate) acl_pubsub_default: PubsubDefault,
    pub(crate) acllog_max_len: u64,
    pub(crate) maxclients: u64,
    pub(crate) maxmemory: u64,
    /// Which keys go when memory is full.
    pub(crate) maxmemory_policy: Policy,
    pub(crate) maxmemory_samples: u64,
    pub(crate) lfu_log_factor: u64,
    pub(crate) lfu_decay_time: u64,
    pub(crate) min_replicas_to_write: u64,
    pub(crate) notify_keyspace_events: EventLetters,
    pub(crate) idempotency_window: u64,
    pub(crate) idempotency_memory_limit: u64,
    pub(crate) tracking_table_max_keys: u64,
    pub(crate) slowlog_log_slower_than: i64,
    pub(crate) slowlog_max_len: u64,
    pub(crate) commandlog_request_larger_than: i64,
    pub(crate) commandlog_large_request_max_len: u64,
    pub(crate) commandlog_reply_larger_than: i64,
    pub(crate) commandlog_large_reply_max_len: u64,
    pub(crate) latency_monitor_threshold: u64,
    pub(crate) latency_tracking: bool,
    pub(crate) latency_tracking_info_percentiles: Percentiles,
    pub(crate) cluster_slot_stats_enabled: bool,
    pub(crate) timeout: u64,
    pub(crate) tcp_keepalive: u64,
    pub(crate) proto_max_bulk_len: u64,
    pub(crate) client_output_buffer_limit: OutputBufferLimit,
    pub(crate) client_query_buffer_limit: u64,
    pub(crate) maxmemory_clients: MemoryShare,
    pub(crate) mailbox_size: usize,
    pub(crate) busy_reply_threshold: u64,
    pub(crate) script_time_limit: u64,
    pub(crate) script_memory_limit: u64,
    pub(crate) script_undo_limit: u64,
    pub(crate) script_reply_limit: u64,
    pub(crate) script_size_limit: u64,
    pub(crate) script_cross_slot_keys: CrossSlotKeys,
    /// Who may use DEBUG.
    pub(crate) enable_debug_command: DebugAllowed,
    pub(crate) script_denied_commands: Vec<String>,
    pub(crate) hash_max_listpack_entries: u64,
    pub(crate) hash_max_listpack_value: u64,
    pub(crate) hll_sparse_max_bytes: u64,
    pub(crate) list_max_listpack_size: i32,
    pub(crate) list_compress_depth: u64,
    pub(crate) set_max_intset_entries: u64,
    pub(crate) set_max_listpack_entries: u64,
    pub(crate) set_max_listpack_value: u64,
    pub(crate) stream_node_max_entries: u64,
    pub(crate) stream_node_max_bytes: u64,
    pub(crate) zset_max_listpack_entries: u64,
    pub(crate) zset_max_listpack_value: u64,
    /// What is said about TLS, each part a key of its own.
    #[serde(skip)]
    pub(crate) tls: TlsSettings,
    /// Parameters of Redis that have no meaning here, as they were written.
    #[serde(skip)]
    pub(crate) accepted: BTreeMap<&'static str, String>,
    /// The file that was read.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
}

/// `[cluster]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Cluster {
    pub(crate) initial_nodes: Vec<String>,
    pub(crate) slots: Vec<String>,
}

/// One `[[listener]]`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Listener {
    pub(crate) bind: String,
    /// Its clients talk TLS.
    #[serde(default)]
    pub(crate) tls: bool,
    #[serde(default)]
    pub(crate) announce: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 6379,
            tls_port: 0,
            bind: vec!["127.0.0.1".into()],
            shards: Shards::Auto,
            dir: "./atoll-data".into(),
            durability: Durability::Everysec,
            import_rdb: None,
            appendonly: None,
            appendfsync: AppendFsync::Everysec,
            log_segment_size: wal::limits::SEGMENT_BYTES_DEFAULT,
            save: SavePoints::default(),
            auto_aof_rewrite_percentage: 100,
            auto_aof_rewrite_min_size: 256 << 20,
            announce_host: None,
            announce_port: None,
            announce_tls_port: None,
            shard_endpoints: false,
            shard_endpoint_port: None,
            tls_shard_endpoint_port: None,
            metrics_port: 0,
            metrics_bind: vec!["127.0.0.1".into()],
            cluster: Cluster::default(),
            listener: Vec::new(),
            listeners: None,
            log: "info".into(),
            admin_port: 0,
            admin_bind: vec!["127.0.0.1".into()],
            admin_hosts: Vec::new(),
            requirepass: String::new(),
            masteruser: String::new(),
            masterauth: String::new(),
            aclfile: String::new(),
            user: Vec::new(),
            acl_pubsub_default: PubsubDefault::ResetChannels,
            acllog_max_len: 128,
            maxclients: 10_000,
            maxmemory: 0,
            maxmemory_policy: Policy(Eviction::None),
            maxmemory_samples: 5,
            lfu_log_factor: 10,
            lfu_decay_time: 1,
            min_replicas_to_write: 0,
            notify_keyspace_events: EventLetters(Events::empty()),
            idempotency_window: 60,
            idempotency_memory_limit: 64 << 20,
            tracking_table_max_keys: 1_000_000,
            slowlog_log_slower_than: 10_000,
            slowlog_max_len: 128,
            commandlog_request_larger_than: 1 << 20,
            commandlog_large_request_max_len: 128,
            commandlog_reply_larger_than: 1 << 20,
            commandlog_large_reply_max_len: 128,
            latency_monitor_threshold: 0,
            latency_tracking: true,
            latency_tracking_info_percentiles: Percentiles(vec![50.0, 99.0, 99.9]),
            cluster_slot_stats_enabled: false,
            timeout: 0,
            tcp_keepalive: 300,
            proto_max_bulk_len: protocol::limits::BULK_LEN_MAX as u64,
            client_output_buffer_limit: OutputBufferLimit::default(),
            client_query_buffer_limit: QUERY_BUFFER_MAX as u64,
            maxmemory_clients: MemoryShare(0),
            mailbox_size: 4096,
            busy_reply_threshold: 5_000,
            script_time_limit: 5_000,
            script_memory_limit: 256 << 20,
            script_undo_limit: 1 << 30,
            script_reply_limit: 256 << 20,
            script_size_limit: 16 << 20,
            script_cross_slot_keys: CrossSlotKeys::Refuse,
            enable_debug_command: DebugAllowed::Local,
            script_denied_commands: vec!["flushall".into(), "flushdb".into()],
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            hll_sparse_max_bytes: 3000,
            list_max_listpack_size: -2,
            list_compress_depth: 0,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            stream_node_max_entries: 100,
            stream_node_max_bytes: 4096,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            tls: TlsSettings::default(),
            accepted: BTreeMap::new(),
            file: None,
        }
    }
}

/// What the command line adds: `(key, value)` pairs, the last word on each key.
pub(crate) type Overrides = Vec<(String, String)>;

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// [`NodeError::Config`], naming the key or the file.
    pub(crate) fn read(file: Option<&Path>, overrides: &Overrides) -> Result<Self, NodeError> {
        let config = Self::read_with(file, overrides, std::env::vars().collect())?;
        let file = file.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.into()));
        Ok(Self { file, ..config })
    }

    /// What a file alone says.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn read_file(file: &Path) -> Result<Self, NodeError> {
        Self::read_with(Some(file), &Overrides::new(), Vec::new())
    }

    fn read_with(
        file: Option<&Path>,
        overrides: &Overrides,
        variables: Vec<(String, String)>,
    ) -> Result<Self, NodeError> {
        let mut builder = ConfigBuilder::<DefaultState>::default();
        if let Some(path) = file {
            builder = builder.add_source(File::from(path).format(FileFormat::Toml));
        }
        let ours = variables.into_iter().filter(|(name, _)| name.starts_with("ATOLL_"));
        let environment = Environment::with_prefix("ATOLL")
            .prefix_separator("_")
            .separator("__")
            .convert_case(Case::Kebab)
            .try_parsing(true)
            .list_separator(",")
            .source(Some(ours.collect()));
        let environment = LISTS.iter().fold(environment, |env, key| env.with_list_parse_key(key));
        builder = builder.add_source(environment);
        for (key, value) in overrides {
            builder = if LISTS.contains(&key.as_str()) {
                let parts: Vec<String> = value.split(',').map(|part| part.trim().into()).collect();
                builder.set_override(key, parts)
            } else {
                builder.set_override(key, value.as_str())
            }
            .map_err(NodeError::Config)?;
        }
        let mut config = Self::of_values(builder.build().map_err(NodeError::Config)?)?;
        config.take_listeners()?;
        config.check()?;
        Ok(config)
    }

    /// What all sources say together. Parameters that are only accepted are no fields.
    fn of_values(all: config::Config) -> Result<Self, NodeError> {
        let mut all: HashMap<String, Value> = all.try_deserialize().map_err(NodeError::Config)?;
        let mut accepted = BTreeMap::new();
        for (name, value) in all.extract_if(|name, _| accepted::check(name, "").is_some()) {
            let bad = |why| NodeError::BadValue { key: name.clone(), why };
            let text = match value.kind {
                ValueKind::Boolean(on) => if on { "yes" } else { "no" }.into(),
                _ => value.into_string().map_err(|error| bad(error.to_string()))?,
            };
            if let Some(checked) = accepted::check(&name, &text) {
                accepted.insert(checked.map_err(bad)?, text);
            }
        }
        let tls = all.extract_if(|name, _| tls::parameter(name.as_bytes()).is_some()).collect();
        let tls = Value::new(None, ValueKind::Table(tls));
        let tls: TlsSettings = tls.try_deserialize().map_err(NodeError::Config)?;
        let values = Value::new(None, ValueKind::Table(all.into_iter().collect()));
        let config: Self = values.try_deserialize().map_err(NodeError::Config)?;
        Ok(Self { tls, accepted, ..config })
    }

    /// `listeners` is `bind=host:port,host:port;bind=…`, with `tls://` before those for TLS: what fits
    /// an environment variable.
    fn take_listeners(&mut self) -> Result<(), NodeError> {
        let Some(text) = self.listeners.take() else { return Ok(()) };
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let (bind, announce) = part.split_once('=').unwrap_or((part, ""));
            let announce = announce.split(',').map(str::trim).filter(|part| !part.is_empty());
            let bind = bind.trim();
            self.listener.push(Listener {
                bind: bind.strip_prefix("tls://").unwrap_or(bind).into(),
                tls: bind.starts_with("tls://"),
                announce: announce.map(Into::into).collect(),
            });
        }
        Ok(())
    }

    fn check(&self) -> Result<(), NodeError> {
        let bad = |key: &str, why: String| Err(NodeError::BadValue { key: key.into(), why });
        if self.bind.is_empty() {
            return bad("bind", "at least one address is needed".into());
        }
        if self.port == 0 && self.tls_port == 0 {
            return bad("port", "port and tls-port are both 0: nobody could connect".into());
        }
        if let Err((name, why)) = self.tls.check() {
            return bad(name, why);
        }
        if self.metrics_port != 0 && self.metrics_bind.is_empty() {
            return bad("metrics-bind", "at least one address is needed".into());
        }
        for address in &self.cluster.initial_nodes {
            if let Err(why) = split_member(address) {
                return bad("cluster.initial-nodes", why);
            }
        }
        for listener in &self.listener {
            if let Err(why) = split_host_port(&listener.bind) {
                return bad("listener.bind", why);
            }
            for address in &listener.announce {
                if let Err(why) = split_host_port(address) {
                    return bad("listener.announce", why);
                }
            }
        }
        if !self.aclfile.is_empty() && !self.user.is_empty() {
            return bad("user", "users are in the ACL file (aclfile), or here; not both".into());
        }
        admin::check(self)?;
        if self.mailbox_size == 0 {
            return bad("mailbox-size", "must be at least 1".into());
        }
        if let Some((name, why)) = Settings::new(self).wrong() {
            return bad(name, why);
        }
        self.slot_ranges().map(drop)
    }

    /// What is done for a write before it is acknowledged, by Atoll's word and Redis's.
    pub(crate) fn durability(&self) -> Durability {
        match (self.durability, self.appendonly) {
            (_, Some(YesNo::No)) => Durability::None,
            (Durability::None, None) => Durability::None,
            (Durability::None, Some(YesNo::Yes)) => self.appendfsync.durability(),
            (Durability::Everysec, _) => self.appendfsync.durability(),
            (Durability::Always, _) => Durability::Always,
        }
    }

    /// How many shards this node has.
    pub(crate) fn shard_count(&self) -> u16 {
        match self.shards {
            Shards::Count(count) => count,
            Shards::Auto => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                u16::try_from(cores).unwrap_or(1024).clamp(1, 1024)
            }
        }
    }

    /// Whether clients can come by TLS.
    pub(crate) fn serves_tls(&self) -> bool {
        self.tls_port != 0 || self.listener.iter().any(|listener| listener.tls)
    }

    /// Host and port that this node is known by in the cluster: the port without TLS, or the only
    /// one.
    pub(crate) fn announced(&self) -> (String, u16) {
        let first = self.bind.first().map_or("127.0.0.1", String::as_str);
        let host = match (&self.announce_host, first) {
            (Some(host), _) => host.clone(),
            (None, "0.0.0.0" | "::" | "*") => "127.0.0.1".into(),
            (None, address) => address.into(),
        };
        let port = if self.port == 0 { self.tls_port } else { self.port };
        (host, self.announce_port.unwrap_or(port))
    }

    /// The port with TLS that clients are told; 0: none.
    pub(crate) fn announced_tls_port(&self) -> u16 {
        match self.announce_tls_port {
            Some(port) if self.tls_port != 0 => port,
            Some(_) | None => self.tls_port,
        }
    }

    /// The slots that the cluster serves, as inclusive ranges.
    pub(crate) fn slot_ranges(&self) -> Result<Vec<(u16, u16)>, NodeError> {
        if self.cluster.slots.is_empty() {
            return Ok(vec![(0, protocol::slot::SLOT_COUNT - 1)]);
        }
        let parse = |text: &String| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
                (Ok(first), Ok(last)) if first <= last && last < protocol::slot::SLOT_COUNT => {
                    Ok((first, last))
                }
                _ => Err(NodeError::BadValue {
                    key: "cluster.slots".into(),
                    why: format!("{text:?} is not a range of slots such as \"0-16383\""),
                }),
            }
        };
        self.cluster.slots.iter().map(parse).collect()
    }
}

/// Keys whose value is a list: `a,b` in the environment and on the command line.
const LISTS: &[&str] = &[
    "admin-bind",
    "admin-hosts",
    "bind",
    "cluster.initial-nodes",
    "cluster.slots",
    "metrics-bind",
    "script-denied-commands",
    "user",
];

/// Splits `host:port`; IPv6 hosts in brackets.
pub(crate) fn split_host_port(text: &str) -> Result<(String, u16), String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok((address.ip().to_string(), address.port()));
    }
    let bad = || format!("{text:?} is not host:port");
    let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
    let port = port.parse().map_err(|_| bad())?;
    if host.is_empty() || host.contains([':', ' ', '/']) {
        return Err(bad());
    }
    Ok((host.into(), port))
}

/// Splits `host:port` or `host:port:tls-port`, as members of the cluster are listed.
pub(crate) fn split_member(text: &str) -> Result<(String, u16, Option<u16>), String> {
    if let Ok((host, port)) = split_host_port(text) {
        return Ok((host, port, None));
    }
    let bad = || format!("{text:?} is neither host:port nor host:port:tls-port");
    let (address, tls_port) = text.rsplit_once(':').ok_or_else(bad)?;
    let (host, port) = split_host_port(address).map_err(|_| bad())?;
    Ok((host, port, Some(tls_port.parse().map_err(|_| bad())?)))
}

#[cfg(test)]
#[path = "config/config_test.rs"]
mod tests;
