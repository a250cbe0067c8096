//! SCRIPT SHOW sha1: the text of a script (Valkey 8.0).

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::sha::Sha;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "script|show",
        family: Family::Scripting,
        arity: Arity::exactly(3),
        flags: Flags::NOSCRIPT,
        since: "8.0.0",
        summary: "Shows the text of a script in the script cache.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    let source = Sha::parse(args.at(2)).and_then(|sha| scripts.store().find(sha));
    call.reply.bulk(&source.ok_or(CommandError::NoScript)?.body);
    Ok(())
}
