//! Whether the memory of the node is full: what `maxmemory` comes to for a shard.
//!
//! The node knows how much memory is in use; shards look before they run a command that needs some,
//! and scripts once, when they begin.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// One for the node, shared by its shards.
#[derive(Debug)]
pub struct Gauge {
    /// Bytes that may be in use; 0: any number.
    limit: AtomicU64,
    /// How many are.
    used: fn() -> u64,
    /// There are fewer replicas than `min-replicas-to-write` asks for.
    refuses_writes: AtomicBool,
    /// It counts as full whatever is used: for tests.
    full: AtomicBool,
}

impl Default for Gauge {
    fn default() -> Self {
        Self::new(|| 0)
    }
}

impl Gauge {
    /// A gauge without a limit. `used` says how many bytes of memory are in use.
    pub fn new(used: fn() -> u64) -> Self {
        Self {
            limit: AtomicU64::new(0),
            used,
            refuses_writes: AtomicBool::new(false),
            full: AtomicBool::new(false),
        }
    }

    /// Whether commands that need memory are refused, or keys evicted for them.
    #[inline]
    pub fn is_full(&self) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        (limit != 0 && (self.used)() > limit) || self.full.load(Ordering::Relaxed)
    }

    /// Sets how many bytes may be in use; 0: any number.
    pub fn set_limit(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Whether writes are refused for want of replicas.
    #[inline]
    pub fn refuses_writes(&self) -> bool {
        self.refuses_writes.load(Ordering::Relaxed)
    }

    /// Has writes refused for want of replicas, or not.
    pub fn refuse_writes(&self, refuse: bool) {
        self.refuses_writes.store(refuse, Ordering::Relaxed);
    }

    /// Has it count as full, or not, whatever is used.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }
}
