//! CLUSTER itself.

use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Command, run_container};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "cluster",
        family: Family::Cluster,
        arity: Arity::at_least(2),
        flags: Flags::CONTAINER,
        since: "3.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for Redis Cluster commands.",
        ..CommandSpec::NEW
    },
    run: run_container,
};

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn what_it_does_not_have_is_an_error() {
        let mut rig = Rig::new();
        rig.check("CLUSTER", "-ERR wrong number of arguments for 'cluster' command");
        rig.check("CLUSTER NOPE", "-ERR unknown subcommand 'NOPE'. Try CLUSTER HELP.");
    }
}
