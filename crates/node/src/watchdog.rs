//! The watchdog: the thread that notices scripts which run for too long.
//!
//! Executors do not read a clock for each script. The watchdog looks at their control blocks every
//! few milliseconds; a run that it has seen before is as old as the time since then.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use shard::script::interrupt::{Request, Run};

use crate::node::{ExecutorHandle, Node};

/// How often the watchdog looks.
const TICK: Duration = Duration::from_millis(5);

/// Watches until the process ends.
pub(crate) fn run(node: &Arc<Node>) {
    let mut seen: Vec<Option<(Run, Instant)>> = vec![None; node.executors.len()];
    loop {
        std::thread::sleep(TICK);
        let now = Instant::now();
        for (handle, seen) in node.executors.iter().zip(&mut seen) {
            look(node, handle, seen, now);
        }
    }
}

fn look(node: &Node, handle: &ExecutorHandle, seen: &mut Option<(Run, Instant)>, now: Instant) {
    let Some(live) = handle.live.get() else { return };
    let Some(run) = live.control.running() else {
        *seen = None;
        return;
    };
    let since = match *seen {
        Some((known, since)) if known == run => since,
        _ => {
            *seen = Some((run, now));
            handle.script_age_ms.store(0, Ordering::Relaxed);
            return;
        }
    };
    let age_ms = now.duration_since(since).as_millis() as u64;
    handle.script_age_ms.store(age_ms, Ordering::Relaxed);
    let over = |limit_ms: u64| limit_ms != 0 && age_ms >= limit_ms;
    let settings = &node.settings;
    if over(handle.proof_limit_ms.load(Ordering::Relaxed))
        || over(settings.script_time_limit.load(Ordering::Relaxed))
    {
        live.control.ask(run, Request::Timeout);
        live.thread.interrupt();
    } else if over(settings.busy_reply_threshold.load(Ordering::Relaxed))
        && !handle.busy.swap(true, Ordering::AcqRel)
    {
        tracing::warn!(age_ms, "a script is slow; its shard answers BUSY until it ends");
        live.control.ask(run, Request::Attend);
        live.thread.interrupt();
    }
}
