//! The scripts of a node: what EVALSHA, SCRIPT LOAD, EXISTS and FLUSH speak of.
//!
//! One store for all shards of a process: a script that was loaded over any connection is known
//! to each of them before the reply is sent. Shards compile what they run, when they first run
//! it, and keep that for themselves; the lock here is taken only then, never for a script that the
//! shard knows.
//!
//! Scripts that came by EVAL are kept up to a number, those that SCRIPT LOAD pinned for ever
//! (Redis 7.4). The one whose last use is longest ago goes. The clock of "ago" counts additions,
//! so using a script is one plain store (none at all while nothing is added), not a list operation
//! under a lock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::sha::Sha;

/// Most scripts kept that came by EVAL (Redis: `LRU_LIST_LENGTH`).
pub const EVAL_SCRIPTS_MAX: usize = 500;

/// One script's text and what happens to it.
#[derive(Debug)]
pub struct Source {
    /// Its SHA-1.
    pub sha: Sha,
    /// The text as it came.
    pub body: Vec<u8>,
    /// The store's clock when it was last used.
    last_used: AtomicU64,
    gone: AtomicBool,
}

impl Source {
    /// Whether the script has been evicted or flushed.
    #[inline]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}

#[derive(Default)]
struct Inner {
    sources: BTreeMap<Sha, Arc<Source>>,
    /// Scripts that may be evicted.
    evictable: Vec<Arc<Source>>,
}

/// What has become of the scripts that are never evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// This one is one of them by now.
    Pinned(&'a [u8]),
    /// There are none.
    Flushed,
}

/// Who hears of changes, in their order. It is called with the store locked.
pub type Witness = Box<dyn Fn(Change<'_>) + Send + Sync>;

/// The scripts of a node. See the module.
#[derive(Default)]
pub struct ScriptStore {
    witness: OnceLock<Witness>,
    inner: Mutex<Inner>,
    /// How often the store has been flushed: tells shards to forget what they have compiled.
    generation: AtomicU64,
    evicted: AtomicU64,
    /// Counts additions.
    clock: AtomicU64,
}

impl ScriptStore {
    /// Notes that a script runs.
    #[inline]
    pub fn mark_used(&self, source: &Source) {
        let clock = self.clock.load(Ordering::Relaxed);
        if source.last_used.load(Ordering::Relaxed) != clock {
            source.last_used.store(clock, Ordering::Relaxed);
        }
    }

    /// Has somebody hear of changes from now on; the first one who asks for it.
    pub fn set_witness(&self, witness: Witness) {
        let _ = self.witness.set(witness);
    }

    fn tell(&self, change: Change<'_>) {
        if let Some(witness) = self.witness.get() {
            witness(change);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every state between two statements is a legal one, so a poisoned lock is still good.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The script of this name.
    pub fn find(&self, sha: Sha) -> Option<Arc<Source>> {
        self.lock().sources.get(&sha).cloned()
    }

    /// Adds a script that has compiled. `pinned` is SCRIPT LOAD: it is never evicted.
    pub fn add(&self, sha: Sha, body: &[u8], pinned: bool) -> Arc<Source> {
        let mut inner = self.lock();
        if let Some(source) = inner.sources.get(&sha).cloned() {
            let known = inner.evictable.len();
            if pinned {
                inner.evictable.retain(|known| known.sha != sha);
            }
            if inner.evictable.len() < known {
                self.tell(Change::Pinned(body));
            }
            return source;
        }
        let source = Arc::new(Source {
            sha,
            body: body.to_vec(),
            last_used: AtomicU64::new(self.clock.fetch_add(1, Ordering::Relaxed) + 1),
            gone: AtomicBool::new(false),
        });
        inner.sources.insert(sha, source.clone());
        if !pinned {
            while inner.evictable.len() >= EVAL_SCRIPTS_MAX {
                self.evict_one(&mut inner);
            }
            inner.evictable.push(source.clone());
        } else {
            self.tell(Change::Pinned(body));
        }
        source
    }

    fn evict_one(&self, inner: &mut Inner) {
        let ages = inner.evictable.iter().enumerate();
        let oldest = ages.min_by_key(|(_, source)| source.last_used.load(Ordering::Relaxed));
        let Some((at, _)) = oldest else { return };
        let source = inner.evictable.swap_remove(at);
        source.gone.store(true, Ordering::Release);
        inner.sources.remove(&source.sha);
        self.evicted.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets all scripts.
    pub fn flush(&self) {
        let mut inner = self.lock();
        for source in inner.sources.values() {
            source.gone.store(true, Ordering::Release);
        }
        *inner = Inner::default();
        self.tell(Change::Flushed);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Changes with each flush.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// All scripts, by SHA-1, and whether each is pinned.
    pub fn list(&self) -> Vec<(Arc<Source>, bool)> {
        let inner = self.lock();
        let evictable = |source: &Source| inner.evictable.iter().any(|one| one.sha == source.sha);
        inner.sources.values().map(|source| (source.clone(), !evictable(source))).collect()
    }

    /// Bytes of all scripts.
    pub fn memory(&self) -> usize {
        self.lock().sources.values().map(|source| source.body.len()).sum()
    }

    /// How many scripts there are.
    pub fn len(&self) -> usize {
        self.lock().sources.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many scripts have been evicted since the start.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(store: &ScriptStore, number: usize, pinned: bool) -> Arc<Source> {
        let body = format!("return {number}");
        store.add(Sha::of(body.as_bytes()), body.as_bytes(), pinned)
    }

    #[test]
    fn scripts_of_eval_are_evicted_and_loaded_ones_are_not() {
        let store = ScriptStore::default();
        let pinned = add(&store, 0, true);
        let first = add(&store, 1, false);
        for number in 2..=2 * EVAL_SCRIPTS_MAX {
            add(&store, number, false);
        }
        assert!(first.is_gone() && store.find(first.sha).is_none());
        assert!(!pinned.is_gone());
        assert_eq!(store.len(), EVAL_SCRIPTS_MAX + 1);
        assert_eq!(store.evicted(), EVAL_SCRIPTS_MAX as u64);
    }

    #[test]
    fn a_script_in_use_outlives_one_that_is_not() {
        let store = ScriptStore::default();
        let busy = add(&store, 0, false);
        for number in 1..3 * EVAL_SCRIPTS_MAX {
            store.mark_used(&busy);
            add(&store, number, false);
        }
        assert!(!busy.is_gone());
    }

    #[test]
    fn loading_pins_what_eval_brought() {
        let store = ScriptStore::default();
        let source = add(&store, 0, false);
        assert!(!store.list()[0].1);
        add(&store, 0, true);
        assert!(store.list()[0].1);
        for number in 1..3 * EVAL_SCRIPTS_MAX {
            add(&store, number, false);
        }
        assert!(!source.is_gone());
    }
}
