//! SCRIPT LOAD script: add a script to those of the node, for good.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "script|load",
        family: Family::Scripting,
        arity: Arity::exactly(3),
        flags: Flags::NOSCRIPT.union(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        since: "2.6.0",
        complexity: "O(N) with N being the length in bytes of the script body.",
        summary: "Loads a server-side Lua script to the script cache.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    let sha = scripts.load(args.at(2))?;
    call.reply.bulk(sha.hex().as_bytes());
    Ok(())
}
