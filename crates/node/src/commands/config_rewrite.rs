//! CONFIG REWRITE: see `config::rewrite` for what becomes of the file.

use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use protocol::args::Args;
use protocol::encode;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::acl::Acl;
use shard::error::CommandError;

use super::{Done, NodeCall, acl};
use crate::config::rewrite::{Values, replace, rewritten};
use crate::config::{
    Config, CrossSlotKeys, EventLetters, MemoryShare, OutputBufferLimit, Policy, PubsubDefault,
};
use crate::node::Node;
use crate::settings::{FLAGS, PARAMETERS};

pub(super) static SPEC: CommandSpec = CommandSpec {
    name: "config|rewrite",
    family: Family::Server,
    arity: Arity::exactly(2),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    since: "2.8.0",
    summary: "Persists the effective configuration to file.",
    ..CommandSpec::NEW
};

/// The disk may take its time: it is written on a thread that serves nobody.
pub(super) fn run(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let node = call.executor.node.clone();
    if node.config.file.is_none() {
        return Err(CommandError::Text("ERR The server is running without a config file"));
    }
    Ok(Done::Later(Box::pin(async move {
        let done = tokio::task::spawn_blocking(move || rewrite(&node)).await;
        let mut out = Vec::new();
        match done.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(()) => encode::status(&mut out, "OK"),
            Err(why) => {
                tracing::warn!(error = why.as_str(), "rewrite configuration file");
                let line = why.split_whitespace().collect::<Vec<_>>().join(" ");
                encode::error(&mut out, format!("ERR Rewriting config file: {line}").as_bytes());
            }
        }
        out
    })))
}

fn rewrite(node: &Node) -> Result<(), String> {
    let Some(path) = &node.config.file else { return Ok(()) };
    let _one_at_a_time = node.config_file.lock().unwrap_or_else(PoisonError::into_inner);
    let (text, mut file) = read(path)?;
    normalize_users(node, &mut file)?;
    let running = running(node)?;
    let text = rewritten(&text, &Values::of(&file)?, &running)?;
    replace(path, &text).map_err(|error| error.to_string())
}

/// The file as it is now; a file that has gone is empty.
fn read(path: &Path) -> Result<(String, Config), String> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let file = Config::read_file(path).map_err(|error| error.to_string())?;
            Ok((text, file))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok((String::new(), Config::default()))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The configuration that runs.
fn running(node: &Node) -> Result<Values, String> {
    let settings = &node.settings;
    let text = |name: &str, bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8, as the file has to be"))
    };
    let mut config = node.config.clone();
    let keyspace = settings.keyspace();
    config.maxmemory_policy = Policy(keyspace.eviction);
    config.notify_keyspace_events = EventLetters(keyspace.events);
    config.latency_tracking_info_percentiles = settings.percentiles();
    let cross_slot = settings.script_cross_slot_keys.load(Ordering::Relaxed) != 0;
    config.script_cross_slot_keys =
        if cross_slot { CrossSlotKeys::SameShard } else { CrossSlotKeys::Refuse };
    let all_channels = node.acl.all_channels();
    config.acl_pubsub_default =
        if all_channels { PubsubDefault::AllChannels } else { PubsubDefault::ResetChannels };
    config.client_output_buffer_limit =
        OutputBufferLimit::try_from(settings.output_limits.describe())?;
    config.maxmemory_clients =
        MemoryShare(settings.maxmemory_clients.load(Ordering::Relaxed) as i64);
    let credentials = node.peers.credentials();
    config.masteruser = text("masteruser", credentials.user)?;
    config.masterauth = text("masterauth", credentials.password)?;
    config.accepted = settings.accepted.chosen();
    config.tls = node.tls.settings();
    config.durability = node.log.durability();
    config.appendonly = None;
    config.appendfsync = settings.appendfsync();
    config.save = settings.save_points();
    let password = text("requirepass", settings.requirepass())?;
    if config.aclfile.is_empty() {
        (config.user, config.requirepass) = users(node, &node.acl, password)?;
    } else {
        config.requirepass = password;
    }
    let mut values = Values::of(&config)?;
    for parameter in PARAMETERS {
        let number = (parameter.number)(settings).load(Ordering::Relaxed);
        values.set_number(parameter.name, number as i64);
    }
    for (name, flag) in FLAGS {
        values.set_flag(name, flag(settings).load(Ordering::Relaxed) != 0);
    }
    Ok(values)
}

/// Writes the users of a file as those that run are written, so that the two can be compared: the
/// same user can be told in many ways.
fn normalize_users(node: &Node, file: &mut Config) -> Result<(), String> {
    if file.aclfile.is_empty() && !file.user.is_empty() {
        let acl = Acl::new(node.acl.table());
        acl::configure(&acl, file).map_err(|(key, why)| format!("{key}: {why}"))?;
        (file.user, _) = users(node, &acl, file.requirepass.clone())?;
    }
    Ok(())
}

/// Users and `requirepass` as a configuration that makes them. Users are only written when the
/// password alone would not do; the password, when it is what `default` still has.
fn users(node: &Node, acl: &Acl, password: String) -> Result<(Vec<String>, String), String> {
    let lines = |acl: &Acl| {
        let users = acl.users();
        let lines = users.iter().map(|user| String::from_utf8(user.line().split_off(USER.len())));
        lines
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| "a user's name or rules are not UTF-8, as the file has to be".to_owned())
    };
    let wanted = lines(acl)?;
    let made_of = |user: Vec<String>, requirepass: &str| {
        let acl = Acl::new(node.acl.table());
        let config = Config { user, requirepass: requirepass.into(), ..Config::default() };
        acl::configure(&acl, &config).map_err(|(key, why)| format!("{key}: {why}"))?;
        lines(&acl)
    };
    if made_of(Vec::new(), &password)? == wanted {
        return Ok((Vec::new(), password));
    }
    let fits = made_of(wanted.clone(), &password)? == wanted;
    Ok((wanted, if fits { password } else { String::new() }))
}

/// What stands in front of a user's name in an ACL file, and not in the configuration.
const USER: &str = "user ";
