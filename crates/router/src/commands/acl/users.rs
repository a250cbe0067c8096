//! ACL USERS: the names of all users.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::ADMIN;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "acl|users",
        family: Family::Server,
        arity: Arity::exactly(2),
        flags: ADMIN,
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        summary: "Lists all ACL users.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    let users = call.acl.users();
    call.reply.array(users.len());
    users.iter().for_each(|user| call.reply.bulk(&user.name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn names_are_sorted() {
        let mut rig = Rig::new();
        rig.set_user("zoe", "on");
        rig.set_user("alice", "on");
        rig.check("ACL USERS", "[$alice $default $zoe]");
    }
}
