//! Stops started servers also when this program is told to stop.
//!
//! A destructor does not run when a signal ends the program, and servers that stay behind spoil
//! the next measurement. So signals are taken by a thread, which kills the servers first.
//!
//! # Invariants
//! - I1. A server that runs, and a directory that is there, are in the list: both begin and end
//!   while the list is locked.

use std::path::PathBuf;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, process, thread};

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use tempfile::TempDir;

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

/// Makes a directory and starts a server in it. Both are gone when a signal ends this program.
pub fn start(
    directory: impl FnOnce() -> Result<TempDir>,
    start: impl FnOnce(&TempDir) -> Result<Child>,
) -> Result<(Child, TempDir)> {
    let mut running = running(); // I1
    let directory = directory()?;
    let child = start(&directory)?;
    running.push((child.id(), directory.path().to_owned()));
    Ok((child, directory))
}

/// Kills a server and removes its directory.
pub fn stop(child: &mut Child, directory: &mut Option<TempDir>) {
    let mut running = running(); // I1
    // It may have ended by itself; then there is nothing to kill, but still to wait for.
    let _ = child.kill();
    let _ = child.wait();
    drop(directory.take());
    running.retain(|(known, _)| *known != child.id());
}

fn running() -> MutexGuard<'static, Vec<(u32, PathBuf)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stop_all() {
    // Keeps the lock until the program ends, so that no server starts any more.
    let running = running();
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// As `server::Server` has it.
    struct Started(Child, Option<TempDir>);

    impl Drop for Started {
        fn drop(&mut self) {
            stop(&mut self.0, &mut self.1);
        }
    }

    #[test]
    fn a_panic_leaves_neither_process_nor_directory() {
        let left = std::panic::catch_unwind(|| {
            let directory = || tempfile::tempdir().context("a directory");
            let sleep = |_: &TempDir| Ok(Command::new("sleep").arg("600").spawn()?);
            let (child, directory) = start(directory, sleep).unwrap();
            let left = (child.id(), directory.path().to_owned());
            assert!(running().contains(&left));
            let _started = Started(child, Some(directory));
            std::panic::panic_any(left);
        });
        let left = left.unwrap_err().downcast::<(u32, PathBuf)>().unwrap();
        assert!(!Path::new(&format!("/proc/{}", left.0)).exists());
        assert!(!left.1.exists());
        assert!(!running().contains(&left));
    }

    #[test]
    fn a_server_that_does_not_start_leaves_no_directory() {
        let mut path = PathBuf::new();
        let started = start(
            || tempfile::tempdir().context("a directory"),
            |directory| {
                path = directory.path().to_owned();
                Ok(Command::new("/there/is/no/such/program").spawn()?)
            },
        );
        assert!(started.is_err() && !path.as_os_str().is_empty() && !path.exists());
    }
}
