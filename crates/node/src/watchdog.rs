//! The watchdog: the thread that notices scripts which run for too long.
//!
//! Executors do not read a clock for each script. The watchdog looks at their control blocks every
//! few milliseconds; a run that it has seen before is as old as the time since then.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use shard::script::interrupt::{Debugging, Request, Run};

use crate::node::{ExecutorHandle, Node};

/// How often the watchdog looks.
const TICK: Duration = Duration::from_millis(5);

/// A script as old as this has its shard's sockets looked after, as often.
const ATTEND_EVERY_MS: u64 = 20;

/// A script that is debugged stops after so long, whatever the limits are (Redis's default).
const DEBUGGED_MS: u64 = 5_000;

/// Watches until the process ends.
pub(crate) fn run(node: &Arc<Node>) {
    let mut seen: Vec<Option<Seen>> = vec![None; node.executors.len()];
    loop {
        std::thread::sleep(TICK);
        for (handle, seen) in node.executors.iter().zip(&mut seen) {
            look(node, handle, seen);
        }
    }
}

/// A run that the watchdog has seen.
#[derive(Clone, Copy)]
struct Seen {
    run: Run,
    /// Which stretch of it, when it is debugged.
    stint: u64,
    since: Instant,
    /// Age at which the sockets are looked after next.
    attend_at_ms: u64,
}

fn look(node: &Node, handle: &ExecutorHandle, seen: &mut Option<Seen>) {
    let Some(live) = handle.live.get() else { return };
    let Some(run) = live.control.running() else {
        *seen = None;
        return;
    };
    // The time in which the client of a debugger thinks is not the script's.
    let debugging = live.control.debugging();
    let stint = live.control.stint();
    // Not before: this thread may have been kept from running meanwhile, and a run that has just
    // begun would be taken for as old as that.
    let now = Instant::now();
    let known = match seen {
        Some(known)
            if known.run == run && known.stint == stint && debugging != Debugging::Waits =>
        {
            known
        }
        _ => {
            *seen = Some(Seen { run, stint, since: now, attend_at_ms: ATTEND_EVERY_MS });
            handle.script_age_ms.store(0, Ordering::Relaxed);
            return;
        }
    };
    let age_ms = now.duration_since(known.since).as_millis() as u64;
    handle.script_age_ms.store(age_ms, Ordering::Relaxed);
    let over = |limit_ms: u64| limit_ms != 0 && age_ms >= limit_ms;
    let settings = &node.settings;
    // The limit of the node may have been lowered since the run began; the run's own may be lower.
    if over(handle.proof_limit_ms.load(Ordering::Relaxed))
        || over(settings.script_time_limit.load(Ordering::Relaxed))
        || over(live.control.what().time_limit_ms)
        || (debugging == Debugging::Runs && over(DEBUGGED_MS))
    {
        live.control.ask(run, Request::Timeout);
        live.thread.interrupt();
        return;
    }
    if over(settings.busy_reply_threshold.load(Ordering::Relaxed))
        && !handle.busy.swap(true, Ordering::AcqRel)
    {
        tracing::warn!(age_ms, "a script is slow; its shard answers BUSY until it ends");
    }
    if age_ms >= known.attend_at_ms {
        known.attend_at_ms = age_ms + ATTEND_EVERY_MS;
        live.control.ask(run, Request::Attend);
        live.thread.interrupt();
    }
}
