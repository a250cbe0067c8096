//! CLIENT DURABILITY ALWAYS | EVERYSEC | DEFAULT: how durable what this connection writes is when it is
//! told so (Atoll's own).

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Done, NodeCall};
use crate::log::{Durability, settle};

pub(super) static SPEC: CommandSpec = CommandSpec {
    name: "client|durability",
    family: Family::Connection,
    arity: Arity::exactly(3),
    flags: Flags::NOSCRIPT.union(Flags::STALE),
    since: "7.2.0",
    summary: "Sets how durable writes of this connection are when they are acknowledged.",
    ..CommandSpec::NEW
};

pub(super) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let holds = match () {
        () if args.is(2, "ALWAYS") => Some(true),
        () if args.is(2, "EVERYSEC") => Some(false),
        () if args.is(2, "DEFAULT") => None,
        () => {
            return Err(CommandError::Text(
                "ERR argument must be one of the following: ALWAYS, EVERYSEC, DEFAULT",
            ));
        }
    };
    let log = &call.executor.node.log;
    if holds.is_some() && log.durability() == Durability::None {
        return Err(CommandError::Text(
            "ERR there is no log: CONFIG SET durability everysec begins one",
        ));
    }
    log.note_holding(call.session.holds_replies, holds);
    call.session.holds_replies = holds;
    if holds != Some(true) {
        call.reply.ok();
        return Ok(Done::Replied);
    }
    let executor = call.executor.clone();
    // What others have written before, and it may read, is on the disk when it is answered.
    Ok(Done::Later(Box::pin(async move {
        settle(&executor).await;
        b"+OK\r\n".to_vec()
    })))
}
