//! MULTI and DISCARD: begin and drop a transaction.

use protocol::args::Args;
use router::session::Transaction;
use shard::error::CommandError;

use super::{Done, NodeCall, watch};

/// MULTI.
pub(crate) fn multi(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    if call.session.transaction.is_some() {
        return Err(CommandError::Text("ERR MULTI calls can not be nested"));
    }
    call.session.transaction = Some(Transaction::default());
    call.reply.ok();
    Ok(Done::Replied)
}

/// DISCARD.
pub(crate) fn discard(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    if call.session.transaction.take().is_none() {
        return Err(CommandError::Text("ERR DISCARD without MULTI"));
    }
    watch::unwatch_all(call.executor, call.session);
    call.reply.ok();
    Ok(Done::Replied)
}
