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

use std::ffi::c_int;
use std::rc::Rc;
use std::sync::Arc;

use protocol::args::Request as CommandRequest;
use protocol::encode::Version;
use protocol::number::write_f64;
use protocol::slot::Slot;
use protocol::spec::{CommandSpec, Family, Flags, Slots};

use super::interrupt::{Control, Request};
use super::lib::Libraries;
use super::raw::{Kind, Lent, Memory, Raise, Stack};
use super::sha::Sha;
use super::sink::{LuaSink, push_error};
use crate::commands::Call;
use crate::commands::table::{CommandId, CommandTable};
use crate::error::CommandError;
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
        args: protocol::args::Args<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError>;

    /// Looks after the shard's sockets while a long script runs.
    fn attend(&self);

    /// Who has a slot.
    fn owner(&self, slot: Slot) -> SlotOwner;
}

/// Why a script was made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Killed,
    Timeout,
    Memory,
    Leave,
}

/// What is true of the script that runs.
pub(super) struct RunState {
    pub(super) now: Micros,
    /// The slot of its declared keys, or of the first key that it touched.
    pub(super) slot: Option<Slot>,
    /// It may touch other slots of its shard.
    pub(super) cross_slot: bool,
    /// It was called by a command that does not write.
    pub(super) read_only: bool,
    /// What `redis.setresp` has said.
    pub(super) resp: Version,
    /// Commands since `MULTI`, until `EXEC` or `DISCARD`.
    pub(super) queue: Option<Vec<Queued>>,
    /// It has touched a key, so it cannot be moved to another shard any more.
    pub(super) touched: bool,
}

/// The host. See the module.
pub(super) struct Host {
    pub(super) memory: *mut Memory,
    pub(super) control: Arc<Control>,
    pub(super) table: &'static CommandTable,
    pub(super) services: Option<Rc<dyn Services>>,
    pub(super) denied: Vec<CommandId>,
    pub(super) keyspace: Lent<Keyspace>,
    pub(super) run: RunState,
    pub(super) stop: Option<Stop>,
    pub(super) stopped_at: Option<(Vec<u8>, i64)>,
    /// The last error of a library function found no frame of Lua code to name: a tail call.
    pub(super) frame_lost: bool,
    /// The slot to go to, with [`Stop::Leave`].
    pub(super) leave_for: Option<Slot>,
    pub(super) libraries: Libraries,
    /// The request under construction, reused.
    request: CommandRequest,
    names: [KnownName; NAMES],
}

/// How many names of commands are remembered by the address of their string.
const NAMES: usize = 64;

/// The name of a command as a string of the VM, anchored so that its address stays its own.
#[derive(Clone, Copy)]
struct KnownName {
    address: usize,
    anchor: c_int,
    id: CommandId,
}

/// Why a command did not run, from a script's view.
enum Refusal {
    Error(CommandError),
    /// The script is to run on another shard.
    Leave,
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        Self::Error(error)
    }
}

impl From<&'static str> for Refusal {
    fn from(text: &'static str) -> Self {
        Self::Error(CommandError::Text(text))
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
            touched: false,
        }
    }
}

impl Host {
    pub(super) fn new(
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
            keyspace: Lent::default(),
            run: RunState::default(),
            stop: None,
            stopped_at: None,
            frame_lost: false,
            leave_for: None,
            libraries: Libraries::default(),
            request: CommandRequest::default(),
            names: [KnownName { address: 0, anchor: 0, id: CommandId::default() }; NAMES],
        }
    }

    /// Looks after the sockets while a long script runs.
    pub(super) fn attend(&mut self) {
        if let Some(services) = &self.services {
            services.attend();
        }
    }

    /// Notes that the script is being ended, and where it stood when that was first done.
    pub(super) fn note_stop(&mut self, stop: Stop, position: Option<(Vec<u8>, i64)>) {
        if self.stop.is_none() {
            self.stop = Some(stop);
            self.stopped_at = position;
        }
    }

    /// `redis.call`: an error reply is raised.
    pub(super) fn call(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if self.command(stack) { Ok(1) } else { Err(Raise::Top) }
    }

    /// `redis.pcall`: an error reply is returned.
    pub(super) fn pcall(&mut self, stack: Stack) -> Result<c_int, Raise> {
        let good = self.command(stack);
        // A script that is to go elsewhere must not go on here.
        if !good && self.leave_for.is_some() {
            return Err(Raise::Top);
        }
        Ok(1)
    }

    /// Runs the command in the arguments and pushes its reply; false when that is an error.
    fn command(&mut self, stack: Stack) -> bool {
        let mut request = std::mem::take(&mut self.request);
        let result = read_arguments(stack, &mut request)
            .map_err(Refusal::from)
            .and_then(|()| self.run_command(stack, &request));
        self.request = request;
        match result {
            Ok(good) => good,
            Err(Refusal::Error(error)) => {
                push_error(stack, error.to_string().as_bytes(), true);
                false
            }
            Err(Refusal::Leave) => {
                self.note_stop(Stop::Leave, None);
                self.control.request_now(Request::Leave);
                stack.stop_soon(&self.control);
                stack.push_nil();
                false
            }
        }
    }

    #[inline]
    fn run_command(&mut self, stack: Stack, request: &CommandRequest) -> Result<bool, Refusal> {
        let args = request.args();
        let id = self.resolve_cached(stack, request)?;
        let row = self.table.row(id);
        let spec = row.spec;
        if spec.family == Family::Transactions {
            return self.transaction_command(stack, spec);
        }
        self.check_permission(id, spec)?;
        let slot = self.check_slot(spec, request)?;
        if let Some(queue) = &mut self.run.queue {
            queue.push(Queued { id, request: request.clone(), slot });
            let mut sink = LuaSink::new(stack, self.run.resp);
            sink.status(b"QUEUED");
            return Ok(true);
        }
        let mut sink = LuaSink::new(stack, self.run.resp);
        let mut reply = Reply::lua(&mut sink);
        match row.run {
            Some(run) => {
                let Some(keyspace) = self.keyspace.get() else {
                    return Err("ERR no script is running".into());
                };
                keyspace.enter(self.run.now, slot);
                run(&mut Call { keyspace, reply: &mut reply, scripts: None }, args)?;
            }
            None => {
                let services = self.services.clone();
                let services =
                    services.ok_or("ERR This Redis command is not allowed from script")?;
                services.answer(id, args, &mut reply)?;
            }
        }
        Ok(!sink.is_error())
    }

    /// [`Self::resolve`], by the address of the name where that is known.
    #[inline]
    fn resolve_cached(
        &mut self,
        stack: Stack,
        request: &CommandRequest,
    ) -> Result<CommandId, Refusal> {
        let address = stack.string_address(1);
        let known = &self.names[(address >> 4) % NAMES];
        if known.address == address && address != 0 {
            let spec = self.table.spec(known.id);
            if spec.arity.fits(request.args().len()) {
                return Ok(known.id);
            }
        }
        let id = self.resolve(request)?;
        // What a container's name stands for depends on the next part.
        let spec = self.table.spec(id);
        let is_plain = spec.container().is_none() && !spec.flags.contains(Flags::CONTAINER);
        if stack.kind(1) == Kind::String && is_plain {
            self.remember(stack, address, id);
        }
        Ok(id)
    }

    #[cold]
    fn remember(&mut self, stack: Stack, address: usize, id: CommandId) {
        stack.push_value(1);
        let anchor = stack.anchor();
        let known = &mut self.names[(address >> 4) % NAMES];
        if known.address != 0 {
            stack.release(known.anchor);
        }
        *known = KnownName { address, anchor, id };
    }

    /// Steps 3 and 4 of the order of checks: the command is known and its arity fits.
    #[inline]
    fn resolve(&self, request: &CommandRequest) -> Result<CommandId, Refusal> {
        self.table.resolve(request.args()).map_err(|error| match error {
            CommandError::Arity(_) => {
                Refusal::from("ERR Wrong number of args calling Redis command from script")
            }
            _ => Refusal::from("ERR Unknown Redis command called from script"),
        })
    }

    /// Steps 5 and 8: scripts may run it, and it does not write where that is not allowed.
    #[inline]
    fn check_permission(&self, id: CommandId, spec: &CommandSpec) -> Result<(), Refusal> {
        if spec.flags.contains(Flags::NOSCRIPT) || self.denied.contains(&id) {
            return Err("ERR This Redis command is not allowed from script".into());
        }
        if self.run.read_only && spec.flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE) {
            return Err("ERR Write commands are not allowed from read-only scripts.".into());
        }
        Ok(())
    }

    /// Step 11: the keys are of the script's slot (I1).
    #[inline]
    fn check_slot(
        &mut self,
        spec: &CommandSpec,
        request: &CommandRequest,
    ) -> Result<Option<Slot>, Refusal> {
        let slot = match spec.slots(request.args()) {
            Slots::None => return Ok(None),
            Slots::One(slot) if self.run.slot == Some(slot) => {
                self.run.touched = true;
                return Ok(Some(slot));
            }
            Slots::One(slot) => slot,
            Slots::Several { .. } => {
                let name = String::from_utf8_lossy(request.args().at(0)).to_lowercase();
                return Err(CommandError::dynamic(format!(
                    "ERR Command '{name}' in script attempted to access keys that don't hash to \
                     the same slot"
                ))
                .into());
            }
        };
        let owner = self.services.as_ref().map_or(SlotOwner::Here, |services| services.owner(slot));
        match owner {
            SlotOwner::Nobody => Err("ERR Script attempted to access a slot not served".into()),
            SlotOwner::Elsewhere => {
                Err("ERR Script attempted to access a non local key in a cluster node".into())
            }
            SlotOwner::Sibling if self.run.slot.is_none() && !self.run.touched => {
                self.leave_for = Some(slot);
                Err(Refusal::Leave)
            }
            SlotOwner::Here if self.run.slot.is_none() || self.run.cross_slot => {
                self.run.slot.get_or_insert(slot);
                self.run.touched = true;
                Ok(Some(slot))
            }
            SlotOwner::Here | SlotOwner::Sibling => {
                Err("ERR Script attempted to access keys that do not hash to the same slot".into())
            }
        }
    }

    /// WATCH, MULTI, EXEC, DISCARD and UNWATCH inside a script: what the literature on scripts
    /// shows, which Redis refuses. A script is alone on its shard, so WATCH always holds.
    fn transaction_command(&mut self, stack: Stack, spec: &CommandSpec) -> Result<bool, Refusal> {
        let mut sink = LuaSink::new(stack, self.run.resp);
        match (spec.name, self.run.queue.is_some()) {
            ("multi", false) => {
                self.run.queue = Some(Vec::new());
                sink.status(b"OK");
            }
            ("multi", true) => return Err("ERR MULTI calls can not be nested".into()),
            ("exec", true) => {
                let queue = self.run.queue.take().unwrap_or_default();
                self.exec(stack, &queue);
            }
            ("exec", false) => return Err("ERR EXEC without MULTI".into()),
            ("discard", true) => {
                self.run.queue = None;
                sink.status(b"OK");
            }
            ("discard", false) => return Err("ERR DISCARD without MULTI".into()),
            ("watch", true) => return Err("ERR WATCH inside MULTI is not allowed".into()),
            _ => sink.status(b"OK"),
        }
        Ok(true)
    }

    /// Runs what was queued and pushes the array of the replies.
    fn exec(&mut self, stack: Stack, queue: &[Queued]) {
        let mut sink = LuaSink::new(stack, self.run.resp);
        sink.array(queue.len());
        for queued in queue {
            let mut reply = Reply::lua(&mut sink);
            let result = match (self.table.row(queued.id).run, self.keyspace.get()) {
                (Some(run), Some(keyspace)) => {
                    keyspace.enter(self.run.now, queued.slot);
                    let mut call = Call { keyspace, reply: &mut reply, scripts: None };
                    run(&mut call, queued.request.args())
                }
                _ => match self.services.clone() {
                    Some(services) => services.answer(queued.id, queued.request.args(), &mut reply),
                    None => {
                        Err(CommandError::Text("ERR This Redis command is not allowed from script"))
                    }
                },
            };
            if let Err(error) = result {
                reply.error(&error);
            }
        }
    }

    /// `redis.error_reply(text)`.
    pub(super) fn error_reply(&mut self, stack: Stack) -> Result<c_int, Raise> {
        let text = if stack.top() == 1 { stack.with_bytes(1, <[u8]>::to_vec) } else { None };
        let Some(text) = text else {
            push_error(stack, b"ERR wrong number or type of arguments", false);
            return Ok(1);
        };
        let text = text.strip_prefix(b"-").unwrap_or(&text);
        let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        let text = &text[..end.map_or(0, |last| last + 1)];
        if text.contains(&b' ') {
            push_error(stack, text, false);
        } else {
            push_error(stack, &[b"ERR ", text].concat(), false);
        }
        Ok(1)
    }

    /// `redis.status_reply(text)`.
    pub(super) fn status_reply(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() != 1 || stack.kind(1) != Kind::String {
            push_error(stack, b"ERR wrong number or type of arguments", false);
            return Ok(1);
        }
        stack.push_table(0, 1);
        stack.push_value(1);
        stack.raw_set_name(-2, b"ok");
        Ok(1)
    }

    /// `redis.sha1hex(text)`.
    pub(super) fn sha1hex(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() != 1 {
            return raise_error(stack, "ERR wrong number of arguments");
        }
        let text = stack.text(1).unwrap_or_default();
        stack.push_bytes(Sha::of(&text).hex().as_bytes());
        Ok(1)
    }

    /// `redis.log(level, text, …)`.
    pub(super) fn log(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() < 2 {
            return raise_error(stack, "ERR redis.log() requires two arguments or more.");
        }
        if !stack.is_numeric(1) {
            return raise_error(stack, "ERR First argument must be a number (log level).");
        }
        let level = stack.number(1);
        if !(0.0..=3.0).contains(&level) {
            return raise_error(stack, "ERR Invalid log level.");
        }
        let parts: Vec<Vec<u8>> = (2..=stack.top()).filter_map(|at| stack.text(at)).collect();
        let text = parts.join(&b' ');
        // A script must not fill the log with what it pleases: one line, cut (Redis cuts at 1024).
        let text = String::from_utf8_lossy(&text[..text.len().min(1024)]).into_owned();
        match level as u8 {
            0 => tracing::debug!(target: "script", "{text}"),
            1 => tracing::info!(target: "script", "{text}"),
            2 => tracing::info!(target: "script", "{text}"),
            _ => tracing::warn!(target: "script", "{text}"),
        }
        Ok(0)
    }

    /// `redis.setresp(version)`.
    pub(super) fn setresp(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() != 1 {
            return raise_error(stack, "ERR redis.setresp() requires one argument.");
        }
        self.run.resp = match stack.number(1) as i64 {
            2 => Version::Resp2,
            3 => Version::Resp3,
            _ => return raise_error(stack, "ERR RESP version must be 2 or 3."),
        };
        Ok(0)
    }

    /// `redis.set_repl(flags)`: checked and otherwise without effect. What a script has done is
    /// recorded whole or not at all, so a part of it cannot be left out.
    pub(super) fn set_repl(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() != 1 {
            return raise_error(stack, "ERR redis.set_repl() requires one argument.");
        }
        if !(0..=3).contains(&(stack.number(1) as i64)) {
            return raise_error(
                stack,
                "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            );
        }
        Ok(0)
    }

    /// Makes an error table of the value on top of the stack and notes where it was raised.
    pub(super) fn describe_error(&mut self, stack: Stack) {
        if !stack.ensure(8) {
            return;
        }
        if stack.kind(-1) != Kind::Table {
            let text = [b"ERR ".to_vec(), display(stack, -1)].concat();
            stack.pop(1);
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

/// A value as Lua's `tostring` shows it.
pub(super) fn display(stack: Stack, index: c_int) -> Vec<u8> {
    match stack.kind(index) {
        Kind::String | Kind::Number => stack.text(index).unwrap_or_default(),
        Kind::Nil => b"nil".to_vec(),
        Kind::Boolean => stack.boolean(index).to_string().into_bytes(),
        Kind::Table | Kind::Other => stack.kind_name(index).as_bytes().to_vec(),
    }
}

/// Raises an error table with this text.
fn raise_error(stack: Stack, text: &str) -> Result<c_int, Raise> {
    push_error(stack, text.as_bytes(), false);
    Err(Raise::Top)
}

/// Reads the arguments of `redis.call`: strings as they are, numbers as integers where they are
/// integral and within 2^62, else in their shortest form.
#[inline]
fn read_arguments(stack: Stack, request: &mut CommandRequest) -> Result<(), &'static str> {
    request.clear();
    let count = stack.top();
    if count == 0 {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    for at in 1..=count {
        if stack.with_bytes(at, |bytes| request.push(bytes)).is_some() {
            continue;
        }
        if stack.kind(at) != Kind::Number {
            return Err("ERR Lua redis lib command arguments must be strings or integers");
        }
        let number = stack.number(at);
        if number.trunc() == number && number.abs() <= 4_611_686_018_427_387_904.0 {
            request.push(itoa::Buffer::new().format(number as i64).as_bytes());
        } else {
            let mut text = Vec::with_capacity(32);
            write_f64(&mut text, number);
            request.push(&text);
        }
    }
    Ok(())
}
