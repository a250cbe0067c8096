//! CLIENT SETINFO LIB-NAME|LIB-VER value: which library the client uses.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::{FLAGS, printable};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "client|setinfo",
        family: Family::Connection,
        arity: Arity::exactly(4),
        flags: FLAGS,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        since: "7.2.0",
        summary: "Sets information specific to the client or connection.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let session = &mut *call.session;
    let option = String::from_utf8_lossy(args.at(2));
    let target = if args.is(2, "LIB-NAME") {
        &mut session.lib_name
    } else if args.is(2, "LIB-VER") {
        &mut session.lib_ver
    } else {
        return Err(CommandError::dynamic(format!("ERR Unrecognized option '{option}'")));
    };
    let value = args.at(3);
    if !printable(value) {
        let text = format!("ERR {option} cannot contain spaces, newlines or special characters.");
        return Err(CommandError::dynamic(text));
    }
    *target = value.to_vec();
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn name_and_version_of_the_library_are_kept() {
        let mut rig = Rig::new();
        rig.check("CLIENT SETINFO lib-name redis-py", "+OK");
        rig.check("CLIENT SETINFO LIB-VER 8.1.0", "+OK");
        assert_eq!(rig.session.lib_name, b"redis-py");
        assert_eq!(rig.session.lib_ver, b"8.1.0");
        rig.check(
            "CLIENT SETINFO LIB-NAME 'a b'",
            "-ERR LIB-NAME cannot contain spaces, newlines or special characters.",
        );
        rig.check("CLIENT SETINFO foo x", "-ERR Unrecognized option 'foo'");
        assert_eq!(rig.session.lib_name, b"redis-py");
        rig.check("CLIENT SETINFO LIB-VER ''", "+OK");
        assert!(rig.session.lib_ver.is_empty());
    }
}
