//! AUTH [username] password: become a user.
//!
//! No password can be configured yet, so the user `default` is in already.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::{LOGIN, authenticate};
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
    match args.len() {
        // Redis tells a client that has a password for a server without one.
        2 => return Err(CommandError::Text(NO_PASSWORD)),
        3 => authenticate(args.at(1), args.at(2))?,
        _ => return Err(ArgsError::Syntax.into()),
    }
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
}
