//! Requests that wait for data: BLPOP and its like.
//!
//! A request that found nothing lies with the executor of its keys, in the order of arrival. When a
//! command, script or transaction that is kept has changed one of its keys, it runs again, before
//! anything else does; if it finds something, its reply goes to the connection that waits, wherever
//! that lives. So what is popped is popped once, by who has waited longest, and never because of a
//! change that is rolled back.
//!
//! # Invariants
//! - I1. A request is taken out of the table before its reply is sent. Whoever gives up (time-out,
//!   CLIENT UNBLOCK) takes it out too; who finds it gone has a reply that must be delivered.
//! - I2. Every key of every waiting request is waited for in the keyspace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::encode::{self, Version};
use protocol::spec::{CommandSpec, Family};
use shard::Shard;
use shard::acl::RestrictedUser;
use shard::commands::blocking;
use shard::commands::stream::request_to_wait_with;
use shard::keyspace::Kind;
use shard::reply::Reply;
use shard::shard::{Outcome, Queued};
use tokio::sync::oneshot;

use crate::clients::{Client, Unblock};
use crate::executor::Executor;

/// One request that waits.
struct Waiter {
    keys: Vec<Vec<u8>>,
    queued: Queued,
    version: Version,
    reply_to: oneshot::Sender<Vec<u8>>,
    is_group_reader: bool,
}

/// All requests that wait for keys of one shard.
#[derive(Default)]
pub(crate) struct Blocked {
    waiters: BTreeMap<u64, Waiter>,
    by_key: HashMap<Vec<u8>, BTreeSet<u64>>,
    next: u64,
    /// How many of them are XREADGROUP, which is told when its key has gone.
    group_readers: usize,
}

/// What has become of a waiting request whose key has been changed.
#[derive(PartialEq, Eq)]
enum Look {
    /// It is answered, or waits on.
    Next,
    /// The key has gone.
    KeyGone,
}

impl Blocked {
    fn add(&mut self, waiter: Waiter, shard: &mut Shard) -> u64 {
        let ticket = self.next;
        self.next += 1;
        for key in &waiter.keys {
            self.by_key.entry(key.clone()).or_default().insert(ticket);
            shard.keyspace_mut().wait_for(key);
        }
        self.group_readers += usize::from(waiter.is_group_reader);
        self.waiters.insert(ticket, waiter);
        ticket
    }

    /// Who waits for the key and came next after `ticket`.
    fn next_after(&self, key: &[u8], ticket: Option<u64>) -> Option<u64> {
        let from = ticket.map_or(0, |ticket| ticket + 1);
        self.by_key.get(key)?.range(from..).next().copied()
    }

    fn remove(&mut self, ticket: u64, shard: &mut Shard) -> Option<Waiter> {
        let waiter = self.waiters.remove(&ticket)?;
        self.group_readers -= usize::from(waiter.is_group_reader);
        for key in &waiter.keys {
            shard.keyspace_mut().stop_waiting(key);
            if let Some(tickets) = self.by_key.get_mut(key) {
                tickets.remove(&ticket);
                if tickets.is_empty() {
                    self.by_key.remove(key);
                }
            }
        }
        Some(waiter)
    }
}

/// What has become of a request that may wait.
pub(crate) enum Attempt {
    /// The reply.
    Replied(Vec<u8>),
    /// It waits, with this ticket.
    Waits(u64, oneshot::Receiver<Vec<u8>>),
}

impl Executor {
    /// Runs a request of this shard; when there is nothing yet, it waits.
    pub(crate) fn attempt_or_wait(
        &self,
        queued: Queued,
        restricted: Option<Arc<RestrictedUser>>,
        version: Version,
    ) -> Attempt {
        let mut bytes = Vec::new();
        let Ok(mut shard) = self.shard.try_borrow_mut() else {
            encode::error(&mut bytes, self.busy_text(self.index).as_bytes());
            return Attempt::Replied(bytes);
        };
        let mut reply = Reply::resp(&mut bytes, version);
        let args = queued.request.args();
        let now = self.clock.now();
        self.timings.begin();
        shard.keyspace_mut().set_caller(queued.caller);
        let is_script = self.node.table().spec(queued.id).family == Family::Scripting;
        shard.set_restricted(restricted.filter(|_| is_script));
        let outcome = shard.attempt_queued(&queued, now, &mut reply);
        shard.set_restricted(None);
        match outcome {
            Outcome::Replied | Outcome::Elsewhere(_) => {
                self.note_end(queued.caller.client, queued.id, args, &bytes);
                self.release(&mut shard);
                drop(shard);
                self.outlet.submit();
                if is_script {
                    self.after_script();
                }
                Attempt::Replied(bytes)
            }
            Outcome::Blocked => {
                let (ticket, receiver) = self.wait(&mut shard, queued, version);
                Attempt::Waits(ticket, receiver)
            }
        }
    }

    /// Has a request wait that has just found nothing.
    pub(crate) fn wait(
        &self,
        shard: &mut Shard,
        mut queued: Queued,
        version: Version,
    ) -> (u64, oneshot::Receiver<Vec<u8>>) {
        let (reply_to, receiver) = oneshot::channel();
        let keyspace = shard.keyspace_mut();
        if let Some(request) = request_to_wait_with(keyspace, queued.request.args()) {
            queued.request = request;
        }
        let spec = self.node.table().spec(queued.id);
        let args = queued.request.args();
        let mut keys = BTreeSet::new();
        // It has run, so its keys are where the specification says.
        let _ = spec.visit_keys(args, |at, _| {
            keys.insert(args.at(at).to_vec());
        });
        let keys = keys.into_iter().collect();
        let is_group_reader = spec.name == "xreadgroup";
        let waiter = Waiter { keys, queued, version, reply_to, is_group_reader };
        let ticket = self.blocked.borrow_mut().add(waiter, shard);
        (ticket, receiver)
    }

    /// Takes a request out that waits; false when it is answered already.
    fn stop_waiting(&self, ticket: u64) -> bool {
        let Ok(mut shard) = self.shard.try_borrow_mut() else { return false };
        self.blocked.borrow_mut().remove(ticket, &mut shard).is_some()
    }

    /// Runs the requests again that wait for keys that have been changed.
    #[cold]
    pub(crate) fn serve_blocked(&self, shard: &mut Shard) {
        while let Some(key) = shard.keyspace_mut().take_ready() {
            let mut last = None;
            loop {
                let next = self.blocked.borrow().next_after(&key, last);
                let Some(ticket) = next else { break };
                let look = self.serve_one(shard, ticket, &key);
                if look == Look::KeyGone && self.blocked.borrow().group_readers == 0 {
                    break;
                }
                last = next;
            }
        }
    }

    fn serve_one(&self, shard: &mut Shard, ticket: u64, key: &[u8]) -> Look {
        let now = self.clock.now();
        let (queued, version) = {
            let blocked = self.blocked.borrow();
            let Some(waiter) = blocked.waiters.get(&ticket) else { return Look::Next };
            if waiter.reply_to.is_closed() {
                // Its connection has gone and says so soon. Nothing must be popped for it.
                return Look::Next;
            }
            shard.keyspace_mut().enter(now, waiter.queued.slot);
            // The key may have been emptied by who has waited longer, or hold something else now:
            // then the client waits on (as in Redis). A group may be gone, with the key or
            // without, and that its reader is told.
            let kind = shard.keyspace_mut().kind(key);
            let spec = self.node.table().spec(waiter.queued.id);
            if !waiter.is_group_reader && !may_find(spec.family, kind) {
                return if kind.is_none() { Look::KeyGone } else { Look::Next };
            }
            (waiter.queued.clone(), waiter.version)
        };
        self.timings.begin();
        shard.keyspace_mut().set_caller(queued.caller);
        let mut bytes = Vec::new();
        let mut reply = Reply::resp(&mut bytes, version);
        let args = queued.request.args();
        if shard.attempt_queued(&queued, now, &mut reply) == Outcome::Blocked {
            return Look::Next;
        }
        self.note_end(queued.caller.client, queued.id, args, &bytes);
        self.keep(shard);
        let waiter = self.blocked.borrow_mut().remove(ticket, shard);
        if let Some(waiter) = waiter {
            let wait = if self.node.log.may_hold() { self.outlet.last() } else { 0 };
            self.outlet.when_durable(wait, move || drop(waiter.reply_to.send(bytes)));
        }
        Look::Next
    }
}

/// Whether a command of this family can find something in a key of this kind.
fn may_find(family: Family, kind: Option<Kind>) -> bool {
    match family {
        Family::Stream => kind == Some(Kind::Stream),
        Family::SortedSet => kind == Some(Kind::ZSet),
        Family::List => kind == Some(Kind::List),
        _ => kind.is_some(),
    }
}

/// Takes a request out that still waits when its connection ends.
struct Guard {
    executor: Rc<Executor>,
    shard: u16,
    ticket: u64,
    client: Arc<Client>,
    armed: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.client.blocked.store(false, Ordering::Relaxed);
        self.executor.node.statistics.blocked_clients.fetch_sub(1, Ordering::Relaxed);
        if self.armed {
            let ticket = self.ticket;
            self.executor.tell(self.shard, move |executor| {
                executor.stop_waiting(ticket);
            });
        }
    }
}

/// Waits for something with the client counted and shown as one that waits (CLIENT PAUSE).
pub(crate) async fn counted(
    executor: Rc<Executor>,
    client: Arc<Client>,
    wait: impl Future<Output = ()>,
) {
    struct Count(Rc<Executor>, Arc<Client>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.1.paused.store(false, Ordering::Relaxed);
            self.0.node.statistics.blocked_clients.fetch_sub(1, Ordering::Relaxed);
        }
    }
    executor.node.statistics.blocked_clients.fetch_add(1, Ordering::Relaxed);
    client.paused.store(true, Ordering::Relaxed);
    let _count = Count(executor, client);
    wait.await;
}

/// A request that may wait, or is named: sends it to its shard and waits for its reply. `restricted`
/// is whose it is, when that is somebody who may not do everything.
pub(crate) async fn run_there(
    executor: Rc<Executor>,
    client: Arc<Client>,
    shard: u16,
    queued: Queued,
    restricted: Option<Arc<RestrictedUser>>,
    version: Version,
) -> Vec<u8> {
    let spec = executor.node.table().spec(queued.id);
    let timeout = blocking::timeout_ms(spec, queued.request.args());
    let attempt = move |other: &Executor| other.attempt_or_wait(queued, restricted, version);
    let attempt = executor.ask(shard, attempt).await;
    match attempt {
        Some(Attempt::Replied(bytes)) => bytes,
        Some(Attempt::Waits(ticket, receiver)) => {
            let waiting = Waiting { shard, ticket, receiver, timeout, spec, version };
            wait_for_reply(executor, client, waiting).await
        }
        None => {
            let mut bytes = Vec::new();
            encode::error(&mut bytes, b"ERR the server is shutting down");
            bytes
        }
    }
}

/// A request that waits, as its connection sees it.
pub(crate) struct Waiting {
    /// The shard of its keys.
    pub(crate) shard: u16,
    pub(crate) ticket: u64,
    pub(crate) receiver: oneshot::Receiver<Vec<u8>>,
    /// Milliseconds; 0 is for ever.
    pub(crate) timeout: i64,
    pub(crate) spec: &'static CommandSpec,
    pub(crate) version: Version,
}

/// Waits for the reply, the time-out or CLIENT UNBLOCK.
pub(crate) async fn wait_for_reply(
    executor: Rc<Executor>,
    client: Arc<Client>,
    waiting: Waiting,
) -> Vec<u8> {
    let Waiting { shard, ticket, mut receiver, timeout, spec, version } = waiting;
    executor.node.statistics.blocked_clients.fetch_add(1, Ordering::Relaxed);
    client.block();
    let mut guard =
        Guard { executor: executor.clone(), shard, ticket, client: client.clone(), armed: true };
    let time_is_up = async {
        match u64::try_from(timeout) {
            Ok(millis @ 1..) => tokio::time::sleep(Duration::from_millis(millis)).await,
            _ => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        biased;
        reply = &mut receiver => {
            guard.armed = false;
            return reply.unwrap_or_default();
        }
        unblock = client.unblocked() => unblock,
        () = time_is_up => Unblock::TimeOut,
    };
    let was_there = executor.ask(shard, move |other| other.stop_waiting(ticket)).await;
    guard.armed = false;
    if was_there == Some(false)
        && let Ok(reply) = receiver.await
    {
        // Answered in the same moment (I1).
        return reply;
    }
    let mut bytes = Vec::new();
    match ended {
        Unblock::TimeOut => blocking::give_up(spec, &mut Reply::resp(&mut bytes, version)),
        Unblock::Error => {
            encode::error(&mut bytes, b"UNBLOCKED client unblocked via CLIENT UNBLOCK");
        }
    }
    executor.note_given_up(spec, &bytes);
    bytes
}
