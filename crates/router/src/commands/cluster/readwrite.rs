//! READWRITE: a replica may not answer the connection's reads. The state of a new connection.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "readwrite",
        family: Family::Cluster,
        arity: Arity::exactly(1),
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        acl_extra: &["connection"],
        since: "3.0.0",
        summary: "Disables read-only queries for a connection to a Redis Cluster replica node.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.session.readonly = false;
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_the_state_of_a_new_connection() {
        let mut rig = Rig::new();
        rig.check("READWRITE", "+OK");
        assert!(!rig.session.readonly);
    }
}
