//! FUNCTION DELETE library-name: remove a library from those of the node.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "function|delete",
        family: Family::Scripting,
        arity: Arity::exactly(3),
        flags: Flags::WRITE.union(Flags::NOSCRIPT),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        since: "7.0.0",
        complexity: "O(1)",
        summary: "Deletes a library and its functions.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    scripts.delete_library(args.at(2))?;
    call.reply.ok();
    Ok(())
}
