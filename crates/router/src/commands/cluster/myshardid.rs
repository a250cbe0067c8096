//! CLUSTER MYSHARDID: the id of what a master and its replicas make up together.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "cluster|myshardid",
        family: Family::Cluster,
        arity: Arity::exactly(2),
        flags: Flags::STALE,
        tips: &["nondeterministic_output"],
        since: "7.2.0",
        summary: "Returns the shard ID of a node.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.bulk(call.view.my_shard_id().as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_not_the_id_of_the_node() {
        let mut rig = Rig::new();
        let id = rig.run("CLUSTER MYSHARDID");
        assert_eq!(id.len(), 41);
        assert_ne!(id, rig.run("CLUSTER MYID"));
    }
}
