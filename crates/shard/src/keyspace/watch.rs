//! Watched keys: which transactions a change spoils, and which keys blocked clients wait for.

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

/// Who is interested in a key.
#[derive(Default)]
struct Interest {
    watchers: Vec<WatchFlag>,
    /// How many blocked clients wait for it.
    waiting: usize,
}

/// Who watches which keys of this shard, and which are waited for.
#[derive(Default)]
pub(super) struct WatchTable {
    keys: BTreeMap<Box<[u8]>, Interest>,
}

impl WatchTable {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn add(&mut self, key: &[u8], flag: &WatchFlag) {
        let watchers = &mut self.keys.entry(key.into()).or_default().watchers;
        if !watchers.iter().any(|known| known.same(flag)) {
            watchers.push(flag.clone());
        }
    }

    pub(super) fn remove(&mut self, key: &[u8], flag: &WatchFlag) {
        self.change(key, |interest| interest.watchers.retain(|known| !known.same(flag)));
    }

    /// One more waits for the key.
    pub(super) fn wait_for(&mut self, key: &[u8]) {
        self.keys.entry(key.into()).or_default().waiting += 1;
    }

    /// One less waits for the key.
    pub(super) fn stop_waiting(&mut self, key: &[u8]) {
        self.change(key, |interest| interest.waiting = interest.waiting.saturating_sub(1));
    }

    fn change(&mut self, key: &[u8], change: impl FnOnce(&mut Interest)) {
        if let Some(interest) = self.keys.get_mut(key) {
            change(interest);
            if interest.watchers.is_empty() && interest.waiting == 0 {
                self.keys.remove(key);
            }
        }
    }

    /// The key has changed. Says whether somebody waits for it.
    pub(super) fn touch(&self, key: &[u8]) -> bool {
        let Some(interest) = self.keys.get(key) else { return false };
        interest.watchers.iter().for_each(WatchFlag::spoil);
        interest.waiting > 0
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.keys().map(|key| &**key)
    }
}
