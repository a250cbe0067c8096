//! The executor: the one thread that owns a shard and the connections that live with it.
//!
//! Sharing a shard behind a lock would let two commands interleave between a script's reads and
//! writes. Ownership by one thread makes a script atomic with no lock at all; the price is that
//! slow scripts delay their neighbours, hence limits and the watchdog.
//!
//! A tokio `current_thread` runtime drives the connections of the thread; a request for the own
//! shard runs in place, between reading it and writing its reply. Requests for another shard travel
//! by mailbox, those of one pipeline together.
//!
//! # While a script runs for long
//! The thread is inside the script, so nobody looks after its sockets. From 20 ms on the watchdog
//! makes the script's hook call [`Executor::attend`] every 20 ms: it takes in new connections,
//! answers what needs no shard (INFO, CLIENT, SCRIPT KILL, …) and what other shards can answer, and
//! leaves what needs the own shard waiting; past `busy-reply-threshold` that is answered BUSY. In
//! between the script runs without a hook, at full speed. (Another thread could have looked after
//! the sockets, but then every connection's state would have to be shared, always, for the sake of
//! a moment that should be rare.)
//!
//! # Invariants
//! - I1. Only this thread reaches the shard. Others send messages.
//! - I2. No borrow of the shard or of a connection's state is held across an await.
//! - I3. Mailboxes are bounded; who sends to a full one waits.

pub(crate) mod absorb;
mod attend;
mod durability;
mod figures;
pub(crate) mod snapshot;
mod tick;
mod upkeep;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::decode::Batch;
use protocol::slot::Slot;
use router::topology::Owner;
use shard::Shard;
use shard::keyspace::Keyspace;
use shard::reply::Reply;
use shard::script::{ScriptEngine, SlotOwner};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};

use crate::blocked::Blocked;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::connection::tls::TlsSession;
use crate::connection::together::{self, Unwritten};
use crate::dispatch::Ahead;
use crate::log::Outlet;
use crate::mailbox::{Message, Replies, Run};
use crate::node::{LiveExecutor, Node};
use crate::script_services::ScriptServices;
use crate::slot_stats::SlotStats;
use crate::sys::Thread;
use crate::times::Durations;
use crate::timing::Timings;

/// What clients of a shard are told that is busy with a script (Redis's text).
pub(crate) const BUSY_SCRIPT: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// The same when it is busy with a function.
pub(crate) const BUSY_FUNCTION: &str =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";

/// Bytes read from a socket at once.
const READ_SIZE: usize = 64 * 1024;

/// The stack of an executor's thread: converting deeply nested replies of scripts recurses.
const STACK_SIZE: usize = 16 << 20;

/// One executor. See the module.
pub(crate) struct Executor {
    pub(crate) index: u16,
    pub(crate) node: Arc<Node>,
    pub(crate) shard: RefCell<Shard>,
    pub(crate) clock: Clock,
    pub(crate) scratch: RefCell<Vec<u8>>,
    pub(crate) batch: Cell<Option<Batch>>,
    /// What is known of its requests before they run.
    pub(crate) ahead: Cell<Vec<Ahead>>,
    /// The node ends: nobody is taken in any more.
    ends: Cell<bool>,
    pub(crate) bytes_in: Cell<u64>,
    pub(crate) bytes_out: Cell<u64>,
    /// Requests that wait for keys of the shard.
    pub(crate) blocked: RefCell<Blocked>,
    pub(crate) timings: Timings,
    /// A connection may be over its soft limit of output.
    pub(crate) over_soft: Cell<bool>,
    pub(crate) slot_stats: SlotStats,
    /// Where what requests do goes to be kept.
    pub(crate) outlet: Outlet,
    /// What removing what has expired has taken.
    upkeep: upkeep::Figures,
    /// How late timers were.
    delays: RefCell<Durations>,
    /// Messages on channels, and how often they were told.
    pub(crate) messages: Cell<(u64, u64)>,
    connections: RefCell<BTreeMap<u64, Rc<Connection>>>,
    /// Those whose output waits to be written.
    pub(crate) unwritten: Unwritten,
    mailbox: RefCell<mpsc::Receiver<Message>>,
    /// Messages that arrived while a script was running and wait for the shard.
    deferred: RefCell<Vec<Message>>,
    /// What runs is a part of a command for all shards.
    pub(crate) fans_out: Cell<bool>,
    /// Somebody waits for the end of the script.
    awaited: Cell<bool>,
    /// Tells that it has ended.
    shard_free: Notify,
    me: Weak<Self>,
}

/// Starts the thread of executor `index`, which reports on `ready` once its shard can run scripts.
pub(crate) fn start(
    node: Arc<Node>,
    index: u16,
    mailbox: mpsc::Receiver<Message>,
    ready: oneshot::Sender<Result<(), String>>,
) -> io::Result<()> {
    let thread = std::thread::Builder::new().name(format!("shard-{index}")).stack_size(STACK_SIZE);
    thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => {
                let local = LocalSet::new();
                local.block_on(&runtime, run(node, index, mailbox, ready));
            }
            Err(error) => drop(ready.send(Err(error.to_string()))),
        }
    })?;
    Ok(())
}

async fn run(
    node: Arc<Node>,
    index: u16,
    mailbox: mpsc::Receiver<Message>,
    ready: oneshot::Sender<Result<(), String>>,
) {
    let executor = Rc::new_cyclic(|me| Executor::new(node, index, mailbox, me.clone()));
    let proof = executor.prove_scripts_stoppable();
    if ready.send(proof).is_err() {
        return;
    }
    executor.follow_time_settings();
    spawn_local(tick::run(executor.clone()));
    spawn_local(upkeep::run(executor.clone()));
    spawn_local(let_go(executor.clone()));
    spawn_local(together::run(executor.clone()));
    loop {
        // The mailbox is borrowed only while it is polled: `attend` must be able to look into it.
        let message = poll_fn(|cx| executor.mailbox.borrow_mut().poll_recv(cx)).await;
        match message {
            Some(message) => executor.receive(message),
            None => return,
        }
    }
}

/// Lets go what has waited for the disk, for as long as the executor runs.
async fn let_go(executor: Rc<Executor>) {
    loop {
        executor.node.log.synced_more(executor.index).await;
        executor.outlet.let_go();
    }
}

impl Executor {
    fn new(node: Arc<Node>, index: u16, mailbox: mpsc::Receiver<Message>, me: Weak<Self>) -> Self {
        let (first, count) = node.topology.shard_range(index);
        let mut keyspace = Keyspace::new(first, count, fastrand::u64(..));
        keyspace.configure(node.settings.keyspace());
        keyspace.set_channels(node.channels.clone());
        keyspace.set_hold(node.pause.hold.clone());
        let mut scripts = ScriptEngine::new(node.scripts.clone(), node.functions.clone());
        if node.config.shard_endpoints {
            scripts.answer_as_master();
        }
        scripts.configure(node.settings.script_limits(node.table()));
        scripts.set_services(Rc::new(ScriptServices::new(me.clone())));
        let live = LiveExecutor { control: scripts.control().clone(), thread: Thread::current() };
        let mut shard = Shard::new(keyspace, scripts, node.table());
        shard.set_gauge(node.gauge.clone());
        let handle = &node.executors[usize::from(index)];
        assert!(handle.live.set(live).is_ok(), "each executor is started once");
        Self {
            index,
            shard: RefCell::new(shard),
            clock: Clock::default(),
            scratch: RefCell::new(vec![0; READ_SIZE]),
            batch: Cell::default(),
            ahead: Cell::default(),
            ends: Cell::new(false),
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
            blocked: RefCell::default(),
            timings: Timings::new(node.table().len()),
            over_soft: Cell::new(false),
            slot_stats: SlotStats::new(first, count),
            outlet: node.log.outlet(index),
            upkeep: upkeep::Figures::default(),
            delays: RefCell::default(),
            messages: Cell::default(),
            connections: RefCell::default(),
            unwritten: Unwritten::default(),
            mailbox: RefCell::new(mailbox),
            deferred: RefCell::default(),
            fans_out: Cell::new(false),
            awaited: Cell::new(false),
            shard_free: Notify::new(),
            me,
            node,
        }
    }

    /// Runs loops of which the watchdog has to stop one. Where it cannot, the JIT compiler is
    /// switched off: endless compiled loops would run for ever.
    fn prove_scripts_stoppable(&self) -> Result<(), String> {
        /// Long enough for a loop to be compiled, short enough not to be noticed at start.
        const LIMIT_MS: u64 = 5;
        let handle = &self.node.executors[usize::from(self.index)];
        handle.proof_limit_ms.store(LIMIT_MS, Ordering::Relaxed);
        let mut shard = self.shard.borrow_mut();
        let stopped = shard.scripts_mut().prove_stoppable().map_err(|error| error.to_string());
        handle.proof_limit_ms.store(0, Ordering::Relaxed);
        if !stopped? {
            if !self.node.jit_off_noted.swap(true, Ordering::Relaxed) {
                tracing::warn!("compiled scripts cannot be stopped: the JIT compiler is off");
            }
            if !shard.scripts_mut().disable_jit() {
                return Err("the JIT compiler cannot be switched off".into());
            }
        }
        Ok(())
    }

    /// A message from another thread.
    fn receive(&self, message: Message) {
        match message {
            Message::Accept { stream, listener, tls } => self.adopt(stream, listener, tls),
            Message::Run(run) => {
                let (replies, wait) = self.run_requests(&run);
                // The connection may have gone; its requests have run all the same.
                let reply_to = run.reply_to;
                self.outlet.when_durable(wait, move || drop(reply_to.send(replies)));
                self.outlet.submit();
                self.after_script();
            }
            Message::Call(call) => {
                call(self);
                self.outlet.submit();
                self.after_script();
            }
        }
    }

    /// Runs requests that came from a connection of another executor. Returns the index that their
    /// replies wait for, too.
    fn run_requests(&self, run: &Run) -> (Replies, u64) {
        let mut replies = Replies::default();
        let mut wait = 0;
        for queued in &run.requests {
            let start = replies.bytes.len();
            self.timings.begin();
            let mut reply = Reply::resp(&mut replies.bytes, run.version);
            match self.shard.try_borrow_mut() {
                Ok(mut shard) => {
                    let now = self.clock.now();
                    let args = queued.request.args();
                    shard.keyspace_mut().set_caller(queued.caller);
                    if run.restricted.is_some() {
                        shard.set_restricted(run.restricted.clone());
                    }
                    let elsewhere = shard.execute(queued.id, args, queued.slot, now, &mut reply);
                    shard.set_restricted(None);
                    if elsewhere.is_some() {
                        reply.error_text(
                            b"ERR Script attempted to access a non local key in a cluster node",
                        );
                    }
                    self.release(&mut shard);
                }
                Err(_) => reply.error_text(self.busy_text(self.index).as_bytes()),
            }
            let args = queued.request.args();
            if run.holds {
                wait = wait.max(self.index_of(queued.id, args));
            }
            self.note_end(queued.caller.client, queued.id, args, &replies.bytes[start..]);
            replies.ends.push(replies.bytes.len());
        }
        (replies, wait)
    }

    /// No more requests are run: the connections end.
    ///
    /// What other executors send is run until theirs have ended too: call it once more then.
    pub(crate) fn end_service(&self) {
        self.ends.set(true);
        self.outlet.submit();
        for connection in self.connections.borrow().values() {
            connection.kill();
        }
    }

    /// Takes in a new connection.
    fn adopt(&self, stream: TcpStream, listener: usize, tls: Option<Box<TlsSession>>) {
        let Some(me) = self.me.upgrade() else { return };
        // A client that was told to go comes back at once: what it asked for now would not last.
        if self.ends.get() {
            return;
        }
        match Connection::new(&self.node, self.index, stream, listener, tls) {
            Ok(connection) => {
                let connection = Rc::new(connection);
                self.connections.borrow_mut().insert(connection.id(), connection.clone());
                spawn_local(async move {
                    connection.serve(&me).await;
                    me.connections.borrow_mut().remove(&connection.id());
                    connection.close(&me);
                });
            }
            Err(error) => tracing::debug!(%error, "a connection went before it was served"),
        }
    }

    /// A script has ended: whoever was told BUSY may come again, and what waited for the shard goes
    /// on.
    #[inline]
    pub(crate) fn after_script(&self) {
        let handle = &self.node.executors[usize::from(self.index)];
        let waited_for = self.awaited.get() || !self.deferred.borrow().is_empty();
        if waited_for || handle.busy.load(Ordering::Relaxed) {
            self.end_busy();
        }
    }

    #[cold]
    fn end_busy(&self) {
        if self.is_in_script() {
            return;
        }
        self.node.executors[usize::from(self.index)].busy.store(false, Ordering::Release);
        if self.awaited.replace(false) {
            self.shard_free.notify_waiters();
        }
        for message in self.deferred.take() {
            self.receive(message);
        }
    }

    /// This executor, as long as its thread serves anybody.
    pub(crate) fn myself(&self) -> Option<Rc<Self>> {
        self.me.upgrade()
    }

    /// Whether the shard is in use: this is called from within a script.
    pub(crate) fn is_in_script(&self) -> bool {
        self.shard.try_borrow_mut().is_err()
    }

    /// Ends connections that listen to what their users may not listen to any more; `own` is
    /// answered first.
    pub(crate) fn close_eavesdroppers(&self, own: u64) {
        for connection in self.connections.borrow().values() {
            connection.close_eavesdropper(self, own);
        }
    }

    /// Ends the largest connections of the node if all of them take more than `maxmemory-clients`.
    pub(crate) fn evict_clients(&self) {
        let Some(limit) = self.node.settings.clients_memory_limit() else { return };
        if self.node.clients.evictable() <= limit {
            return;
        }
        for evicted in self.node.clients.evict(limit) {
            self.tell(evicted.executor, move |executor| {
                if let Some(connection) = executor.connection(evicted.id) {
                    connection.give_back();
                }
            });
        }
    }

    /// The connection of a client that lives here.
    pub(crate) fn connection(&self, client: u64) -> Option<Rc<Connection>> {
        self.connections.borrow().get(&client).cloned()
    }

    /// Runs `work` on the executor of `shard` and waits for what it returns. `None` when that
    /// executor is gone: the process ends.
    pub(crate) async fn ask<R: Send + 'static>(
        &self,
        shard: u16,
        work: impl FnOnce(&Executor) -> R + Send + 'static,
    ) -> Option<R> {
        if shard == self.index {
            // Polled from within a script's hook, this waits for the script's end.
            while self.is_in_script() {
                self.awaited.set(true);
                self.shard_free.notified().await;
            }
            let result = work(self);
            self.outlet.submit();
            if self.node.log.may_hold() {
                self.outlet.durable(self.outlet.last()).await;
            }
            return Some(result);
        }
        let (tx, rx) = oneshot::channel();
        let call = Message::Call(Box::new(move |executor| {
            let result = work(executor);
            let wait = if executor.node.log.may_hold() { executor.outlet.last() } else { 0 };
            executor.outlet.when_durable(wait, move || drop(tx.send(result)));
        }));
        self.node.executors[usize::from(shard)].mailbox.send(call).await.ok()?;
        rx.await.ok()
    }

    /// Sends `work` to the executor of `shard` without waiting for it.
    pub(crate) fn tell(&self, shard: u16, work: impl FnOnce(&Executor) + Send + 'static) {
        if shard == self.index {
            if self.is_in_script() {
                // What it is about is the shard, which is free after the script.
                self.deferred.borrow_mut().push(Message::Call(Box::new(work)));
            } else {
                work(self);
            }
            return;
        }
        let mailbox = self.node.executors[usize::from(shard)].mailbox.clone();
        // At once if there is room, so that it arrives before what this connection sends next.
        match mailbox.try_send(Message::Call(Box::new(work))) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(message)) => {
                spawn_local(async move {
                    let _ = mailbox.send(message).await;
                });
            }
        }
    }

    /// Whether a shard of this node answers BUSY.
    pub(crate) fn is_busy(&self, shard: u16) -> bool {
        self.node.executors[usize::from(shard)].busy.load(Ordering::Relaxed)
    }

    /// What clients of a shard of this node are told when it is busy.
    pub(crate) fn busy_text(&self, shard: u16) -> &'static str {
        let live = self.node.executors[usize::from(shard)].live.get();
        let is_function = live.is_some_and(|live| live.control.what().is_function);
        if is_function { BUSY_FUNCTION } else { BUSY_SCRIPT }
    }

    /// The same, if it is.
    pub(crate) fn busy(&self, shard: u16) -> Option<&'static str> {
        self.is_busy(shard).then(|| self.busy_text(shard))
    }

    /// What clients are told who want something of all shards, one of which is busy.
    pub(crate) fn any_busy(&self) -> Option<&'static str> {
        (0..self.node.topology.shards()).find_map(|shard| self.busy(shard))
    }

    /// Who has a slot, seen from this shard.
    pub(crate) fn slot_owner(&self, slot: Slot) -> SlotOwner {
        match self.node.topology.owner(slot) {
            Owner::Here(shard) if shard == self.index => SlotOwner::Here,
            Owner::Here(_) => SlotOwner::Sibling,
            Owner::Node(_) => SlotOwner::Elsewhere,
            Owner::Nobody => SlotOwner::Nobody,
        }
    }
}
