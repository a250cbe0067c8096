//! CLUSTER LINKS: the links of the cluster bus. There is no such bus: none.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "cluster|links",
        family: Family::Cluster,
        arity: Arity::exactly(2),
        flags: Flags::STALE,
        tips: &["nondeterministic_output"],
        since: "7.0.0",
        complexity: "O(N) where N is the total number of Cluster nodes",
        summary: "Returns a list of all TCP links to and from peer nodes.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    call.reply.array(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn there_are_none() {
        Rig::new().check("CLUSTER LINKS", "[]");
    }
}
