//! DEBUG PANIC and DEBUG SLEEP: what tests of a server need and nobody else should.

use std::time::Duration;

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand};

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] =
    &[(&CONTAINER, container), (&PANIC, panic), (&SLEEP, sleep)];

/// Longest sleep, in seconds.
const SLEEP_MAX: f64 = 3600.0;

const BASE: CommandSpec = CommandSpec {
    family: Family::Server,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    ..CommandSpec::NEW
};

static CONTAINER: CommandSpec = CommandSpec {
    name: "debug",
    arity: Arity::at_least(2),
    flags: BASE.flags.union(Flags::CONTAINER),
    complexity: "Depends on subcommand.",
    summary: "A container for debugging commands.",
    ..BASE
};

static PANIC: CommandSpec = CommandSpec {
    name: "debug|panic",
    arity: Arity::exactly(2),
    summary: "Panics on the thread of the connection's shard; the process ends.",
    ..BASE
};

static SLEEP: CommandSpec = CommandSpec {
    name: "debug|sleep",
    arity: Arity::exactly(3),
    summary: "Stops the thread of the connection's shard for some seconds.",
    ..BASE
};

fn container(_: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    Err(CommandError::Arity("debug"))
}

fn panic(_: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    panic!("DEBUG PANIC")
}

fn sleep(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let seconds = args.float(2)?.clamp(0.0, SLEEP_MAX);
    std::thread::sleep(Duration::from_secs_f64(seconds));
    call.reply.ok();
    Ok(Done::Replied)
}
