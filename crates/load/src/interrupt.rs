//! Stops started servers also when this program is told to stop.
//!
//! A destructor does not run when a signal ends the program, and servers that stay behind spoil
//! the next measurement. So signals are taken by a thread, which kills the servers first.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{fs, process, thread};

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// Servers that run and the directories to remove after them. A lock, because the signal thread
/// reads it; taken only when a server starts or stops.
static RUNNING: Mutex<Vec<(u32, PathBuf)>> = Mutex::new(Vec::new());

/// Begins to watch for signals. Call it before any other thread starts, as they inherit the
/// signal mask. Started processes do not: the standard library clears it for them.
pub fn watch() -> Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGHUP);
    signals.thread_block().context("block signals")?;
    thread::spawn(move || {
        let signal = signals.wait().unwrap_or(Signal::SIGTERM);
        stop_all();
        process::exit(128 + signal as i32);
    });
    Ok(())
}

/// Remembers a server.
pub fn add(pid: u32, directory: PathBuf) {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push((pid, directory));
}

/// Forgets a server. Call it before the process is waited for: after that its id may be another's.
pub fn remove(pid: u32) {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| *known != pid);
}

fn stop_all() {
    // Keeps the lock until the program ends, so that no server starts any more.
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    for (pid, directory) in running.iter() {
        if let Ok(pid) = i32::try_from(*pid) {
            // A server that is gone already needs no signal. Waiting leaves no zombie behind where
            // the first process of a container does not wait for orphans.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            let _ = waitpid(Pid::from_raw(pid), None);
        }
        let _ = fs::remove_dir_all(directory);
    }
    std::mem::forget(running);
}
