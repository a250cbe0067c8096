//! MIGRATE host port key|"" destination-db timeout \[COPY\] \[REPLACE\] \[AUTH password\]
//! \[AUTH2 username password\] \[KEYS key \[key …\]\]: hand keys over to another server.
//!
//! The shard of the keys dumps them, the connection's executor has the target restore them, and the
//! shard removes what the target has taken. Redis does nothing else meanwhile. Here the shard goes
//! on serving, so the keys are watched: one that has changed since it was dumped stays, and that is
//! an error. That also holds when the target is this node itself, whichever way it is reached.
//!
//! | module | holds |
//! |---|---|
//! | `request` | what a request says, and which parts of it are keys or secrets |
//! | `source` | the keys on their shard |
//! | `target` | the conversation with the other server |

mod request;
mod source;
mod target;

use std::sync::Arc;

use protocol::args::Args;
use protocol::encode;
use protocol::spec::{Access, Arity, Begin, CommandSpec, Family, Find, Flags, KeySpec};
use router::plan::{CROSSSLOT, DOWN, Plan, plan};
use shard::error::CommandError;
use shard::needs::Needs;

use self::request::Migration;
use self::source::Source;
use self::target::{Failure, Outcome};
use super::{Done, NodeCall};
use crate::tls::Tls;

pub(crate) use self::request::is_secret;

const NOTES: &[&str] = &["access", "delete"];

pub(super) static SPEC: CommandSpec = CommandSpec {
    name: "migrate",
    family: Family::Generic,
    arity: Arity::at_least(6),
    flags: Flags::WRITE,
    keys: &[
        KeySpec::at(3, Access::Rw, NOTES),
        KeySpec {
            begin: Begin::Keyword { word: "KEYS", from: -2 },
            find: Find::Range { last: -1, step: 1, limit: 0 },
            access: Access::Rw,
            notes: &["access", "delete", "incomplete"],
            remark: "",
        },
    ],
    find_keys: Some(request::find_keys),
    acl_extra: &["dangerous"],
    tips: &["nondeterministic_output"],
    since: "2.6.0",
    complexity: "This command actually executes a DUMP+DEL in the source instance, and a RESTORE \
                 in the target instance. See the pages of these commands for time complexity. Also \
                 an O(N) data transfer between the two instances is performed.",
    summary: "Atomically transfers a key from one Redis instance to another.",
    ..CommandSpec::NEW
};

pub(super) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let executor = call.executor;
    let place = match plan(&SPEC, args, &executor.node.topology) {
        Plan::Shard { shard, slot } => Some((shard, slot)),
        Plan::Moved { slot, member } => {
            return Err(CommandError::dynamic(call.connection.view.moved(slot, member)));
        }
        Plan::CrossSlot => return Err(CommandError::Text(CROSSSLOT)),
        Plan::Down(_) => return Err(CommandError::Text(DOWN)),
        Plan::Local | Plan::FanOut(_) => None,
    };
    if let Some(refusal) = executor.node.refusal(Needs::of(&SPEC)) {
        return Err(refusal);
    }
    let migration = Migration::parse(args)?;
    let Some((shard, slot)) = place.filter(|_| !migration.keys.is_empty()) else {
        call.reply.status("NOKEY");
        return Ok(Done::Replied);
    };
    if let Some(busy) = executor.busy(shard) {
        return Err(CommandError::Text(busy));
    }
    let source = Source::new(executor.clone(), shard, slot, call.session.caller());
    let tls = executor.node.tls.clone();
    Ok(Done::Later(Box::pin(migrate(source, migration, tls))))
}

/// Does it, and gives the reply.
async fn migrate(mut source: Source, migration: Migration, tls: Arc<Tls>) -> Vec<u8> {
    let mut out = Vec::new();
    let Some(requests) = source.dump(&migration).await else {
        encode::error(&mut out, b"ERR the shard of this key did not answer");
        return out;
    };
    if source.is_empty() {
        encode::status(&mut out, "NOKEY");
        return out;
    }
    let outcome = target::hand_over(&migration, &requests, source.len(), &tls).await;
    drop(requests);
    let kept = if migration.copy { Ok(0) } else { source.remove(&outcome.taken).await };
    match error_of(&outcome, &kept) {
        Some(text) => encode::error(&mut out, text.as_bytes()),
        None => encode::status(&mut out, "OK"),
    }
    out
}

/// What is replied instead of OK: what the target says goes first, as in Redis.
fn error_of(outcome: &Outcome, kept: &Result<usize, String>) -> Option<String> {
    if let Some(refusal) = &outcome.refusal {
        return Some(format!("ERR Target instance replied with error: {refusal}"));
    }
    if let Some(failure) = outcome.failure {
        let what = match failure {
            Failure::Connecting => "connecting to the client",
            Failure::Reading => "reading to target instance",
            Failure::Writing => "writing to target instance",
        };
        return Some(format!("IOERR error or timeout {what}"));
    }
    match kept {
        Ok(0) => None,
        Ok(count) => Some(format!(
            "ERR {count} keys have changed while they were migrated: they are kept here, and the \
             target has what they were"
        )),
        Err(text) => Some(text.clone()),
    }
}
