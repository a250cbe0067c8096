//! Loading a library: its code runs, and says which functions it has.

use super::metadata::Metadata;
use super::registration::{Registered, Registration};
use crate::error::CommandError;
use crate::script::compile::{Refused, Text, compile};
use crate::script::host::{RunState, Stop};
use crate::script::interrupt::{Control, What, name_id};
use crate::script::limits::Limits;
use crate::script::machine::Machine;
use crate::script::outcome::error_text;

/// How long the code of a library may run when it is loaded first, in milliseconds (Redis's
/// `LOAD_TIMEOUT_MS`).
pub(super) const TIME_LIMIT_MS: u64 = 500;

/// Runs the code of a library in `machine`, for at most `time_ms` milliseconds (0: for ever), and
/// returns what it has registered.
///
/// # Errors
/// What to reply: nothing is left of it in the VM.
pub(super) fn run(
    machine: &mut Machine,
    control: &Control,
    limits: &Limits,
    metadata: &Metadata<'_>,
    time_ms: u64,
) -> Result<Vec<Registered>, CommandError> {
    let what =
        What { time_limit_ms: time_ms, id: name_id(metadata.name.as_bytes()), is_function: true };
    let stack = machine.vm.stack();
    stack.push_anchored(machine.handler);
    let text = Text { lua: metadata.lua, chunk_name: c"@user_function", what };
    compile(machine, control, limits, &text).map_err(|refused| {
        stack.set_top(0);
        match refused {
            Refused::Stopped(error) => error,
            Refused::Message(message) => {
                let message = String::from_utf8_lossy(&message);
                CommandError::dynamic(format!("ERR Error compiling function: {message}"))
            }
        }
    })?;
    machine.host.with(|host| {
        host.run = RunState::default();
        host.stop = None;
        host.frame_lost = false;
        host.registration = Some(Registration::default());
    });
    control.describe(what);
    machine.show_library_api(true);
    let outcome = machine.call(control, 0);
    machine.show_library_api(false);
    let (registration, stop) = machine.host.with(|host| {
        host.stopped_at = None;
        (host.registration.take().unwrap_or_default(), host.stop)
    });
    let stop = stop.or(machine.vm.memory_exceeded().then_some(Stop::Memory));
    let failed = outcome.is_err() || stop.is_some();
    let error = failed.then(|| registering_failed(machine, limits, stop));
    machine.vm.stack().set_top(0);
    let error = match error {
        None if registration.functions.is_empty() => "ERR No functions registered".into(),
        None => return Ok(registration.functions),
        Some(text) => text,
    };
    release(machine, &registration.functions);
    if machine.vm.memory_exceeded() {
        machine.vm.collect_garbage();
    }
    Err(CommandError::dynamic(error))
}

/// Gives functions up that a library has registered.
pub(super) fn release(machine: &Machine, functions: &[Registered]) {
    let stack = machine.vm.stack();
    functions.iter().for_each(|registered| stack.release(registered.anchor));
}

/// The error of a library whose code did not reach its end; its error value is on top of the stack.
fn registering_failed(machine: &mut Machine, limits: &Limits, stop: Option<Stop>) -> String {
    let why = match stop {
        None => error_text(machine.vm.stack()).0,
        Some(Stop::Killed) => "ERR Script killed by user with SCRIPT KILL...".into(),
        Some(Stop::Memory) => {
            format!("OOM Script used more than {} bytes of memory.", limits.memory_bytes)
        }
        Some(Stop::Timeout | Stop::Undo | Stop::GaveUp | Stop::Leave) => {
            "ERR FUNCTION LOAD timeout".into()
        }
    };
    format!("ERR Error registering functions: {why}")
}
