//! Whether the memory of the node is full: what `maxmemory` comes to for a shard.
//!
//! The node knows how much memory is in use; shards look before they run a command that needs some,
//! and scripts once, when they begin.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::error::CommandError;

/// Why writes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There are fewer replicas than `min-replicas-to-write` asks for.
    Replicas,
    /// What is written cannot be made to last: the disk is full.
    Disk,
}

impl Refusal {
    fn bit(self) -> u8 {
        match self {
            Self::Replicas => 1,
            Self::Disk => 2,
        }
    }
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Replicas => Self::NoReplicas,
            Refusal::Disk => Self::NoDisk,
        }
    }
}

/// One for the node, shared by its shards.
#[derive(Debug)]
pub struct Gauge {
    /// Bytes that may be in use; 0: any number.
    limit: AtomicU64,
    /// How many are.
    used: fn() -> u64,
    /// Why writes are refused: a bit for each [`Refusal`].
    refusals: AtomicU8,
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
            refusals: AtomicU8::new(0),
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

    /// Why writes are refused, if they are.
    #[inline]
    pub fn refuses_writes(&self) -> Option<Refusal> {
        match self.refusals.load(Ordering::Relaxed) {
            0 => None,
            bits if bits & Refusal::Disk.bit() != 0 => Some(Refusal::Disk),
            _ => Some(Refusal::Replicas),
        }
    }

    /// Has writes refused for this reason, or not for it.
    pub fn refuse_writes(&self, reason: Refusal, refuse: bool) {
        if refuse {
            self.refusals.fetch_or(reason.bit(), Ordering::Relaxed);
        } else {
            self.refusals.fetch_and(!reason.bit(), Ordering::Relaxed);
        }
    }

    /// Has it count as full, or not, whatever is used.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }
}
