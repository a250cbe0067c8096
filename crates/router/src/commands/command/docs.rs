//! COMMAND DOCS [name …]: what people are told of these commands, or of all.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::describe::write_docs;
use super::{FLAGS, commands};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "command|docs",
        family: Family::Server,
        arity: Arity::at_least(2),
        flags: FLAGS,
        acl_extra: &["connection"],
        tips: &["nondeterministic_output_order"],
        since: "7.0.0",
        complexity: "O(N) where N is the number of commands to look up",
        summary: "Returns documentary information about one, multiple or all commands.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let table = call.table;
    let specs: Vec<&CommandSpec> = if args.len() == 2 {
        commands(table).collect()
    } else {
        // Unlike COMMAND INFO, names that do not exist are left out.
        args.iter_from(2).filter_map(|name| table.lookup(name)).map(|id| table.spec(id)).collect()
    };
    call.reply.map(specs.len());
    for spec in specs {
        write_docs(call.reply, table, spec);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Rig, table};

    #[test]
    fn a_command_is_a_map() {
        let mut rig = Rig::new().resp3();
        rig.check(
            "COMMAND DOCS asking nosuch client|id",
            "%{$asking:%{$summary:$Signals that a cluster client is following an -ASK redirect. \
             $since:$3.0.0 $group:$cluster $complexity:$O(1)} \
             $client|id:%{$summary:$Returns the unique client ID of the connection. \
             $since:$5.0.0 $group:$connection $complexity:$O(1)}}",
        );
        Rig::new().check("COMMAND DOCS nosuch", "[]");
    }

    #[test]
    fn all_commands_are_told_with_their_subcommands() {
        let reply = Rig::new().resp3().run("COMMAND DOCS");
        for (_, row) in table().iter() {
            let name = row.spec.name;
            assert_eq!(reply.matches(&format!("${name}:%{{$summary:")).count(), 1, "{name}");
        }
        assert!(reply.contains("$subcommands:%{$cluster|addslots:%{"));
    }
}
