//! FUNCTION LOAD [REPLACE] code: add a library to those of the node.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "function|load",
        family: Family::Scripting,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::NOSCRIPT),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        since: "7.0.0",
        complexity: "O(1) (considering compilation time is redundant)",
        summary: "Creates a library.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let options = 2..args.len() - 1;
    if let Some(at) = options.clone().find(|&at| !args.is(at, "REPLACE")) {
        let shown = String::from_utf8_lossy(args.at(at));
        return Err(CommandError::dynamic(format!("ERR Unknown option given: {shown}")));
    }
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    let name = scripts.load_library(args.at(args.len() - 1), !options.is_empty())?;
    call.reply.bulk(name.as_bytes());
    Ok(())
}

#[cfg(test)]
#[path = "function_load_test.rs"]
mod tests;
