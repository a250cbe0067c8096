//! Watched keys: which transactions a change spoils.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set when a key that a connection watches has changed. Shared because the connection may live
/// on another thread than the shard that has the key.
#[derive(Debug, Clone, Default)]
pub struct WatchFlag(Arc<AtomicBool>);

impl WatchFlag {
    /// Whether a watched key has changed.
    pub fn spoiled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn spoil(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Who watches which keys of this shard.
#[derive(Default)]
pub(super) struct WatchTable {
    watchers: BTreeMap<Box<[u8]>, Vec<WatchFlag>>,
}

impl WatchTable {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    pub(super) fn add(&mut self, key: &[u8], flag: &WatchFlag) {
        let flags = self.watchers.entry(key.into()).or_default();
        if !flags.iter().any(|known| known.same(flag)) {
            flags.push(flag.clone());
        }
    }

    pub(super) fn remove(&mut self, key: &[u8], flag: &WatchFlag) {
        if let Some(flags) = self.watchers.get_mut(key) {
            flags.retain(|known| !known.same(flag));
            if flags.is_empty() {
                self.watchers.remove(key);
            }
        }
    }

    pub(super) fn touch(&self, key: &[u8]) {
        self.watchers.get(key).into_iter().flatten().for_each(WatchFlag::spoil);
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.watchers.keys().map(|key| &**key)
    }
}
