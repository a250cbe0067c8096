//! CLUSTER MYID: the id of the node, as clients of this listener know it.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "cluster|myid",
        family: Family::Cluster,
        arity: Arity::exactly(2),
        flags: Flags::STALE,
        since: "3.0.0",
        summary: "Returns the ID of a node.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.bulk(call.view.myid().as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_that_of_the_view() {
        let mut rig = Rig::new();
        let id = format!("${}", rig.view().myid());
        assert_eq!(id.len(), 41);
        rig.check("CLUSTER MYID", &id);
    }
}
