//! What is known of one script or function: how often, how long, how it ended.
//!
//! Always on. A run costs two readings of the clock and one count in a histogram.

use hdrhistogram::Histogram;

use super::outcome::Reason;

/// Significant digits of durations: a histogram of microseconds to seconds stays within a few KB.
const DIGITS: u8 = 2;

/// The most characters of an error text that are kept.
const LAST_ERROR_MAX: usize = 200;

/// What one run has used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// Nanoseconds.
    pub(super) nanos: u64,
    /// Commands called.
    pub(super) commands: u64,
    /// Memory of what undoes it, in bytes.
    pub(super) undo_bytes: usize,
    /// Memory of the VM when it ended, in bytes.
    pub(super) memory_bytes: usize,
}

/// Figures of one script or function on one shard; [`Self::add`] makes those of a node.
#[derive(Debug, Clone)]
pub struct ScriptStats {
    /// Runs.
    pub calls: u64,
    /// Runs that replied an error and kept what they had written.
    pub error_replies: u64,
    /// Runs that were rolled back, in the order of [`Reason::ALL`].
    pub rolled_back: [u64; Reason::ALL.len()],
    /// Commands called, in all runs.
    pub commands: u64,
    /// Most memory that undoing a run needed, in bytes.
    pub undo_bytes_max: usize,
    /// Most memory that the VM had after a run, in bytes.
    pub memory_bytes_max: usize,
    /// The error of the run that was last rolled back.
    pub last_error: String,
    /// The sum of the durations of all runs, in nanoseconds.
    pub nanos: u64,
    /// Nanoseconds.
    durations: Histogram<u32>,
}

impl Default for ScriptStats {
    fn default() -> Self {
        Self {
            calls: 0,
            error_replies: 0,
            rolled_back: [0; Reason::ALL.len()],
            commands: 0,
            undo_bytes_max: 0,
            memory_bytes_max: 0,
            last_error: String::new(),
            nanos: 0,
            durations: Histogram::new(DIGITS).expect("two digits are within the library's bounds"),
        }
    }
}

impl ScriptStats {
    /// Counts a run that was kept.
    pub(super) fn note_kept(&mut self, usage: Usage, error_reply: bool) {
        self.error_replies += u64::from(error_reply);
        self.note(usage);
    }

    /// Counts a run that was rolled back.
    #[cold]
    pub(super) fn note_rolled_back(&mut self, usage: Usage, reason: Reason, error: &str) {
        self.rolled_back[reason as usize] += 1;
        self.last_error = error.chars().take(LAST_ERROR_MAX).collect();
        self.note(usage);
    }

    fn note(&mut self, usage: Usage) {
        self.calls += 1;
        self.commands += usage.commands;
        self.undo_bytes_max = self.undo_bytes_max.max(usage.undo_bytes);
        self.memory_bytes_max = self.memory_bytes_max.max(usage.memory_bytes);
        self.nanos += usage.nanos;
        // The histogram grows as it must, so that recording cannot fail.
        let _ = self.durations.record(usage.nanos);
    }

    /// Adds the figures of another shard.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.error_replies += other.error_replies;
        for (sum, count) in self.rolled_back.iter_mut().zip(other.rolled_back) {
            *sum += count;
        }
        self.commands += other.commands;
        self.nanos += other.nanos;
        self.undo_bytes_max = self.undo_bytes_max.max(other.undo_bytes_max);
        self.memory_bytes_max = self.memory_bytes_max.max(other.memory_bytes_max);
        if !other.last_error.is_empty() {
            self.last_error.clone_from(&other.last_error);
        }
        // Both grow as they must, so that adding cannot fail.
        let _ = self.durations.add(&other.durations);
    }

    /// Runs that were rolled back, for whatever reason.
    pub fn all_rolled_back(&self) -> u64 {
        self.rolled_back.iter().sum()
    }

    /// How many microseconds the given share of runs took at most (0.5: the median); 0 when there
    /// was none.
    pub fn micros_at(&self, quantile: f64) -> f64 {
        self.durations.value_at_quantile(quantile) as f64 / 1e3
    }

    /// About how many microseconds all runs took together.
    pub fn micros_total(&self) -> f64 {
        self.durations.mean() * self.durations.len() as f64 / 1e3
    }

    /// How many microseconds the longest run took.
    pub fn micros_max(&self) -> f64 {
        self.durations.max() as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(micros: u64) -> Usage {
        Usage { nanos: micros * 1000, commands: 3, undo_bytes: 10, memory_bytes: 100 }
    }

    #[test]
    fn the_figures_of_shards_add_up() {
        let (mut one, mut other) = (ScriptStats::default(), ScriptStats::default());
        (0..99).for_each(|_| one.note_kept(usage(10), false));
        other.note_rolled_back(usage(50_000), Reason::TimedOut, &"é".repeat(500));
        one.add(&other);
        assert_eq!((one.calls, one.commands, one.all_rolled_back()), (100, 300, 1));
        assert_eq!(one.rolled_back[Reason::TimedOut as usize], 1);
        assert_eq!(one.last_error.chars().count(), LAST_ERROR_MAX);
        assert!((9.5..10.5).contains(&one.micros_at(0.5)), "{}", one.micros_at(0.5));
        assert!((49_000.0..51_000.0).contains(&one.micros_max()), "{}", one.micros_max());
    }

    #[test]
    fn hours_are_counted_too() {
        let mut stats = ScriptStats::default();
        stats.note_kept(usage(3_600_000_000), true);
        assert_eq!(stats.error_replies, 1);
        assert!(stats.micros_max() >= 3.5e9);
    }
}
