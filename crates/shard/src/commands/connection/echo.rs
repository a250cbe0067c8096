//! ECHO message: reply with the message.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "echo",
        family: Family::Connection,
        arity: Arity::exactly(2),
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        summary: "Returns the given string.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    call.reply.bulk(args.at(1));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_the_message() {
        Rig::new().check("ECHO \"a b\"", "$a b");
    }
}
