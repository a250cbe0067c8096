//! CLIENT ID: the number of the connection.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|id",
        family: Family::Connection,
        arity: Arity::exactly(2),
        flags: FLAGS,
        since: "5.0.0",
        summary: "Returns the unique client ID of the connection.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.int(i64::try_from(call.session.id).unwrap_or(i64::MAX));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_the_number_of_the_session() {
        let mut rig = Rig::new();
        rig.check("CLIENT ID", ":7");
        rig.check("client id x", "-ERR wrong number of arguments for 'client|id' command");
    }
}
