//! Time as requests carry it. This crate never reads a clock.

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

/// Microseconds since the Unix epoch: the time of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

impl Micros {
    /// The millisecond that this falls in.
    #[inline]
    pub fn millis(self) -> Millis {
        Millis(self.0 / 1000)
    }
}
