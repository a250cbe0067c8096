//! The data is being read at the start: until when, and how far it has come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::attention::{Attention, Reason};

/// How far reading the data has come.
#[derive(Debug)]
pub(crate) struct Loading {
    attention: Arc<Attention>,
    total_bytes: AtomicU64,
    loaded_bytes: AtomicU64,
    began: Instant,
    began_at: u64,
    took: OnceLock<Duration>,
}

impl Loading {
    /// It begins. As long as it lasts, requests are told by `attention`.
    pub(crate) fn new(attention: Arc<Attention>) -> Self {
        attention.set(Reason::Loading, true);
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            attention,
            total_bytes: AtomicU64::new(0),
            loaded_bytes: AtomicU64::new(0),
            began: Instant::now(),
            began_at: since.map_or(0, |time| time.as_secs()),
            took: OnceLock::new(),
        }
    }

    /// Whether requests that need the data have to be refused.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.attention.has(Reason::Loading)
    }

    /// There is nothing left to read.
    pub(crate) fn end(&self) {
        let _ = self.took.set(self.began.elapsed());
        self.attention.set(Reason::Loading, false);
    }

    /// How long it took, when it has ended.
    pub(crate) fn took(&self) -> Option<Duration> {
        self.took.get().copied()
    }

    /// How many bytes there are to read.
    pub(crate) fn expect(&self, bytes: u64) {
        self.total_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many more have been read.
    pub(crate) fn note(&self, bytes: u64) {
        self.loaded_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Seconds since the epoch when it began.
    pub(crate) fn began_at(&self) -> u64 {
        self.began_at
    }

    /// Bytes to read, and bytes that have been read.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let total = self.total_bytes.load(Ordering::Relaxed);
        (total, self.loaded_bytes.load(Ordering::Relaxed).min(total))
    }

    /// How much of it has been read, in per cent.
    pub(crate) fn percent(&self) -> f64 {
        let (total, loaded) = self.bytes();
        if total == 0 { 0.0 } else { loaded as f64 * 100.0 / total as f64 }
    }

    /// Seconds until the end at the pace so far; at least 1.
    pub(crate) fn eta_seconds(&self) -> u64 {
        let (total, loaded) = self.bytes();
        if loaded == 0 {
            return 1;
        }
        let left = self.began.elapsed().as_secs_f64() * (total - loaded) as f64 / loaded as f64;
        (left as u64).max(1)
    }
}
