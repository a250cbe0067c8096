//! What an executor does ten times a second: memory, figures, slow readers.

use std::rc::Rc;
use std::time::Duration;

use shard::keyspace::Caller;
use tokio::time::MissedTickBehavior;

use super::Executor;

/// How often figures are published.
const PERIOD: Duration = Duration::from_millis(100);

/// Keys that are evicted at once when memory is full although nothing needs it.
const EVICTED_KEYS: usize = 2_000;

/// Tracked keys that are forgotten at once when fewer may be.
const TRACKED_KEYS: usize = 2_000;

/// Runs as long as the executor does.
pub(super) async fn run(executor: Rc<Executor>) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let now = executor.clock.now();
        let mut shard = executor.shard.borrow_mut();
        shard.keyspace_mut().enter(now, None);
        shard.keyspace_mut().set_caller(Caller::default());
        // During a pause the keys stay as they are.
        let held = shard.keyspace().is_held() || executor.node.loading.is_on();
        if executor.node.gauge.is_full() && !held {
            shard.make_room(EVICTED_KEYS);
        }
        let evictions = shard.take_eviction_times();
        executor.note_latency("eviction-cycle", evictions.cycle);
        executor.note_latency("eviction-del", evictions.key);
        // There may be fewer allowed than before.
        shard.keyspace_mut().forget_tracked_beyond_limit(TRACKED_KEYS);
        executor.release(&mut shard);
        executor.publish(&shard);
        drop(shard);
        executor.outlet.submit();
        if executor.over_soft.get() {
            executor.look_at_soft_limits();
        }
    }
}

impl Executor {
    /// Ends connections that have been over their soft limit of output for too long.
    #[cold]
    fn look_at_soft_limits(&self) {
        let mut connections: Vec<_> = self.connections.borrow().values().cloned().collect();
        connections.retain(|connection| connection.look_at_soft_limit(self));
        self.over_soft.set(!connections.is_empty());
    }
}
