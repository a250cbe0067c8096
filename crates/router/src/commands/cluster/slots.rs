//! CLUSTER SLOTS: all ranges of slots with their nodes. What most clients ask for.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall, reply_prebuilt};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "cluster|slots",
        family: Family::Cluster,
        arity: Arity::exactly(2),
        flags: Flags::STALE,
        tips: &["nondeterministic_output"],
        since: "3.0.0",
        complexity: "O(N) where N is the total number of Cluster nodes",
        summary: "Returns the mapping of cluster slots to nodes.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    let bytes = call.view.slots(call.reply.version());
    reply_prebuilt(call.reply, bytes)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_is_as_the_view_has_built_it() {
        let mut rig = Rig::new();
        assert!(rig.run("CLUSTER SLOTS").starts_with("[[:0 :16383 [$127.0.0.1 :7000 $"));
        let mut rig = Rig::new().resp3();
        let version = rig.session.version;
        assert_eq!(rig.raw("CLUSTER SLOTS"), rig.view().slots(version));
    }
}
