//! CLIENT TRANSACTION ROLLBACK|REDIS: what EXEC does when a command fails.
//!
//! Redis goes on with the commands that follow, and so do we unless the client asks for all or
//! nothing: then EXEC undoes what it has done. Redis has no such command.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|transaction",
        family: Family::Connection,
        arity: Arity::exactly(3),
        flags: FLAGS,
        since: "0.1.0",
        summary: "Sets whether EXEC undoes all commands of a transaction when one of them fails.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    call.session.atomic_exec = match (args.is(2, "ROLLBACK"), args.is(2, "REDIS")) {
        (true, _) => true,
        (_, true) => false,
        _ => return Err(ArgsError::Syntax.into()),
    };
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn a_transaction_continues_unless_told_otherwise() {
        let mut rig = Rig::new();
        assert!(!rig.session.atomic_exec);
        rig.check("CLIENT TRANSACTION rollback", "+OK");
        assert!(rig.session.atomic_exec);
        rig.check("CLIENT TRANSACTION maybe", "-ERR syntax error");
        assert!(rig.session.atomic_exec);
        rig.check("CLIENT TRANSACTION REDIS", "+OK");
        assert!(!rig.session.atomic_exec);
    }
}
