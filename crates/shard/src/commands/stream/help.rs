//! XGROUP HELP and XINFO HELP: what the subcommands do.

use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command, Run};
use crate::error::CommandError;

pub(super) const XGROUP: Command = command("xgroup|help", |call, _| put(call, GROUP_LINES));

pub(super) const XINFO: Command = command("xinfo|help", |call, _| put(call, INFO_LINES));

const fn command(name: &'static str, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Stream,
            arity: Arity::exactly(2),
            flags: Flags::LOADING.union(Flags::STALE),
            since: "5.0.0",
            summary: "Returns helpful text about the different subcommands.",
            ..CommandSpec::NEW
        },
        run,
    }
}

fn put(call: &mut Call<'_, '_>, lines: &[&str]) -> Result<(), CommandError> {
    call.reply.array(lines.len());
    lines.iter().for_each(|line| call.reply.status(line));
    Ok(())
}

const GROUP_LINES: &[&str] = &[
    "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <n>]",
    "    Add a group that has read up to the id. MKSTREAM makes a missing stream; ENTRIESREAD says",
    "    how many entries that is.",
    "CREATECONSUMER <key> <group> <consumer>",
    "    Add a consumer to a group.",
    "DELCONSUMER <key> <group> <consumer>",
    "    Remove a consumer and what it has not acknowledged.",
    "DESTROY <key> <group>",
    "    Remove a group.",
    "SETID <key> <group> <id|$> [ENTRIESREAD <n>]",
    "    Set how far a group has read.",
    "HELP",
    "    Print this help.",
];

const INFO_LINES: &[&str] = &[
    "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CONSUMERS <key> <group>",
    "    Show the consumers of a group.",
    "GROUPS <key>",
    "    Show the groups of a stream.",
    "STREAM <key> [FULL [COUNT <n>]]",
    "    Show a stream; FULL shows its entries, groups and consumers too, <n> entries of each.",
    "HELP",
    "    Print this help.",
];

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn help_is_an_array_of_statuses() {
        let mut rig = Rig::new();
        for name in ["XGROUP", "XINFO"] {
            let help = rig.run(&format!("{name} HELP"));
            assert!(help.starts_with(&format!("[+{name} <subcommand> [<arg> [value]")), "{help}");
            rig.check(
                name,
                &format!("-ERR wrong number of arguments for '{}' command", name.to_lowercase()),
            );
        }
    }
}
