//! CLIENT SETNAME name: name the connection; an empty name takes it away.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::{FLAGS, check_name};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|setname",
        family: Family::Connection,
        arity: Arity::exactly(3),
        flags: FLAGS,
        since: "2.6.9",
        summary: "Sets the name of the connection.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let name = args.at(2);
    check_name(name)?;
    call.session.name = name.to_vec();
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn names_have_no_blanks() {
        let mut rig = Rig::new();
        rig.check("CLIENT SETNAME me", "+OK");
        for name in ["'a b'", "\"a\\n\"", "\"\\x7f\"", "\u{fc}"] {
            rig.check(
                &format!("CLIENT SETNAME {name}"),
                "-ERR Client names cannot contain spaces, newlines or special characters.",
            );
        }
        assert_eq!(rig.session.name, b"me");
        rig.check("CLIENT SETNAME ''", "+OK");
        rig.check("CLIENT GETNAME", "_");
    }
}
