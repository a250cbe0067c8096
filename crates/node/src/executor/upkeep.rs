//! What an executor does for its shard besides requests: removing what has expired, and freeing
//! what is used no more.
//!
//! Both can be much at once (a million keys that expire in the same second, a set of as many members
//! that is deleted), so they are done in slices, and between two slices everybody who waits is
//! served. While there are requests, slices have a quarter of the time: what has expired is seen by
//! nobody, and what is used no more is only memory. While there are none, slices have all of it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::time::ClockId;
use shard::Shard;
use shard::keyspace::Caller;

use super::Executor;

/// How often there is a look for what has expired.
const INTERVAL: Duration = Duration::from_millis(20);
/// How long a slice may take.
const SLICE: Duration = Duration::from_micros(300);
/// How long requests have for themselves after a slice: as short as timers of tokio are.
const PAUSE: Duration = Duration::from_millis(1);
/// Keys and fields removed between two looks at the clock.
const KEYS: usize = 64;
/// Parts freed between two looks at the clock.
const PARTS: usize = 4;

/// What removing what has expired has taken.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) expire_nanos: Cell<u64>,
    /// How often a slice has ended before there was nothing left to remove.
    pub(super) cut_short: Cell<u64>,
}

/// Runs for as long as the executor.
pub(super) async fn run(executor: Rc<Executor>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        executor.await_tick(&mut interval).await;
        while executor.expire_slice() || executor.free_slice() {
            let read_before = executor.bytes_in.get();
            // Comes back when all others who are ready have been served, sockets included.
            tokio::task::yield_now().await;
            if executor.bytes_in.get() != read_before {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Processor time of this thread: what the machine does meanwhile for others is not in it.
fn thread_time() -> Duration {
    ClockId::CLOCK_THREAD_CPUTIME_ID.now().map_or(Duration::ZERO, Duration::from)
}

impl Executor {
    /// Waits for the next tick, and notes how late it came: the thread had something else to do.
    async fn await_tick(&self, interval: &mut tokio::time::Interval) {
        let asked = tokio::time::Instant::now();
        let due = interval.tick().await;
        // One that was due before it was asked for says nothing.
        if due >= asked {
            self.delays.borrow_mut().note(due.elapsed());
        }
    }

    /// Removes what has expired for some time; says whether there is more.
    fn expire_slice(&self) -> bool {
        if !self.node.settings.active_expire.load(Ordering::Relaxed) {
            return false;
        }
        let mut shard = self.shard.borrow_mut();
        let (start, cpu_before) = (Instant::now(), thread_time());
        let keyspace = shard.keyspace_mut();
        keyspace.enter(self.clock.now(), None);
        keyspace.set_caller(Caller::default());
        // During a pause the keys stay as they are, and while they are read: what comes next may
        // say that a key expires later.
        if keyspace.is_held() || self.node.loading.is_on() {
            return false;
        }
        let more = loop {
            keyspace.expire_some(KEYS);
            if !keyspace.is_expiry_behind() {
                break false;
            }
            if start.elapsed() >= SLICE {
                break true;
            }
        };
        self.release(&mut shard);
        self.outlet.submit();
        self.note_latency("expire-cycle", start.elapsed());
        let nanos = thread_time().saturating_sub(cpu_before).as_nanos() as u64;
        self.upkeep.expire_nanos.set(self.upkeep.expire_nanos.get() + nanos);
        self.upkeep.cut_short.set(self.upkeep.cut_short.get() + u64::from(more));
        more
    }

    /// Frees what is used no more for some time; says whether there is more.
    fn free_slice(&self) -> bool {
        let mut shard = self.shard.borrow_mut();
        let start = Instant::now();
        while shard.keyspace_mut().free_some(PARTS) > 0 {
            if start.elapsed() >= SLICE {
                return true;
            }
        }
        if shard.keyspace().kept_replies().0 > 0 {
            return self.forget_slice(&mut shard);
        }
        false
    }

    /// Forgets replies that are kept no more; says whether there are others.
    fn forget_slice(&self, shard: &mut Shard) -> bool {
        let keyspace = shard.keyspace_mut();
        keyspace.enter(self.clock.now(), None);
        keyspace.forget_replies(KEYS) == KEYS
    }
}
