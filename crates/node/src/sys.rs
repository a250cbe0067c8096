//! What the operating system offers only with `unsafe`. Each block names what makes it sound.

#![expect(unsafe_code, reason = "the node's one module that may: signals")]

use std::io;

use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::Signal;

/// The signal that makes an executor look at its control block. Nothing else in the process uses
/// it, and Rust's runtime leaves it alone.
const INTERRUPT: Signal = Signal::SIGUSR2;

/// A thread that can be interrupted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thread(Pthread);

// SAFETY: a pthread_t is a plain identifier; sending signals to it from any thread is what it is
// for. Executor threads live as long as the process, so it never names a dead thread.
unsafe impl Send for Thread {}
// SAFETY: as above; it is immutable.
unsafe impl Sync for Thread {}

impl Thread {
    pub(crate) fn current() -> Self {
        Self(pthread_self())
    }

    /// Makes the thread look at its control block, wherever it is.
    pub(crate) fn interrupt(self) {
        // It fails only for threads that do not exist, which executors do.
        let _ = pthread_kill(self.0, INTERRUPT);
    }
}

/// Installs the handler of the interrupt signal.
pub(crate) fn install_interrupt_handler() -> io::Result<()> {
    // SAFETY: the action is async-signal-safe: it reads atomics and calls lua_sethook, which is
    // documented to be callable from signal handlers.
    unsafe { signal_hook_registry::register(INTERRUPT as i32, shard::script::on_interrupt_signal) }
        .map(drop)
}
