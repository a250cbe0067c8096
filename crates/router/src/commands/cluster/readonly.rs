//! READONLY: a replica may answer the connection's reads.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "readonly",
        family: Family::Cluster,
        arity: Arity::exactly(1),
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        acl_extra: &["connection"],
        since: "3.0.0",
        summary: "Enables read-only queries for a connection to a Redis Cluster replica node.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.session.readonly = true;
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn readwrite_takes_it_back() {
        let mut rig = Rig::new();
        rig.check("READONLY", "+OK");
        assert!(rig.session.readonly);
        rig.check("READWRITE", "+OK");
        assert!(!rig.session.readonly);
    }
}
