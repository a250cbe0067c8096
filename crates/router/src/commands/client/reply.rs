//! CLIENT REPLY ON|OFF|SKIP: whether replies are sent.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall};
use crate::session::ReplyMode;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|reply",
        family: Family::Connection,
        arity: Arity::exactly(3),
        flags: FLAGS,
        since: "3.2.0",
        summary: "Instructs the server whether to reply to commands.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let mode = &mut call.session.reply_mode;
    if args.is(2, "ON") {
        *mode = ReplyMode::On;
        call.reply.ok();
    } else if args.is(2, "OFF") {
        *mode = ReplyMode::Off;
    } else if args.is(2, "SKIP") {
        // Where nothing is sent, there is nothing to skip.
        if *mode != ReplyMode::Off {
            *mode = ReplyMode::SkipNext;
        }
    } else {
        return Err(ArgsError::Syntax.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::session::ReplyMode;
    use crate::testing::Rig;

    #[test]
    fn only_on_is_answered() {
        let mut rig = Rig::new();
        rig.check("CLIENT REPLY OFF", "");
        assert_eq!(rig.session.reply_mode, ReplyMode::Off);
        rig.check("CLIENT REPLY SKIP", "");
        assert_eq!(rig.session.reply_mode, ReplyMode::Off);
        rig.check("CLIENT REPLY ON", "+OK");
        rig.check("CLIENT REPLY SKIP", "");
        assert_eq!(rig.session.reply_mode, ReplyMode::SkipNext);
        rig.check("CLIENT REPLY foo", "-ERR syntax error");
    }
}
