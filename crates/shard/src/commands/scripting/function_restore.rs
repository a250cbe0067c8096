//! FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE]: add the libraries of a payload of FUNCTION
//! DUMP to those of the node, all or none.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::functions::Restore;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "function|restore",
        family: Family::Scripting,
        arity: Arity::at_least(3),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::NOSCRIPT),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        since: "7.0.0",
        complexity: "O(N) where N is the number of functions on the payload",
        summary: "Restores all libraries from a payload.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    if args.len() > 4 {
        return Err(super::function_arity(args));
    }
    let policy = if args.len() == 3 || args.is(3, "APPEND") {
        Restore::Append
    } else if args.is(3, "REPLACE") {
        Restore::Replace
    } else if args.is(3, "FLUSH") {
        Restore::Flush
    } else {
        return Err(CommandError::Text(
            "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
        ));
    };
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    scripts.restore_libraries(args.at(2), policy)?;
    call.reply.ok();
    Ok(())
}

#[cfg(test)]
#[path = "function_restore_test.rs"]
mod tests;
