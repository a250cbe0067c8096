//! FUNCTION HELP: what the subcommands do.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "function|help",
        family: Family::Scripting,
        arity: Arity::exactly(2),
        flags: Flags::LOADING.union(Flags::STALE),
        since: "7.0.0",
        summary: "Returns helpful text about the different subcommands.",
        ..CommandSpec::NEW
    },
    run,
};

const LINES: &[&str] = &[
    "FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "DELETE <library-name>",
    "    Delete a library and its functions.",
    "DUMP",
    "    Return a payload with all libraries, for RESTORE.",
    "FLUSH [ASYNC|SYNC]",
    "    Delete all libraries.",
    "KILL",
    "    Kill the functions that are running. What they have written is rolled back.",
    "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
    "    Return the libraries, with their functions and, if asked for, their code.",
    "LOAD [REPLACE] <code>",
    "    Add a library to all shards of the node.",
    "RESTORE <payload> [FLUSH|APPEND|REPLACE]",
    "    Add the libraries of a payload, all or none. Libraries that are there are deleted",
    "    (FLUSH), must have other names (APPEND), or make way for those of their name (REPLACE).",
    "STATS",
    "    Return the function that is running, and how many libraries and functions there are.",
    "HELP",
    "    Print this help.",
];

fn run(call: &mut Call<'_, '_>, _args: Args<'_>) -> Result<(), CommandError> {
    call.reply.array(LINES.len());
    LINES.iter().for_each(|line| call.reply.status(line));
    Ok(())
}
