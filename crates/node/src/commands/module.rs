//! MODULE LIST: no modules. Clients ask at connect which there are.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand, reply_lines};

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] =
    &[(&CONTAINER, |_, _| Err(CommandError::Arity("module"))), (&HELP, help), (&LIST, list)];

const BASE: CommandSpec =
    CommandSpec { family: Family::Server, since: "4.0.0", ..CommandSpec::NEW };

static CONTAINER: CommandSpec = CommandSpec {
    name: "module",
    arity: Arity::at_least(2),
    flags: Flags::CONTAINER,
    complexity: "Depends on subcommand.",
    summary: "A container for module commands.",
    ..BASE
};

static HELP: CommandSpec = CommandSpec {
    name: "module|help",
    arity: Arity::exactly(2),
    flags: Flags::LOADING.union(Flags::STALE),
    since: "5.0.0",
    summary: "Returns helpful text about the different subcommands.",
    ..BASE
};

static LIST: CommandSpec = CommandSpec {
    name: "module|list",
    arity: Arity::exactly(2),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT),
    tips: &["nondeterministic_output_order"],
    complexity: "O(N) where N is the number of loaded modules.",
    summary: "Returns all loaded modules.",
    ..BASE
};

fn help(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    const LINES: &[&str] = &[
        "MODULE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "LIST",
        "    Return a list of loaded modules.",
        "HELP",
        "    Prints this help.",
    ];
    reply_lines(call, LINES)
}

fn list(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    call.reply.array(0);
    Ok(Done::Replied)
}
