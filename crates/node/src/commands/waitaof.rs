//! WAITAOF: wait until what this connection has written is on the disk, and on those of replicas, of
//! which there are none.

use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::args::Args;
use protocol::encode::{self, Version};
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::commands::blocking;
use shard::error::CommandError;
use shard::reply::Reply;

use super::{Done, NodeCall};
use crate::clients::{Client, Unblock};
use crate::executor::Executor;
use crate::log::{Durability, settle};

pub(super) static SPEC: CommandSpec = CommandSpec {
    name: "waitaof",
    family: Family::Generic,
    arity: Arity::exactly(4),
    flags: Flags::BLOCKING.union(Flags::NOSCRIPT),
    acl_extra: &["connection"],
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    since: "7.2.0",
    summary: "Blocks until all of the preceding write commands sent by the connection are \
              written to the append-only file of the master and/or replicas.",
    ..CommandSpec::NEW
};

pub(super) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let local = args.int(1)?;
    let replicas = args.int(2)?;
    if !(0..=1).contains(&local) {
        return Err(CommandError::Text("ERR value is out of range, value must between 0 and 1"));
    }
    if replicas < 0 {
        return Err(CommandError::MustBePositive);
    }
    let timeout = blocking::millis(args, 3)?;
    let is_logged = call.executor.node.log.durability() != Durability::None;
    if local > 0 && !is_logged {
        return Err(CommandError::Text(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    let executor = call.executor.clone();
    if call.in_exec {
        // Nothing waits there, and what the transaction has done is on its way.
        reply(false, call.reply);
        return Ok(Done::Replied);
    }
    let client = call.connection.client.clone();
    Ok(Done::Blocked(Box::pin(async move {
        let guard = Waiting::begin(executor.clone(), client.clone());
        let ended = tokio::select! {
            // What is on the disk already needs no waiting.
            biased;
            () = wait(&executor, is_logged, replicas > 0) => None,
            how = client.unblocked() => Some(how),
            () = time_is_up(timeout) => Some(Unblock::TimeOut),
        };
        drop(guard);
        let mut out = Vec::new();
        match ended {
            Some(Unblock::Error) => {
                encode::error(&mut out, b"UNBLOCKED client unblocked via CLIENT UNBLOCK");
            }
            // Replicas are never there, so when these have been waited for the disk has not.
            ended => {
                let is_synced = is_logged && (ended.is_none() || replicas > 0);
                reply(is_synced, &mut Reply::resp(&mut out, Version::Resp2));
            }
        }
        out
    })))
}

/// How many disks have it: this node's, and those of replicas.
fn reply(is_synced: bool, reply: &mut Reply<'_>) {
    reply.array(2);
    reply.int(i64::from(is_synced));
    reply.int(0);
}

/// Returns when all that has been done is on the disk; never when replicas are to have it, too.
async fn wait(executor: &Rc<Executor>, is_logged: bool, wants_replicas: bool) {
    if is_logged {
        settle(executor).await;
    }
    if wants_replicas {
        pending::<()>().await;
    }
}

async fn time_is_up(millis: i64) {
    match u64::try_from(millis) {
        Ok(millis @ 1..) => tokio::time::sleep(Duration::from_millis(millis)).await,
        _ => pending().await,
    }
}

/// A client that is shown and counted as one that waits.
struct Waiting(Rc<Executor>, Arc<Client>);

impl Waiting {
    fn begin(executor: Rc<Executor>, client: Arc<Client>) -> Self {
        executor.node.statistics.blocked_clients.fetch_add(1, Ordering::Relaxed);
        client.block();
        Self(executor, client)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.1.blocked.store(false, Ordering::Relaxed);
        self.0.node.statistics.blocked_clients.fetch_sub(1, Ordering::Relaxed);
    }
}
