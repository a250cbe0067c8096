//! SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites: what the connection is told from now on.
//!
//! One reply for each name: what was done, the name, and how many subscriptions the connection has
//! now.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};
use router::plan::{CROSSSLOT, DOWN, Plan, plan};
use router::session::Session;
use shard::channels::{ChannelKind, Subscriber};
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand};
use crate::executor::Executor;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&PSUBSCRIBE, |call, args| subscribe(call, args, ChannelKind::Pattern)),
    (&PUNSUBSCRIBE, |call, args| unsubscribe(call, args, ChannelKind::Pattern)),
    (&SSUBSCRIBE, ssubscribe),
    (&SUBSCRIBE, |call, args| subscribe(call, args, ChannelKind::Channel)),
    (&SUNSUBSCRIBE, sunsubscribe),
    (&UNSUBSCRIBE, |call, args| unsubscribe(call, args, ChannelKind::Channel)),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::PubSub,
    flags: Flags::PUBSUB.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    since: "2.0.0",
    ..CommandSpec::NEW
};

/// Shard channels decide where the request runs, and are no keys.
const SHARD_CHANNELS: &[KeySpec] = &[KeySpec::rest(1, 1, Access::Ro, &["not_key"])];

static SUBSCRIBE: CommandSpec = CommandSpec {
    name: "subscribe",
    arity: Arity::at_least(2),
    complexity: "O(N) where N is the number of channels to subscribe to.",
    summary: "Listens for messages published to channels.",
    ..BASE
};

static UNSUBSCRIBE: CommandSpec = CommandSpec {
    name: "unsubscribe",
    arity: Arity::at_least(1),
    complexity: "O(N) where N is the number of channels to unsubscribe.",
    summary: "Stops listening to messages posted to channels.",
    ..BASE
};

static PSUBSCRIBE: CommandSpec = CommandSpec {
    name: "psubscribe",
    arity: Arity::at_least(2),
    complexity: "O(N) where N is the number of patterns to subscribe to.",
    summary: "Listens for messages published to channels that match one or more patterns.",
    ..BASE
};

static PUNSUBSCRIBE: CommandSpec = CommandSpec {
    name: "punsubscribe",
    arity: Arity::at_least(1),
    complexity: "O(N) where N is the number of patterns to unsubscribe.",
    summary: "Stops listening to messages published to channels that match one or more patterns.",
    ..BASE
};

static SSUBSCRIBE: CommandSpec = CommandSpec {
    name: "ssubscribe",
    arity: Arity::at_least(2),
    keys: SHARD_CHANNELS,
    since: "7.0.0",
    complexity: "O(N) where N is the number of shard channels to subscribe to.",
    summary: "Listens for messages published to shard channels.",
    ..BASE
};

static SUNSUBSCRIBE: CommandSpec = CommandSpec {
    name: "sunsubscribe",
    arity: Arity::at_least(1),
    keys: SHARD_CHANNELS,
    since: "7.0.0",
    complexity: "O(N) where N is the number of shard channels to unsubscribe.",
    summary: "Stops listening to messages posted to shard channels.",
    ..BASE
};

fn subscribe(
    call: &mut NodeCall<'_, '_>,
    args: Args<'_>,
    kind: ChannelKind,
) -> Result<Done, CommandError> {
    let subscriber = subscriber(call.executor, call.session);
    for name in args.iter_from(1) {
        if call.session.subscriptions.add(kind, name) {
            call.executor.node.channels.subscribe(kind, name, subscriber);
        }
        let count = call.session.subscriptions.count(kind);
        reply_change(call, verb(kind, true), Some(name), count);
    }
    Ok(Done::Told)
}

fn unsubscribe(
    call: &mut NodeCall<'_, '_>,
    args: Args<'_>,
    kind: ChannelKind,
) -> Result<Done, CommandError> {
    let names = match args.len() {
        1 => call.session.subscriptions.names(kind),
        _ => args.iter_from(1).map(<[u8]>::to_vec).collect(),
    };
    let subscriber = subscriber(call.executor, call.session);
    for name in &names {
        if call.session.subscriptions.remove(kind, name) {
            call.executor.node.channels.unsubscribe(kind, name, subscriber);
        }
        let count = call.session.subscriptions.count(kind);
        reply_change(call, verb(kind, false), Some(name), count);
    }
    if names.is_empty() {
        let count = call.session.subscriptions.count(kind);
        reply_change(call, verb(kind, false), None, count);
    }
    Ok(Done::Told)
}

fn ssubscribe(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    check_slots(call, &SSUBSCRIBE, args)?;
    subscribe(call, args, ChannelKind::Shard)
}

fn sunsubscribe(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    check_slots(call, &SUNSUBSCRIBE, args)?;
    unsubscribe(call, args, ChannelKind::Shard)
}

/// Shard channels are of one slot, and of this node.
fn check_slots(
    call: &NodeCall<'_, '_>,
    spec: &CommandSpec,
    args: Args<'_>,
) -> Result<(), CommandError> {
    match plan(spec, args, &call.executor.node.topology) {
        Plan::Shard { .. } | Plan::Local | Plan::FanOut(_) => Ok(()),
        Plan::Moved { slot, member } => {
            Err(CommandError::dynamic(call.connection.view.moved(slot, member)))
        }
        Plan::CrossSlot => Err(CommandError::Text(CROSSSLOT)),
        Plan::Down(_) => Err(CommandError::Text(DOWN)),
    }
}

fn subscriber(executor: &Executor, session: &Session) -> Subscriber {
    Subscriber { executor: executor.index, client: session.id }
}

fn verb(kind: ChannelKind, begins: bool) -> &'static str {
    match (kind, begins) {
        (ChannelKind::Channel, true) => "subscribe",
        (ChannelKind::Channel, false) => "unsubscribe",
        (ChannelKind::Pattern, true) => "psubscribe",
        (ChannelKind::Pattern, false) => "punsubscribe",
        (ChannelKind::Shard, true) => "ssubscribe",
        (ChannelKind::Shard, false) => "sunsubscribe",
    }
}

fn reply_change(call: &mut NodeCall<'_, '_>, verb: &str, name: Option<&[u8]>, count: usize) {
    call.reply.push(3);
    call.reply.bulk(verb.as_bytes());
    call.reply.bulk_or_null(name);
    call.reply.count(count);
}

/// Ends all subscriptions of a connection, without a word.
pub(crate) fn unsubscribe_all(executor: &Executor, session: &mut Session) {
    if session.subscriptions.is_empty() {
        return;
    }
    let subscriber = subscriber(executor, session);
    let subscriptions = std::mem::take(&mut session.subscriptions);
    for kind in [ChannelKind::Channel, ChannelKind::Pattern, ChannelKind::Shard] {
        for name in subscriptions.names(kind) {
            executor.node.channels.unsubscribe(kind, &name, subscriber);
        }
    }
}
