//! SLOWLOG GET, LEN, RESET, HELP: the requests that took long.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::command_log::{count_of, reply_entries};
use super::{Done, NodeCall, NodeCommand, reply_lines};
use crate::command_log::LogKind;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&CONTAINER, |_, _| Err(CommandError::Arity("slowlog"))),
    (&GET, get),
    (&HELP, help),
    (&LEN, len),
    (&RESET, reset),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::Server,
    flags: Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE),
    since: "2.2.12",
    ..CommandSpec::NEW
};

static CONTAINER: CommandSpec = CommandSpec {
    name: "slowlog",
    arity: Arity::at_least(2),
    flags: Flags::CONTAINER,
    complexity: "Depends on subcommand.",
    summary: "A container for slow log commands.",
    ..BASE
};

static GET: CommandSpec = CommandSpec {
    name: "slowlog|get",
    arity: Arity::at_least(2),
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    complexity: "O(N) where N is the number of entries returned",
    summary: "Returns the slow log's entries.",
    ..BASE
};

static LEN: CommandSpec = CommandSpec {
    name: "slowlog|len",
    arity: Arity::exactly(2),
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    summary: "Returns the number of entries in the slow log.",
    ..BASE
};

static RESET: CommandSpec = CommandSpec {
    name: "slowlog|reset",
    arity: Arity::exactly(2),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    complexity: "O(N) where N is the number of entries in the slowlog",
    summary: "Clears all entries from the slow log.",
    ..BASE
};

static HELP: CommandSpec = CommandSpec {
    name: "slowlog|help",
    arity: Arity::exactly(2),
    flags: Flags::LOADING.union(Flags::STALE),
    since: "6.2.0",
    summary: "Shows helpful text about the different subcommands.",
    ..BASE
};

fn get(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let count = match args.len() {
        2 => 10,
        3 => count_of(args, 2)?,
        _ => {
            let name = String::from_utf8_lossy(args.at(1)).into_owned();
            return Err(CommandError::dynamic(format!(
                "ERR unknown subcommand or wrong number of arguments for '{name}'. Try SLOWLOG HELP."
            )));
        }
    };
    reply_entries(call, LogKind::Slow, count);
    Ok(Done::Replied)
}

fn len(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    call.reply.count(call.executor.node.command_log.len(LogKind::Slow));
    Ok(Done::Replied)
}

fn reset(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    call.executor.node.command_log.clear(LogKind::Slow);
    call.reply.ok();
    Ok(Done::Replied)
}

fn help(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    reply_lines(
        call,
        &[
            "SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "GET [<count>]",
            "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
            "    Entries are made of:",
            "    id, timestamp, time in microseconds, arguments array, client IP and port,",
            "    client name",
            "LEN",
            "    Return the length of the slowlog.",
            "RESET",
            "    Reset the slowlog.",
            "HELP",
            "    Prints this help.",
        ],
    )
}
