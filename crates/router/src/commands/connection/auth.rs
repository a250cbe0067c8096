//! AUTH [username] password: become a user.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::{LOGIN, authenticate};
use crate::acl::DEFAULT_USER;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "auth",
        family: Family::Connection,
        arity: Arity::at_least(2),
        flags: LOGIN,
        complexity: "O(N) where N is the number of passwords defined for the user",
        summary: "Authenticates the connection.",
        ..CommandSpec::NEW
    },
    run,
};

const NO_PASSWORD: &str = "ERR AUTH <password> called without any password configured for the \
    default user. Are you sure your configuration is correct?";

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (user, password) = match args.len() {
        // Redis tells a client that has a password for a server without one.
        2 if call.acl.default_user().nopass => return Err(CommandError::Text(NO_PASSWORD)),
        2 => (DEFAULT_USER, args.at(1)),
        3 => (args.at(1), args.at(2)),
        _ => return Err(ArgsError::Syntax.into()),
    };
    authenticate(call, args.at(0), user, password)?;
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn the_default_user_is_in_with_any_password_and_nobody_else_is() {
        let mut rig = Rig::new();
        rig.check("AUTH default x", "+OK");
        rig.check("AUTH foo x", "-WRONGPASS invalid username-password pair or user is disabled.");
        rig.check(
            "AUTH x",
            "-ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        );
        rig.check("AUTH a b c", "-ERR syntax error");
        rig.check("AUTH", "-ERR wrong number of arguments for 'auth' command");
    }

    #[test]
    fn passwords_open_the_door_of_users_that_may_come_in() {
        const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.";
        let mut rig = Rig::new();
        rig.set_user("default", "resetpass >one");
        rig.set_user("bob", "off >two >three");
        rig.check("AUTH x", WRONG);
        rig.check("AUTH one", "+OK");
        rig.check("AUTH bob two", WRONG);
        rig.set_user("bob", "on");
        rig.check("AUTH bob two", "+OK");
        rig.check("AUTH bob three", "+OK");
        rig.check("AUTH bob one", WRONG);
        rig.check("ACL WHOAMI", "$bob");
    }
}
