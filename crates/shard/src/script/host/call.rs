//! `redis.call`: from arguments on the stack to a reply on the stack.

use protocol::args::Request as CommandRequest;
use protocol::slot::{Slot, tag_end};
use protocol::spec::{CommandSpec, Family, Flags, Slots};

use super::arguments::read_arguments;
use super::{Host, KnownName, NAMES, SlotOwner, Stop, Touched};
use crate::acl::{Context, RestrictedUser};
use crate::commands::blocking;
use crate::commands::table::CommandId;
use crate::commands::{Call, Run};
use crate::error::CommandError;
use crate::keyspace::Caller;
use crate::reply::Reply;
use crate::script::pulse::Pulse;
use crate::script::raw::Stack;
use crate::script::sink::{LuaSink, push_error};
use crate::shard::Queued;

/// Why a command did not run, from a script's view.
pub(super) enum Refusal {
    Error(CommandError),
    /// The script is to end.
    Stop(Stop),
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

/// The largest request whose memory is kept for the next one.
const KEPT_REQUEST_MAX: usize = 64 * 1024;

impl Host {
    /// `redis.call`: an error reply, on top of the stack then, is raised; false is to raise it.
    #[inline]
    pub(in crate::script) fn call(&mut self, stack: Stack) -> bool {
        self.command(stack)
    }

    /// `redis.pcall`: an error reply is returned.
    #[inline]
    pub(in crate::script) fn pcall(&mut self, stack: Stack) -> bool {
        // A script that is to end must not go on with what this replied.
        self.command(stack) || self.stop.is_none()
    }

    /// Runs the command in the arguments and pushes its reply; false when that is an error.
    fn command(&mut self, stack: Stack) -> bool {
        let mut request = self.request.take().unwrap_or_default();
        let result = read_arguments(stack, &mut request).map_err(Refusal::from).and_then(|()| {
            if let Some(attached) = &self.debugger {
                attached.console.note_call(request.args());
            }
            self.run_command(stack, &request)
        });
        if request.memory() <= KEPT_REQUEST_MAX {
            self.request = Some(request);
        }
        match result {
            Ok(good) => {
                self.note_reply(stack);
                good
            }
            Err(Refusal::Error(error)) => {
                if error == CommandError::Interrupted {
                    self.stop_as_asked(stack);
                }
                let text = error.to_string();
                self.count_error(&text);
                push_error(stack, text.as_bytes(), true);
                self.note_error(stack, &text);
                false
            }
            Err(Refusal::Stop(stop)) => {
                self.stop_now(stack, stop);
                stack.push_nil();
                false
            }
        }
    }

    #[inline]
    fn run_command(&mut self, stack: Stack, request: &CommandRequest) -> Result<bool, Refusal> {
        self.run.commands += 1;
        if self.run.queue.is_none() {
            let address = stack.first_text_address();
            let known = &self.names[(address >> 4) % NAMES];
            let parts = request.args().len();
            if known.address == address
                && address != 0
                && parts <= known.one_key_up_to
                && known.arity.fits(parts)
                && !known.flags.intersects(self.run.examined)
            {
                let (id, run) = (known.id, known.run);
                if self.is_of_first_key_slot(request.args().at(1)) {
                    self.run.touched = true;
                    return self.execute(stack, id, run, request, self.run.slot);
                }
            }
        }
        self.run_command_checked(stack, request)
    }

    /// Whether a key is known to be of the slot of the first declared key, without computing it:
    /// it is that key, or the two are equal up to and with the tag that decides.
    #[inline]
    fn is_of_first_key_slot(&mut self, key: &[u8]) -> bool {
        let (Some(at), Some(args)) = (self.run.first_key, self.invoked_by.get()) else {
            return false;
        };
        let first = args.at(at);
        if let Some(end) = self.run.first_tag_end {
            // The tag of a key that has one decides; what stands before it is the same in both.
            return if end == 0 { key == first } else { key.get(..end) == first.get(..end) };
        }
        if key == first {
            return true;
        }
        let end = tag_end(first).unwrap_or(0);
        self.run.first_tag_end = Some(end);
        end != 0 && key.get(..end) == first.get(..end)
    }

    /// Steps 3 to 11 of the order of checks, and the command.
    fn run_command_checked(
        &mut self,
        stack: Stack,
        request: &CommandRequest,
    ) -> Result<bool, Refusal> {
        if self.run.queue.is_some() {
            return self.queue_command(stack, request);
        }
        let id = self.resolve_cached(stack, request)?;
        let spec = self.table.spec(id);
        if spec.family == Family::Transactions {
            self.check_user(id, spec, request)?;
            return self.transaction_command(stack, spec);
        }
        self.check_permission(id, spec, request)?;
        self.check_memory(spec)?;
        let slot = self.check_slot(spec, request)?;
        if self.run.monitored
            && let Some(services) = &self.services
        {
            services.show(request.args());
        }
        match self.table.row(id).run {
            Some(run) => self.execute(stack, id, run, request, slot),
            None => self.answer(stack, id, request),
        }
    }

    /// Runs a command that may run, and pushes its reply.
    #[inline]
    fn execute(
        &mut self,
        stack: Stack,
        id: CommandId,
        run: Run,
        request: &CommandRequest,
        slot: Option<Slot>,
    ) -> Result<bool, Refusal> {
        let mut sink = LuaSink::new(stack, self.run.resp);
        let mut reply = Reply::lua(&mut sink);
        let Some(keyspace) = self.keyspace.get() else {
            return Err("ERR no script is running".into());
        };
        keyspace.enter(self.run.now, slot);
        keyspace.tally_mut().note(id);
        if let Some(attached) = &self.debugger {
            attached.console.note_ran();
        }
        let caller = self.invoked_by.get();
        let pulse = Some(Pulse::new(&self.control, self.services.as_deref(), caller));
        let mut call = Call { keyspace, reply: &mut reply, scripts: None, pulse };
        let result = run(&mut call, request.args());
        let spec = self.table.spec(id);
        if let Err(error) = blocking::settle(result, spec, call.reply) {
            keyspace.tally_mut().note_failed(id);
            return Err(error.into());
        }
        keyspace.note_read(spec, request.args());
        if keyspace.undo_memory() > self.run.undo_limit {
            return Err(Refusal::Stop(Stop::Undo));
        }
        #[cfg(any(test, feature = "testing"))]
        if spec.writes() && self.run.fault.strikes() {
            return Err("ERR injected fault".into());
        }
        if sink.is_cut() {
            return Err(CommandError::Interrupted.into());
        }
        Ok(!sink.is_error())
    }

    /// Counts an error that a command has replied to the script.
    #[cold]
    fn count_error(&mut self, text: &str) {
        let request = self.request.as_ref();
        let id = request.and_then(|request| self.table.named(request.args()));
        if let Some(keyspace) = self.keyspace.get() {
            keyspace.note_script_error(text, id);
        }
    }

    /// Has a command answered that no shard runs.
    #[cold]
    fn answer(
        &mut self,
        stack: Stack,
        id: CommandId,
        request: &CommandRequest,
    ) -> Result<bool, Refusal> {
        let mut sink = LuaSink::new(stack, self.run.resp);
        let mut reply = Reply::lua(&mut sink);
        let services = self.services.clone();
        let services = services.ok_or("ERR This Redis command is not allowed from script")?;
        if let Some(keyspace) = self.keyspace.get() {
            keyspace.tally_mut().note(id);
        }
        if let Err(error) = services.answer(id, request.args(), &mut reply) {
            if let Some(keyspace) = self.keyspace.get() {
                keyspace.tally_mut().note_failed(id);
            }
            return Err(error.into());
        }
        if sink.is_cut() {
            return Err(CommandError::Interrupted.into());
        }
        Ok(!sink.is_error())
    }

    /// A command after `MULTI`: it is checked and waits for `EXEC`.
    #[cold]
    fn queue_command(&mut self, stack: Stack, request: &CommandRequest) -> Result<bool, Refusal> {
        let checked = self.resolve(request).and_then(|id| {
            let spec = self.table.spec(id);
            if spec.family == Family::Transactions {
                self.check_user(id, spec, request)?;
                return Ok(None);
            }
            self.check_permission(id, spec, request)?;
            self.check_memory(spec)?;
            let slot = self.check_slot(spec, request)?;
            let caller = Caller::default();
            Ok(Some(Queued { id, request: request.clone(), slot, caller, once: None }))
        });
        match checked {
            Ok(Some(queued)) => {
                self.run.queue.get_or_insert_default().push(queued);
                LuaSink::new(stack, self.run.resp).status(b"QUEUED");
                Ok(true)
            }
            Ok(None) => {
                let id = self.resolve(request)?;
                self.transaction_command(stack, self.table.spec(id))
            }
            Err(refusal) => {
                self.run.queue_failed = true;
                Err(refusal)
            }
        }
    }

    /// [`Self::resolve`], by the address of the name where that is known.
    #[inline]
    fn resolve_cached(
        &mut self,
        stack: Stack,
        request: &CommandRequest,
    ) -> Result<CommandId, Refusal> {
        let address = stack.first_text_address();
        let known = &self.names[(address >> 4) % NAMES];
        if known.address == address && address != 0 && known.arity.fits(request.args().len()) {
            return Ok(known.id);
        }
        let id = self.resolve(request)?;
        // What a container's name stands for depends on the next part.
        let spec = self.table.spec(id);
        let is_plain = spec.container().is_none()
            && !spec.flags.intersects(Flags::CONTAINER | Flags::NOSCRIPT)
            && spec.family != Family::Transactions
            && !self.denied.contains(&id);
        if let Some(run) = self.table.row(id).run
            && address != 0
            && is_plain
        {
            let (arity, flags, one_key_up_to) = (spec.arity, spec.flags, spec.one_key_up_to());
            let known = KnownName { address, anchor: 0, id, run, arity, flags, one_key_up_to };
            self.remember(stack, known);
        }
        Ok(id)
    }

    #[cold]
    fn remember(&mut self, stack: Stack, new: KnownName) {
        stack.push_value(1);
        let anchor = stack.anchor();
        let known = &mut self.names[(new.address >> 4) % NAMES];
        if known.address != 0 {
            stack.release(known.anchor);
        }
        *known = KnownName { anchor, ..new };
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

    /// Steps 5, 7 and 8: scripts may run it, and so may the user, and it does not write where that
    /// is not allowed.
    #[inline]
    fn check_permission(
        &self,
        id: CommandId,
        spec: &CommandSpec,
        request: &CommandRequest,
    ) -> Result<(), Refusal> {
        let not_for_scripts = spec.flags.contains(Flags::NOSCRIPT) && !self.permits_all;
        if not_for_scripts || self.denied.contains(&id) {
            return Err("ERR This Redis command is not allowed from script".into());
        }
        self.check_user(id, spec, request)?;
        if self.run.read_only && spec.flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE) {
            return Err("ERR Write commands are not allowed from read-only scripts.".into());
        }
        Ok(())
    }

    /// Step 7: the user who has called the script may run it.
    #[inline]
    fn check_user(
        &self,
        id: CommandId,
        spec: &CommandSpec,
        request: &CommandRequest,
    ) -> Result<(), Refusal> {
        match &self.run.restricted {
            None => Ok(()),
            Some(restricted) => check_restricted(restricted, id, spec, request),
        }
    }

    /// Notes the keys of a command, and refuses those that are not declared when the script has
    /// said that it touches no others.
    #[cold]
    fn note_keys(&mut self, spec: &CommandSpec, request: &CommandRequest) -> Result<(), Refusal> {
        let mut undeclared = None;
        let written = spec.flags.contains(Flags::WRITE);
        let run = &mut self.run;
        let args = request.args();
        // A request that contradicts the specification is refused by its handler.
        let _ = spec.visit_keys(args, |at, _| {
            let key = args.at(at);
            if run.declared.as_ref().is_some_and(|keys| !keys.iter().any(|known| known == key)) {
                undeclared = Some(key.to_vec());
                return;
            }
            let Some(touched) = &mut run.touched_keys else { return };
            match touched.iter_mut().find(|known| known.key == key) {
                Some(known) => known.written |= written,
                None => touched.push(Touched { key: key.to_vec(), written }),
            }
        });
        match undeclared {
            None => Ok(()),
            Some(key) => {
                let key = String::from_utf8_lossy(&key).into_owned();
                Err(CommandError::dynamic(format!(
                    "ERR Script attempted to access the undeclared key '{key}'"
                ))
                .into())
            }
        }
    }

    /// Step 10: it needs no memory where that is full. A script that has written already may go on:
    /// what it does is to be done whole.
    #[inline]
    fn check_memory(&mut self, spec: &CommandSpec) -> Result<(), Refusal> {
        if let Some(refusal) = self.run.writes_refused.filter(|_| spec.flags.contains(Flags::WRITE))
        {
            return Err(CommandError::from(refusal).into());
        }
        if self.run.memory_full
            && spec.flags.contains(Flags::DENYOOM)
            && self.keyspace.get().is_none_or(|keyspace| !keyspace.has_undo())
        {
            return Err(CommandError::OutOfMemory.into());
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
        if self.run.declared.is_some() || self.run.touched_keys.is_some() {
            self.note_keys(spec, request)?;
        }
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
                Err(Refusal::Stop(Stop::Leave))
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
}

#[cold]
fn check_restricted(
    restricted: &RestrictedUser,
    id: CommandId,
    spec: &CommandSpec,
    request: &CommandRequest,
) -> Result<(), Refusal> {
    restricted.check(id, spec, request.args(), Context::Script).map_err(|denied| {
        let text = denied.text(restricted.user(), spec);
        CommandError::dynamic(format!("ERR ACL failure in script: {text}")).into()
    })
}
