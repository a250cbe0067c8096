//! Dispatch of requests that a client has named, so that they run once however often they are sent
//! (CLIENT IDEMPOTENCY).
//!
//! The name is for the next request, or for the next transaction. What only reads runs as always: to
//! read twice does no harm. A named request is a barrier, as one that waits for data is: what comes
//! behind it is looked at when it is answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::args::Args;
use protocol::slot::Slot;
use protocol::spec::{CommandSpec, Family, Flags, Slots};
use router::plan::{Plan, plan_slots};
use router::session::{Pending, Session};
use shard::commands::table::CommandId;
use shard::once::Once;
use shard::script::sha::Sha;
use shard::shard::Queued;
use xxhash_rust::xxh3::Xxh3Default;

use super::{Dispatch, Step, Then};
use crate::blocked;
use crate::connection::own;
use crate::node::Node;

impl Dispatch<'_> {
    /// A request while a name is pending. `None` when it runs as always.
    #[cold]
    pub(super) fn run_named(
        &mut self,
        id: CommandId,
        spec: &'static CommandSpec,
        args: Args<'_>,
        is_shards: bool,
        slot: Option<Slot>,
    ) -> Option<Step> {
        let script = script_of(spec, args);
        let pending = self.session.once.as_mut()?;
        if pending.script.is_some() && pending.script != script {
            // The script that it was meant for is not tried again.
            self.session.once = None;
            return None;
        }
        if matches!(spec.name, "evalsha" | "script|load") {
            // Who is told NOSCRIPT sends the text next, and means the same request.
            (pending.script, pending.stays) = (script, script.is_some());
        }
        if !runs_once(spec) || runs_in_transaction(spec) {
            return None;
        }
        let slots = slot.map_or_else(|| spec.slots(args), Slots::One);

        match plan_slots(spec, slots, &self.executor.node.topology) {
            Plan::Shard { shard, slot } if is_shards => {
                Some(self.send_named(shard, id, spec, args, slot))
            }
            Plan::Moved { .. } | Plan::CrossSlot | Plan::Down(_) => None,
            _ => Some(self.refuse(
                "ERR CLIENT IDEMPOTENCY is for writes and scripts with keys of one slot, and for \
                 transactions of those",
            )),
        }
    }

    fn send_named(
        &mut self,
        shard: u16,
        id: CommandId,
        spec: &'static CommandSpec,
        args: Args<'_>,
        slot: Slot,
    ) -> Step {
        if let Some(busy) = self.executor.busy(shard) {
            self.reply_error(busy);
            return Step::Next;
        }
        let once = once(self.session, &self.executor.node, |hash| add(hash, spec, args));
        let caller = self.session.caller();
        let queued = Queued { id, request: own(args), slot: Some(slot), caller, once };
        let restricted = self.session.login.restricted().cloned();
        let (executor, connection) = (self.executor.clone(), self.connection.clone());
        let (client, version) = (connection.client.clone(), self.session.version);
        let run = blocked::run_there(executor, client, shard, queued, restricted, version);
        let later = async move {
            let reply = run.await;
            if !reply.starts_with(b"-NOSCRIPT") {
                connection.state.borrow_mut().session.once = None;
            }
            reply
        };
        Step::Wait(if spec.flags.contains(Flags::BLOCKING) {
            Then::Blocked(Box::pin(later))
        } else {
            Then::Reply(Box::pin(later))
        })
    }

    /// A request has been looked at while a name was pending: that was the one that it was for,
    /// unless it stays.
    #[cold]
    pub(super) fn settle_name(&mut self) {
        let Some(pending) = &mut self.session.once else { return };
        let stays = std::mem::take(&mut pending.stays);
        if !stays && self.session.transaction.is_none() {
            self.session.once = None;
        }
    }
}

/// Whether a request does something that it should not do twice.
fn runs_once(spec: &CommandSpec) -> bool {
    let is_script = matches!(spec.name, "eval" | "evalsha" | "fcall");
    is_script || spec.writes()
}

/// Those that a transaction consists of take no name for themselves.
fn runs_in_transaction(spec: &CommandSpec) -> bool {
    spec.family == Family::Transactions
}

/// The script that a request runs or loads.
fn script_of(spec: &CommandSpec, args: Args<'_>) -> Option<Sha> {
    match spec.name {
        "eval" => Some(Sha::of(args.at(1))),
        "evalsha" => Sha::parse(args.at(1)),
        "script|load" => Some(Sha::of(args.at(2))),
        _ => None,
    }
}

/// What names the request that comes now, of which `add` adds what tells it from others.
pub(crate) fn once(
    session: &Session,
    node: &Node,
    add: impl FnOnce(&mut Xxh3Default),
) -> Option<Arc<Once>> {
    let Pending { id, .. } = session.once.as_ref()?;
    let seconds = node.settings.idempotency_window.load(Ordering::Relaxed);
    let mut hash = Xxh3Default::new();
    add(&mut hash);
    Some(Arc::new(Once {
        id: id.clone(),
        request: hash.digest(),
        window_ms: i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX),
    }))
}

/// Adds what tells a request from others. A script is the same by its text and by its hash.
pub(crate) fn add(hash: &mut Xxh3Default, spec: &CommandSpec, args: Args<'_>) {
    let mut part = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match script_of(spec, args).filter(|_| spec.name != "script|load") {
        Some(sha) => {
            part(b"script");
            part(sha.hex().as_bytes());
            args.iter_from(2).for_each(part);
        }
        None => {
            part(spec.name.as_bytes());
            args.iter_from(1).for_each(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::args::Request;

    fn hash_of(parts: &[&str]) -> u64 {
        let request = Request::of(parts);
        let table = shard::testing::table();
        let id = table.resolve(request.args()).unwrap();
        let mut hash = Xxh3Default::new();
        add(&mut hash, table.spec(id), request.args());
        hash.digest()
    }

    #[test]
    fn a_request_is_what_it_does() {
        let sha = Sha::of(b"return 1").hex();
        assert_eq!(
            hash_of(&["EVAL", "return 1", "1", "k"]),
            hash_of(&["evalsha", &sha.to_uppercase(), "1", "k"])
        );
        assert_eq!(hash_of(&["SET", "k", "v"]), hash_of(&["set", "k", "v"]));
        assert_ne!(hash_of(&["SET", "k", "v"]), hash_of(&["SETNX", "k", "v"]));
        assert_ne!(hash_of(&["SET", "k1", "v"]), hash_of(&["SET", "k", "1v"]));
        assert_ne!(
            hash_of(&["EVAL", "return 1", "1", "k"]),
            hash_of(&["EVAL", "return 2", "1", "k"])
        );
    }
}
