//! RESET: back to the state of a new connection.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::LOGIN;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "reset",
        family: Family::Connection,
        arity: Arity::exactly(1),
        flags: LOGIN,
        since: "6.2.0",
        summary: "Resets the connection.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.session.reset();
    call.acl.enter(call.session);
    call.reply.set_version(call.session.version);
    call.reply.status("RESET");
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn the_connection_is_as_new() {
        let mut rig = Rig::new().resp3();
        rig.check("CLIENT SETNAME me", "+OK");
        rig.check("READONLY", "+OK");
        rig.check("RESET", "+RESET");
        rig.check("CLIENT GETNAME", "_");
        assert!(rig.raw("CLIENT GETNAME").starts_with(b"$-1"), "RESP2 again");
        assert!(rig.session.was_reset && !rig.session.readonly);
        rig.check("RESET x", "-ERR wrong number of arguments for 'reset' command");
    }
}
