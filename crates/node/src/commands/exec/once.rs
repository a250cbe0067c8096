//! Transactions that have a name, so that they run once however often they are sent
//! (CLIENT IDEMPOTENCY).

use std::rc::Rc;
use std::sync::Arc;

use protocol::encode;
use protocol::slot::Slot;
use router::session::Transaction;
use shard::Shard;
use shard::error::CommandError;
use shard::keyspace::Mark;
use shard::once::Once;
use shard::time::Micros;

use super::{Outcome, Terms, discarded, is_shards, obstacle, run_later};
use crate::commands::{NodeCall, watch};
use crate::connection::Connection;
use crate::dispatch::once;
use crate::executor::Executor;

/// What names the transaction that the client has queued, if it has a name, and the slot of its keys.
///
/// # Errors
/// It is not all of one shard. It is discarded.
pub(super) fn of(call: &mut NodeCall<'_, '_>) -> Result<Option<(Arc<Once>, Slot)>, CommandError> {
    let node = &call.executor.node;
    let Some(transaction) = &call.session.transaction else { return Ok(None) };
    let named = once::once(call.session, node, |hash| {
        for queued in &transaction.queue {
            once::add(hash, node.table().spec(queued.id), queued.request.args());
        }
    });
    let Some(named) = named else { return Ok(None) };
    let is_one_shards = transaction.queue.iter().all(|queued| is_shards(call.executor, queued));
    match transaction.slot {
        Some(slot) if is_one_shards => Ok(Some((named, slot))),
        _ => {
            call.session.transaction = None;
            watch::unwatch_all(call.executor, call.session);
            Err(CommandError::dynamic(discarded(
                "CLIENT IDEMPOTENCY is for transactions with keys of one slot",
            )))
        }
    }
}

/// Runs the transaction, unless it has run.
pub(super) async fn run(
    executor: Rc<Executor>,
    connection: Rc<Connection>,
    transaction: Transaction,
    terms: Terms,
    shard: u16,
) -> Vec<u8> {
    let asked = terms.clone();
    // Before all that could keep it from running: it may have run.
    let look = move |executor: &Executor| {
        let mut shard = executor.shard.try_borrow_mut().ok()?;
        recall(&mut shard, executor.clock.now(), &asked)
    };
    if let Some(Some(outcome)) = executor.ask(shard, look).await {
        return outcome.into_reply(&terms);
    }
    if let Some(why) = obstacle(&executor, shard, terms.needs) {
        return Outcome::Refused(discarded(&why)).into_reply(&terms);
    }
    run_later(executor, connection, transaction, terms, shard).await
}

/// What becomes of a transaction that has run already.
pub(super) fn recall(shard: &mut Shard, now: Micros, terms: &Terms) -> Option<Outcome> {
    let (named, slot) = terms.once.as_ref()?;
    match shard.recall(named, *slot, now, terms.version) {
        Ok(None) => None,
        Ok(Some(reply)) => Some(Outcome::Again(reply.to_vec())),
        Err(error) => Some(Outcome::Refused(error.to_string())),
    }
}

/// Keeps the reply to a transaction that has run since the mark. One whose reply finds no room is
/// rolled back.
pub(super) fn keep(
    shard: &mut Shard,
    mark: Mark,
    now: Micros,
    terms: &Terms,
    replies: &[u8],
    result: Result<Vec<usize>, String>,
) -> Result<Vec<usize>, String> {
    if let (Ok(ends), Some((named, slot))) = (&result, &terms.once) {
        let mut reply = Vec::with_capacity(replies.len() + 16);
        encode::header(&mut reply, b'*', ends.len() as i64);
        reply.extend_from_slice(replies);
        if let Err(error) = shard.keep_reply(named, *slot, now, terms.version, &reply) {
            shard.keyspace_mut().roll_back(mark);
            return Err(error.to_string());
        }
    }
    shard.keyspace_mut().keep(mark);
    result
}
