//! CLIENT itself.

use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Command, run_container};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client",
        family: Family::Connection,
        arity: Arity::at_least(2),
        flags: Flags::CONTAINER,
        since: "2.4.0",
        complexity: "Depends on subcommand.",
        summary: "A container for client connection commands.",
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
        rig.check("CLIENT", "-ERR wrong number of arguments for 'client' command");
        rig.check("CLIENT nope", "-ERR unknown subcommand 'nope'. Try CLIENT HELP.");
        // An OK would make clients wait for push messages that never come.
        rig.check(
            "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip",
            "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.",
        );
    }
}
