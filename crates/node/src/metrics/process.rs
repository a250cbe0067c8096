//! The process: memory, time, what it is.

use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use super::catalogue;
use super::page::Page;
use crate::memory;
use crate::node::Node;

pub(super) fn put(page: &mut Page, node: &Node, began: Instant) {
    put_memory(page, node);
    let version = env!("CARGO_PKG_VERSION");
    page.count(&catalogue::BUILD_INFO, &[version, std::env::consts::ARCH], 1);
    let uptime = node.started.elapsed();
    page.put(&catalogue::UPTIME, &[], uptime.as_secs_f64());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    page.put(&catalogue::START_TIME, &[], now.saturating_sub(uptime).as_secs_f64().round());
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        let all = seconds(usage.user_time()) + seconds(usage.system_time());
        page.put(&catalogue::CPU_SECONDS, &[], all);
    }
    page.put(&catalogue::SCRAPE_DURATION, &[], began.elapsed().as_secs_f64());
}

fn put_memory(page: &mut Page, node: &Node) {
    let used = memory::used();
    for (metric, value) in [
        (&catalogue::MEMORY_USED, used),
        (&catalogue::MEMORY_RSS, memory::resident()),
        (&catalogue::MEMORY_PEAK, memory::peak()),
        (&catalogue::MEMORY_STARTUP, memory::at_start()),
        (&catalogue::MEMORY_MACHINE, memory::of_machine()),
        (&catalogue::MEMORY_LIMIT, node.settings.maxmemory.load(Ordering::Relaxed)),
        (&catalogue::MEMORY_SCRIPT_STORE, node.scripts.memory() as u64),
        (&catalogue::MEMORY_FUNCTION_STORE, node.functions.figures().memory as u64),
    ] {
        page.count(metric, &[], value);
    }
}
