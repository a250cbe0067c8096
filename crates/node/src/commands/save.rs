//! SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE: snapshots on request.
//!
//! There is one kind of snapshot, which is what the log begins with as well, so BGSAVE and
//! BGREWRITEAOF ask for the same. None of them stops the server: SAVE waits for the end, and others
//! are served meanwhile.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall, NodeCommand};
use crate::snapshots;

pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] =
    &[(&BGREWRITEAOF, bgrewriteaof), (&BGSAVE, bgsave), (&LASTSAVE, lastsave), (&SAVE, save)];

const UNDER_WAY: CommandError = CommandError::Text("ERR Background save already in progress");

static SAVE: CommandSpec = CommandSpec {
    name: "save",
    family: Family::Server,
    arity: Arity::exactly(1),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::NO_MULTI),
    complexity: "O(N) where N is the total number of keys in all databases",
    summary: "Synchronously saves the database(s) to disk.",
    ..CommandSpec::NEW
};

static BGSAVE: CommandSpec = CommandSpec {
    name: "bgsave",
    family: Family::Server,
    arity: Arity::at_least(1),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT),
    complexity: "O(1)",
    summary: "Asynchronously saves the database(s) to disk.",
    ..CommandSpec::NEW
};

static BGREWRITEAOF: CommandSpec = CommandSpec {
    name: "bgrewriteaof",
    family: Family::Server,
    arity: Arity::exactly(1),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT),
    complexity: "O(1)",
    summary: "Asynchronously rewrites the append-only file to disk.",
    ..CommandSpec::NEW
};

static LASTSAVE: CommandSpec = CommandSpec {
    name: "lastsave",
    family: Family::Server,
    arity: Arity::exactly(1),
    flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
    acl_extra: &["admin", "dangerous"],
    tips: &["nondeterministic_output"],
    complexity: "O(1)",
    summary: "Returns the Unix timestamp of the last successful save to disk.",
    ..CommandSpec::NEW
};

fn save(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let end = snapshots::begin(&call.executor.node).map_err(|_| UNDER_WAY)?;
    Ok(Done::Later(Box::pin(async move {
        match end.await {
            Ok(Ok(())) => b"+OK\r\n".to_vec(),
            Ok(Err(why)) => format!("-ERR {why}\r\n").into_bytes(),
            Err(_) => b"-ERR\r\n".to_vec(),
        }
    })))
}

fn bgsave(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let schedule = match args.len() {
        1 => false,
        2 if args.is(1, "SCHEDULE") => true,
        _ => return Err(ArgsError::Syntax.into()),
    };
    let node = &call.executor.node;
    match snapshots::begin(node) {
        Ok(_) => call.reply.status("Background saving started"),
        Err(snapshots::Busy) if schedule => {
            node.snapshots.schedule();
            call.reply.status("Background saving scheduled");
        }
        Err(snapshots::Busy) => return Err(UNDER_WAY),
    }
    Ok(Done::Replied)
}

fn bgrewriteaof(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let node = &call.executor.node;
    match snapshots::begin(node) {
        Ok(_) => call.reply.status("Background append only file rewriting started"),
        Err(snapshots::Busy) => {
            node.snapshots.schedule();
            call.reply.status("Background append only file rewriting scheduled");
        }
    }
    Ok(Done::Replied)
}

fn lastsave(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let state = call.executor.node.snapshots.state();
    // Who has saved nothing yet is told when the server started, as by Redis.
    let last = if state.last == 0 { call.executor.node.loading.began_at() } else { state.last };
    call.reply.int(i64::try_from(last).unwrap_or(i64::MAX));
    Ok(Done::Replied)
}
