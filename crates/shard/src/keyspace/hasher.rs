//! The hash of keys and fields: seeded, so that nobody can choose keys that collide.

use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// The seed of this process. Set once at start from the operating system's randomness.
static SEED: AtomicU64 = AtomicU64::new(0x5EED_0A70_1100_0001);

/// Sets the seed for all tables made from now on. To be called once, before the first shard.
pub fn set_seed(seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
}

/// Hashes byte strings with the seed that was set when it was made.
#[derive(Clone)]
pub(crate) struct KeyHasher(FixedState);

impl Default for KeyHasher {
    fn default() -> Self {
        Self(FixedState::with_seed(SEED.load(Ordering::Relaxed)))
    }
}

impl KeyHasher {
    /// The same for all that hash alike. It tells nothing of the seed.
    pub(crate) fn fingerprint(&self) -> u32 {
        self.hash(b"fingerprint") as u32
    }

    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}
