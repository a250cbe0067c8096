//! The latency monitor: the worst times of events that take longer than
//! `latency-monitor-threshold`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Samples that are kept of each event (as Redis).
const SAMPLES: usize = 160;

/// The samples of one event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    /// Seconds since the epoch, and the longest time of an event in that second, in milliseconds.
    pub(crate) samples: VecDeque<(i64, u64)>,
    /// The longest time of all, in milliseconds.
    pub(crate) worst: u64,
}

/// The node's latency monitor. See the module.
#[derive(Debug, Default)]
pub(crate) struct LatencyMonitor {
    events: Mutex<BTreeMap<&'static str, Series>>,
}

impl LatencyMonitor {
    fn events(&self) -> MutexGuard<'_, BTreeMap<&'static str, Series>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event has taken this long.
    pub(crate) fn add(&self, event: &'static str, second: i64, millis: u64) {
        let mut events = self.events();
        let series = events.entry(event).or_default();
        series.worst = series.worst.max(millis);
        if let Some((last, longest)) = series.samples.back_mut()
            && *last == second
        {
            *longest = (*longest).max(millis);
            return;
        }
        series.samples.push_back((second, millis));
        if series.samples.len() > SAMPLES {
            series.samples.pop_front();
        }
    }

    /// All events with their samples, sorted by name.
    pub(crate) fn all(&self) -> Vec<(&'static str, Series)> {
        self.events().iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    /// The samples of an event.
    pub(crate) fn series(&self, event: &[u8]) -> Option<Series> {
        let name = std::str::from_utf8(event).ok()?;
        self.events().get(name).cloned()
    }

    /// Forgets an event. Says whether there were samples of it.
    pub(crate) fn reset(&self, event: &[u8]) -> bool {
        std::str::from_utf8(event).is_ok_and(|name| self.events().remove(name).is_some())
    }

    /// Forgets all events. Returns how many there were.
    pub(crate) fn reset_all(&self) -> usize {
        let mut events = self.events();
        let count = events.len();
        events.clear();
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_a_second_and_the_worst_of_all() {
        let monitor = LatencyMonitor::default();
        monitor.add("command", 10, 5);
        monitor.add("command", 10, 9);
        monitor.add("command", 10, 7);
        monitor.add("command", 11, 2);
        let series = monitor.series(b"command").unwrap();
        assert_eq!(series.samples, [(10, 9), (11, 2)]);
        assert_eq!(series.worst, 9);
        (0..200).for_each(|second| monitor.add("command", 100 + second, 1));
        assert_eq!(monitor.series(b"command").unwrap().samples.len(), SAMPLES);
        assert!(monitor.reset(b"command") && !monitor.reset(b"command"));
        assert_eq!(monitor.reset_all(), 0);
    }
}
