//! Numbers that only look random: the same ones for the same seed, on every machine.

/// A generator. See the module.
#[derive(Debug, Clone)]
pub struct Random(fastrand::Rng);

impl Random {
    /// One whose numbers follow from the seed.
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Any number.
    fn any(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.any() % count as u64) as usize
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as usize) as i64
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of these.
    pub fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}
