//! How often something took how long, by powers of two of time.
//!
//! The classes are the same on every machine and double from one to the next, so that figures of
//! several shards and nodes can be added up. To count is one addition.

use std::time::Duration;

/// 1024 units are a microsecond: so a power of two of microseconds is the bound of a class.
const UNITS_PER_MICRO: u64 = 1024;

/// Units of a nanosecond.
pub(crate) const UNITS_PER_NANO: f64 = UNITS_PER_MICRO as f64 / 1000.0;

/// One for each number of bits that a time has, in units.
const CLASSES: usize = 65;

/// Counts by time. See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Times {
    counts: [u64; CLASSES],
}

impl Default for Times {
    fn default() -> Self {
        Self { counts: [0; CLASSES] }
    }
}

impl Times {
    /// Counts a time, in units.
    #[inline]
    pub(crate) fn note(&mut self, units: u64) {
        self.counts[(u64::BITS - units.leading_zeros()) as usize] += 1;
    }

    /// Counts a time.
    pub(crate) fn note_nanos(&mut self, nanos: u64) {
        self.note(u64::try_from(u128::from(nanos) * 128 / 125).unwrap_or(u64::MAX));
    }

    /// Adds what others have counted.
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, count) in self.counts.iter_mut().zip(other.counts) {
            *sum += count;
        }
    }

    /// All that has been counted.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many took less than 2^`power` microseconds.
    pub(crate) fn below_micros(&self, power: u32) -> u64 {
        let bits = UNITS_PER_MICRO.ilog2() + power;
        self.counts.iter().take(bits as usize + 1).sum()
    }

    /// The time that all of a class are below, in nanoseconds, and how many there are in it; for the
    /// classes that have some.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (u64, u64)> {
        let below = |bits: usize| {
            let nanos = (1u128 << bits) * 1000 / u128::from(UNITS_PER_MICRO);
            u64::try_from(nanos).unwrap_or(u64::MAX)
        };
        let counted = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(move |(bits, count)| (below(bits), *count))
    }
}

/// Counts by time, and the sum of all times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Durations {
    pub(crate) times: Times,
    /// The sum, in nanoseconds.
    pub(crate) nanos: u64,
}

impl Durations {
    /// Counts something that took this long.
    pub(crate) fn note(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.times.note_nanos(nanos);
        self.nanos = self.nanos.saturating_add(nanos);
    }

    /// Adds what others have counted.
    pub(crate) fn add(&mut self, times: &Times, nanos: u64) {
        self.times.add(times);
        self.nanos = self.nanos.saturating_add(nanos);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_below_powers_of_two_of_microseconds() {
        let mut times = Times::default();
        for nanos in [0, 900, 999, 1_000, 1_999, 2_000, 1_500_000, u64::MAX] {
            times.note_nanos(nanos);
        }
        assert_eq!(times.count(), 8);
        assert_eq!(times.below_micros(0), 3);
        assert_eq!(times.below_micros(1), 5);
        assert_eq!(times.below_micros(2), 6);
        assert_eq!((times.below_micros(10), times.below_micros(11)), (6, 7));
        assert_eq!(times.below_micros(30), 7);
        let classes: Vec<(u64, u64)> = times.classes().collect();
        assert_eq!(classes[1..4], [(1_000, 2), (2_000, 2), (4_000, 1)]);
        let mut sum = times.clone();
        sum.add(&times);
        assert_eq!(sum.count(), 16);
    }
}
