//! CLIENT NO-TOUCH ON|OFF: whether the connection's commands change how recently keys were used.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall, switch};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|no-touch",
        family: Family::Connection,
        arity: Arity::exactly(3),
        flags: FLAGS,
        since: "7.2.0",
        summary: "Controls whether commands sent by the client affect the LRU/LFU of accessed \
            keys.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    call.session.no_touch = switch(args, 2)?;
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_switched_on_and_off() {
        let mut rig = Rig::new();
        rig.check("CLIENT NO-TOUCH ON", "+OK");
        assert!(rig.session.no_touch);
        rig.check("CLIENT NO-TOUCH foo", "-ERR syntax error");
        rig.check("CLIENT NO-TOUCH off", "+OK");
        assert!(!rig.session.no_touch);
    }
}
