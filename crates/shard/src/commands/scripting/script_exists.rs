//! SCRIPT EXISTS sha1 [sha1 …]: which of these scripts the node knows.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::sha::Sha;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "script|exists",
        family: Family::Scripting,
        arity: Arity::at_least(3),
        flags: Flags::NOSCRIPT,
        tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
        since: "2.6.0",
        complexity: "O(N) with N being the number of scripts to check.",
        summary: "Determines whether server-side Lua scripts exist in the script cache.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    call.reply.array(args.len() - 2);
    for name in args.iter_from(2) {
        let known = Sha::parse(name).is_some_and(|sha| scripts.store().find(sha).is_some());
        call.reply.flag(known);
    }
    Ok(())
}
