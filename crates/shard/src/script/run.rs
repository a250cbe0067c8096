//! One run of a script or a function: all or nothing.
//!
//! What is changed between `begin` and the end of the run is kept only when the program has
//! returned and its reply could be written; in every other case it is rolled back, before anybody
//! else sees the shard.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use protocol::args::Args;
use protocol::encode::Version;
use protocol::slot::Slot;
use protocol::spec::Flags;

use super::convert;
use super::host::{Host, Services, Stop, Touched};
use super::interrupt::{Control, What};
use super::lib::stack_place;
use super::limits::Limits;
use super::list::push_list;
use super::machine::Machine;
use super::outcome::{Failure, Reason, ScriptCounters, failure};
use super::program::Program;
use super::stats::Usage;
use crate::acl::RestrictedUser;
use crate::error::CommandError;
use crate::gauge::Refusal;
use crate::keyspace::Keyspace;
use crate::reply::Reply;

/// What a program is given.
#[derive(Clone, Copy)]
pub struct Invocation<'a> {
    /// The request.
    pub args: Args<'a>,
    /// The place of the first key in the request.
    pub first: usize,
    /// How many of the parts from `first` on are keys; the others are arguments.
    pub keys: usize,
    /// The command that called it does not write.
    pub read_only: bool,
}

impl<'a> Invocation<'a> {
    /// The declared keys.
    pub(super) fn declared(&self) -> impl Iterator<Item = &'a [u8]> {
        self.args.iter_from(self.first).take(self.keys)
    }

    pub(super) fn first_argument(&self) -> usize {
        self.first + self.keys
    }

    pub(super) fn arguments(&self) -> usize {
        self.args.len().saturating_sub(self.first_argument())
    }
}

/// What a run that changes nothing has shown.
pub struct Rehearsal {
    /// The script's reply, as RESP; an error too.
    pub reply: Vec<u8>,
    /// The effects that it would have had, see [`crate::effect::Effect::decode_all`].
    pub effects: Vec<u8>,
    /// The keys that it touched, in the order of the first touch.
    pub keys: Vec<Touched>,
    /// How long it took.
    pub took: Duration,
}

/// Runs programs of one shard. See the module.
pub(super) struct Runner<'a> {
    pub(super) control: &'a Control,
    pub(super) limits: &'a Limits,
    pub(super) counters: &'a mut ScriptCounters,
    pub(super) services: Option<&'a Rc<dyn Services>>,
    /// `maxmemory` is reached: sampled once, when the script begins.
    pub(super) memory_full: bool,
    /// There are too few replicas to write.
    pub(super) writes_refused: Option<Refusal>,
    /// Who calls, when that is somebody who may not do everything.
    pub(super) restricted: Option<&'a Arc<RestrictedUser>>,
    /// A fault strikes after so many writes.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fault_after: Option<u64>,
}

impl Runner<'_> {
    /// Runs a program and keeps what it has done, if it reaches its end.
    ///
    /// # Errors
    /// What to reply instead: nothing has been changed and nothing replied.
    pub(super) fn run(
        &mut self,
        machine: &mut Machine,
        program: &mut Program,
        keyspace: &mut Keyspace,
        invocation: &Invocation<'_>,
        reply: &mut Reply<'_>,
    ) -> Result<(), CommandError> {
        let Some((out, version)) = reply.as_resp() else {
            unreachable!("scripts are not called by scripts")
        };
        self.check_door(program, invocation)?;
        self.counters.runs += 1;
        let (started, start) = (self.ticks(), out.len());
        let mark = keyspace.begin();
        self.describe(machine, program, keyspace, invocation);
        let result = self.attempt(machine, program, invocation, &mut *out, version);
        let usage = self.usage(machine, keyspace, started);
        self.counters.nanos += usage.nanos;
        if let Ok(Returned { is_error: true }) = result {
            let error = String::from_utf8_lossy(&out[start..]);
            keyspace.note_script_reply(error.trim_start_matches('-'));
        }
        let result = match result {
            Ok(Returned { is_error: true }) if program.flags.rollback_on_error_reply => {
                keyspace.roll_back(mark);
                self.counters.note(Reason::ErrorReply);
                let error = String::from_utf8_lossy(&out[start..]);
                let error = error.trim_start_matches('-').trim_end();
                program.stats.note_rolled_back(usage, Reason::ErrorReply, error);
                Ok(())
            }
            Ok(Returned { is_error }) => {
                keyspace.keep(mark);
                self.counters.error_replies += u64::from(is_error);
                program.stats.note_kept(usage, is_error);
                Ok(())
            }
            Err(failure) => {
                keyspace.roll_back(mark);
                if let Failure::RolledBack(_, error) = &failure {
                    keyspace.note_script_reply(&error.to_string());
                }
                Err(self.note_failure(program, usage, failure))
            }
        };
        machine.settle();
        result
    }

    /// Runs a program, and takes back whatever it has done.
    ///
    /// # Errors
    /// It is to run on another shard, or may not run at all.
    pub(super) fn rehearse(
        &mut self,
        machine: &mut Machine,
        program: &mut Program,
        keyspace: &mut Keyspace,
        invocation: &Invocation<'_>,
        version: Version,
    ) -> Result<Rehearsal, CommandError> {
        self.check_door(program, invocation)?;
        let started = self.ticks();
        let mark = keyspace.begin();
        let recorded = keyspace.record_effects(true);
        let mut out = Vec::new();
        self.describe(machine, program, keyspace, invocation);
        machine.host.with(|host| {
            (host.run.touched_keys, host.run.first_key) = (Some(Vec::new()), None);
        });
        let result = self.attempt(machine, program, invocation, &mut out, version);
        let effects = keyspace.effects_since(mark).to_vec();
        let usage = self.usage(machine, keyspace, started);
        keyspace.record_effects(recorded);
        keyspace.roll_back(mark);
        let keys = machine.host.with(|host| host.run.touched_keys.take().unwrap_or_default());
        machine.settle();
        match result {
            Ok(_) => {}
            Err(Failure::Leave(error)) => return Err(error),
            Err(Failure::RolledBack(_, error)) => Reply::resp(&mut out, version).error(&error),
        }
        let took = Duration::from_nanos(usage.nanos);
        Ok(Rehearsal { reply: out, effects, keys, took })
    }

    /// Tells the host what is true of the run that begins.
    #[inline]
    fn describe(
        &self,
        machine: &mut Machine,
        program: &Program,
        keyspace: &mut Keyspace,
        invocation: &Invocation<'_>,
    ) {
        let flags = &program.flags;
        let (now, slot) = (keyspace.now_micros(), slot_of(keyspace, invocation));
        let read_only = invocation.read_only || flags.no_writes;
        let memory_full = self.memory_full && !flags.allow_oom && !flags.no_writes;
        let mut examined = Flags::empty();
        if read_only {
            examined |= Flags::WRITE | Flags::MAY_REPLICATE;
        }
        if memory_full {
            examined |= Flags::DENYOOM;
        }
        if self.writes_refused.is_some() {
            examined |= Flags::WRITE;
        }
        let monitored = self.services.is_some_and(|services| services.is_monitored());
        machine.host.with(|host| {
            host.begin(invocation.args, keyspace);
            let run = &mut host.run;
            run.now = now;
            run.slot = slot;
            run.cross_slot = flags.allow_cross_slot_keys || self.limits.cross_slot_keys;
            run.read_only = read_only;
            run.undo_limit = self.limits.undo_bytes;
            run.memory_full = memory_full;
            run.writes_refused = self.writes_refused;
            run.monitored = monitored;
            run.examined = examined;
            if flags.declared_keys {
                run.declared = Some(invocation.declared().map(<[u8]>::to_vec).collect());
            } else if invocation.keys > 0 && self.restricted.is_none() && !monitored {
                run.first_key = Some(invocation.first);
            }
            run.restricted = self.restricted.cloned();
            run.stack_base = stack_place();
            #[cfg(any(test, feature = "testing"))]
            {
                run.fault = super::host::Fault::after(self.fault_after);
            }
        });
    }

    /// Calls the program and writes its reply. Whatever the result, the caller keeps or rolls
    /// back.
    #[inline]
    fn attempt(
        &mut self,
        machine: &mut Machine,
        program: &Program,
        invocation: &Invocation<'_>,
        out: &mut Vec<u8>,
        version: Version,
    ) -> Result<Returned, Failure> {
        let memory_limit = program.flags.memory_bytes(self.limits.memory_bytes);
        if memory_limit != self.limits.memory_bytes {
            machine.limit_growth(memory_limit, self.limits.memory_bytes);
        }
        self.control.describe(What {
            time_limit_ms: program.flags.time_ms(self.limits.time_ms),
            id: program.id,
            is_function: program.is_function,
        });
        let arguments = push_call(machine, program, invocation);
        let outcome = machine.call(self.control, arguments);
        if memory_limit != self.limits.memory_bytes {
            machine.vm.set_memory_limit(self.limits.memory_bytes);
        }
        let (stop, resp) = machine.host.with(Host::end);
        let stop = stop.or(machine.vm.memory_exceeded().then_some(Stop::Memory));
        if outcome.is_err() || stop.is_some() {
            return Err(failure(machine, self.limits, program, stop));
        }
        let stack = machine.vm.stack();
        if convert::write_plain_top(stack, out, self.limits.reply_bytes) {
            return Ok(Returned { is_error: false });
        }
        let is_error = stack.has_text_field(-1, b"err");
        let start = out.len();
        match convert::write_top(stack, out, version, resp, self.limits.reply_bytes) {
            Ok(()) => Ok(Returned { is_error }),
            Err(convert::TooLarge) => {
                out.truncate(start);
                let limit = self.limits.reply_bytes;
                let error = CommandError::dynamic(format!(
                    "ERR Script replied more than {limit} bytes and was rolled back."
                ));
                Err(Failure::RolledBack(Reason::Reply, error))
            }
        }
    }

    #[inline]
    fn usage(&self, machine: &mut Machine, keyspace: &Keyspace, started: u64) -> Usage {
        Usage {
            nanos: self.since(started),
            commands: machine.host.with(|host| host.run.commands),
            undo_bytes: keyspace.undo_memory(),
            memory_bytes: machine.vm.memory_used(),
        }
    }

    #[cold]
    fn note_failure(
        &mut self,
        program: &mut Program,
        usage: Usage,
        failure: Failure,
    ) -> CommandError {
        match failure {
            Failure::Leave(error) => {
                self.counters.runs -= 1;
                self.counters.nanos -= usage.nanos;
                error
            }
            Failure::RolledBack(reason, error) => {
                self.counters.note(reason);
                program.stats.note_rolled_back(usage, reason, &error.to_string());
                error
            }
        }
    }

    /// A count of time; always the same where nobody has a clock.
    fn ticks(&self) -> u64 {
        self.services.map_or(0, |services| services.ticks())
    }

    /// Nanoseconds since a count.
    fn since(&self, ticks: u64) -> u64 {
        let took = self.services.map(|services| services.between(ticks, services.ticks()));
        took.map_or(0, |took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// A program that has reached its end.
struct Returned {
    /// It returned an error table.
    is_error: bool,
}

/// The slot of the declared keys, which whoever has planned the request has computed.
#[inline]
fn slot_of(keyspace: &Keyspace, invocation: &Invocation<'_>) -> Option<Slot> {
    let first = invocation.declared().next()?;
    let slot = keyspace.entered_slot().unwrap_or_else(|| Slot::of_key(first));
    debug_assert_eq!(slot, Slot::of_key(first));
    Some(slot)
}

/// Pushes the program and what it is given; says how many arguments those are.
fn push_call(machine: &mut Machine, program: &Program, invocation: &Invocation<'_>) -> i32 {
    let stack = machine.vm.stack();
    stack.push_anchored(machine.handler);
    if program.is_function {
        let Invocation { args, first, keys, .. } = *invocation;
        stack.push_anchored(program.function);
        push_list(stack, args, first, keys);
        push_list(stack, args, invocation.first_argument(), invocation.arguments());
        return 2;
    }
    machine.fill_lists(program.list_use, invocation);
    stack.push_anchored(program.function);
    0
}

impl Runner<'_> {
    /// What the script layer itself refuses before anything runs.
    fn check_door(
        &self,
        program: &Program,
        invocation: &Invocation<'_>,
    ) -> Result<(), CommandError> {
        let flags = &program.flags;
        if flags.no_cluster {
            return Err(CommandError::Text(
                "ERR Can not run script on cluster, 'no-cluster' flag is set.",
            ));
        }
        if invocation.read_only && flags.declared && !flags.no_writes {
            return Err(CommandError::Text(
                "ERR Can not execute a script with write flag using *_ro command.",
            ));
        }
        // A script that declares nothing runs until its first command that needs memory.
        if self.memory_full && flags.declared && !flags.no_writes && !flags.allow_oom {
            return Err(CommandError::OutOfMemory);
        }
        if let Some(refusal) = self.writes_refused.filter(|_| flags.declared && !flags.no_writes) {
            return Err(refusal.into());
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "run_test.rs"]
mod tests;
