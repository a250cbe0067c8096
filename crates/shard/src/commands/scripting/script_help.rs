//! SCRIPT HELP: what the subcommands do.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "script|help",
        family: Family::Scripting,
        arity: Arity::exactly(2),
        flags: Flags::LOADING.union(Flags::STALE),
        since: "5.0.0",
        summary: "Returns helpful text about the different subcommands.",
        ..CommandSpec::NEW
    },
    run,
};

const LINES: &[&str] = &[
    "SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "DRYRUN <script|sha1> <numkeys> [<key> ...] [<arg> ...]",
    "    Run a script, report its reply, effects and keys, and change nothing.",
    "EXISTS <sha1> [<sha1> ...]",
    "    Return information about the existence of the scripts in the script cache.",
    "FLUSH [ASYNC|SYNC]",
    "    Flush the Lua scripts cache. Very dangerous on replicas.",
    "KILL [SHA <sha1>]",
    "    Kill the currently executing Lua script. What it has written is rolled back.",
    "LIST",
    "    List the scripts of the node.",
    "LOAD <script>",
    "    Load a script into the scripts cache without executing it.",
    "SHOW <sha1>",
    "    Show the text of a script.",
    "STATS [<sha1|function> ...]",
    "    Show figures of scripts and functions: calls, durations, how they ended.",
    "HELP",
    "    Print this help.",
];

fn run(call: &mut Call<'_, '_>, _args: Args<'_>) -> Result<(), CommandError> {
    call.reply.array(LINES.len());
    LINES.iter().for_each(|line| call.reply.status(line));
    Ok(())
}
