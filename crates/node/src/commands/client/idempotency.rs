//! CLIENT IDEMPOTENCY id: names the next request or transaction of this connection, so that it can be
//! sent again and runs once (Atoll's own; see `dispatch::once`).

use std::sync::atomic::Ordering;

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use router::session::Pending;
use shard::error::CommandError;

use crate::commands::{Done, NodeCall};

/// Bytes of an id.
const ID_LEN_MAX: usize = 128;

pub(super) static SPEC: CommandSpec = CommandSpec {
    name: "client|idempotency",
    family: Family::Connection,
    arity: Arity::exactly(3),
    flags: Flags::NOSCRIPT.union(Flags::NO_MULTI).union(Flags::FAST),
    since: "7.2.0",
    summary: "Names the next request, so that it runs once however often it is sent.",
    ..CommandSpec::NEW
};

pub(super) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let id = args.at(2);
    if id.is_empty() || id.len() > ID_LEN_MAX {
        return Err(CommandError::Text("ERR an idempotency id has 1 to 128 bytes"));
    }
    if call.executor.node.settings.idempotency_window.load(Ordering::Relaxed) == 0 {
        return Err(CommandError::Text(
            "ERR no replies are kept: CONFIG SET idempotency-window 60 keeps them for a minute",
        ));
    }
    call.session.once = Some(Pending { id: id.into(), script: None, stays: true });
    call.reply.ok();
    Ok(Done::Replied)
}
