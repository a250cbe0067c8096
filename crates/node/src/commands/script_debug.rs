//! SCRIPT DEBUG YES | SYNC | NO: whether scripts that this connection sends are debugged.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::session::DebugMode;
use shard::error::CommandError;

use super::{Done, NodeCall};

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "script|debug",
    family: Family::Scripting,
    arity: Arity::exactly(3),
    flags: Flags::NOSCRIPT,
    since: "3.2.0",
    summary: "Sets the debug mode of server-side Lua scripts.",
    ..CommandSpec::NEW
};

pub(crate) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    // The debugger writes to the socket by itself, so nothing may wait to be written before it.
    let waits = call.reply.as_resp().is_some_and(|(out, _)| !out.is_empty());
    if waits || call.in_exec {
        return Err(CommandError::Text("ERR SCRIPT DEBUG must be called outside a pipeline"));
    }
    call.session.debug = if args.is(2, "NO") {
        DebugMode::Off
    } else if args.is(2, "YES") {
        DebugMode::RollBack
    } else if args.is(2, "SYNC") {
        DebugMode::Keep
    } else {
        return Err(CommandError::Text("ERR Use SCRIPT DEBUG YES/SYNC/NO"));
    };
    call.reply.ok();
    Ok(Done::Replied)
}
