//! SCRIPT FLUSH [ASYNC | SYNC]: forget all scripts of the node.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "script|flush",
        family: Family::Scripting,
        arity: Arity::at_least(2),
        flags: Flags::NOSCRIPT,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        since: "2.6.0",
        complexity: "O(N) with N being the number of scripts in cache",
        summary: "Removes all server-side Lua scripts from the script cache.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let known = args.len() == 2 || args.is(2, "SYNC") || args.is(2, "ASYNC");
    if args.len() > 3 || !known {
        return Err(CommandError::Text("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    scripts.store().flush();
    call.reply.ok();
    Ok(())
}
