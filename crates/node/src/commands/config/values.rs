//! What CONFIG GET shows of configuration and settings.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::policy_name;
use crate::config::{AppendFsync, Config, MemoryShare, Shards};
use crate::log::Durability;
use crate::settings::{FLAGS, PARAMETERS, Settings};

/// The parameters that follow from these, with their values.
pub(crate) fn values_of(
    config: &Config,
    settings: &Settings,
    durability: Durability,
) -> BTreeMap<&'static str, Vec<u8>> {
    let mut all: BTreeMap<&str, String> = fixed(config, settings).into_iter().collect();
    all.extend(settings.accepted.all());
    for parameter in PARAMETERS {
        let value = (parameter.number)(settings).load(Ordering::Relaxed);
        all.insert(parameter.name, (value as i64).to_string());
    }
    for (name, flag) in FLAGS {
        let is_on = flag(settings).load(Ordering::Relaxed) != 0;
        all.insert(name, if is_on { "yes" } else { "no" }.into());
    }
    let cross_slot = settings.script_cross_slot_keys.load(Ordering::Relaxed) != 0;
    let name = if cross_slot { "same-shard" } else { "refuse" };
    all.insert("script-cross-slot-keys", name.into());
    all.insert("latency-tracking-info-percentiles", settings.percentiles().into());
    all.insert("maxmemory-policy", policy_name(settings.keyspace().eviction).into());
    all.insert("client-output-buffer-limit", settings.output_limits.describe());
    let share = settings.maxmemory_clients.load(Ordering::Relaxed);
    all.insert("maxmemory-clients", MemoryShare(share as i64).describe());
    all.insert("notify-keyspace-events", settings.keyspace().events.letters());
    all.insert("durability", durability.name().into());
    let is_logged = durability != Durability::None;
    all.insert("appendonly", if is_logged { "yes" } else { "no" }.into());
    let appendfsync = match durability {
        Durability::Always => AppendFsync::Always,
        Durability::None | Durability::Everysec => settings.appendfsync(),
    };
    all.insert("appendfsync", appendfsync.name().into());
    all.insert("save", settings.save_points().into());
    let all = all.into_iter().map(|(name, value)| (name, value.into_bytes()));
    all.chain(config.tls.values()).collect()
}

/// Parameters that are fixed from the start, and those that say what this server does not have.
pub(super) fn fixed(config: &Config, settings: &Settings) -> Vec<(&'static str, String)> {
    let shards = match config.shards {
        Shards::Auto => "auto".to_owned(),
        Shards::Count(count) => count.to_string(),
    };
    vec![
        ("admin-bind", config.admin_bind.join(" ")),
        ("admin-hosts", config.admin_hosts.join(" ")),
        ("admin-port", config.admin_port.to_string()),
        ("aclfile", config.aclfile.clone()),
        ("bind", config.bind.join(" ")),
        ("cluster-announce-ip", config.announce_host.clone().unwrap_or_default()),
        ("cluster-announce-hostname", String::new()),
        ("cluster-announce-port", config.announce_port.unwrap_or(0).to_string()),
        ("cluster-announce-tls-port", config.announce_tls_port.unwrap_or(0).to_string()),
        ("cluster-enabled", "yes".into()),
        ("cluster-port", "0".into()),
        ("cluster-preferred-endpoint-type", "ip".into()),
        ("cluster-require-full-coverage", "no".into()),
        ("daemonize", "no".into()),
        ("databases", "1".into()),
        ("dir", config.dir.display().to_string()),
        ("enable-debug-command", settings.debug_allowed().name().into()),
        ("enable-module-command", "no".into()),
        // Standard error.
        ("logfile", String::new()),
        ("metrics-bind", config.metrics_bind.join(" ")),
        ("metrics-port", config.metrics_port.to_string()),
        ("pidfile", String::new()),
        ("port", config.port.to_string()),
        ("replicaof", String::new()),
        ("script-denied-commands", settings.denied_commands().join(" ")),
        ("shard-endpoints", if config.shard_endpoints { "yes" } else { "no" }.into()),
        ("shards", shards),
        ("slaveof", String::new()),
        ("supervised", "no".into()),
        ("syslog-enabled", "no".into()),
        ("tcp-backlog", crate::listener::BACKLOG.to_string()),
        ("tls-port", config.tls_port.to_string()),
        ("unixsocket", String::new()),
        ("unixsocketperm", "0".into()),
    ]
}
