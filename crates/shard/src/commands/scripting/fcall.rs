//! FCALL function numkeys [key …] [arg …] and FCALL_RO: call a function, all or nothing.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::eval::{REMARK, REMARK_RO, numkeys_at};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::Invocation;

const FLAGS: Flags = Flags::NOSCRIPT
    .union(Flags::STALE)
    .union(Flags::SKIP_MONITOR)
    .union(Flags::NO_MANDATORY_KEYS)
    .union(Flags::MOVABLEKEYS);

const BASE: CommandSpec = CommandSpec {
    family: Family::Scripting,
    arity: Arity::at_least(3),
    since: "7.0.0",
    complexity: "Depends on the function that is executed.",
    ..CommandSpec::NEW
};

pub(super) const FCALL: Command = Command {
    spec: CommandSpec {
        name: "fcall",
        flags: FLAGS,
        keys: &[KeySpec::counted(2, Access::Rw, &["access", "update"]).remark(REMARK)],
        summary: "Invokes a function.",
        ..BASE
    },
    run: |call, args| run(call, args, false),
};

pub(super) const FCALL_RO: Command = Command {
    spec: CommandSpec {
        name: "fcall_ro",
        flags: FLAGS.union(Flags::READONLY),
        keys: &[KeySpec::counted(2, Access::Ro, &["access"]).remark(REMARK_RO)],
        summary: "Invokes a read-only function.",
        ..BASE
    },
    run: |call, args| run(call, args, true),
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>, read_only: bool) -> Result<(), CommandError> {
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    // Whether there is such a function is looked at before the number of keys.
    let invocation = numkeys(args).map(|keys| Invocation { args, first: 3, keys, read_only });
    scripts.fcall(call.keyspace, args.at(1), invocation, call.reply)
}

fn numkeys(args: Args<'_>) -> Result<usize, CommandError> {
    numkeys_at(args, 2).map_err(|error| match error {
        CommandError::Args(_) => CommandError::Text("ERR Bad number of keys provided"),
        other => other,
    })
}

#[cfg(test)]
#[path = "fcall_test.rs"]
mod tests;
