//! FUNCTION FLUSH [ASYNC | SYNC]: remove all libraries of the node.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "function|flush",
        family: Family::Scripting,
        arity: Arity::at_least(2),
        flags: Flags::WRITE.union(Flags::NOSCRIPT),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        since: "7.0.0",
        complexity: "O(N) where N is the number of functions deleted",
        summary: "Deletes all libraries and functions.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    if args.len() > 3 {
        return Err(super::function_arity(args));
    }
    if args.len() == 3 && !args.is(2, "SYNC") && !args.is(2, "ASYNC") {
        return Err(CommandError::Text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    scripts.flush_libraries();
    call.reply.ok();
    Ok(())
}
