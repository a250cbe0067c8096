//! What scripts call: `redis.call` and the rest of the `redis` table.
//!
//! `redis.call` resolves the command, checks what Redis checks in the order in which Redis checks
//! it, and calls the handler directly; the reply is pushed onto the Lua stack as it is made.
//!
//! # Invariants
//! - I1. A command whose keys are not of the script's slot is refused before it touches anything,
//!   unless the script may use other slots of its shard.
//! - I2. Whatever raises here has changed nothing; what earlier commands of the script have changed
//!   is the engine's to keep or to roll back.

mod api;
mod arguments;
mod call;
#[cfg(any(test, feature = "testing"))]
mod fault;
mod savepoint;
mod transaction;

use std::ffi::c_int;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use protocol::args::{Args, Request as CommandRequest};
use protocol::encode::Version;
use protocol::slot::Slot;
use protocol::spec::{Arity, Flags};

use super::debug::Attached;
use super::functions::Registration;
use super::interrupt::{Control, Request};
use super::lib::Libraries;
use super::raw::{Kind, Lent, LentRequest, Memory, Stack, note_memory_exceeded};
use super::sink::push_error;
#[cfg(any(test, feature = "testing"))]
pub(in crate::script) use fault::Fault;
pub(in crate::script) use savepoint::{SAVEPOINT, Savepoint};

use crate::acl::RestrictedUser;
use crate::commands::Run;
use crate::commands::table::{CommandId, CommandTable};
use crate::error::CommandError;
use crate::gauge::Refusal;
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::shard::Queued;
use crate::time::Micros;

/// Who has a slot, seen from the shard that a script runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotOwner {
    /// This shard.
    Here,
    /// Another shard of this node.
    Sibling,
    /// Another node.
    Elsewhere,
    /// Nobody.
    Nobody,
}

/// What a script host needs of the server around it.
pub trait Services {
    /// Answers a command that no shard runs (INFO, CLUSTER, …).
    ///
    /// # Errors
    /// What to reply instead.
    fn answer(
        &self,
        id: CommandId,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError>;

    /// Looks after the shard's sockets while a long script runs, which `request` has called.
    fn attend(&self, request: Option<Args<'_>>);

    /// Who has a slot.
    fn owner(&self, slot: Slot) -> SlotOwner;

    /// Whether somebody is shown every command (MONITOR), those of scripts included.
    fn is_monitored(&self) -> bool {
        false
    }

    /// Shows them a command that a script calls.
    fn show(&self, _args: Args<'_>) {}

    /// A count that grows with time, for measuring: whatever is read fastest.
    fn ticks(&self) -> u64;

    /// The time from one count of ticks to a later one.
    fn between(&self, from: u64, to: u64) -> Duration;

    /// The libraries of the node have changed; other shards may want to be up to date before they
    /// are asked for a function.
    fn libraries_changed(&self);
}

/// Why a script was made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::script) enum Stop {
    Killed,
    Timeout,
    Memory,
    /// What undoes it is too large.
    Undo,
    /// It gave up: [`Host::last_words`] are the reply.
    GaveUp,
    /// It is to run on another shard.
    Leave,
}

/// A key that a script has touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The key.
    pub key: Vec<u8>,
    /// A command that writes was given it.
    pub written: bool,
}

/// What is true of the script that runs.
pub(in crate::script) struct RunState {
    pub(in crate::script) now: Micros,
    /// The slot of its declared keys, or of the first key that it touched.
    pub(in crate::script) slot: Option<Slot>,
    /// It may touch other slots of its shard.
    pub(in crate::script) cross_slot: bool,
    /// It was called by a command that does not write.
    pub(in crate::script) read_only: bool,
    /// What `redis.setresp` has said.
    pub(in crate::script) resp: Version,
    /// Commands since `MULTI`, until `EXEC` or `DISCARD`.
    pub(in crate::script) queue: Option<Vec<Queued>>,
    /// A command since `MULTI` was refused.
    pub(in crate::script) queue_failed: bool,
    /// It has touched a key, so it cannot be moved to another shard any more.
    pub(in crate::script) touched: bool,
    /// Commands called.
    pub(in crate::script) commands: u64,
    /// Most memory of what undoes it, in bytes.
    pub(in crate::script) undo_limit: usize,
    /// `maxmemory` is reached, and the script may not write then.
    pub(in crate::script) memory_full: bool,
    /// Its commands are shown to somebody.
    pub(in crate::script) monitored: bool,
    /// There are too few replicas, and the script may not write.
    pub(in crate::script) writes_refused: Option<Refusal>,
    /// Commands with one of these flags are looked at more closely before they run.
    pub(in crate::script) examined: Flags,
    /// Where the first declared key lies in the request that has called the script, if there is one
    /// and all its commands are known by their slot alone.
    pub(in crate::script) first_key: Option<usize>,
    /// Where its tag ends, once somebody has looked; 0 where it has none.
    pub(in crate::script) first_tag_end: Option<usize>,
    /// The declared keys, when it may touch no others.
    pub(in crate::script) declared: Option<Vec<Vec<u8>>>,
    /// Who has called it, when that is somebody who may not do everything.
    pub(in crate::script) restricted: Option<Arc<RestrictedUser>>,
    /// The keys that it has touched, when somebody wants to know.
    pub(in crate::script) touched_keys: Option<Vec<Touched>>,
    /// What tests let happen to it.
    #[cfg(any(test, feature = "testing"))]
    pub(in crate::script) fault: Fault,
    /// Savepoints that are open, oldest first.
    pub(in crate::script) savepoints: Vec<Savepoint>,
    /// Where the thread's stack was when it began.
    pub(in crate::script) stack_base: usize,
}

/// The host. See the module.
pub(in crate::script) struct Host {
    pub(in crate::script) memory: *mut Memory,
    pub(in crate::script) control: Arc<Control>,
    pub(in crate::script) table: &'static CommandTable,
    pub(in crate::script) services: Option<Rc<dyn Services>>,
    pub(in crate::script) denied: Vec<CommandId>,
    /// Commands that are not for scripts are permitted, for tests of a server.
    pub(in crate::script) permits_all: bool,
    pub(in crate::script) keyspace: Lent<Keyspace>,
    /// The request that has called the script.
    pub(in crate::script) invoked_by: LentRequest,
    pub(in crate::script) run: RunState,
    pub(in crate::script) stop: Option<Stop>,
    pub(in crate::script) stopped_at: Option<(Vec<u8>, i64)>,
    /// The last error of a library function found no frame of Lua code to name: a tail call.
    pub(in crate::script) frame_lost: bool,
    /// The slot to go to, with [`Stop::Leave`].
    pub(in crate::script) leave_for: Option<Slot>,
    /// What a script that gave up replies.
    pub(in crate::script) last_words: Vec<u8>,
    /// What the library that is being loaded has registered.
    pub(in crate::script) registration: Option<Registration>,
    pub(in crate::script) libraries: Libraries,
    /// What is known of the debugger, in a session's own VM.
    pub(in crate::script) debugger: Option<Box<Attached>>,
    /// The request under construction, reused.
    request: Option<Box<CommandRequest>>,
    names: [KnownName; NAMES],
}

/// How many names of commands are remembered by the address of their string.
const NAMES: usize = 64;

/// A command that a shard runs and that scripts may run, by its name as a string of the VM. That is
/// anchored, so that its address stays its own.
#[derive(Clone, Copy)]
struct KnownName {
    /// 0 for none.
    address: usize,
    anchor: c_int,
    id: CommandId,
    run: Run,
    arity: Arity,
    flags: Flags,
    /// With up to so many parts it has one key, its first argument.
    one_key_up_to: usize,
}

/// No command's name.
const NO_NAME: KnownName = KnownName {
    address: 0,
    anchor: 0,
    id: CommandId::FIRST,
    run: |_, _| Ok(()),
    arity: Arity(0),
    flags: Flags::empty(),
    one_key_up_to: 0,
};

impl RunState {
    /// Of a script that has not begun.
    #[inline]
    fn reset(&mut self) {
        // Field by field where they are: half of them own memory, mostly none.
        self.now = Micros::default();
        self.slot = None;
        self.cross_slot = false;
        self.read_only = false;
        self.resp = Version::Resp2;
        self.queue = None;
        self.queue_failed = false;
        self.touched = false;
        self.commands = 0;
        self.undo_limit = usize::MAX;
        self.memory_full = false;
        self.monitored = false;
        self.writes_refused = None;
        self.examined = Flags::empty();
        self.first_key = None;
        self.first_tag_end = None;
        self.declared = None;
        self.touched_keys = None;
        #[cfg(any(test, feature = "testing"))]
        {
            self.fault = Fault::default();
        }
        self.savepoints.clear();
        self.stack_base = 0;
    }
}

impl Default for RunState {
    fn default() -> Self {
        Self {
            now: Micros::default(),
            slot: None,
            cross_slot: false,
            read_only: false,
            resp: Version::Resp2,
            queue: None,
            queue_failed: false,
            touched: false,
            commands: 0,
            undo_limit: usize::MAX,
            memory_full: false,
            monitored: false,
            writes_refused: None,
            examined: Flags::empty(),
            first_key: None,
            first_tag_end: None,
            declared: None,
            restricted: None,
            touched_keys: None,
            #[cfg(any(test, feature = "testing"))]
            fault: Fault::default(),
            savepoints: Vec::new(),
            stack_base: 0,
        }
    }
}

impl Host {
    pub(in crate::script) fn new(
        control: Arc<Control>,
        table: &'static CommandTable,
        memory: *mut Memory,
    ) -> Self {
        Self {
            memory,
            control,
            table,
            services: None,
            denied: Vec::new(),
            permits_all: false,
            keyspace: Lent::default(),
            invoked_by: LentRequest::default(),
            run: RunState::default(),
            stop: None,
            stopped_at: None,
            frame_lost: false,
            leave_for: None,
            last_words: Vec::new(),
            registration: None,
            libraries: Libraries::default(),
            debugger: None,
            request: None,
            names: [NO_NAME; NAMES],
        }
    }

    /// Has scripts not call these commands.
    pub(in crate::script) fn deny(&mut self, stack: Stack, denied: Vec<CommandId>) {
        self.denied = denied;
        for known in &mut self.names {
            if known.address != 0 {
                stack.release(known.anchor);
                *known = NO_NAME;
            }
        }
    }

    /// Makes ready for a script, of whose run nothing is known yet.
    #[inline]
    pub(in crate::script) fn begin(&mut self, request: Args<'_>, keyspace: &mut Keyspace) {
        self.run.reset();
        self.stop = None;
        self.leave_for = None;
        self.frame_lost = false;
        self.keyspace.lend(keyspace);
        self.invoked_by.lend(request);
    }

    /// Ends the script: why it was stopped, if it was, and what `redis.setresp` has said.
    pub(in crate::script) fn end(&mut self) -> (Option<Stop>, Version) {
        self.keyspace.take_back();
        self.invoked_by.take_back();
        self.run.queue = None;
        (self.stop, self.run.resp)
    }

    /// Makes the script end at its next instruction, whatever it catches.
    #[cold]
    pub(in crate::script) fn stop_now(&mut self, stack: Stack, stop: Stop) {
        self.note_stop(stop, stack.position());
        self.control.request_now(Request::End);
        stack.stop_soon(&self.control);
    }

    /// Host code has noticed before the hook did that the script is to end: sees to it that it
    /// does, and that the reason is known.
    #[cold]
    pub(in crate::script) fn stop_as_asked(&mut self, stack: Stack) {
        let Some(stop) = self.stop_asked() else { return };
        if stop == Stop::Memory {
            note_memory_exceeded(self);
        }
        self.note_stop(stop, stack.position());
        stack.stop_soon(&self.control);
    }

    /// Why the script that runs is to end, if it is.
    pub(in crate::script) fn stop_asked(&self) -> Option<Stop> {
        match self.control.request_for_running() {
            Request::None | Request::Attend => None,
            Request::Kill => Some(Stop::Killed),
            Request::Timeout => Some(Stop::Timeout),
            Request::Memory => Some(Stop::Memory),
            Request::End => Some(self.stop.unwrap_or(Stop::GaveUp)),
        }
    }

    /// Ends the script with this error, whatever it catches.
    #[cold]
    pub(in crate::script) fn give_up(&mut self, stack: Stack, words: Vec<u8>) {
        self.last_words = words;
        self.stop_now(stack, Stop::GaveUp);
    }

    /// What was to be ended was not the script, and has ended.
    pub(in crate::script) fn forget_stop(&mut self) {
        self.stop = None;
        self.stopped_at = None;
    }

    /// Looks after the sockets while a long script runs.
    pub(in crate::script) fn attend(&mut self) {
        if let Some(services) = &self.services {
            services.attend(self.invoked_by.get());
        }
    }

    /// Notes that the script is being ended, and where it stood when that was first done.
    pub(in crate::script) fn note_stop(&mut self, stop: Stop, position: Option<(Vec<u8>, i64)>) {
        if self.stop.is_none() {
            self.stop = Some(stop);
            self.stopped_at = position;
        }
    }

    /// Makes an error table of the value on top of the stack and notes where it was raised. A table
    /// that was raised is left as it is: it may be one that scripts must not change.
    pub(in crate::script) fn describe_error(&mut self, stack: Stack) {
        if !stack.ensure(8) {
            return;
        }
        if stack.kind(-1) == Kind::Table {
            stack.push_table(0, 3);
            stack.raw_get_name(-2, b"err");
            stack.raw_set_name(-2, b"err");
        } else {
            let text = [b"ERR ", &in_words_of_lua(display(stack, -1))[..]].concat();
            push_error(stack, &text, false);
            stack.push_boolean(std::mem::take(&mut self.frame_lost));
            stack.raw_set_name(-2, b"lost");
        }
        if let Some((source, line)) = stack.position() {
            stack.push_bytes(&source);
            stack.raw_set_name(-2, b"source");
            stack.push_number(line as f64);
            stack.raw_set_name(-2, b"line");
        }
    }
}

/// What Lua 5.1 says, without a position, where LuaJIT has other words.
fn in_words_of_lua(text: Vec<u8>) -> Vec<u8> {
    if text.ends_with(b"attempt to yield across C-call boundary") {
        return b"attempt to yield across metamethod/C-call boundary".to_vec();
    }
    text
}

/// A value as Lua's `tostring` shows it.
pub(in crate::script) fn display(stack: Stack, index: c_int) -> Vec<u8> {
    match stack.kind(index) {
        Kind::String | Kind::Number => stack.text(index).unwrap_or_default(),
        Kind::Nil => b"nil".to_vec(),
        Kind::Boolean => stack.boolean(index).to_string().into_bytes(),
        Kind::Table | Kind::Other => match stack.address(index) {
            0 => format!("{}: (nil)", stack.kind_name(index)),
            address => format!("{}: {address:#x}", stack.kind_name(index)),
        }
        .into_bytes(),
    }
}
