//! `client-output-buffer-limit`: how much a client may leave unread, by its class.
//!
//! Beyond the hard limit a client is disconnected at once, beyond the soft limit when it has been
//! there for some seconds without a break. 0 is no limit. There are no replicas, but their class is
//! kept and shown.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::settings::parse_memory;

/// What decides how much a client may leave unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Normal,
    Replica,
    /// It has subscribed to something.
    Pubsub,
}

/// The names of the classes, each at its class's place: what CONFIG GET shows.
const NAMES: [&str; 3] = ["normal", "slave", "pubsub"];

/// What they are from the start: Redis's values, but for normal clients, which have none there.
pub(crate) const DEFAULT: &str =
    "normal 1073741824 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";

/// The limits of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Limit {
    /// Bytes; 0: none.
    hard: u64,
    /// Bytes; 0: none.
    soft: u64,
    soft_seconds: u64,
}

impl Limit {
    /// Whether so many bytes are too many at once.
    pub(crate) fn is_over(self, bytes: usize) -> bool {
        self.hard != 0 && bytes as u64 >= self.hard
    }

    /// Whether so many bytes are too many for long.
    pub(crate) fn is_over_soft(self, bytes: usize) -> bool {
        self.soft != 0 && bytes as u64 >= self.soft
    }

    /// For how long.
    pub(crate) fn patience(self) -> Duration {
        Duration::from_secs(self.soft_seconds)
    }
}

/// The limits of all classes in force.
#[derive(Debug)]
pub(crate) struct OutputLimits {
    limits: [[AtomicU64; 3]; 3],
    /// By class: fewer bytes than this are no matter.
    harmless: [AtomicU64; 3],
}

impl OutputLimits {
    /// The default with the changes of `text`.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let limits = Self { limits: Default::default(), harmless: Default::default() };
        limits.set(&limits.parse(DEFAULT)?);
        limits.set(&limits.parse(text)?);
        Ok(limits)
    }

    /// The limits of a class.
    pub(crate) fn of(&self, class: Class) -> Limit {
        let [hard, soft, seconds] = &self.limits[class as usize];
        Limit {
            hard: hard.load(Ordering::Relaxed),
            soft: soft.load(Ordering::Relaxed),
            soft_seconds: seconds.load(Ordering::Relaxed),
        }
    }

    /// Fewer bytes than this are no matter for a client of this class.
    #[inline]
    pub(crate) fn harmless(&self, class: Class) -> usize {
        self.harmless[class as usize].load(Ordering::Relaxed) as usize
    }

    /// Reads `class hard soft seconds …`. Classes that are not named keep their limits.
    ///
    /// # Errors
    /// Redis's texts, without their preamble.
    pub(crate) fn parse(&self, text: &str) -> Result<[Limit; 3], String> {
        let mut limits = [Class::Normal, Class::Replica, Class::Pubsub].map(|class| self.of(class));
        if text.is_empty() {
            return Ok(limits);
        }
        // Redis splits at each single blank.
        let words: Vec<&str> = text.split(' ').collect();
        if !words.len().is_multiple_of(4) {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        for part in words.chunks(4) {
            let name = part[0].to_ascii_lowercase();
            let name = if name == "replica" { "slave" } else { &name };
            let at = NAMES
                .iter()
                .position(|known| *known == name)
                .ok_or("Invalid client class specified in buffer limit configuration.")?;
            let wrong =
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
            let size = |text| parse_memory(text).and_then(|size| u64::try_from(size).ok());
            limits[at] = Limit {
                hard: size(part[1]).ok_or(wrong)?,
                soft: size(part[2]).ok_or(wrong)?,
                soft_seconds: part[3].parse::<u32>().map_err(|_| wrong)?.into(),
            };
        }
        Ok(limits)
    }

    /// Puts limits in force.
    pub(crate) fn set(&self, limits: &[Limit; 3]) {
        for (at, limit) in limits.iter().enumerate() {
            let values = [limit.hard, limit.soft, limit.soft_seconds];
            for (number, value) in self.limits[at].iter().zip(values) {
                number.store(value, Ordering::Relaxed);
            }
            let least = [limit.hard, limit.soft].into_iter().filter(|bytes| *bytes != 0).min();
            self.harmless[at].store(least.unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// As CONFIG GET shows them.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        for (name, class) in NAMES.iter().zip([Class::Normal, Class::Replica, Class::Pubsub]) {
            let Limit { hard, soft, soft_seconds } = self.of(class);
            let blank = if text.is_empty() { "" } else { " " };
            // Writing to a string does not fail.
            let _ = write!(text, "{blank}{name} {hard} {soft} {soft_seconds}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_shown_as_redis_does() {
        let limits = OutputLimits::new("").unwrap();
        assert_eq!(limits.describe(), DEFAULT);
        let some = limits.parse("normal 1mb 2kb 60 REPLICA 2mb 1mb 10").unwrap();
        limits.set(&some);
        assert_eq!(
            limits.describe(),
            "normal 1048576 2048 60 slave 2097152 1048576 10 pubsub 33554432 8388608 60"
        );
        assert_eq!(limits.harmless(Class::Normal), 2048);
        limits.set(&limits.parse("normal 0 0 0").unwrap());
        assert_eq!(limits.harmless(Class::Normal), usize::MAX);
        let error = |text: &str| limits.parse(text).unwrap_err();
        let count = "Wrong number of arguments in buffer limit configuration.";
        assert_eq!(error("normal"), count);
        assert_eq!(error("normal 1mb  0 0"), count);
        for class in ["foo", "master", "\"normal\""] {
            assert!(error(&format!("{class} 1 2 3")).starts_with("Invalid client class"));
        }
        for numbers in ["x 2 3", "1 2 x", "1 2 -3", "-1 2 3", "1 10mbs 60"] {
            assert!(error(&format!("normal {numbers}")).starts_with("Error in hard, soft or"));
        }
    }

    #[test]
    fn what_is_at_its_limit_is_over_it() {
        let limits = OutputLimits::new("pubsub 100 50 7").unwrap();
        let limit = limits.of(Class::Pubsub);
        assert!(!limit.is_over(99) && limit.is_over(100));
        assert!(!limit.is_over_soft(49) && limit.is_over_soft(50));
        assert_eq!(limit.patience(), Duration::from_secs(7));
        limits.set(&limits.parse("pubsub 0 0 0").unwrap());
        let limit = limits.of(Class::Pubsub);
        assert!(!limit.is_over(usize::MAX) && !limit.is_over_soft(usize::MAX));
    }
}
