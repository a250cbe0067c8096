//! The memory of the process, and `maxmemory`.
//!
//! What counts is resident memory, measured ten times a second: keys, buffers, VMs and all. So the
//! limit holds for what the operating system would kill the process for, within a tenth of a second
//! of writing. The policy is `noeviction`: commands that need memory are refused.

use std::sync::atomic::Ordering;

use crate::node::Node;

/// Resident memory of the process, in bytes; 0 where it cannot be read.
pub(crate) fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|text| {
        text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok())
    });
    pages.unwrap_or(0) * 4096
}

/// Measures, if there is a limit, and tells the shards.
pub(crate) fn measure(node: &Node) {
    let limit = node.settings.maxmemory.load(Ordering::Relaxed);
    node.gauge.set_full(limit != 0 && resident() > limit);
}
