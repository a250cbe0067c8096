//! COMMANDLOG GET, LEN, RESET, HELP: the requests that took long, were large or had large replies.
//! SLOWLOG is the same for those that took long.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand, reply_lines};
use crate::command_log::LogKind;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&CONTAINER, |_, _| Err(CommandError::Arity("commandlog"))),
    (&GET, get),
    (&HELP, help),
    (&LEN, len),
    (&RESET, reset),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::Server,
    flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
    since: "8.1.0",
    ..CommandSpec::NEW
};

static CONTAINER: CommandSpec = CommandSpec {
    name: "commandlog",
    arity: Arity::at_least(2),
    flags: Flags::CONTAINER,
    complexity: "Depends on subcommand.",
    summary: "A container for command log commands.",
    ..BASE
};

static GET: CommandSpec = CommandSpec {
    name: "commandlog|get",
    arity: Arity::exactly(4),
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    complexity: "O(N) where N is the number of entries returned",
    summary: "Returns the specified command log's entries.",
    ..BASE
};

static LEN: CommandSpec = CommandSpec {
    name: "commandlog|len",
    arity: Arity::exactly(3),
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    summary: "Returns the number of entries in the specified type of command log.",
    ..BASE
};

static RESET: CommandSpec = CommandSpec {
    name: "commandlog|reset",
    arity: Arity::exactly(3),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    complexity: "O(N) where N is the number of entries in the commandlog",
    summary: "Clears all entries from the specified type of command log.",
    ..BASE
};

static HELP: CommandSpec = CommandSpec {
    name: "commandlog|help",
    arity: Arity::exactly(2),
    flags: Flags::LOADING.union(Flags::STALE),
    summary: "Shows helpful text about the different subcommands.",
    ..BASE
};

/// The log that part `index` names.
fn kind_of(args: Args<'_>, index: usize) -> Result<LogKind, CommandError> {
    const NAMES: &[(&str, LogKind)] = &[
        ("SLOW", LogKind::Slow),
        ("LARGE-REQUEST", LogKind::LargeRequest),
        ("LARGE-REPLY", LogKind::LargeReply),
    ];
    let known = NAMES.iter().find(|(name, _)| args.is(index, name));
    known.map(|(_, kind)| *kind).ok_or(CommandError::Text(
        "ERR type should be one of the following: slow, large-request, large-reply",
    ))
}

/// How many entries are asked for; -1 is all.
pub(super) fn count_of(args: Args<'_>, index: usize) -> Result<usize, CommandError> {
    let wrong = CommandError::Text("ERR count should be greater than or equal to -1");
    match args.int(index) {
        Ok(-1) => Ok(usize::MAX),
        Ok(count) => usize::try_from(count).map_err(|_| wrong),
        Err(_) => Err(wrong),
    }
}

/// Replies the newest entries of a log.
pub(super) fn reply_entries(call: &mut NodeCall<'_, '_>, kind: LogKind, count: usize) {
    let entries = call.executor.node.command_log.newest(kind, count);
    let reply = &mut *call.reply;
    reply.array(entries.len());
    for entry in entries {
        reply.array(6);
        reply.int(entry.id as i64);
        reply.int(entry.time);
        reply.int(entry.amount as i64);
        reply.array(entry.parts.len());
        entry.parts.iter().for_each(|part| reply.bulk(part));
        reply.bulk(entry.address.as_bytes());
        reply.bulk(&entry.name);
    }
}

fn get(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let count = count_of(args, 2)?;
    reply_entries(call, kind_of(args, 3)?, count);
    Ok(Done::Replied)
}

fn len(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    call.reply.count(call.executor.node.command_log.len(kind_of(args, 2)?));
    Ok(Done::Replied)
}

fn reset(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    call.executor.node.command_log.clear(kind_of(args, 2)?);
    call.reply.ok();
    Ok(Done::Replied)
}

fn help(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    reply_lines(
        call,
        &[
            "COMMANDLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "GET <count> <type>",
            "    Return top <count> entries of the specified <type> from the commandlog (-1 mean \
             all).",
            "    Entries are made of:",
            "    id, timestamp,",
            "        time in microseconds for type of slow,",
            "        or size in bytes for type of large-request,",
            "        or size in bytes for type of large-reply",
            "    arguments array, client IP and port,",
            "    client name",
            "LEN <type>",
            "    Return the length of the specified type of commandlog.",
            "RESET <type>",
            "    Reset the specified type of commandlog.",
            "HELP",
            "    Print this help.",
        ],
    )
}
