//! CLIENT NO-EVICT ON|OFF: whether the connection may be closed to save memory.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::FLAGS;
use crate::commands::{Command, SessionCall, switch};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|no-evict",
        family: Family::Connection,
        arity: Arity::exactly(3),
        flags: FLAGS.union(Flags::ADMIN),
        since: "7.0.0",
        summary: "Sets the client eviction mode of the connection.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    call.session.no_evict = switch(args, 2)?;
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_switched_on_and_off() {
        let mut rig = Rig::new();
        rig.check("CLIENT NO-EVICT on", "+OK");
        assert!(rig.session.no_evict);
        rig.check("CLIENT NO-EVICT foo", "-ERR syntax error");
        assert!(rig.session.no_evict);
        rig.check("CLIENT NO-EVICT OFF", "+OK");
        assert!(!rig.session.no_evict);
    }
}
