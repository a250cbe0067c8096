//! COMMAND HELP: what the subcommands of COMMAND do.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::help::{Entry, entry, reply_help};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "command|help",
        family: Family::Server,
        arity: Arity::exactly(2),
        flags: FLAGS,
        acl_extra: &["connection"],
        since: "5.0.0",
        summary: "Returns helpful text about the different subcommands.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    reply_help(call, "command", ENTRIES);
    Ok(())
}

const ENTRIES: &[Entry] = &[
    entry("", &["(no subcommand)", "    Return details about all Redis commands."]),
    entry("count", &["COUNT", "    Return the total number of commands in this Redis server."]),
    entry("list", &["LIST", "    Return a list of all commands in this Redis server."]),
    entry(
        "info",
        &[
            "INFO [<command-name> ...]",
            "    Return details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
        ],
    ),
    entry(
        "docs",
        &[
            "DOCS [<command-name> ...]",
            "    Return documentation details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
        ],
    ),
    entry("getkeys", &["GETKEYS <full-command>", "    Return the keys from a full Redis command."]),
    entry(
        "getkeysandflags",
        &[
            "GETKEYSANDFLAGS <full-command>",
            "    Return the keys and the access flags from a full Redis command.",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_lists_all_subcommands() {
        let help = Rig::new().run("COMMAND HELP");
        let head = "[+COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are: \
                    +(no subcommand) +    Return details about all Redis commands. +COUNT +    ";
        assert!(help.starts_with(head), "{help}");
        assert!(help.ends_with("Redis command. +HELP +    Prints this help.]"), "{help}");
    }
}
