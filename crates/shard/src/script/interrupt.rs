//! How other threads stop a script: the control block of a VM.
//!
//! No hook is installed while a script runs normally, so being stoppable costs nothing. Another
//! thread that wants a script stopped (the watchdog, a connection with SCRIPT KILL) leaves a
//! request in the control block and signals the executor's thread; the signal handler installs a
//! count hook, and the hook acts on the request at the next instruction, in compiled code at the
//! next turn of a loop. The error is raised again after every `pcall` that catches it, because
//! the hook stays.
//!
//! # Invariants
//! - I1. A request carries the number of the run that it is for. A signal that comes late finds
//!   another number, or none, and leaves no hook behind for the next script.
//! - I2. Only the executor's own thread writes `run` and `hooked`; any thread writes `request`.

use std::ffi::c_void;
use std::hash::BuildHasher;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Ordering};

use foldhash::fast::FixedState;
use mlua::ffi::lua_State;

/// What is to happen to the script that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Nothing.
    None,
    /// It may go on when the shard's sockets have been looked after.
    Attend,
    /// It ends: somebody said SCRIPT KILL.
    Kill,
    /// It ends: its time is over.
    Timeout,
    /// It ends: it has used too much memory.
    Memory,
    /// It ends: its own thread has noted why.
    End,
}

impl Request {
    const ALL: [Self; 6] =
        [Self::None, Self::Attend, Self::Kill, Self::Timeout, Self::Memory, Self::End];

    fn from_bits(bits: u64) -> Self {
        Self::ALL.get((bits & 7) as usize).copied().unwrap_or(Self::None)
    }
}

/// Whether the script that runs is being debugged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Debugging {
    /// It is not.
    No,
    /// It runs.
    Runs,
    /// It stands, and waits for its client to say something.
    Waits,
}

/// What runs, for threads that watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct What {
    /// How long it may run, in milliseconds; 0 is no limit.
    pub time_limit_ms: u64,
    /// [`name_id`] of a script's SHA-1 in hex, or of a function's name.
    pub id: u64,
    /// It is a function, not a script.
    pub is_function: bool,
}

/// A number that stands for a name: of a script (its SHA-1 in lower-case hex) or a function.
pub fn name_id(name: &[u8]) -> u64 {
    FixedState::with_seed(0).hash_one(name)
}

/// The number of a run of a script: each has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run(u64);

/// The control block of one VM. See the module.
#[derive(Debug)]
pub struct Control {
    /// Number of the run, 0 while no script runs.
    run: AtomicU64,
    /// Runs so far; its own field, so that `run` is a plain store on the hot path.
    runs: AtomicU64,
    /// Number of the run that is meant, times 8, and what is to happen to it.
    request: AtomicU64,
    /// Whether a hook has been installed during this run.
    hooked: AtomicBool,
    /// [`What`] runs, or ran last.
    time_limit_ms: AtomicU64,
    id: AtomicU64,
    is_function: AtomicBool,
    /// [`Debugging`], as a number.
    debugging: AtomicU8,
    /// How often a script that is debugged has been let go on.
    stint: AtomicU64,
    state: AtomicPtr<lua_State>,
    host: AtomicPtr<c_void>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            run: AtomicU64::new(0),
            runs: AtomicU64::new(0),
            request: AtomicU64::new(0),
            hooked: AtomicBool::new(false),
            time_limit_ms: AtomicU64::new(0),
            id: AtomicU64::new(0),
            is_function: AtomicBool::new(false),
            debugging: AtomicU8::new(0),
            stint: AtomicU64::new(0),
            state: AtomicPtr::new(ptr::null_mut()),
            host: AtomicPtr::new(ptr::null_mut()),
        }
    }
}

impl Control {
    /// The run that is under way, if there is one. For any thread.
    pub fn running(&self) -> Option<Run> {
        match self.run.load(Ordering::Acquire) {
            0 => None,
            run => Some(Run(run)),
        }
    }

    /// What runs. Only good for a run that [`Self::running`] gives before and after.
    pub fn what(&self) -> What {
        What {
            time_limit_ms: self.time_limit_ms.load(Ordering::Acquire),
            id: self.id.load(Ordering::Acquire),
            is_function: self.is_function.load(Ordering::Acquire),
        }
    }

    /// Asks for something to happen to a run; the caller then signals the executor's thread. A
    /// request to end it is not replaced by one to attend.
    pub fn ask(&self, run: Run, request: Request) {
        let current = self.request.load(Ordering::Acquire);
        let is_ending = current >> 3 == run.0
            && !matches!(Request::from_bits(current), Request::None | Request::Attend);
        if !is_ending {
            self.request.store(run.0 << 3 | request as u64, Ordering::Release);
        }
    }

    /// Whether the script that runs is being debugged.
    pub fn debugging(&self) -> Debugging {
        match self.debugging.load(Ordering::Acquire) {
            0 => Debugging::No,
            1 => Debugging::Runs,
            _ => Debugging::Waits,
        }
    }

    /// Which stretch of a run that is debugged it is: another after each command of its client.
    pub fn stint(&self) -> u64 {
        self.stint.load(Ordering::Acquire)
    }

    /// Whether the script that runs is to end.
    pub fn is_ending(&self) -> bool {
        !matches!(self.request_for_running(), Request::None | Request::Attend)
    }

    // What follows is for the executor's own thread.

    pub(super) fn begin_debugging(&self) {
        self.begin_run();
        self.debugging.store(1, Ordering::Release);
    }

    pub(super) fn end_debugging(&self) {
        self.debugging.store(0, Ordering::Release);
        self.end_run();
    }

    /// The script that is debugged waits for its client, or does so no longer.
    pub(super) fn wait_for_client(&self, waits: bool) {
        if !waits {
            self.stint.fetch_add(1, Ordering::AcqRel);
        }
        self.debugging.store(if waits { 2 } else { 1 }, Ordering::Release);
    }

    /// Forgets that the time is over; says whether it was.
    pub(super) fn take_timeout(&self) -> bool {
        let run = self.run.load(Ordering::Acquire);
        let timeout = run << 3 | Request::Timeout as u64;
        let done = run << 3;
        self.request.compare_exchange(timeout, done, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Notes what the next run is of.
    pub(super) fn describe(&self, what: What) {
        self.time_limit_ms.store(what.time_limit_ms, Ordering::Release);
        self.id.store(what.id, Ordering::Release);
        self.is_function.store(what.is_function, Ordering::Release);
    }

    pub(super) fn begin_run(&self) {
        let run = self.runs.load(Ordering::Relaxed) + 1;
        self.runs.store(run, Ordering::Relaxed);
        self.run.store(run, Ordering::Release);
    }

    /// Ends the run and says whether a hook is to be removed.
    pub(super) fn end_run(&self) -> bool {
        self.run.store(0, Ordering::Release);
        // From here on no signal installs a hook (I1), and nobody else writes this (I2).
        let is_hooked = self.hooked.load(Ordering::Acquire);
        if is_hooked {
            self.hooked.store(false, Ordering::Release);
        }
        is_hooked
    }

    pub(super) fn note_hook(&self) {
        self.hooked.store(true, Ordering::Release);
    }

    /// What has been asked for the run that is under way.
    pub(super) fn request_for_running(&self) -> Request {
        let run = self.run.load(Ordering::Acquire);
        let request = self.request.load(Ordering::Acquire);
        if run != 0 && request >> 3 == run { Request::from_bits(request) } else { Request::None }
    }

    /// The sockets are being looked after: that request is done with, unless another has replaced
    /// it.
    pub(super) fn note_attended(&self) {
        let run = self.run.load(Ordering::Acquire);
        let attend = run << 3 | Request::Attend as u64;
        let done = run << 3;
        let _ = self.request.compare_exchange(attend, done, Ordering::AcqRel, Ordering::Acquire);
    }

    /// A request of the script's own thread for itself.
    pub(super) fn request_now(&self, request: Request) {
        if let Some(run) = self.running() {
            self.ask(run, request);
        }
    }

    pub(super) fn state(&self) -> *mut lua_State {
        self.state.load(Ordering::Acquire)
    }

    pub(super) fn set_state(&self, state: *mut lua_State) {
        self.state.store(state, Ordering::Release);
    }

    pub(super) fn host(&self) -> *mut c_void {
        self.host.load(Ordering::Acquire)
    }

    pub(super) fn set_host(&self, host: *mut c_void) {
        self.host.store(host, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_comes_late_is_for_nobody() {
        let control = Control::default();
        control.begin_run();
        let first = control.running().unwrap();
        control.end_run();
        control.begin_run();
        control.ask(first, Request::Kill);
        assert_eq!(control.request_for_running(), Request::None);
        control.ask(control.running().unwrap(), Request::Attend);
        assert_eq!(control.request_for_running(), Request::Attend);
    }

    #[test]
    fn attending_does_not_replace_a_kill() {
        let control = Control::default();
        control.begin_run();
        let run = control.running().unwrap();
        control.ask(run, Request::Kill);
        control.ask(run, Request::Attend);
        assert_eq!(control.request_for_running(), Request::Kill);
    }
}
