//! ACL LIST: all users, as lines of an ACL file.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::ADMIN;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "acl|list",
        family: Family::Server,
        arity: Arity::exactly(2),
        flags: ADMIN,
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        summary: "Dumps the effective rules in ACL file format.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    let users = call.acl.users();
    call.reply.array(users.len());
    users.iter().for_each(|user| call.reply.bulk(&user.line()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn users_are_sorted_by_name() {
        let mut rig = Rig::new();
        rig.set_user("alice", "on nopass ~x");
        rig.check(
            "ACL LIST",
            "[$user alice on nopass sanitize-payload ~x resetchannels -@all \
             $user default on nopass sanitize-payload ~* &* +@all]",
        );
    }
}
