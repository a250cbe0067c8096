//! COMMAND COUNT: how many commands there are, subcommands not counted.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::{FLAGS, commands};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "command|count",
        family: Family::Server,
        arity: Arity::exactly(2),
        flags: FLAGS,
        acl_extra: &["connection"],
        since: "2.8.13",
        summary: "Returns a count of commands.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.count(commands(call.table).count());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Rig, table};

    #[test]
    fn subcommands_do_not_count() {
        let rows = table().iter().filter(|(_, row)| !row.spec.name.contains('|')).count();
        Rig::new().check("COMMAND COUNT", &format!(":{rows}"));
    }
}
