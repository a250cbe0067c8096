//! Tests of reading the configuration.

use super::*;

fn read(overrides: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Config, String> {
    let own = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    Config::read_with(None, &own(overrides), own(variables)).map_err(|error| error.to_string())
}

#[test]
fn later_sources_win() {
    let config = read(&[("port", "7001")], &[("ATOLL_PORT", "7000"), ("ATOLL_SHARDS", "3")]);
    let config = config.unwrap();
    assert_eq!((config.port, config.shards), (7001, Shards::Count(3)));
}

#[test]
fn lists_and_tables_in_the_environment() {
    let config = read(
        &[],
        &[
            ("ATOLL_CLUSTER__INITIAL_NODES", "n1:6379,n2:6379"),
            ("ATOLL_BIND", "0.0.0.0"),
            ("ATOLL_ANNOUNCE_HOST", "n1"),
            ("ATOLL_LISTENERS", "0.0.0.0:7001=localhost:7001,localhost:7002"),
        ],
    )
    .unwrap();
    assert_eq!(config.cluster.initial_nodes, ["n1:6379", "n2:6379"]);
    assert_eq!(config.bind, ["0.0.0.0"]);
    assert_eq!(config.announced(), ("n1".into(), 6379));
    assert_eq!(config.listener[0].announce, ["localhost:7001", "localhost:7002"]);
}

#[test]
fn parameters_that_mean_nothing_here_are_kept() {
    let config = read(&[("hz", "50")], &[("ATOLL_RDBCHECKSUM", "no")]).unwrap();
    assert_eq!(config.accepted["hz"], "50");
    assert_eq!(config.accepted["rdbchecksum"], "no");
}

#[test]
fn the_log_is_configured_in_our_words_or_those_of_redis() {
    let durability = |pairs: &[(&str, &str)]| read(pairs, &[]).unwrap().durability();
    assert_eq!(durability(&[]), Durability::Everysec);
    assert_eq!(durability(&[("appendonly", "no")]), Durability::None);
    assert_eq!(durability(&[("appendfsync", "always")]), Durability::Always);
    assert_eq!(durability(&[("appendonly", "yes"), ("appendfsync", "no")]), Durability::Everysec);
    assert_eq!(durability(&[("durability", "none")]), Durability::None);
    let both = [("durability", "none"), ("appendonly", "yes"), ("appendfsync", "always")];
    assert_eq!(durability(&both), Durability::Always);
}

#[test]
fn keys_of_tls_and_members_with_a_port_for_it() {
    let config = read(
        &[("tls-auth-clients", "optional"), ("tls-cluster", "yes"), ("port", "0")],
        &[
            ("ATOLL_TLS_PORT", "6380"),
            ("ATOLL_TLS_CERT_FILE", "/cert"),
            ("ATOLL_LISTENERS", "tls://0.0.0.0:7001=localhost:7001"),
        ],
    )
    .unwrap();
    assert_eq!(
        (config.announced(), config.announced_tls_port()),
        (("127.0.0.1".into(), 6380), 6380)
    );
    assert!(config.tls.tls_cluster && config.tls.tls_cert_file == "/cert");
    assert!(config.listener[0].tls && config.listener[0].bind == "0.0.0.0:7001");
    assert_eq!(split_member("n1:1"), Ok(("n1".into(), 1, None)));
    assert_eq!(split_member("n1:1:2"), Ok(("n1".into(), 1, Some(2))));
    assert_eq!(split_member("[::1]:1"), Ok(("::1".into(), 1, None)));
    assert_eq!(split_member("[::1]:1:2"), Ok(("::1".into(), 1, Some(2))));
    for text in ["n1", "n1:x", "n1:1:x", "n1:1:2:3", "::1:1"] {
        assert!(split_member(text).is_err(), "{text}");
    }
    let error = |key, value| read(&[(key, value)], &[]).unwrap_err();
    assert!(error("port", "0").contains("both 0"));
    assert!(error("tls-auth-clients", "perhaps").contains("tls-auth-clients"));
    assert!(error("tls-protocols", "SSLv3").contains("tls-protocols"));
    assert!(error("tls-nothing", "x").contains("tls-nothing"));
}

#[test]
fn what_is_wrong_is_named() {
    let error = |key, value| read(&[(key, value)], &[]).unwrap_err();
    assert!(error("prot", "1").contains("prot"), "{}", error("prot", "1"));
    assert!(error("port", "x").contains("port"), "{}", error("port", "x"));
    assert!(error("maxclients", "0").contains("maxclients: argument must be between 1 and"));
    assert!(error("script-memory-limit", "1").contains("script-memory-limit"));
    assert!(error("notify-keyspace-events", "Q").contains("Invalid event class character"));
    assert!(error("hz", "x").contains("hz"), "{}", error("hz", "x"));
    assert!(error("appendonly", "maybe").contains("appendonly"));
    assert!(error("appendfsync", "maybe").contains("appendfsync"));
    assert!(error("durability", "maybe").contains("durability"));
    assert!(error("save", "60").contains("Invalid save parameters"));
    assert!(error("shards", "0").contains("shards"), "{}", error("shards", "0"));
    assert!(error("cluster.slots", "1-99999").contains("cluster.slots"));
    assert!(error("cluster.initial-nodes", "nonsense").contains("initial-nodes"));
    assert!(read(&[], &[("ATOLL_NO_SUCH", "1")]).unwrap_err().contains("no-such"));
}

#[test]
fn the_documented_file_has_every_key_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/atoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let config = Config::read_with(Some(&path), &Vec::new(), Vec::new()).unwrap();
    assert_eq!(config, Config::default());
    let tls = crate::tls::TlsSettings::default();
    for key in KEYS.iter().copied().chain(tls.values().map(|(name, _)| name)) {
        let line = |line: &str| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{key} ="))
        };
        assert!(text.lines().any(line), "{key} is not documented");
    }
}

const KEYS: &[&str] = &[
    "admin-port",
    "admin-bind",
    "admin-hosts",
    "port",
    "tls-port",
    "tls",
    "bind",
    "shards",
    "dir",
    "announce-host",
    "announce-port",
    "announce-tls-port",
    "shard-endpoints",
    "shard-endpoint-port",
    "tls-shard-endpoint-port",
    "metrics-port",
    "metrics-bind",
    "log",
    "requirepass",
    "masteruser",
    "masterauth",
    "aclfile",
    "user",
    "acl-pubsub-default",
    "acllog-max-len",
    "maxclients",
    "maxmemory",
    "maxmemory-policy",
    "maxmemory-samples",
    "lfu-log-factor",
    "lfu-decay-time",
    "min-replicas-to-write",
    "notify-keyspace-events",
    "idempotency-window",
    "idempotency-memory-limit",
    "tracking-table-max-keys",
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "commandlog-request-larger-than",
    "commandlog-large-request-max-len",
    "commandlog-reply-larger-than",
    "commandlog-large-reply-max-len",
    "latency-monitor-threshold",
    "latency-tracking",
    "latency-tracking-info-percentiles",
    "cluster-slot-stats-enabled",
    "enable-debug-command",
    "timeout",
    "tcp-keepalive",
    "proto-max-bulk-len",
    "client-output-buffer-limit",
    "client-query-buffer-limit",
    "maxmemory-clients",
    "mailbox-size",
    "busy-reply-threshold",
    "script-time-limit",
    "script-memory-limit",
    "script-undo-limit",
    "script-reply-limit",
    "script-size-limit",
    "script-cross-slot-keys",
    "script-denied-commands",
    "hash-max-listpack-entries",
    "hash-max-listpack-value",
    "hll-sparse-max-bytes",
    "list-max-listpack-size",
    "list-compress-depth",
    "set-max-intset-entries",
    "set-max-listpack-entries",
    "set-max-listpack-value",
    "stream-node-max-entries",
    "stream-node-max-bytes",
    "zset-max-listpack-entries",
    "zset-max-listpack-value",
    "initial-nodes",
    "slots",
    "announce",
];
