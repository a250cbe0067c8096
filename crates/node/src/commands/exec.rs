//! EXEC: run what has been queued, with nothing in between.
//!
//! All commands with keys are of one slot and run on its shard in one go. Commands of the session
//! or the node in between (PING is a shard's, CLIENT is not) commute with them and are run by the
//! connection; their replies stand where they were queued. Commands for all shards of the node
//! (FLUSHALL, DBSIZE) run at their place too: with several shards they are not atomic with the
//! rest.

mod once;

use std::rc::Rc;
use std::sync::Arc;

use protocol::args::Args;
use protocol::encode::{self, Version};
use protocol::slot::Slot;
use protocol::spec::FanOut;
use router::plan::{Plan, place};
use router::registry::Home;
use router::session::{Session, Transaction};
use shard::Shard;
use shard::acl::{Context, RestrictedUser};
use shard::error::CommandError;
use shard::keyspace::WatchFlag;
use shard::needs::Needs;
use shard::once::Once;
use shard::shard::Queued;
use shard::time::Micros;

use super::{Done, NodeCall, watch};
use crate::connection::Connection;
use crate::executor::Executor;
use crate::{dispatch, fan_out};

/// What has to hold for a transaction to run, and how it runs.
#[derive(Clone)]
struct Terms {
    watched: Vec<(Slot, Vec<u8>)>,
    flag: WatchFlag,
    atomic: bool,
    version: Version,
    /// Whose transaction it is, when that is somebody who may not do everything.
    restricted: Option<Arc<RestrictedUser>>,
    /// What all its commands ask of the node together.
    needs: Needs,
    /// It runs once, however often it is sent; and the slot of its keys.
    once: Option<(Arc<Once>, Slot)>,
}

/// EXEC.
pub(crate) fn run(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    let Some(transaction) = &call.session.transaction else {
        return Err(CommandError::Text("ERR EXEC without MULTI"));
    };
    let executor = call.executor;
    let shard = match transaction.slot.map(|slot| place(slot, &executor.node.topology)) {
        Some(Plan::Shard { shard, .. }) => shard,
        _ => executor.index,
    };
    if shard == executor.index && executor.is_in_script() && !executor.is_busy(shard) {
        return Ok(Done::WhenShardFree);
    }
    let once = once::of(call)?;
    let transaction = call.session.transaction.take().unwrap_or_default();
    let terms = Terms {
        watched: call.session.watched.clone(),
        flag: call.session.watch_flag.clone(),
        atomic: call.session.atomic_exec,
        version: call.session.version,
        restricted: call.session.login.restricted().cloned(),
        needs: Needs::of_all(
            transaction.queue.iter().map(|queued| executor.node.table().spec(queued.id)),
        ),
        once,
    };
    let watched = watch::Watched::take(call.executor, call.session);
    if let Some(refusal) = transaction.refusal().filter(|_| terms.once.is_some()) {
        return Err(CommandError::dynamic(refusal));
    }
    if terms.once.is_some() {
        let later = once::run(executor.clone(), call.connection.clone(), transaction, terms, shard);
        return Ok(Done::Later(Box::pin(keeping(watched, later))));
    }
    if !transaction.cross_slot
        && let Some(why) = obstacle(executor, shard, terms.needs)
    {
        return Err(CommandError::dynamic(discarded(&why)));
    }
    if let Some(refusal) = transaction.refusal() {
        return Err(CommandError::dynamic(refusal));
    }
    let plain = transaction.queue.iter().all(|queued| is_shards(executor, queued));
    let watches_here = watch::by_shard(executor, terms.watched.clone());
    let watches_elsewhere = watches_here.keys().any(|key| *key != shard);
    if plain && shard == executor.index && !watches_elsewhere {
        let bytes = run_queue(executor, &transaction.queue, &terms).into_reply(&terms);
        if let Some((out, _)) = call.reply.as_resp() {
            out.extend_from_slice(&bytes);
        }
        return Ok(Done::Replied);
    }
    let later = run_later(executor.clone(), call.connection.clone(), transaction, terms, shard);
    Ok(Done::Later(Box::pin(keeping(watched, later))))
}

/// Runs a transaction with its keys watched until it has run.
async fn keeping(watched: watch::Watched, run: impl Future<Output = Vec<u8>>) -> Vec<u8> {
    let reply = run.await;
    drop(watched);
    reply
}

/// Whether a command of a transaction runs on the shard of its keys.
fn is_shards(executor: &Executor, queued: &Queued) -> bool {
    let fan_out = executor.node.table().spec(queued.id).fan_out;
    let at_home = matches!(executor.node.registry.home(queued.id), Home::Shard);
    at_home && (queued.slot.is_some() || fan_out == FanOut::None)
}

/// Why EXEC itself is refused now, whatever was queued before: no memory, or a busy shard.
fn obstacle(executor: &Executor, shard: u16, needs: Needs) -> Option<String> {
    let refusal = executor.node.refusal(needs).map(|error| error.to_string());
    refusal.or_else(|| executor.busy(shard).map(str::to_owned))
}

fn discarded(why: &str) -> String {
    format!("EXECABORT Transaction discarded because of: {why}")
}

/// How a transaction ended on its shard.
enum Outcome {
    /// The replies, and where each ends.
    Done { bytes: Vec<u8>, ends: Vec<usize> },
    /// A watched key has changed.
    Spoiled,
    /// It did not run, or it was rolled back.
    Refused(String),
    /// It had run already, and this was the reply.
    Again(Vec<u8>),
}

impl Outcome {
    /// The reply to EXEC when all of the transaction was the shard's.
    fn into_reply(self, terms: &Terms) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Done { bytes, ends } => {
                encode::header(&mut out, b'*', ends.len() as i64);
                out.extend_from_slice(&bytes);
            }
            Self::Spoiled => encode::null_array(&mut out, terms.version),
            Self::Refused(text) => encode::error(&mut out, text.as_bytes()),
            Self::Again(reply) => return reply,
        }
        out
    }
}

/// Runs commands on the shard of this executor, if no watched key has changed.
fn run_queue(executor: &Executor, queue: &[Queued], terms: &Terms) -> Outcome {
    let Ok(mut shard) = executor.shard.try_borrow_mut() else {
        return Outcome::Refused(executor.busy_text(executor.index).into());
    };
    let now = executor.clock.now();
    if let Some(outcome) = once::recall(&mut shard, now, terms) {
        return outcome;
    }
    let overdue = terms.watched.iter().any(|(slot, key)| {
        let is_here = executor.slot_owner(*slot) == shard::script::SlotOwner::Here;
        is_here && is_overdue(&mut shard, now, *slot, key)
    });
    if overdue || terms.flag.spoiled() {
        return Outcome::Spoiled;
    }
    shard.keyspace_mut().enter(now, None);
    if let Err(error) = shard.admit(terms.needs) {
        return Outcome::Refused(discarded(&error.to_string()));
    }
    let mut bytes = Vec::new();
    executor.timings.begin();
    let mut ended = |queued: &Queued, reply: &[u8]| {
        executor.note_end(queued.caller.client, queued.id, queued.request.args(), reply);
    };
    if terms.restricted.is_some() {
        shard.set_restricted(terms.restricted.clone());
    }
    let mark = terms.once.as_ref().map(|_| shard.keyspace_mut().begin());
    let result = if terms.atomic {
        shard.transaction_or_nothing(queue, now, &mut bytes, terms.version, &mut ended)
    } else {
        Ok(shard.transaction(queue, now, &mut bytes, terms.version, &mut ended))
    };
    shard.set_restricted(None);
    let result = match mark {
        Some(mark) => once::keep(&mut shard, mark, now, terms, &bytes, result),
        None => result,
    };
    executor.release(&mut shard);
    drop(shard);
    executor.after_script();
    match result {
        Ok(ends) => Outcome::Done { bytes, ends },
        Err(error) => {
            Outcome::Refused(format!("EXECABORT Transaction rolled back because of: {error}"))
        }
    }
}

/// Whether a watched key has expired: then it has changed, though nobody has looked yet. One that
/// was overdue when it was watched was removed then.
fn is_overdue(shard: &mut Shard, now: Micros, slot: Slot, key: &[u8]) -> bool {
    shard.keyspace_mut().enter(now, Some(slot));
    shard.keyspace().is_overdue(key)
}

/// Runs a transaction that needs another shard, several, or the connection.
async fn run_later(
    executor: Rc<Executor>,
    connection: Rc<Connection>,
    transaction: Transaction,
    mut terms: Terms,
    shard: u16,
) -> Vec<u8> {
    if any_overdue_elsewhere(&executor, &terms, shard).await {
        let mut out = Vec::new();
        encode::null_array(&mut out, terms.version);
        return out;
    }
    let mut out = Vec::new();
    encode::header(&mut out, b'*', transaction.queue.len() as i64);
    // The commands of the shard run in one go, unless one for all shards stands between them, or one
    // of the node that is about keys.
    let mut queue = transaction.queue.into_iter().peekable();
    let mut first = true;
    // Once at least: a transaction of nothing is spoiled, too, when a watched key has changed.
    while first || queue.peek().is_some() {
        let mut part = Vec::new();
        let mut others: Vec<(usize, Queued)> = Vec::new();
        let mut between: Option<Queued> = None;
        for queued in queue.by_ref() {
            if is_shards(&executor, &queued) {
                part.push(queued);
            } else if stands_between(&executor, &queued) {
                between = Some(queued);
                break;
            } else {
                others.push((part.len(), queued));
            }
        }
        let asked = terms.clone();
        let work = move |executor: &Executor| run_queue(executor, &part, &asked);
        match executor.ask(shard, work).await {
            Some(Outcome::Done { bytes, ends }) => {
                weave(&executor, &connection, &mut out, &bytes, &ends, others).await;
            }
            Some(Outcome::Again(reply)) => return reply,
            Some(Outcome::Spoiled) if first => {
                let mut out = Vec::new();
                encode::null_array(&mut out, terms.version);
                return out;
            }
            Some(Outcome::Refused(text)) => {
                let mut out = Vec::new();
                encode::error(&mut out, text.as_bytes());
                return out;
            }
            Some(Outcome::Spoiled) | None => {
                let mut out = Vec::new();
                encode::error(&mut out, b"ERR the transaction did not run to its end");
                return out;
            }
        }
        first = false;
        // What has begun is done whole.
        terms.needs = Needs::default();
        if let Some(queued) = between {
            out.extend(run_between(&executor, &connection, queued, &terms).await);
        }
    }
    out
}

/// Whether what was queued before a command has to have run before it, though it is no shard's.
fn stands_between(executor: &Executor, queued: &Queued) -> bool {
    let spec = executor.node.table().spec(queued.id);
    spec.fan_out != FanOut::None || !spec.keys.is_empty()
}

/// Runs a command for all shards, or one of the node about keys.
async fn run_between(
    executor: &Rc<Executor>,
    connection: &Rc<Connection>,
    queued: Queued,
    terms: &Terms,
) -> Vec<u8> {
    let fan_out = executor.node.table().spec(queued.id).fan_out;
    if fan_out == FanOut::None {
        return run_other(executor, connection, &queued).await;
    }
    if let Some(refusal) = refusal(executor, terms.restricted.as_deref(), &queued) {
        let mut out = Vec::new();
        encode::error(&mut out, refusal.as_bytes());
        return out;
    }
    fan_out::run(executor.clone(), fan_out, queued, terms.version).await
}

/// Replies of the shard, with those of the session's commands where they were queued.
async fn weave(
    executor: &Rc<Executor>,
    connection: &Rc<Connection>,
    out: &mut Vec<u8>,
    bytes: &[u8],
    ends: &[usize],
    others: Vec<(usize, Queued)>,
) {
    let mut taken = 0;
    for (before, queued) in others {
        let upto = if before == 0 { 0 } else { ends[before - 1] };
        out.extend_from_slice(&bytes[taken..upto]);
        taken = upto;
        out.extend(run_other(executor, connection, &queued).await);
    }
    out.extend_from_slice(&bytes[taken..]);
}

/// Runs a command of the session or the node.
async fn run_other(
    executor: &Rc<Executor>,
    connection: &Rc<Connection>,
    queued: &Queued,
) -> Vec<u8> {
    let mut out = Vec::new();
    executor.timings.begin();
    let later = {
        let mut state = connection.state.borrow_mut();
        let session: &mut Session = &mut state.session;
        let mut reply = shard::reply::Reply::resp(&mut out, session.version);
        let later = answer(executor, connection, session, queued, &mut reply);
        connection.publish_facts(executor, session);
        later
    };
    executor.note_end(queued.caller.client, queued.id, queued.request.args(), &out);
    match later {
        Some(later) => later.await,
        None => out,
    }
}

fn answer(
    executor: &Rc<Executor>,
    connection: &Rc<Connection>,
    session: &mut Session,
    queued: &Queued,
    reply: &mut shard::reply::Reply<'_>,
) -> Option<dispatch::Later> {
    let node = &executor.node;
    let args = queued.request.args();
    if let Some(refusal) = refusal(executor, session.login.restricted().map(AsRef::as_ref), queued)
    {
        reply.error_text(refusal.as_bytes());
        return None;
    }
    let result = match node.registry.home(queued.id) {
        Home::Router(run) => {
            let (view, table, acl) = (&connection.view, node.table(), &node.acl);
            let mut call = router::commands::SessionCall { session, view, table, acl, reply };
            run(&mut call, args).map(|()| Done::Replied)
        }
        Home::Node(run) => {
            run(&mut NodeCall { executor, connection, session, reply, in_exec: true }, args)
        }
        Home::Shard => Err(CommandError::Text("ERR this command is a shard's")),
    };
    match result {
        Ok(Done::Later(later) | Done::Blocked(later)) => Some(later),
        Ok(Done::Replied | Done::Told | Done::Close | Done::WhenShardFree) => None,
        Err(error) => {
            reply.error(&error);
            None
        }
    }
}

/// What is replied instead of a command that the user may not run any more.
fn refusal(
    executor: &Executor,
    restricted: Option<&RestrictedUser>,
    queued: &Queued,
) -> Option<String> {
    let spec = executor.node.table().spec(queued.id);
    let denied = restricted?.check(queued.id, spec, queued.request.args(), Context::Multi).err()?;
    Some(denied.text_at_exec())
}

/// Has the other shards look whether watched keys of theirs have expired.
async fn any_overdue_elsewhere(executor: &Executor, terms: &Terms, shard: u16) -> bool {
    for (owner, keys) in watch::by_shard(executor, terms.watched.clone()) {
        if owner == shard {
            continue;
        }
        let look = move |executor: &Executor| {
            let Ok(mut shard) = executor.shard.try_borrow_mut() else { return false };
            let now = executor.clock.now();
            keys.iter().any(|(slot, key)| is_overdue(&mut shard, now, *slot, key))
        };
        if executor.ask(owner, look).await == Some(true) {
            return true;
        }
    }
    false
}
