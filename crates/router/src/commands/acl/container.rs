//! ACL itself.

use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Command, run_container};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "acl",
        family: Family::Server,
        arity: Arity::at_least(2),
        flags: Flags::CONTAINER,
        since: "6.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for Access List Control commands.",
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
        rig.check("ACL", "-ERR wrong number of arguments for 'acl' command");
        rig.check("ACL NOPE", "-ERR unknown subcommand 'NOPE'. Try ACL HELP.");
    }
}
