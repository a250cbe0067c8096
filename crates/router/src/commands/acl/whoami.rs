//! ACL WHOAMI: the name of the connection's user.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "acl|whoami",
        family: Family::Server,
        arity: Arity::exactly(2),
        flags: FLAGS,
        since: "6.0.0",
        summary: "Returns the authenticated username of the current connection.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.bulk(&call.session.login.user.name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_the_user_that_has_logged_in() {
        let mut rig = Rig::new();
        rig.check("ACL WHOAMI", "$default");
        rig.set_user("bob", "on nopass");
        rig.check("AUTH bob any", "+OK");
        rig.check("ACL WHOAMI", "$bob");
        rig.check("RESET", "+RESET");
        rig.check("ACL WHOAMI", "$default");
    }
}
