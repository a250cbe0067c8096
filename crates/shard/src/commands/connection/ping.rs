//! PING [message]: reply PONG, or the message.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "ping",
        family: Family::Connection,
        arity: Arity::at_least(1),
        flags: Flags::FAST,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Returns the server's liveliness response.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    match args.len() {
        1 => call.reply.status("PONG"),
        2 => call.reply.bulk(args.at(1)),
        _ => return Err(CommandError::Arity("ping")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_pong_or_the_message() {
        let mut rig = Rig::new();
        rig.check("PING", "+PONG");
        rig.check("PING hello", "$hello");
        rig.check_error("PING a b", "ERR wrong number of arguments for 'ping' command");
    }
}
