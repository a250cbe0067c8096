//! CLUSTER NODES: all nodes and their slots, one a line.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall, reply_prebuilt};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "cluster|nodes",
        family: Family::Cluster,
        arity: Arity::exactly(2),
        flags: Flags::STALE,
        tips: &["nondeterministic_output"],
        since: "3.0.0",
        complexity: "O(N) where N is the total number of Cluster nodes",
        summary: "Returns the cluster configuration for a node.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    let bytes = call.view.nodes(call.reply.version());
    reply_prebuilt(call.reply, bytes)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_as_the_view_has_built_it() {
        let mut rig = Rig::new();
        assert!(rig.run("CLUSTER NODES").ends_with(" myself,master - 0 0 1 connected 0-16383\\n"));
        let mut rig = Rig::new().resp3();
        let version = rig.session.version;
        assert_eq!(rig.raw("CLUSTER NODES"), rig.view().nodes(version));
    }
}
