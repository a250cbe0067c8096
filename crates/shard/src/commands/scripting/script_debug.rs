//! SCRIPT DEBUG YES | SYNC | NO: the debugger is not there; saying NO to it is fine.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "script|debug",
        family: Family::Scripting,
        arity: Arity::exactly(3),
        flags: Flags::NOSCRIPT,
        since: "3.2.0",
        summary: "Sets the debug mode of server-side Lua scripts.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    if args.is(2, "NO") {
        call.reply.ok();
        return Ok(());
    }
    if args.is(2, "YES") || args.is(2, "SYNC") {
        return Err(CommandError::Text("ERR the debugger of scripts is not available"));
    }
    Err(CommandError::Text("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn there_is_no_debugger() {
        let mut rig = Rig::new();
        rig.check("SCRIPT DEBUG no", "+OK");
        rig.check("SCRIPT DEBUG YES", "-ERR the debugger of scripts is not available");
        rig.check("SCRIPT DEBUG X", "-ERR Use SCRIPT DEBUG YES/SYNC/NO");
    }
}
