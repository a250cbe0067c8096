//! FUNCTION DUMP: the libraries of the node as bytes that FUNCTION RESTORE reads, Redis's too.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "function|dump",
        family: Family::Scripting,
        arity: Arity::exactly(2),
        flags: Flags::NOSCRIPT,
        since: "7.0.0",
        complexity: "O(N) where N is the number of functions",
        summary: "Dumps all libraries into a serialized binary payload.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, _args: Args<'_>) -> Result<(), CommandError> {
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    call.reply.bulk(&scripts.dump_libraries());
    Ok(())
}
