//! ACL DRYRUN user command [arg …]: whether a user may run a command.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::ADMIN;
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "acl|dryrun",
        family: Family::Server,
        arity: Arity::at_least(4),
        flags: ADMIN,
        since: "7.0.0",
        complexity: "O(1).",
        summary: "Simulates the execution of a command by a user, without executing the command.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let text = |at: usize| String::from_utf8_lossy(args.at(at)).into_owned();
    let user = call
        .acl
        .user(args.at(2))
        .ok_or_else(|| CommandError::dynamic(format!("ERR User '{}' not found", text(2))))?;
    let request = args.skip(3);
    let id = call
        .table
        .named(request)
        .ok_or_else(|| CommandError::dynamic(format!("ERR Command '{}' not found", text(3))))?;
    let spec = call.table.spec(id);
    if !spec.arity.fits(request.len()) {
        return Err(CommandError::Arity(spec.name));
    }
    match user.permissions().check(id, spec, request) {
        Ok(()) => call.reply.ok(),
        Err(denied) => call.reply.bulk(&denied.text_in_full(&user.name, spec, request)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn it_says_what_would_be_refused() {
        let mut rig = Rig::new();
        rig.set_user("bob", "+get +publish ~a* &c");
        rig.check("ACL DRYRUN bob get a1", "+OK");
        let mut refused = |request: &str, why: &str| {
            let text = rig.run(&format!("ACL DRYRUN bob {request}")).replace('\\', "");
            assert_eq!(text, format!("$User bob has no permissions to {why}"), "{request}");
        };
        refused("get b", "access the 'b' key");
        refused("SET a b", "run the 'set' command");
        refused("publish d m", "access the 'd' channel");
        rig.check("ACL DRYRUN bob publish c m", "+OK");
        rig.check("ACL DRYRUN default flushall", "+OK");
        rig.check("ACL DRYRUN nobody get a", "-ERR User 'nobody' not found");
        rig.check("ACL DRYRUN bob nope", "-ERR Command 'nope' not found");
        rig.check("ACL DRYRUN bob get", "-ERR wrong number of arguments for 'get' command");
    }
}
