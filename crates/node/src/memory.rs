//! The memory of the process, and `maxmemory`.
//!
//! What counts is what the process has allocated: keys, buffers, VMs and all. Past the limit a shard
//! evicts keys of its own before it runs a command that needs memory, or refuses it, by
//! `maxmemory-policy`; ten times a second each shard evicts more where that was not enough.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::node::Node;
use shard::gauge::Refusal;

/// The most that has been in use, in bytes.
static PEAK: AtomicU64 = AtomicU64::new(0);

/// What was in use before anybody was served.
static AT_START: AtomicU64 = AtomicU64::new(0);

/// Bytes of memory in use.
pub(crate) fn used() -> u64 {
    let used = allocator::used();
    PEAK.fetch_max(used, Ordering::Relaxed);
    used
}

/// The most that was seen to be in use, in bytes.
pub(crate) fn peak() -> u64 {
    PEAK.load(Ordering::Relaxed)
}

/// Resident memory of the process, in bytes; 0 where it cannot be read.
pub(crate) fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| {
        text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok())
    });
    pages.unwrap_or(0) * 4096
}

/// Remembers what is in use before anybody is served.
pub(crate) fn note_start() {
    AT_START.store(used(), Ordering::Relaxed);
}

/// What was in use before anybody was served, in bytes.
pub(crate) fn at_start() -> u64 {
    AT_START.load(Ordering::Relaxed)
}

/// Memory of the machine, in bytes; 0 where it cannot be read.
pub(crate) fn of_machine() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Puts the limit in force, and what else keeps from writing.
pub(crate) fn follow_limit(node: &Node) {
    node.gauge.set_limit(node.settings.maxmemory.load(Ordering::Relaxed));
    let wants_replicas = node.settings.min_replicas_to_write.load(Ordering::Relaxed) > 0;
    node.gauge.refuse_writes(Refusal::Replicas, wants_replicas);
}
