//! SELECT index: a cluster has one database, number 0.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "select",
        family: Family::Connection,
        arity: Arity::exactly(2),
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        summary: "Changes the selected database.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    // Redis: a C int.
    let index = i32::try_from(args.int(1)?).map_err(|_| ArgsError::NotAnInteger)?;
    if index != 0 {
        return Err(CommandError::Text("ERR SELECT is not allowed in cluster mode"));
    }
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn there_is_only_database_zero() {
        let mut rig = Rig::new();
        rig.check("SELECT 0", "+OK");
        rig.check("SELECT 1", "-ERR SELECT is not allowed in cluster mode");
        rig.check("SELECT -1", "-ERR SELECT is not allowed in cluster mode");
        rig.check("SELECT x", "-ERR value is not an integer or out of range");
        rig.check("SELECT 4294967296", "-ERR value is not an integer or out of range");
    }
}
