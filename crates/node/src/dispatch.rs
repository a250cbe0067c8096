//! Dispatch: what becomes of each request of a batch.
//!
//! Looks the command up, asks the router where it runs, and runs it there if that is here.

mod answer;
mod blocking;
pub(crate) mod once;
mod plain;
mod queue;
mod wait;

use std::rc::Rc;

use protocol::args::Args;
use protocol::slot::Slot;
use protocol::spec::{CommandSpec, Family, Flags, Slots};
use router::acl::login::Guard;
use router::plan::{CROSSSLOT, DOWN, Plan, plan_slots};
use router::registry::Home;
use router::session::{Abort, DebugMode, Session};
use shard::acl::Context as AclContext;
use shard::commands::table::CommandId;
use shard::error::CommandError;
use shard::reply::Reply;
use shard::shard::Queued;
use shard::time::Micros;

use crate::blocked;
use crate::connection::{Connection, own};
use crate::debug_session::DebugSession;
use crate::executor::Executor;
use crate::fan_out;
use crate::gather::{Gathered, Open};
use crate::panic::note_command;
use crate::pause;
use crate::secrets;

pub(crate) use plain::Ahead;
pub(crate) use wait::{Later, Step, Then, Wait};

/// What clients are told while the data is read at the start (Redis's text).
const LOADING: &str = "LOADING Redis is loading the dataset in memory";

/// The dispatch of one batch.
pub(crate) struct Dispatch<'a> {
    executor: &'a Rc<Executor>,
    connection: &'a Rc<Connection>,
    session: &'a mut Session,
    output: &'a mut Vec<u8>,
    gathered: Option<Gathered>,
    now: Micros,
    scripts_since_now: u32,
    /// Replies wait for the disk.
    holds: bool,
    /// The session is, see [`plain`].
    is_plain: bool,
}

impl<'a> Dispatch<'a> {
    pub(crate) fn new(
        executor: &'a Rc<Executor>,
        connection: &'a Rc<Connection>,
        session: &'a mut Session,
        output: &'a mut Vec<u8>,
    ) -> Self {
        let now = executor.clock.now();
        executor.timings.begin();
        let (holds, is_plain) = (executor.holds(session), session.is_plain());
        Self {
            executor,
            connection,
            session,
            output,
            gathered: None,
            now,
            scripts_since_now: 0,
            holds,
            is_plain,
        }
    }

    /// What the batch leaves open.
    pub(crate) fn finish(self, then: Then) -> Option<Wait> {
        match (self.gathered, then) {
            (None, Then::Nothing) => None,
            (gathered, then) => Some(Wait { gathered: gathered.map(Open::Unsent), then }),
        }
    }

    /// A request has run here: its reply waits for what it has done or seen, if it has to.
    #[inline]
    fn note_index(&self, id: CommandId, args: Args<'_>) {
        if self.holds {
            self.connection.wait_for(self.executor.index_of(id, args));
        }
    }

    /// An error that is not the reply of a command: the protocol is broken.
    pub(crate) fn reply_error(&mut self, text: &str) {
        self.executor.timings.note_refusal(text.as_bytes());
        self.reply(|reply| reply.error_text(text.as_bytes()));
    }

    /// Writes the reply of a command that runs here, and notes how long it has taken.
    #[inline]
    fn reply_to(&mut self, id: CommandId, args: Args<'_>, run: impl FnOnce(&mut Reply<'_>)) {
        let (executor, client) = (self.executor, self.session.id);
        self.reply_with(run, |reply| executor.note_end(client, id, args, reply));
    }

    /// Writes the reply of one request in its place.
    #[inline]
    fn reply(&mut self, write: impl FnOnce(&mut Reply<'_>)) {
        self.reply_with(write, |_| {});
    }

    #[inline]
    fn reply_with(&mut self, write: impl FnOnce(&mut Reply<'_>), look: impl FnOnce(&[u8])) {
        let version = self.session.version;
        let silent = self.session.silent();
        let out = match &mut self.gathered {
            Some(gathered) => &mut gathered.local,
            None => &mut *self.output,
        };
        let start = out.len();
        write(&mut Reply::resp(out, version));
        look(&out[start..]);
        if silent {
            out.truncate(start);
        }
        if let Some(gathered) = &mut self.gathered {
            gathered.note_local();
        }
    }

    /// Runs one request, or sends it where it runs.
    #[inline]
    pub(crate) fn run(&mut self, args: Args<'_>, ahead: Ahead) -> Step {
        if self.run_plain(args, ahead) {
            return Step::Next;
        }
        let step = self.run_the_long_way(args, ahead);
        self.is_plain = self.session.is_plain();
        step
    }

    #[inline(never)]
    fn run_the_long_way(&mut self, args: Args<'_>, ahead: Ahead) -> Step {
        let step = self.run_request(args, ahead);
        if self.session.once.is_some() && !matches!(step, Step::Again(_)) {
            self.settle_name();
        }
        // A reply that comes later moves on when it comes.
        if matches!(step, Step::Next) {
            self.session.advance_reply_mode();
        }
        if let Some(tracking) = &mut self.session.tracking {
            // CLIENT CACHING is for one command or transaction.
            if !args.is(1, "CACHING") && self.session.transaction.is_none() {
                tracking.caching = None;
            }
        }
        step
    }

    #[inline]
    fn run_request(&mut self, args: Args<'_>, ahead: Ahead) -> Step {
        let node = &self.executor.node;
        let id = match ahead.id.map_or_else(|| node.table().resolve(args), Ok) {
            Ok(id) => id,
            Err(error) => return self.refuse_unresolved(&error),
        };
        let spec = node.table().spec(id);
        note_command(spec.name);
        self.connection.note(id.index(), self.now.millis());
        if !self.session.login.is_open()
            && let Some(step) = self.check_user(id, spec, args)
        {
            return step;
        }
        // Scripts are shown before what they call (Redis does that apart from all others).
        let is_shown =
            spec.family == Family::Scripting || !spec.flags.contains(Flags::SKIP_MONITOR);
        if node.monitors.any() && is_shown && !spec.flags.contains(Flags::ADMIN) {
            let shown = secrets::without(spec, args);
            let shown = shown.as_ref().map_or(args, |shown| shown.args());
            let source = self.connection.client.address.to_string();
            self.executor.show_command(&source, shown);
        }
        let home = *node.registry.home(id);
        if self.session.only_listens()
            && let Some(step) = self.answer_listener(spec, args)
        {
            return step;
        }
        if node.loading.is_on() && !spec.flags.contains(Flags::LOADING) {
            return self.reject(id, LOADING);
        }
        if node.pause.is_on()
            && let Some(end) =
                pause::held(node, home, spec, args, self.session.transaction.as_ref())
        {
            // What ends a pause is not paused.
            if spec.family != Family::Connection && spec.family != Family::Server {
                let (executor, client) = (self.executor.clone(), self.connection.client.clone());
                let node = executor.node.clone();
                let wait = async move { node.pause.wait(end).await };
                let pause = Box::pin(blocked::counted(executor, client, wait));
                return Step::Again(Then::Pause(pause));
            }
        }
        if self.session.transaction.is_some() && !runs_in_multi(spec) {
            return self.queue(id, spec, args);
        }
        if self.session.once.is_some()
            && let Some(step) =
                self.run_named(id, spec, args, matches!(home, Home::Shard), ahead.slot)
        {
            return step;
        }
        if self.gathered.as_ref().is_some_and(|all| all.version() != self.session.version) {
            return Step::Again(Then::Nothing);
        }
        match home {
            Home::Shard => self.run_on_shard(id, spec, args, ahead.slot),
            Home::Router(run) => {
                let executor = self.executor;
                let view = &self.connection.view;
                self.answer_by_session(id, run, args, executor, view)
            }
            Home::Node(run) => self.answer_by_node(id, run, args),
        }
    }

    /// Whether the client still has to authenticate.
    pub(crate) fn is_locked(&self) -> bool {
        self.session.login.is_locked()
    }

    /// A request of a client that may not do everything. `None` when it may send it.
    #[cold]
    fn check_user(&mut self, id: CommandId, spec: &CommandSpec, args: Args<'_>) -> Option<Step> {
        let in_multi = self.session.transaction.is_some();
        let text = match &self.session.login.guard {
            Guard::Open => return None,
            Guard::Locked | Guard::Gone if spec.flags.contains(Flags::NO_AUTH) => return None,
            Guard::Locked | Guard::Gone => "NOAUTH Authentication required.".into(),
            // What is not allowed in MULTI at all is told so.
            Guard::Restricted(_) if in_multi && spec.flags.contains(Flags::NO_MULTI) => {
                return None;
            }
            Guard::Restricted(restricted) => {
                let context = if in_multi { AclContext::Multi } else { AclContext::TopLevel };
                let denied = restricted.check(id, spec, args, context).err()?;
                format!("NOPERM {}", denied.text(restricted.user(), spec))
            }
        };
        if spec.name == "exec" {
            return Some(self.refuse_exec(&text));
        }
        Some(self.reject(id, &text))
    }

    /// A request of a client that has subscribed, in RESP2. `None` when it may send it.
    #[cold]
    fn answer_listener(&mut self, spec: &CommandSpec, args: Args<'_>) -> Option<Step> {
        match spec.name {
            "subscribe" | "psubscribe" | "ssubscribe" | "unsubscribe" | "punsubscribe"
            | "sunsubscribe" | "quit" | "reset" => None,
            "ping" if args.len() <= 2 => {
                self.reply(|reply| {
                    reply.array(2);
                    reply.bulk(b"pong");
                    reply.bulk(args.get(1).unwrap_or_default());
                });
                Some(Step::Next)
            }
            "ping" => None,
            name => {
                let name = name.replace('|', " ");
                Some(self.refuse(&format!(
                    "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / \
                     QUIT / RESET are allowed in this context"
                )))
            }
        }
    }

    /// A command that is unknown or has the wrong number of parts. For EXEC that is the end of the
    /// transaction (Redis: `execCommandAbort`).
    fn refuse_unresolved(&mut self, error: &CommandError) -> Step {
        let text = error.to_string();
        if let CommandError::Arity(name) = error
            && let Some(id) = self.executor.node.table().lookup(name.as_bytes())
        {
            self.executor.timings.reject(id);
        }
        if *error != CommandError::Arity("exec") {
            return self.refuse(&text);
        }
        self.refuse_exec(text.strip_prefix("ERR ").unwrap_or(&text))
    }

    /// EXEC itself was refused.
    fn refuse_exec(&mut self, why: &str) -> Step {
        self.session.transaction = None;
        crate::commands::watch::unwatch_all(self.executor, self.session);
        self.reply_error(&format!("EXECABORT Transaction discarded because of: {why}"));
        Step::Next
    }

    /// A command that was refused before it ran: that also spoils a transaction.
    fn refuse(&mut self, text: &str) -> Step {
        if let Some(transaction) = &mut self.session.transaction {
            transaction.abort(Abort::Errors);
        }
        self.reply_error(text);
        Step::Next
    }

    #[inline]
    fn run_on_shard(
        &mut self,
        id: CommandId,
        spec: &'static CommandSpec,
        args: Args<'_>,
        slot: Option<Slot>,
    ) -> Step {
        if spec.family == Family::Scripting
            && self.session.debug != DebugMode::Off
            && let Some(step) = self.debug(id, args)
        {
            return step;
        }
        let can_wait = spec.flags.contains(Flags::BLOCKING);
        let slots = slot.map_or_else(|| spec.slots(args), Slots::One);
        match plan_slots(spec, slots, &self.executor.node.topology) {
            Plan::Local if can_wait => self.run_or_wait(id, spec, args, None),
            Plan::Shard { shard, slot } if can_wait && shard == self.executor.index => {
                self.run_or_wait(id, spec, args, Some(slot))
            }
            Plan::Shard { shard, slot } if can_wait => self.wait_there(shard, id, args, slot),
            Plan::Local => self.run_here(id, spec, args, None),
            Plan::Shard { shard, slot } if shard == self.executor.index => {
                self.run_here(id, spec, args, Some(slot))
            }
            Plan::Shard { shard, slot } => self.send_to(shard, id, args, Some(slot)),
            Plan::FanOut(fan_out) => {
                if let Some(busy) = self.executor.any_busy() {
                    self.reply_error(busy);
                    return Step::Next;
                }
                let version = self.session.version;
                let caller = self.session.caller();
                let queued = Queued { id, request: own(args), slot: None, caller, once: None };
                let later = fan_out::run(self.executor.clone(), fan_out, queued, version);
                Step::Wait(Then::Reply(Box::pin(later)))
            }
            Plan::Moved { slot, member } => {
                let text = self.connection.view.moved(slot, member);
                self.reject(id, &text)
            }
            Plan::CrossSlot => self.reject(id, CROSSSLOT),
            Plan::Down(_) => self.reject(id, DOWN),
        }
    }

    /// Refuses a command that is known.
    #[cold]
    fn reject(&mut self, id: CommandId, text: &str) -> Step {
        self.executor.timings.reject(id);
        self.refuse(text)
    }

    /// A script on a connection that debugs scripts. `None` when the debugger has nothing to do with
    /// the command.
    #[cold]
    fn debug(&mut self, id: CommandId, args: Args<'_>) -> Option<Step> {
        let session = match DebugSession::wanted(self.executor, self.session, id, args)? {
            Ok(session) => session,
            Err(text) => return Some(self.refuse(text)),
        };
        // The session writes to the socket by itself: what comes before it has to be written.
        if self.gathered.is_some() || !self.output.is_empty() {
            return Some(Step::Again(Then::Nothing));
        }
        let (executor, connection) = (self.executor.clone(), self.connection.clone());
        Some(Step::Wait(Then::Reply(Box::pin(session.run(executor, connection)))))
    }

    /// Runs a command on the own shard, at once.
    #[inline]
    fn run_here(
        &mut self,
        id: CommandId,
        spec: &CommandSpec,
        args: Args<'_>,
        slot: Option<Slot>,
    ) -> Step {
        let executor = self.executor;
        let Ok(mut shard) = executor.shard.try_borrow_mut() else {
            return self.wait_for_shard();
        };
        let now = self.now;
        let mut elsewhere = None;
        let start = self.output_len();
        shard.keyspace_mut().set_caller(self.session.caller());
        let restricted =
            self.session.login.restricted().filter(|_| spec.family == Family::Scripting);
        let is_restricted = restricted.is_some();
        if is_restricted {
            shard.set_restricted(restricted.cloned());
        }
        let write = |reply: &mut Reply<'_>| elsewhere = shard.execute(id, args, slot, now, reply);
        self.reply_to(id, args, write);
        if is_restricted {
            shard.set_restricted(None);
        }
        executor.release(&mut shard);
        drop(shard);
        self.note_index(id, args);
        if spec.family == Family::Scripting {
            executor.after_script();
            self.note_script();
            if let Some(slot) = elsewhere {
                return self.send_script(start, id, args, slot);
            }
        }
        Step::Next
    }

    /// Scripts take time, and the next request is to see it. Reading the clock after each would cost
    /// short scripts several per cent, so it is read after every few.
    fn note_script(&mut self) {
        const SCRIPTS: u32 = 8;
        self.scripts_since_now += 1;
        if self.scripts_since_now == SCRIPTS {
            self.scripts_since_now = 0;
            self.now = self.executor.clock.now();
        }
    }

    /// The own shard is in a script: wait for its end, unless it is slow.
    #[cold]
    fn wait_for_shard(&mut self) -> Step {
        if let Some(busy) = self.executor.busy(self.executor.index) {
            self.reply_error(busy);
            return Step::Next;
        }
        Step::Again(Then::ShardFree)
    }

    /// Bytes of replies that have not been written.
    #[inline]
    pub(crate) fn output_len(&self) -> usize {
        self.gathered.as_ref().map_or(self.output.len(), |gathered| gathered.local.len())
    }

    /// A script without declared keys has named a key of another shard first: run it there.
    #[cold]
    fn send_script(&mut self, start: usize, id: CommandId, args: Args<'_>, slot: Slot) -> Step {
        debug_assert_eq!(start, self.output_len(), "a script that leaves has replied nothing");
        if let Some(gathered) = &mut self.gathered {
            gathered.forget_last();
        }
        match self.executor.node.topology.owner(slot) {
            router::topology::Owner::Here(shard) => self.send_to(shard, id, args, None),
            router::topology::Owner::Node(_) | router::topology::Owner::Nobody => self.refuse(DOWN),
        }
    }

    /// Sends a command to another shard of this node, with the others of the batch.
    fn send_to(&mut self, shard: u16, id: CommandId, args: Args<'_>, slot: Option<Slot>) -> Step {
        if let Some(busy) = self.executor.busy(shard) {
            self.reply_error(busy);
            return Step::Next;
        }
        let silent = self.session.silent();
        let version = self.session.version;
        let (login, holds) = (&self.session.login, self.holds);
        let gathered = self
            .gathered
            .get_or_insert_with(|| Gathered::new(version, login.restricted().cloned(), holds));
        let caller = self.session.caller();
        gathered.add(shard, Queued { id, request: own(args), slot, caller, once: None }, silent);
        Step::Next
    }
}

/// Commands that MULTI does not queue.
fn runs_in_multi(spec: &CommandSpec) -> bool {
    matches!(spec.name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}
