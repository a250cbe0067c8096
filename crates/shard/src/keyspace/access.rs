//! How recently or how often keys have been used: what eviction and OBJECT go by.
//!
//! An entry has 32 bits for it. By time they are the access clock in seconds. By frequency, under
//! the LFU policies, they are Redis's: a counter of 8 bits that grows ever more slowly and is halved
//! by nothing but time, and the minute in which it was last looked at.

use super::{Entry, Keyspace, Usage};

/// The counter of a new key: it must have time to be used again.
const NEW: u32 = 5;
const COUNTER_MAX: u32 = 255;

/// How frequencies are counted (`lfu-log-factor`, `lfu-decay-time`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lfu {
    /// The higher, the more uses it takes to reach the top of the counter.
    pub log_factor: u32,
    /// Minutes after which the counter of an unused key falls by one; 0: never.
    pub decay_minutes: u32,
}

impl Default for Lfu {
    fn default() -> Self {
        Self { log_factor: 10, decay_minutes: 1 }
    }
}

impl Lfu {
    /// The counter of these bits at `minute`.
    fn counter(self, bits: u32, minute: u32) -> u32 {
        let passed = minute.wrapping_sub(bits >> 8) & 0xffff;
        let falls = passed.checked_div(self.decay_minutes).unwrap_or(0);
        (bits & COUNTER_MAX).saturating_sub(falls)
    }

    /// The bits after one more use.
    fn used(self, bits: u32, minute: u32, rng: &mut fastrand::Rng) -> u32 {
        let counter = self.counter(bits, minute);
        let base = counter.saturating_sub(NEW);
        let grows = counter < COUNTER_MAX
            && rng.f64() * (f64::from(base) * f64::from(self.log_factor) + 1.0) < 1.0;
        (minute & 0xffff) << 8 | (counter + u32::from(grows))
    }
}

impl Keyspace {
    /// The access clock: seconds, in 32 bits.
    #[inline]
    fn access_clock(&self) -> u32 {
        (self.now.0 / 1_000_000) as u32
    }

    fn minute(&self) -> u32 {
        (self.now.0 / 60_000_000) as u32 & 0xffff
    }

    /// The bits of a key that is made now.
    #[inline]
    pub(super) fn new_access(&self) -> u32 {
        if self.settings.eviction.is_lfu() {
            return self.minute() << 8 | NEW;
        }
        self.access_clock()
    }

    /// The bits of a value that comes from outside, as far as its use is known by what the policy of
    /// eviction counts.
    pub(super) fn access_of(&self, usage: Usage) -> Option<u32> {
        if self.settings.eviction.is_lfu() {
            return Some(self.minute() << 8 | u32::from(usage.frequency?));
        }
        let idle = u32::try_from(usage.idle_seconds?).unwrap_or(u32::MAX);
        Some(self.access_clock().saturating_sub(idle))
    }

    /// Notes a use of an entry.
    #[inline]
    pub(super) fn note_use(&mut self, handle: u32) {
        if self.settings.eviction.is_lfu() {
            let (minute, lfu) = (self.minute(), self.settings.lfu);
            let entry = self.tables.entries.at_mut(handle);
            let bits = lfu.used(entry.access(), minute, &mut self.rng);
            entry.set_access(bits);
            return;
        }
        let clock = self.access_clock();
        self.tables.entries.at_mut(handle).set_access(clock);
    }

    /// How often the key has been used, on Redis's scale of 0 to 255.
    pub fn frequency(&mut self, key: &[u8]) -> Option<u32> {
        let handle = self.seen(key)?;
        Some(self.frequency_of(self.tables.entries.at(handle)))
    }

    pub(super) fn frequency_of(&self, entry: &Entry) -> u32 {
        self.settings.lfu.counter(entry.access(), self.minute())
    }

    /// How long ago the key was used, in seconds.
    pub fn idle_seconds(&mut self, key: &[u8]) -> Option<u32> {
        let handle = self.seen(key)?;
        Some(self.idle_of(self.tables.entries.at(handle)))
    }

    pub(super) fn idle_of(&self, entry: &Entry) -> u32 {
        self.access_clock().saturating_sub(entry.access())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_grows_slowly_and_falls_with_time() {
        let mut rng = fastrand::Rng::with_seed(7);
        let lfu = Lfu::default();
        let mut bits = 100 << 8 | NEW;
        (0..10).for_each(|_| bits = lfu.used(bits, 100, &mut rng));
        let after_ten = lfu.counter(bits, 100);
        (0..10_000).for_each(|_| bits = lfu.used(bits, 100, &mut rng));
        let after_many = lfu.counter(bits, 100);
        assert!(after_ten > NEW && after_ten < after_many && after_many < COUNTER_MAX);
        assert_eq!(lfu.counter(bits, 103), after_many - 3);
        assert_eq!(lfu.counter(bits, 100 + 300), 0);
        let never = Lfu { decay_minutes: 0, ..lfu };
        assert_eq!(never.counter(bits, 5000), after_many);
        (0..10_000_000).for_each(|_| bits = lfu.used(bits, 100, &mut rng));
        assert_eq!(lfu.counter(bits, 100), COUNTER_MAX);
    }
}
