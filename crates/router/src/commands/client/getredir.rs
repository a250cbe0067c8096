//! CLIENT GETREDIR: where invalidations of tracked keys go. There is no tracking yet: -1.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|getredir",
        family: Family::Connection,
        arity: Arity::exactly(2),
        flags: FLAGS,
        since: "6.0.0",
        summary: "Returns the client ID to which the connection's tracking notifications are \
            redirected.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.int(-1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn tracking_is_off() {
        Rig::new().check("CLIENT GETREDIR", ":-1");
    }
}
