//! ASKING: the next command may run on a slot that is being imported.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "asking",
        family: Family::Cluster,
        arity: Arity::exactly(1),
        flags: Flags::FAST,
        acl_extra: &["connection"],
        since: "3.0.0",
        summary: "Signals that a cluster client is following an -ASK redirect.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.session.asking = true;
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_remembered_for_the_next_command() {
        let mut rig = Rig::new();
        rig.check("ASKING", "+OK");
        assert!(rig.session.asking);
    }
}
