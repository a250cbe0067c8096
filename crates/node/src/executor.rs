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

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::rc::{Rc, Weak};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use protocol::args::Args;
use protocol::decode::Batch;
use protocol::slot::Slot;
use protocol::spec::Flags;
use router::topology::Owner;
use shard::Shard;
use shard::commands::table::CommandId;
use shard::keyspace::{Caller, Keyspace};
use shard::reply::Reply;
use shard::script::{ScriptEngine, Services, SlotOwner};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};

use crate::blocked::Blocked;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::mailbox::{Message, Replies, Run};
use crate::node::{CommandFigures, LiveExecutor, Node, Published, SlowRequest};
use crate::script_services::ScriptServices;
use crate::secrets;
use crate::slow_log::{self, SlowEntry};
use crate::sys::Thread;
use crate::timing::{Row, Timings};

/// What clients of a shard are told that is busy with a script (Redis's text).
pub(crate) const BUSY_SCRIPT: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";

/// The same when it is busy with a function.
pub(crate) const BUSY_FUNCTION: &str =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";

/// Bytes read from a socket at once.
const READ_SIZE: usize = 64 * 1024;

/// How often figures are published and expired keys looked for.
const TICK: Duration = Duration::from_millis(100);

/// Keys that are evicted at once when memory is full although nothing needs it.
const EVICTED_KEYS: usize = 2_000;

/// Buckets of keys that one look for expired keys visits, and fields of hashes that it removes.
const EXPIRY_BUCKETS: usize = 2_000;

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
    pub(crate) bytes_in: Cell<u64>,
    pub(crate) bytes_out: Cell<u64>,
    /// Requests that wait for keys of the shard.
    pub(crate) blocked: RefCell<Blocked>,
    pub(crate) timings: Timings,
    connections: RefCell<BTreeMap<u64, Rc<Connection>>>,
    mailbox: RefCell<mpsc::Receiver<Message>>,
    /// Messages that arrived while a script was running and wait for the shard.
    deferred: RefCell<Vec<Message>>,
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
    spawn_local(tick(executor.clone()));
    loop {
        // The mailbox is borrowed only while it is polled: `attend` must be able to look into it.
        let message = poll_fn(|cx| executor.mailbox.borrow_mut().poll_recv(cx)).await;
        match message {
            Some(message) => executor.receive(message),
            None => return,
        }
    }
}

async fn tick(executor: Rc<Executor>) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let now = executor.clock.now();
        let mut shard = executor.shard.borrow_mut();
        shard.keyspace_mut().enter(now, None);
        shard.keyspace_mut().set_caller(Caller::default());
        if executor.node.settings.active_expire.load(Ordering::Relaxed) {
            shard.keyspace_mut().expire_some(EXPIRY_BUCKETS);
        }
        if executor.node.gauge.is_full() {
            shard.make_room(EVICTED_KEYS);
        }
        executor.release(&mut shard);
        executor.publish(&shard);
    }
}

impl Executor {
    fn new(node: Arc<Node>, index: u16, mailbox: mpsc::Receiver<Message>, me: Weak<Self>) -> Self {
        let (first, count) = node.topology.shard_range(index);
        let mut keyspace = Keyspace::new(first, count, fastrand::u64(..));
        keyspace.configure(node.settings.keyspace());
        keyspace.set_channels(node.channels.clone());
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
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
            blocked: RefCell::default(),
            timings: Timings::new(node.table().len()),
            connections: RefCell::default(),
            mailbox: RefCell::new(mailbox),
            deferred: RefCell::default(),
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
            Message::Accept { stream, listener } => self.adopt(stream, listener),
            Message::Run(run) => {
                let replies = self.run_requests(&run);
                // The connection may have gone; its requests have run all the same.
                let _ = run.reply_to.send(replies);
                self.after_script();
            }
            Message::Call(call) => {
                call(self);
                self.after_script();
            }
        }
    }

    /// Runs requests that came from a connection of another executor.
    fn run_requests(&self, run: &Run) -> Replies {
        let mut replies = Replies::default();
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
            self.note_end(queued.caller.client, queued.id, args, &replies.bytes[start..]);
            replies.ends.push(replies.bytes.len());
        }
        replies
    }

    /// Takes in a new connection.
    fn adopt(&self, stream: TcpStream, listener: usize) {
        let Some(me) = self.me.upgrade() else { return };
        match Connection::new(&self.node, self.index, stream, listener) {
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

    /// The connection of a client that lives here.
    pub(crate) fn connection(&self, client: u64) -> Option<Rc<Connection>> {
        self.connections.borrow().get(&client).cloned()
    }

    /// Looks after sockets and mailbox while a script runs. Called from the script's hook.
    pub(crate) fn attend(&self, request: Option<Args<'_>>) {
        let Some(me) = self.me.upgrade() else { return };
        self.show_slow_request(request);
        self.attend_mailbox();
        self.take_pushes();
        let connections: Vec<Rc<Connection>> =
            self.connections.borrow().values().cloned().collect();
        let idle: Vec<&Rc<Connection>> =
            connections.iter().filter(|connection| connection.attend_open(&me)).collect();
        let mut fds: Vec<PollFd<'_>> = idle
            .iter()
            .map(|connection| PollFd::new(connection.as_fd(), PollFlags::POLLIN))
            .collect();
        if !matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1..)) {
            return;
        }
        for (connection, fd) in idle.iter().zip(&fds) {
            if fd.any().unwrap_or(false) {
                connection.attend(&me);
            }
        }
    }

    /// Lets other threads know which request has called what runs.
    fn show_slow_request(&self, request: Option<Args<'_>>) {
        let handle = &self.node.executors[usize::from(self.index)];
        let run = handle.live.get().and_then(|live| live.control.running());
        let (Some(run), Some(request)) = (run, request) else { return };
        let mut slow = handle.slow.lock().unwrap_or_else(PoisonError::into_inner);
        if slow.as_ref().is_none_or(|known| known.run != run) {
            let command = request.iter_from(0).map(<[u8]>::to_vec).collect();
            *slow = Some(SlowRequest { run, command });
        }
    }

    fn attend_mailbox(&self) {
        loop {
            let message = self.mailbox.borrow_mut().try_recv();
            match message {
                Ok(message @ Message::Accept { .. }) => self.receive(message),
                Ok(message) => self.deferred.borrow_mut().push(message),
                Err(_) => break,
            }
        }
        if !self.is_busy(self.index) {
            return;
        }
        // Requests of other executors' connections are told so; calls wait for the shard.
        let (runs, calls): (Vec<Message>, Vec<Message>) = self
            .deferred
            .take()
            .into_iter()
            .partition(|message| matches!(message, Message::Run(_)));
        self.deferred.borrow_mut().extend(calls);
        for run in runs {
            if let Message::Run(run) = run {
                let replies = self.run_requests(&run);
                let _ = run.reply_to.send(replies);
            }
        }
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
            return Some(work(self));
        }
        let (tx, rx) = oneshot::channel();
        let call = Message::Call(Box::new(move |executor| drop(tx.send(work(executor)))));
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

    fn figures(&self, row: Row) -> CommandFigures {
        let longest =
            |power: usize| self.timings.nanos(1u64.checked_shl(power as u32).unwrap_or(u64::MAX));
        let counted = row.buckets.iter().flat_map(|buckets| buckets.iter().enumerate());
        CommandFigures {
            calls: row.calls,
            rejected: row.rejected,
            failed: row.failed,
            nanos: self.timings.nanos(row.ticks),
            buckets: counted
                .filter(|(_, count)| **count > 0)
                .map(|(power, count)| (longest(power), u64::from(*count)))
                .collect(),
        }
    }

    /// A command of a client has ended that began with the end of the last one, or with
    /// `Timings::begin`.
    #[inline]
    pub(crate) fn note_end(&self, client: u64, id: CommandId, args: Args<'_>, reply: &[u8]) {
        let failed = reply.first() == Some(&b'-');
        let notable = self.timings.end(id, failed);
        if failed {
            self.timings.note_error(&reply[1..]);
        }
        if let Some(nanos) = notable {
            self.note_slow(client, id, args, nanos);
        }
    }

    /// A command has ended that took long enough for the slow log or the latency monitor.
    #[cold]
    fn note_slow(&self, client: u64, id: CommandId, args: Args<'_>, nanos: u64) {
        let client = self.node.clients.find(client);
        let settings = &self.node.settings;
        let spec = self.node.table().spec(id);
        let second = self.clock.now().0 / 1_000_000;
        let least = settings.latency_monitor_threshold.load(Ordering::Relaxed);
        let millis = nanos / 1_000_000;
        if least > 0 && millis >= least {
            let event = if spec.flags.contains(Flags::FAST) { "fast-command" } else { "command" };
            self.node.latency.add(event, second, millis);
        }
        let slower_than = settings.slowlog_log_slower_than.load(Ordering::Relaxed) as i64;
        let micros = nanos / 1000;
        let skipped = spec.flags.contains(Flags::SKIP_SLOWLOG);
        if slower_than >= 0 && micros >= slower_than as u64 && !skipped {
            let shown = secrets::without(spec, args);
            let most = settings.slowlog_max_len.load(Ordering::Relaxed) as usize;
            let entry = SlowEntry {
                id: 0,
                time: second,
                micros,
                parts: slow_log::shorten(shown.as_ref().map_or(args, |shown| shown.args())),
                address: client
                    .as_ref()
                    .map(|client| client.address.to_string())
                    .unwrap_or_default(),
                name: client.map(|client| client.facts().name.clone()).unwrap_or_default(),
            };
            self.node.slow_log.add(entry, most);
        }
    }

    /// From where on the time of a command is worth a look, by the settings.
    pub(crate) fn follow_time_settings(&self) {
        let settings = &self.node.settings;
        let slower_than = settings.slowlog_log_slower_than.load(Ordering::Relaxed) as i64;
        let slow = u64::try_from(slower_than).ok().map(|micros| micros.saturating_mul(1000));
        let millis = settings.latency_monitor_threshold.load(Ordering::Relaxed);
        let latent = (millis > 0).then(|| millis.saturating_mul(1_000_000));
        self.timings.set_notable(slow.into_iter().chain(latent).min());
    }

    /// Publishes the figures now, for a command of this executor that shows them.
    pub(crate) fn publish_now(&self) {
        if let Ok(shard) = self.shard.try_borrow() {
            self.publish(&shard);
        }
    }

    /// Publishes the shard's figures, for INFO on any thread.
    pub(crate) fn publish(&self, shard: &Shard) {
        let counters = shard.keyspace().counters();
        let tracked = shard.keyspace().tracked();
        let (commands, failed) = self.timings.total();
        let published = Published {
            keys: shard.keyspace().len() as u64,
            expiring: shard.keyspace().expiring() as u64,
            commands,
            failed,
            hits: counters.hits,
            misses: counters.misses,
            expired: counters.expired,
            evicted: counters.evicted,
            expired_fields: counters.expired_fields,
            with_expiring_fields: shard.keyspace().with_expiring_fields() as u64,
            changes: counters.changes,
            tracked: (tracked.0 as u64, tracked.1 as u64),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            script_memory: shard.scripts().memory_used() as u64,
            function_memory: shard.scripts().functions_memory_used() as u64,
            scripts: shard.scripts().counters(),
            calls: self.timings.rows().into_iter().map(|row| self.figures(row)).collect(),
            errors: self.timings.errors(),
        };
        let handle = &self.node.executors[usize::from(self.index)];
        *handle.published.lock().unwrap_or_else(PoisonError::into_inner) = published;
        // Published between requests: nothing runs now.
        *handle.slow.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Services for ScriptServices {
    fn answer(
        &self,
        id: shard::commands::table::CommandId,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), shard::error::CommandError> {
        self.answer_command(id, args, reply)
    }

    fn attend(&self, request: Option<Args<'_>>) {
        if let Some(executor) = self.executor() {
            executor.attend(request);
        }
    }

    fn is_monitored(&self) -> bool {
        self.executor().is_some_and(|executor| executor.node.monitors.any())
    }

    fn show(&self, args: Args<'_>) {
        if let Some(executor) = self.executor() {
            executor.show_command("lua", args);
        }
    }

    fn owner(&self, slot: Slot) -> SlotOwner {
        self.executor().map_or(SlotOwner::Here, |executor| executor.slot_owner(slot))
    }

    fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    fn libraries_changed(&self) {
        let Some(executor) = self.executor() else { return };
        let shards = 0..executor.node.topology.shards();
        for shard in shards.filter(|&shard| shard != executor.index) {
            executor.tell(shard, |executor| {
                if let Ok(mut shard) = executor.shard.try_borrow_mut() {
                    shard.scripts_mut().refresh_functions();
                }
            });
        }
    }
}
