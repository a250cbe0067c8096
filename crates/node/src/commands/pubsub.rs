//! PUBSUB: who has subscribed to what, on this node. CLUSTER RELAY: a message from another node.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::channels::ChannelKind;
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand, reply_lines};

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&RELAY, relay),
    (&CONTAINER, |_, _| Err(CommandError::Arity("pubsub"))),
    (&CHANNELS, |call, args| channels(call, args, ChannelKind::Channel)),
    (&HELP, help),
    (&NUMPAT, numpat),
    (&NUMSUB, |call, args| numsub(call, args, ChannelKind::Channel)),
    (&SHARDCHANNELS, |call, args| channels(call, args, ChannelKind::Shard)),
    (&SHARDNUMSUB, |call, args| numsub(call, args, ChannelKind::Shard)),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::PubSub,
    flags: Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE),
    since: "2.8.0",
    ..CommandSpec::NEW
};

static CONTAINER: CommandSpec = CommandSpec {
    name: "pubsub",
    arity: Arity::at_least(2),
    flags: Flags::CONTAINER,
    complexity: "Depends on subcommand.",
    summary: "A container for Pub/Sub commands.",
    ..BASE
};

static CHANNELS: CommandSpec = CommandSpec {
    name: "pubsub|channels",
    arity: Arity::at_least(2),
    complexity: "O(N) where N is the number of active channels, and assuming constant time pattern \
                 matching (relatively short channels and patterns)",
    summary: "Returns the active channels.",
    ..BASE
};

static NUMPAT: CommandSpec = CommandSpec {
    name: "pubsub|numpat",
    arity: Arity::exactly(2),
    summary: "Returns a count of unique pattern subscriptions.",
    ..BASE
};

static NUMSUB: CommandSpec = CommandSpec {
    name: "pubsub|numsub",
    arity: Arity::at_least(2),
    complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
    summary: "Returns a count of subscribers to channels.",
    ..BASE
};

static SHARDCHANNELS: CommandSpec = CommandSpec {
    name: "pubsub|shardchannels",
    arity: Arity::at_least(2),
    since: "7.0.0",
    complexity: "O(N) where N is the number of active shard channels, and assuming constant time \
                 pattern matching (relatively short shard channels).",
    summary: "Returns the active shard channels.",
    ..BASE
};

static SHARDNUMSUB: CommandSpec = CommandSpec {
    name: "pubsub|shardnumsub",
    arity: Arity::at_least(2),
    since: "7.0.0",
    complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard \
                 channels",
    summary: "Returns the count of subscribers of shard channels.",
    ..BASE
};

static HELP: CommandSpec = CommandSpec {
    name: "pubsub|help",
    arity: Arity::exactly(2),
    flags: Flags::LOADING.union(Flags::STALE),
    since: "6.2.0",
    summary: "Returns helpful text about the different subcommands.",
    ..BASE
};

static RELAY: CommandSpec = CommandSpec {
    name: "cluster|relay",
    family: Family::Cluster,
    arity: Arity::exactly(4),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    since: "7.0.0",
    complexity: "That of PUBLISH.",
    summary: "Tells this node's subscribers what has been published on another node.",
    ..CommandSpec::NEW
};

fn channels(
    call: &mut NodeCall<'_, '_>,
    args: Args<'_>,
    kind: ChannelKind,
) -> Result<Done, CommandError> {
    if args.len() > 3 {
        return Err(unknown_or_wrong(args));
    }
    let names = call.executor.node.channels.names(kind, args.get(2));
    call.reply.array(names.len());
    names.iter().for_each(|name| call.reply.bulk(name));
    Ok(Done::Replied)
}

/// Redis's text for subcommands with too many arguments.
fn unknown_or_wrong(args: Args<'_>) -> CommandError {
    let name = String::from_utf8_lossy(args.at(1)).into_owned();
    CommandError::dynamic(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try PUBSUB HELP."
    ))
}

fn numpat(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    call.reply.count(call.executor.node.channels.counts().1);
    Ok(Done::Replied)
}

fn numsub(
    call: &mut NodeCall<'_, '_>,
    args: Args<'_>,
    kind: ChannelKind,
) -> Result<Done, CommandError> {
    // An array in RESP3, too: what clients read there is pairs that follow each other.
    call.reply.array((args.len() - 2) * 2);
    for name in args.iter_from(2) {
        call.reply.bulk(name);
        call.reply.count(call.executor.node.channels.subscribers(kind, name));
    }
    Ok(Done::Replied)
}

fn relay(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    call.executor.tell_subscribers(args.at(2), args.at(3));
    call.reply.ok();
    Ok(Done::Replied)
}

fn help(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    const LINES: &[&str] = &[
        "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
        "HELP",
        "    Prints this help.",
    ];
    reply_lines(call, LINES)
}
