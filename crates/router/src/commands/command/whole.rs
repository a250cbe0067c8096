//! COMMAND: all commands, as clients need them to find keys.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::describe::write_command;
use super::{FLAGS, commands};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "command",
        family: Family::Server,
        arity: Arity::at_least(1),
        flags: FLAGS.union(Flags::CONTAINER),
        acl_extra: &["connection"],
        tips: &["nondeterministic_output_order"],
        since: "2.8.13",
        complexity: "O(N) where N is the total number of Redis commands",
        summary: "Returns detailed information about all commands.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.array(commands(call.table).count());
    for spec in commands(call.table) {
        write_command(call.reply, call.table, spec);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Rig, table};

    #[test]
    fn all_commands_are_told_with_their_subcommands() {
        let reply = Rig::new().run("COMMAND");
        for (_, row) in table().iter() {
            let (name, arity) = (row.spec.name, row.spec.arity.0);
            assert_eq!(reply.matches(&format!("[${name} :{arity} [")).count(), 1, "{name}");
        }
        assert!(!reply.contains("container"));
        assert_eq!(Rig::new().run("COMMAND INFO"), reply);
    }

    #[test]
    fn anything_behind_it_is_a_subcommand() {
        let mut rig = Rig::new();
        rig.check("COMMAND nope", "-ERR unknown subcommand 'nope'. Try COMMAND HELP.");
        rig.check("COMMAND COUNT x", "-ERR wrong number of arguments for 'command|count' command");
    }
}
