//! Eviction: which keys go when memory is full (`maxmemory-policy`).
//!
//! As in Redis the choice is by sample: of a few keys picked at random the best candidates are kept
//! in a small pool, and the best of the pool goes. What is evicted goes through the door.

use super::{Events, Keyspace};
use crate::time::Millis;

/// Candidates that are remembered between evictions.
const POOL: usize = 16;

/// Which keys go when memory is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Eviction {
    /// None: commands that need memory are refused.
    #[default]
    None,
    /// The least recently used of all.
    AllKeysLru,
    /// The least frequently used of all.
    AllKeysLfu,
    /// Any.
    AllKeysRandom,
    /// The least recently used of those that expire.
    VolatileLru,
    /// The least frequently used of those that expire.
    VolatileLfu,
    /// Any that expire.
    VolatileRandom,
    /// Those that expire soonest.
    VolatileTtl,
}

impl Eviction {
    /// All policies, each with its name in `maxmemory-policy`.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::VolatileLru, "volatile-lru"),
        (Self::VolatileLfu, "volatile-lfu"),
        (Self::VolatileRandom, "volatile-random"),
        (Self::VolatileTtl, "volatile-ttl"),
        (Self::AllKeysLru, "allkeys-lru"),
        (Self::AllKeysLfu, "allkeys-lfu"),
        (Self::AllKeysRandom, "allkeys-random"),
        (Self::None, "noeviction"),
    ];

    /// Whether uses are counted instead of dated.
    #[inline]
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::AllKeysLfu | Self::VolatileLfu)
    }

    /// Whether keys go by when they were used last.
    pub(super) fn is_lru(self) -> bool {
        matches!(self, Self::AllKeysLru | Self::VolatileLru)
    }

    /// Whether only keys that expire may go.
    fn is_volatile(self) -> bool {
        matches!(
            self,
            Self::VolatileLru | Self::VolatileLfu | Self::VolatileRandom | Self::VolatileTtl
        )
    }
}

/// A key that may go, and how good a choice it is: higher goes first.
pub(super) struct Candidate {
    score: i64,
    key: Box<[u8]>,
}

impl Keyspace {
    /// Evicts one key by the policy; false when there is none that may go. The slot that was
    /// entered is so again afterwards.
    pub fn evict_one(&mut self) -> bool {
        let policy = self.settings.eviction;
        if policy == Eviction::None {
            return false;
        }
        let slot = self.slot;
        let evicted = self.choose(policy).is_some_and(|key| self.evict(&key));
        self.slot = slot;
        evicted
    }

    fn evict(&mut self, key: &[u8]) -> bool {
        self.slot = protocol::slot::Slot::of_key(key);
        let removed = self.remove_found(key);
        if removed {
            self.counters.evicted += 1;
            self.notify(Events::EVICTED, "evicted", key);
            self.commit_command();
        }
        removed
    }

    fn choose(&mut self, policy: Eviction) -> Option<Box<[u8]>> {
        if matches!(policy, Eviction::AllKeysRandom | Eviction::VolatileRandom) {
            return self.sample(policy).map(|handle| self.tables.entries.at(handle).key().into());
        }
        for _ in 0..self.settings.eviction_samples.max(1) {
            let Some(handle) = self.sample(policy) else { break };
            let entry = self.tables.entries.at(handle);
            let candidate =
                Candidate { score: self.score(policy, handle), key: entry.key().into() };
            if self.candidates.iter().all(|known| known.key != candidate.key) {
                self.candidates.push(candidate);
            }
        }
        self.candidates.sort_unstable_by_key(|candidate| candidate.score);
        let excess = self.candidates.len().saturating_sub(POOL);
        self.candidates.drain(..excess);
        // Whoever has gone or become permanent since it was sampled is no candidate any more.
        while let Some(best) = self.candidates.pop() {
            self.slot = protocol::slot::Slot::of_key(&best.key);
            let entry = self.find(&best.key).map(|handle| self.tables.entries.at(handle));
            if entry.is_some_and(|entry| !policy.is_volatile() || entry.expiry().is_some()) {
                return Some(best.key);
            }
        }
        None
    }

    /// An entry that may go, picked at random.
    fn sample(&mut self, policy: Eviction) -> Option<u32> {
        /// Where few keys expire, luck runs out and a part of the keys is looked through instead.
        const TRIES: usize = 64;
        if !policy.is_volatile() {
            return self.tables.entries.random(&mut self.rng).map(|(handle, _)| handle);
        }
        if self.tables.expiring == 0 {
            return None;
        }
        for _ in 0..TRIES {
            let (handle, entry) = self.tables.entries.random(&mut self.rng)?;
            if entry.expiry().is_some() {
                return Some(handle);
            }
        }
        self.some_expiring()
    }

    /// An entry that expires, of the first slot that has one from a random slot on.
    fn some_expiring(&mut self) -> Option<u32> {
        let count = self.tables.slots.len();
        let start = self.rng.usize(..count);
        let slot = (0..count)
            .map(|step| (start + step) % count)
            .find(|&at| self.tables.expiring_in[at] > 0)
            .and_then(|at| self.tables.slot(at))?;
        let (mut position, mut found) = (Some(0), None);
        while let Some(from) = position.filter(|_| found.is_none()) {
            position = slot.scan(from, |handle| {
                if self.tables.entries.at(handle).expiry().is_some() {
                    found = Some(handle);
                }
            });
        }
        found
    }

    fn score(&self, policy: Eviction, handle: u32) -> i64 {
        let entry = self.tables.entries.at(handle);
        match policy {
            Eviction::VolatileTtl => -entry.expiry().map_or(i64::MAX, |Millis(at)| at),
            _ if policy.is_lfu() => -i64::from(self.frequency_of(entry)),
            _ => i64::from(self.idle_of(entry)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Settings;
    use crate::testing::Rig;

    fn rig(policy: Eviction) -> Rig {
        let mut rig = Rig::new();
        let eviction_samples = 20;
        let settings = Settings { eviction: policy, eviction_samples, ..Settings::default() };
        rig.shard().keyspace_mut().configure(settings);
        rig
    }

    fn evict(rig: &mut Rig, count: usize) -> usize {
        let keyspace = rig.shard().keyspace_mut();
        (0..count).filter(|_| keyspace.evict_one()).count()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut rig = rig(Eviction::AllKeysLru);
        for number in 0..200 {
            rig.check(&format!("SET key{number} 1"), "+OK");
            rig.advance_ms(1000);
        }
        (0..100).for_each(|number| rig.check(&format!("GET key{number}"), "$1"));
        assert_eq!(evict(&mut rig, 80), 80);
        let old = (0..100).filter(|number| rig.run(&format!("EXISTS key{number}")) == ":1").count();
        assert!(old > 90, "of the keys that were used again {old} are left");
    }

    #[test]
    fn the_least_frequently_used_goes_first() {
        let mut rig = rig(Eviction::AllKeysLfu);
        (0..100).for_each(|number| rig.check(&format!("SET key{number} 1"), "+OK"));
        for _ in 0..50 {
            (0..50).for_each(|number| rig.check(&format!("GET key{number}"), "$1"));
        }
        assert!(rig.run("OBJECT FREQ key1") > rig.run("OBJECT FREQ key99"));
        rig.check_error("OBJECT IDLETIME key1", "ERR An LFU maxmemory policy is selected");
        assert_eq!(evict(&mut rig, 45), 45);
        let used = (0..50).filter(|number| rig.run(&format!("EXISTS key{number}")) == ":1").count();
        assert!(used > 45, "{used}");
    }

    #[test]
    fn volatile_policies_leave_what_does_not_expire() {
        for policy in [
            Eviction::VolatileLru,
            Eviction::VolatileLfu,
            Eviction::VolatileRandom,
            Eviction::VolatileTtl,
        ] {
            let mut rig = rig(policy);
            (0..300).for_each(|number| rig.check(&format!("SET key{number} 1"), "+OK"));
            for number in 0..5 {
                rig.check(&format!("SET short{number} 1 EX {}", 100 + number), "+OK");
            }
            if policy == Eviction::VolatileTtl {
                assert_eq!(evict(&mut rig, 2), 2);
                rig.check("EXISTS {short}0", ":0");
                rig.check("EXISTS short0", ":0");
                rig.check("EXISTS short4", ":1");
            }
            let left = if policy == Eviction::VolatileTtl { 3 } else { 5 };
            assert_eq!(evict(&mut rig, 10), left, "{policy:?}");
            rig.check("DBSIZE", ":300");
        }
    }

    #[test]
    fn any_key_goes_and_then_none() {
        let mut rig = rig(Eviction::AllKeysRandom);
        (0..20).for_each(|number| rig.check(&format!("SET key{number} 1"), "+OK"));
        assert_eq!(evict(&mut rig, 100), 20);
        assert_eq!(rig.shard().keyspace().counters().evicted, 20);
        let mut rig = self::rig(Eviction::None);
        rig.check("SET k 1", "+OK");
        assert_eq!(evict(&mut rig, 1), 0);
    }
}
