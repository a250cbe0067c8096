//! Processor time of the servers under load, where they run on this machine.

use std::fs;
use std::net::{TcpListener, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::unistd::{SysconfVar, sysconf};

use crate::client::Client;
use crate::cpu::{self, CpuTime};
use crate::topology::Topology;

/// How long it may take to ask a node for the number of its process.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The processes of all nodes, when they run on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Servers {
    pids: Vec<u32>,
}

impl Servers {
    /// Finds the processes of all nodes.
    ///
    /// # Errors
    /// Not all of them run here, as far as one can see.
    pub(super) fn find(topology: &Topology) -> Result<Self> {
        let mut pids = Vec::new();
        for &node in topology.active() {
            let address = &topology.nodes()[node];
            ensure!(is_local(address), "{address} is not on this machine");
            let mut client = topology.open(address, TIMEOUT)?;
            pids.push(pid_of(&mut client).with_context(|| format!("process of {address}"))?);
        }
        // One process may be several nodes, each shard with an address of its own.
        pids.sort_unstable();
        pids.dedup();
        Ok(Self { pids })
    }

    /// What all of them have used so far; `None` when one has ended.
    pub(super) fn cpu(&self) -> Option<CpuTime> {
        let times = self.pids.iter().map(|&pid| cpu::of_process(pid).ok());
        times.sum::<Option<Sum>>().map(|sum| sum.0)
    }
}

/// Processor times add up.
struct Sum(CpuTime);

impl std::iter::Sum<CpuTime> for Sum {
    fn sum<I: Iterator<Item = CpuTime>>(times: I) -> Self {
        Self(times.fold(CpuTime::default(), CpuTime::plus))
    }
}

/// Whether a server could listen on the host of this address here.
fn is_local(address: &str) -> bool {
    let Ok(mut resolved) = address.to_socket_addrs() else { return false };
    resolved
        .any(|address| address.ip().is_loopback() || TcpListener::bind((address.ip(), 0)).is_ok())
}

/// The process that a node says it is, if that is the one of this number here: a port may be
/// forwarded to another machine or a container, where numbers mean other processes.
fn pid_of(client: &mut Client) -> Result<u32> {
    /// Both sides count whole seconds, and a server some of them before it counts.
    const TOLERANCE_SECONDS: f64 = 3.0;
    let info = client.request(&["INFO", "server"])?.text().context("INFO answered no text")?;
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim)
    };
    let pid: u32 = field("process_id").context("INFO has no process_id")?.parse()?;
    let claimed: f64 = field("uptime_in_seconds").context("INFO has no uptime")?.parse()?;
    let actual = age_of(pid).context("there is no such process here")?;
    let differs = (actual - claimed).abs() > TOLERANCE_SECONDS;
    ensure!(!differs, "process {pid} of this machine is another one");
    Ok(pid)
}

/// How many seconds ago a process began.
fn age_of(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("read its times")?;
    let uptime = fs::read_to_string("/proc/uptime").context("read the time since the start")?;
    let ticks_per_second =
        sysconf(SysconfVar::CLK_TCK).ok().flatten().context("the clock tick is unknown")?;
    let now: f64 = uptime.split(' ').next().unwrap_or_default().parse()?;
    let began = start_ticks(&stat).context("its start is missing")?;
    Ok(now - began / ticks_per_second as f64)
}

/// Field 22 of proc_pid_stat(5): starttime in ticks since the machine's start.
fn start_ticks(stat: &str) -> Option<f64> {
    let after_name = &stat[stat.rfind(')')? + 1..];
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_as_old_as_it_is() {
        let age = age_of(std::process::id()).unwrap();
        assert!((-1.0..600.0).contains(&age), "{age}");
        let stat = "7 (a) b) S 1 7 7 0 -1 4 0 0 0 0 1 2 0 0 20 0 9 0 12345 1 2";
        assert_eq!(start_ticks(stat), Some(12345.0));
    }

    #[test]
    fn the_loopback_is_here_and_a_foreign_address_is_not() {
        assert!(is_local("127.0.0.1:1"));
        // Of the range for documentation (RFC 5737).
        assert!(!is_local("192.0.2.1:1"));
    }
}
