//! CLIENT subcommands that need the node: IDEMPOTENCY, LIST, INFO, KILL, PAUSE, UNPAUSE, UNBLOCK.

mod durability;
mod filter;
mod idempotency;
mod kill;
mod list;

use std::time::Duration;

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::number::parse_i64;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand};
use crate::clients::Unblock;
use crate::pause::Mode;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&durability::SPEC, durability::run),
    (&idempotency::SPEC, idempotency::run),
    (&INFO, list::info),
    (&KILL, kill::run),
    (&LIST, list::run),
    (&PAUSE, pause),
    (&UNBLOCK, unblock),
    (&UNPAUSE, unpause),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::Connection,
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE),
    ..CommandSpec::NEW
};

const ADMIN: Flags = BASE.flags.union(Flags::ADMIN);

static INFO: CommandSpec = CommandSpec {
    name: "client|info",
    arity: Arity::exactly(2),
    tips: &["nondeterministic_output"],
    since: "6.2.0",
    summary: "Returns information about the connection.",
    ..BASE
};

static LIST: CommandSpec = CommandSpec {
    name: "client|list",
    arity: Arity::at_least(2),
    flags: ADMIN,
    tips: &["nondeterministic_output"],
    since: "2.4.0",
    complexity: "O(N) where N is the number of client connections",
    summary: "Lists open connections.",
    ..BASE
};

static KILL: CommandSpec = CommandSpec {
    name: "client|kill",
    arity: Arity::at_least(3),
    flags: ADMIN,
    since: "2.4.0",
    complexity: "O(N) where N is the number of client connections",
    summary: "Terminates open connections.",
    ..BASE
};

static PAUSE: CommandSpec = CommandSpec {
    name: "client|pause",
    arity: Arity::at_least(3),
    flags: ADMIN,
    since: "3.0.0",
    summary: "Suspends commands processing.",
    ..BASE
};

static UNPAUSE: CommandSpec = CommandSpec {
    name: "client|unpause",
    arity: Arity::exactly(2),
    flags: ADMIN,
    since: "6.2.0",
    complexity: "O(N) Where N is the number of paused clients",
    summary: "Resumes processing commands from paused clients.",
    ..BASE
};

static UNBLOCK: CommandSpec = CommandSpec {
    name: "client|unblock",
    arity: Arity::at_least(3),
    flags: ADMIN,
    since: "5.0.0",
    complexity: "O(log N) where N is the number of client connections",
    summary: "Unblocks a client blocked by a blocking command from a different connection.",
    ..BASE
};

fn pause(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let mode = match args.len() {
        3 => Mode::All,
        4 if args.is(3, "ALL") => Mode::All,
        4 if args.is(3, "WRITE") => Mode::Write,
        4 => return Err(CommandError::Text("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(ArgsError::Syntax.into()),
    };
    let ms = parse_i64(args.at(2))
        .ok_or(CommandError::Text("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| CommandError::Text("ERR timeout is negative"))?;
    // A century is for ever, and an Instant can be that far away.
    let duration = Duration::from_millis(ms.min(100 * 366 * 86_400_000));
    call.executor.node.pause.begin(duration, mode, call.executor.clock.now());
    call.reply.ok();
    Ok(Done::Replied)
}

fn unpause(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    call.executor.node.pause.end();
    call.reply.ok();
    Ok(Done::Replied)
}

fn unblock(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let known = args.len() == 3 || args.is(3, "TIMEOUT") || args.is(3, "ERROR");
    if args.len() > 4 || !known {
        return Err(CommandError::Text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
    }
    let id = args.int(2)?;
    let how = if args.is(3, "ERROR") { Unblock::Error } else { Unblock::TimeOut };
    let client = u64::try_from(id).ok().and_then(|id| call.executor.node.clients.find(id));
    call.reply.flag(client.is_some_and(|client| client.ask_to_unblock(how)));
    Ok(Done::Replied)
}
