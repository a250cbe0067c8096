//! SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]: end the process.

use std::time::Duration;

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall};
use crate::snapshots;

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "shutdown",
    family: Family::Server,
    arity: Arity::at_least(1),
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::LOADING)
        .union(Flags::STALE)
        .union(Flags::NO_MULTI)
        .union(Flags::ALLOW_BUSY),
    complexity: "O(N) when saving, where N is the total number of keys in all databases",
    summary: "Synchronously saves the database(s) to disk and shuts down the Redis server.",
    ..CommandSpec::NEW
};

pub(crate) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let (mut save, mut nosave, mut abort) = (false, false, false);
    for at in 1..args.len() {
        match () {
            () if args.is(at, "NOSAVE") => nosave = true,
            () if args.is(at, "SAVE") => save = true,
            () if args.is(at, "NOW") || args.is(at, "FORCE") => {}
            () if args.is(at, "ABORT") => abort = true,
            () => return Err(ArgsError::Syntax.into()),
        }
    }
    if (save && nosave) || (abort && args.len() > 2) {
        return Err(ArgsError::Syntax.into());
    }
    if abort {
        return Err(CommandError::Text("ERR No shutdown in progress."));
    }
    tracing::info!(client = call.session.id, "shutdown requested by a client");
    let node = call.executor.node.clone();
    if !save {
        node.shut_down();
        return Ok(Done::Close);
    }
    Ok(Done::Later(Box::pin(async move {
        let end = loop {
            match snapshots::begin(&node) {
                Ok(end) => break end,
                Err(snapshots::Busy) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        match end.await {
            Ok(Ok(())) => node.shut_down(),
            _ => return b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n".to_vec(),
        }
        Vec::new()
    })))
}
