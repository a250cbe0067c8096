//! Processor time of servers and of the generator, and which core a thread may use.
//!
//! Throughput on two shared cores swings with the neighbours; the processor time a request costs
//! swings much less, so it is the figure to trust.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::{Pid, SysconfVar, sysconf};

/// Processor time that was used, by this side and that of the kernel boundary.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CpuTime {
    /// In the program itself.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
}

impl CpuTime {
    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    /// What was used after `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }

    /// The sum of two.
    pub fn plus(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system }
    }
}

/// What the calling thread has used so far.
pub fn of_this_thread() -> Result<CpuTime> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).context("read the thread's usage")?;
    let duration = |microseconds: i64| Duration::from_micros(microseconds.unsigned_abs());
    Ok(CpuTime {
        user: duration(usage.user_time().num_microseconds()),
        system: duration(usage.system_time().num_microseconds()),
    })
}

/// What all threads of another process have used so far, also those that have ended. The kernel
/// tells it in ticks of 10 ms, so measure over seconds.
pub fn of_process(pid: u32) -> Result<CpuTime> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK)
        .context("ask for the clock tick")?
        .context("the clock tick is unknown")?;
    parse_stat(&stat, ticks_per_second.unsigned_abs()).with_context(|| format!("parse {path}"))
}

/// Fields 14 and 15 of proc_pid_stat(5): utime and stime in ticks.
fn parse_stat(stat: &str, ticks_per_second: u64) -> Option<CpuTime> {
    // Field 2 is the program's name in parentheses; it may itself hold blanks and parentheses.
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let mut duration = || {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(Duration::from_nanos(ticks * (1_000_000_000 / ticks_per_second)))
    };
    Some(CpuTime { user: duration()?, system: duration()? })
}

/// The cores the calling thread may use.
pub fn allowed_cores() -> Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).context("ask for the allowed cores")?;
    Ok((0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect())
}

/// Lets the calling thread use these cores only. Threads and processes it starts inherit that.
pub fn pin_this_thread(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core).with_context(|| format!("core {core} is out of range"))?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("pin to cores {cores:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_after_the_last_parenthesis() {
        let stat = "42 (a ) (b) c) S 1 2 3 4 5 6 7 8 9 10 250 75 0 0 20 0 4 0 100 200";
        let expected =
            CpuTime { user: Duration::from_millis(2500), system: Duration::from_millis(750) };
        assert_eq!(parse_stat(stat, 100), Some(expected));
    }

    #[test]
    fn a_short_stat_is_refused() {
        assert_eq!(parse_stat("42 (a) S 1 2 3", 100), None);
        assert_eq!(parse_stat("", 100), None);
    }

    #[test]
    fn this_process_can_be_read() {
        let before = of_process(std::process::id()).unwrap();
        let thread = of_this_thread().unwrap();
        assert!(before.total() + Duration::from_secs(1) >= thread.total());
    }

    #[test]
    fn a_pinned_thread_may_use_that_core_only() {
        let first = allowed_cores().unwrap()[0];
        std::thread::spawn(move || {
            pin_this_thread(&[first]).unwrap();
            assert_eq!(allowed_cores().unwrap(), [first]);
        })
        .join()
        .unwrap();
    }
}
