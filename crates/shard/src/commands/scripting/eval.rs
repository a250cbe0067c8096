//! EVAL script numkeys [key …] [arg …], EVALSHA sha1 …, and their read-only forms: run a script,
//! all or nothing.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::Invocation;

const FLAGS: Flags = Flags::NOSCRIPT
    .union(Flags::STALE)
    .union(Flags::SKIP_MONITOR)
    .union(Flags::NO_MANDATORY_KEYS)
    .union(Flags::MOVABLEKEYS);

const KEYS: KeySpec = KeySpec::counted(2, Access::Rw, &["access", "update"]);
const KEYS_RO: KeySpec = KeySpec::counted(2, Access::Ro, &["access"]);

/// What Redis remarks of EVAL and FCALL, and not of EVALSHA.
pub(super) const REMARK: &str =
    "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE";
pub(super) const REMARK_RO: &str =
    "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS";

const BASE: CommandSpec = CommandSpec {
    family: Family::Scripting,
    arity: Arity::at_least(3),
    flags: FLAGS,
    keys: &[KEYS],
    complexity: "Depends on the script that is executed.",
    ..CommandSpec::NEW
};

pub(super) const EVAL: Command = Command {
    spec: CommandSpec {
        name: "eval",
        keys: &[KEYS.remark(REMARK)],
        since: "2.6.0",
        summary: "Executes a server-side Lua script.",
        ..BASE
    },
    run: |call, args| eval(call, args, false),
};

pub(super) const EVALSHA: Command = Command {
    spec: CommandSpec {
        name: "evalsha",
        since: "2.6.0",
        summary: "Executes a server-side Lua script by SHA1 digest.",
        ..BASE
    },
    run: |call, args| evalsha(call, args, false),
};

pub(super) const EVAL_RO: Command = Command {
    spec: CommandSpec {
        name: "eval_ro",
        flags: FLAGS.union(Flags::READONLY),
        keys: &[KEYS_RO.remark(REMARK_RO)],
        since: "7.0.0",
        summary: "Executes a read-only server-side Lua script.",
        ..BASE
    },
    run: |call, args| eval(call, args, true),
};

pub(super) const EVALSHA_RO: Command = Command {
    spec: CommandSpec {
        name: "evalsha_ro",
        flags: FLAGS.union(Flags::READONLY),
        keys: &[KEYS_RO],
        since: "7.0.0",
        summary: "Executes a read-only server-side Lua script by SHA1 digest.",
        ..BASE
    },
    run: |call, args| evalsha(call, args, true),
};

fn eval(call: &mut Call<'_, '_>, args: Args<'_>, read_only: bool) -> Result<(), CommandError> {
    let keys = numkeys_at(args, 2)?;
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    let invocation = Invocation { args, first: 3, keys, read_only };
    scripts.eval(call.keyspace, args.at(1), &invocation, call.reply)
}

fn evalsha(call: &mut Call<'_, '_>, args: Args<'_>, read_only: bool) -> Result<(), CommandError> {
    // Redis looks at the length of the name before it looks at the number of keys, and at the
    // number before it looks for the script.
    let digits: &[u8; 40] = args.at(1).try_into().map_err(|_| CommandError::NoScript)?;
    let keys = numkeys_at(args, 2)?;
    let Some(scripts) = call.scripts.as_deref_mut() else { return Err(CommandError::NoScript) };
    let invocation = Invocation { args, first: 3, keys, read_only };
    scripts.eval_sha(call.keyspace, digits, &invocation, call.reply)
}

/// The number of keys in part `at`; they follow it.
///
/// # Errors
/// Redis's texts, in its order of checks.
pub(super) fn numkeys_at(args: Args<'_>, at: usize) -> Result<usize, CommandError> {
    let count = args.int(at)?;
    if count > (args.len() - at - 1) as i64 {
        return Err(CommandError::Text("ERR Number of keys can't be greater than number of args"));
    }
    usize::try_from(count).map_err(|_| CommandError::Text("ERR Number of keys can't be negative"))
}

#[cfg(test)]
#[path = "eval_test.rs"]
mod tests;
