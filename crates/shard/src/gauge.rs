//! Whether the memory of the node is full: what `maxmemory` comes to for a shard.
//!
//! The node measures; shards look before they run a command that needs memory, and scripts once,
//! when they begin.

use std::sync::atomic::{AtomicBool, Ordering};

/// One for the node, shared by its shards.
#[derive(Debug, Default)]
pub struct Gauge {
    full: AtomicBool,
}

impl Gauge {
    /// Whether commands that need memory are refused.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Notes what has been measured.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }
}
