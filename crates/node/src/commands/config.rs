//! CONFIG GET, SET, RESETSTAT and HELP (REWRITE has a file of its own), with Redis's parameter names where the meaning is the same.

mod values;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;
use shard::glob;
use shard::keyspace::{Events, Eviction};
use shard::reply::Reply;

use super::{Done, NodeCall, NodeCommand, config_rewrite};
use crate::accepted;
use crate::config::{AppendFsync, MemoryShare, Percentiles, SavePoints};
use crate::log::{self, Durability};
use crate::memory;
use crate::node::Node;
use crate::open_files;
use crate::output_limits::Limit;
use crate::settings::{FLAGS, PARAMETERS, Parameter, Settings};
use crate::tls;

use values::fixed;
pub(crate) use values::values_of;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&CONTAINER, container),
    (&GET, get),
    (&HELP, help),
    (&RESETSTAT, resetstat),
    (&config_rewrite::SPEC, config_rewrite::run),
    (&SET, set),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::Server,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    since: "2.0.0",
    ..CommandSpec::NEW
};

static CONTAINER: CommandSpec = CommandSpec {
    name: "config",
    arity: Arity::at_least(2),
    flags: Flags::CONTAINER,
    complexity: "Depends on subcommand.",
    summary: "A container for server configuration commands.",
    ..BASE
};

static GET: CommandSpec = CommandSpec {
    name: "config|get",
    arity: Arity::at_least(3),
    complexity: "O(N) when N is the number of configuration parameters provided",
    summary: "Returns the effective values of configuration parameters.",
    ..BASE
};

static SET: CommandSpec = CommandSpec {
    name: "config|set",
    arity: Arity::at_least(4),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    complexity: "O(N) when N is the number of configuration parameters provided",
    summary: "Sets configuration parameters in-flight.",
    ..BASE
};

static RESETSTAT: CommandSpec = CommandSpec {
    name: "config|resetstat",
    arity: Arity::exactly(2),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    summary: "Resets the server's statistics.",
    ..BASE
};

static HELP: CommandSpec = CommandSpec {
    name: "config|help",
    arity: Arity::exactly(2),
    flags: Flags::LOADING.union(Flags::STALE),
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    ..BASE
};

fn container(_: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    Err(CommandError::Arity("config"))
}

fn help(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    reply_help(call.reply);
    Ok(Done::Replied)
}

/// Replies what CONFIG HELP says.
pub(crate) fn reply_help(reply: &mut Reply<'_>) {
    const LINES: &[&str] = &[
        "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
        "HELP",
        "    Print this help.",
    ];
    reply.array(LINES.len());
    LINES.iter().for_each(|line| reply.status(line));
}

fn get(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let mut all = values(&call.executor.node);
    let wanted =
        |name: &str| args.iter_from(2).any(|pattern| glob::matches(pattern, name.as_bytes(), true));
    all.retain(|name, _| wanted(name));
    call.reply.map(all.len());
    for (name, value) in all {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(&value);
    }
    Ok(Done::Replied)
}

/// All parameters with their values, secrets included.
pub(crate) fn values(node: &Node) -> BTreeMap<&'static str, Vec<u8>> {
    let mut all = values_of(&node.config, &node.settings, node.log.durability());
    let tls = node.tls.settings();
    all.extend(tls.values());
    all.extend(TextParameter::ALL.iter().map(|(name, which)| (*name, which.value(node))));
    all
}

/// One change that CONFIG SET is asked for.
enum Change {
    Number(&'static Parameter, u64),
    CrossSlotKeys(bool),
    ClientsMemory(MemoryShare),
    Percentiles(Percentiles),
    Flag(fn(&Settings) -> &AtomicU64, bool),
    KeyspaceEvents(Events),
    OutputLimits([Limit; 3]),
    Policy(Eviction),
    Durability(Durability),
    AppendFsync(AppendFsync),
    SavePoints(SavePoints),
    Text(TextParameter, Vec<u8>),
    Accepted(&'static str, String),
}

/// A parameter about users whose value is a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TextParameter {
    RequirePass,
    MasterUser,
    MasterAuth,
    PubsubDefault,
}

impl TextParameter {
    const ALL: &[(&str, Self)] = &[
        ("acl-pubsub-default", Self::PubsubDefault),
        ("masterauth", Self::MasterAuth),
        ("masteruser", Self::MasterUser),
        ("requirepass", Self::RequirePass),
    ];

    fn value(self, node: &Node) -> Vec<u8> {
        match self {
            Self::RequirePass => node.settings.requirepass(),
            Self::MasterUser => node.peers.credentials().user,
            Self::MasterAuth => node.peers.credentials().password,
            Self::PubsubDefault if node.acl.all_channels() => b"allchannels".to_vec(),
            Self::PubsubDefault => b"resetchannels".to_vec(),
        }
    }

    fn set(self, node: &Node, value: Vec<u8>) {
        match self {
            Self::RequirePass => {
                node.acl.set_default_password(&value);
                node.settings.set_requirepass(&value);
            }
            Self::MasterUser => node.peers.set_credentials(|known| known.user = value),
            Self::MasterAuth => node.peers.set_credentials(|known| known.password = value),
            Self::PubsubDefault => {
                node.acl.set_all_channels(value.eq_ignore_ascii_case(b"allchannels"));
            }
        }
    }
}

fn set(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    if args.len() % 2 == 1 {
        return Err(CommandError::Arity("config|set"));
    }
    let node = &call.executor.node;
    // All or nothing: every value is looked at before the first is set.
    let mut changes = Vec::new();
    let mut tls = None;
    for at in (2..args.len()).step_by(2) {
        let name = args.at(at);
        if (2..at).step_by(2).any(|earlier| args.at(earlier).eq_ignore_ascii_case(name)) {
            return Err(CommandError::dynamic(format!(
                "ERR CONFIG SET failed (possibly related to argument '{}') - duplicate parameter",
                String::from_utf8_lossy(name)
            )));
        }
        if let Some(parameter) = tls::parameter(name) {
            let (settings, _) = tls.get_or_insert_with(|| (node.tls.settings(), parameter.name));
            let text = String::from_utf8_lossy(args.at(at + 1));
            let set = parameter.set(settings, &text);
            set.map_err(|why| failed(parameter.name, &why))?;
            continue;
        }
        changes.push(parse_change(node, args.at(at), args.at(at + 1))?);
    }
    if let Some((settings, name)) = tls {
        // This also has certificates read again that have been renewed under their names.
        let set = node.tls.set(settings);
        set.map_err(|why| failed(name, &format!("Unable to update TLS configuration: {why}")))?;
    }
    let mut durability = None;
    for change in changes {
        match change {
            Change::Number(parameter, value) => {
                (parameter.number)(&node.settings).store(value, Ordering::Relaxed);
            }
            Change::Flag(flag, on) => {
                flag(&node.settings).store(u64::from(on), Ordering::Relaxed);
            }
            Change::Percentiles(percentiles) => node.settings.set_percentiles(percentiles),
            Change::SavePoints(points) => node.settings.set_save_points(points),
            Change::AppendFsync(when) => {
                node.settings.set_appendfsync(when);
                if durability.unwrap_or_else(|| node.log.durability()) != Durability::None {
                    durability = Some(when.durability());
                }
            }
            Change::Durability(to) => durability = Some(to),
            Change::Policy(policy) => node.settings.set_eviction(policy),
            Change::Text(parameter, value) => parameter.set(node, value),
            Change::Accepted(name, value) => node.settings.accepted.set(name, value),
            Change::OutputLimits(limits) => node.settings.output_limits.set(&limits),
            Change::ClientsMemory(share) => {
                node.settings.maxmemory_clients.store(share.0 as u64, Ordering::Relaxed);
            }
            Change::KeyspaceEvents(events) => {
                let bits = u64::from(events.bits());
                node.settings.keyspace_events.store(bits, Ordering::Relaxed);
            }
            Change::CrossSlotKeys(allowed) => {
                let allowed = u64::from(allowed);
                node.settings.script_cross_slot_keys.store(allowed, Ordering::Relaxed);
            }
        }
    }
    memory::follow_limit(node);
    call.executor.evict_clients();
    for shard in 0..node.topology.shards() {
        call.executor.tell(shard, |executor| {
            let node = &executor.node;
            if let Ok(mut shard) = executor.shard.try_borrow_mut() {
                shard.keyspace_mut().configure(node.settings.keyspace());
                let limits = node.settings.script_limits(node.table());
                executor.follow_time_settings();
                shard.scripts_mut().configure(limits);
            }
        });
    }
    let Some(durability) = durability else {
        call.reply.ok();
        return Ok(Done::Replied);
    };
    let executor = call.executor.clone();
    Ok(Done::Later(Box::pin(async move {
        let switched = log::switch(executor, durability).await;
        let failed = |why| format!("-ERR CONFIG SET failed - {why}\r\n");
        switched.map_or_else(failed, |()| "+OK\r\n".to_owned()).into_bytes()
    })))
}

/// Why there cannot be so many clients, if that is what is set (Redis's text).
fn clients_refused(node: &Node, parameter: &Parameter, number: u64) -> Option<String> {
    if parameter.name != "maxclients" {
        return None;
    }
    let possible = open_files::make_room(number, node.executors.len() as u64);
    (possible < number).then(|| {
        format!(
            "The operating system is not able to handle the specified number of clients, try with \
             {possible}"
        )
    })
}

fn failed(name: &str, why: &str) -> CommandError {
    CommandError::dynamic(format!(
        "ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"
    ))
}

fn parse_change(node: &Node, name: &[u8], value: &[u8]) -> Result<Change, CommandError> {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let failed = |why: &str| failed(&name, why);
    if let Some(parameter) = PARAMETERS.iter().find(|known| known.name == name) {
        return match parameter.parse(value) {
            Ok(number) => match clients_refused(node, parameter, number) {
                Some(why) => Err(failed(&why)),
                None => Ok(Change::Number(parameter, number)),
            },
            Err(why) => Err(failed(&why)),
        };
    }
    if let Some((_, flag)) = FLAGS.iter().find(|(known, _)| *known == name) {
        let is = |word: &[u8]| value.eq_ignore_ascii_case(word);
        return match (is(b"yes"), is(b"no")) {
            (false, false) => Err(failed("argument must be 'yes' or 'no'")),
            (on, _) => Ok(Change::Flag(*flag, on)),
        };
    }
    if let Some((_, which)) = TextParameter::ALL.iter().find(|(known, _)| *known == name) {
        let channels: &[&[u8]] = &[b"allchannels", b"resetchannels"];
        let known = channels.iter().any(|known| known.eq_ignore_ascii_case(value));
        if *which == TextParameter::PubsubDefault && !known {
            return Err(failed(
                "argument(s) must be one of the following: allchannels, resetchannels",
            ));
        }
        return Ok(Change::Text(*which, value.to_vec()));
    }
    let text = String::from_utf8_lossy(value);
    if let Some(checked) = accepted::check(&name, &text) {
        return match checked {
            Ok(name) => Ok(Change::Accepted(name, text.into_owned())),
            Err(why) => Err(failed(&why)),
        };
    }
    if name == "durability" {
        return text.parse().map(Change::Durability).map_err(|why: String| failed(&why));
    }
    if name == "appendonly" {
        return match &text.to_ascii_lowercase()[..] {
            "yes" if node.log.durability() == Durability::None => {
                Ok(Change::Durability(node.settings.appendfsync().durability()))
            }
            "yes" => Ok(Change::Durability(node.log.durability())),
            "no" => Ok(Change::Durability(Durability::None)),
            _ => Err(failed("argument must be 'yes' or 'no'")),
        };
    }
    if name == "appendfsync" {
        return text.parse().map(Change::AppendFsync).map_err(|why: String| failed(&why));
    }
    if name == "save" {
        let points = SavePoints::try_from(text.into_owned());
        return points.map(Change::SavePoints).map_err(|why| failed(&why));
    }
    if name == "client-output-buffer-limit" {
        let limits = node.settings.output_limits.parse(&text);
        return limits.map(Change::OutputLimits).map_err(|why| failed(&why));
    }
    if name == "maxmemory-clients" {
        let share = MemoryShare::parse(&text);
        return share.map(Change::ClientsMemory).map_err(|why| failed(&why));
    }
    if name == "script-cross-slot-keys" {
        return match value {
            b"refuse" => Ok(Change::CrossSlotKeys(false)),
            b"same-shard" => Ok(Change::CrossSlotKeys(true)),
            _ => Err(failed("argument(s) must be one of the following: refuse, same-shard")),
        };
    }
    if name == "latency-tracking-info-percentiles" {
        let percentiles = Percentiles::try_from(text.into_owned());
        return percentiles.map(Change::Percentiles).map_err(|why| failed(&why));
    }
    if name == "maxmemory-policy" {
        let known = Eviction::ALL.iter().find(|(_, known)| known.as_bytes() == value);
        let names: Vec<&str> = Eviction::ALL.iter().map(|(_, name)| *name).collect();
        return known.map(|(policy, _)| Change::Policy(*policy)).ok_or_else(|| {
            failed(&format!("argument(s) must be one of the following: {}", names.join(", ")))
        });
    }
    if name == "notify-keyspace-events" {
        return match Events::parse(value) {
            Some(events) => Ok(Change::KeyspaceEvents(events)),
            None => Err(failed("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")),
        };
    }
    if fixed(&node.config, &node.settings).iter().any(|(known, _)| *known == name) {
        return Err(failed("can't set immutable config"));
    }
    Err(CommandError::dynamic(format!(
        "ERR Unknown option or number of arguments for CONFIG SET - '{name}'"
    )))
}

/// The policy's name.
pub(crate) fn policy_name(policy: Eviction) -> &'static str {
    Eviction::ALL.iter().find(|(known, _)| *known == policy).map_or("noeviction", |(_, name)| name)
}

fn resetstat(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    call.executor.node.clients.reset_statistics();
    call.executor.node.statistics.reset();
    call.executor.node.acl_log.reset_counts();
    for shard in 0..call.executor.node.topology.shards() {
        call.executor.tell(shard, |executor| {
            if let Ok(mut shard) = executor.shard.try_borrow_mut() {
                shard.reset_statistics();
                executor.timings.reset();
                executor.slot_stats.reset();
                executor.bytes_in.set(0);
                executor.bytes_out.set(0);
                executor.publish(&shard);
            }
        });
    }
    call.reply.ok();
    Ok(Done::Replied)
}
