//! CLUSTER INFO: the state of the cluster in numbers.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "cluster|info",
        family: Family::Cluster,
        arity: Arity::exactly(2),
        flags: Flags::STALE,
        tips: &["nondeterministic_output"],
        since: "3.0.0",
        summary: "Returns information about the state of a node.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.verbatim(call.view.info().as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn clients_look_for_the_state() {
        let mut rig = Rig::new();
        assert!(rig.run("CLUSTER INFO").starts_with("$cluster_state:ok\\r\\n"));
        let mut rig = Rig::new().resp3();
        assert!(rig.run("CLUSTER INFO").starts_with("=txt:cluster_state:ok\\r\\n"));
    }
}
