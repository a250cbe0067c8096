//! ACL HELP: what the subcommands of ACL do.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::help::{Entry, entry, reply_help};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "acl|help",
        family: Family::Server,
        arity: Arity::exactly(2),
        flags: Flags::LOADING.union(Flags::STALE),
        since: "6.0.0",
        summary: "Returns helpful text about the different subcommands.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    reply_help(call, "acl", ENTRIES);
    Ok(())
}

const ENTRIES: &[Entry] = &[
    entry(
        "cat",
        &[
            "CAT [<category>]",
            "    List all commands that belong to <category>, or all command categories",
            "    when no category is specified.",
        ],
    ),
    entry("deluser", &["DELUSER <username> [<username> ...]", "    Delete a list of users."]),
    entry(
        "dryrun",
        &[
            "DRYRUN <username> <command> [<arg> ...]",
            "    Returns whether the user can execute the given command without executing the \
             command.",
        ],
    ),
    entry("getuser", &["GETUSER <username>", "    Get the user's details."]),
    entry(
        "genpass",
        &[
            "GENPASS [<bits>]",
            "    Generate a secure 256-bit user password. The optional `bits` argument can",
            "    be used to specify a different size.",
        ],
    ),
    entry("list", &["LIST", "    Show users details in config file format."]),
    entry("load", &["LOAD", "    Reload users from the ACL file."]),
    entry("log", &["LOG [<count> | RESET]", "    Show the ACL log entries."]),
    entry("save", &["SAVE", "    Save the current config to the ACL file."]),
    entry(
        "setuser",
        &[
            "SETUSER <username> <attribute> [<attribute> ...]",
            "    Create or modify a user with the specified attributes.",
        ],
    ),
    entry("users", &["USERS", "    List all the registered usernames."]),
    entry("whoami", &["WHOAMI", "    Return the current connection username."]),
];

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_shows_what_there_is() {
        let mut rig = Rig::new();
        let text = rig.run("ACL HELP");
        assert!(text.contains("+CAT [<category>]") && text.contains("+WHOAMI"), "{text}");
    }
}
