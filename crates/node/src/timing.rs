//! How long commands take: one reading of the processor's time stamp counter a command.
//!
//! The end of one command of a batch is the beginning of the next, so a command costs one reading.
//! Counts are kept in ticks and turned into time when somebody asks.
//!
//! # Invariants
//! - I1. Only the executor's own thread writes here; other threads see what it publishes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use quanta::Clock;
use shard::commands::table::CommandId;

/// Powers of two of ticks that durations are counted by.
pub(crate) const BUCKETS: usize = 64;

/// What is known of the calls of one command.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) calls: u64,
    /// Refused before they ran.
    pub(crate) rejected: u64,
    /// Ran and replied an error.
    pub(crate) failed: u64,
    pub(crate) ticks: u64,
    /// Calls by the power of two of their ticks; made with the first call.
    pub(crate) buckets: Option<Box<[u32; BUCKETS]>>,
}

const EMPTY: Row = Row { calls: 0, rejected: 0, failed: 0, ticks: 0, buckets: None };

/// The times of all commands that ran on one executor. See the module.
pub(crate) struct Timings {
    clock: Clock,
    /// When the command that runs began, in ticks.
    began: Cell<u64>,
    /// Durations from here on are worth a look: the slow log, the latency monitor.
    notable: Cell<u64>,
    /// Bytes of a request and its reply from which on they are worth a look.
    large: Cell<usize>,
    /// Buckets are shown.
    tracks: Cell<bool>,
    rows: RefCell<Vec<Row>>,
    /// Errors by their code.
    errors: RefCell<BTreeMap<String, u64>>,
}

impl Timings {
    pub(crate) fn new(commands: usize) -> Self {
        Self {
            clock: Clock::new(),
            began: Cell::new(0),
            notable: Cell::new(u64::MAX),
            large: Cell::new(usize::MAX),
            tracks: Cell::new(true),
            rows: RefCell::new(vec![EMPTY; commands]),
            errors: RefCell::default(),
        }
    }

    /// A command begins.
    #[inline]
    pub(crate) fn begin(&self) {
        self.began.set(self.clock.raw());
    }

    /// A command has ended, and perhaps the next one begins. Returns its time in nanoseconds when
    /// that is worth a look.
    #[inline]
    pub(crate) fn end(&self, id: CommandId, failed: bool) -> Option<u64> {
        let now = self.clock.raw();
        let ticks = now.saturating_sub(self.began.replace(now));
        let row = &mut self.rows.borrow_mut()[id.index()];
        row.calls += 1;
        row.failed += u64::from(failed);
        row.ticks += ticks;
        let bucket = (u64::BITS - ticks.leading_zeros()) as usize % BUCKETS;
        row.buckets.get_or_insert_with(|| Box::new([0; BUCKETS]))[bucket] += 1;
        (ticks >= self.notable.get()).then(|| self.nanos(ticks))
    }

    /// A command was refused before it ran.
    #[cold]
    pub(crate) fn reject(&self, id: CommandId) {
        self.rows.borrow_mut()[id.index()].rejected += 1;
    }

    /// The call that has just ended and failed was refused and did not run.
    #[cold]
    pub(crate) fn take_back(&self, id: CommandId) {
        let row = &mut self.rows.borrow_mut()[id.index()];
        row.calls = row.calls.saturating_sub(1);
        row.failed = row.failed.saturating_sub(1);
        row.rejected += 1;
    }

    /// Counts an error reply by its code, the first word of its text.
    #[cold]
    pub(crate) fn note_error(&self, text: &[u8]) {
        /// Scripts can make up codes; more than this are counted as one (Redis has such a limit
        /// too).
        const CODES_MAX: usize = 128;
        let code = text.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
        let code = String::from_utf8_lossy(code).into_owned();
        let mut errors = self.errors.borrow_mut();
        let known = errors.len() < CODES_MAX || errors.contains_key(&code);
        *errors.entry(if known { code } else { "ERRORSTATS_OVERFLOW".into() }).or_default() += 1;
    }

    /// Sets from where on a duration is worth a look; `None`: never.
    pub(crate) fn set_notable(&self, nanos: Option<u64>) {
        let per_tick = self.nanos(1 << 20) as f64 / f64::from(1 << 20);
        self.notable.set(nanos.map_or(u64::MAX, |nanos| (nanos as f64 / per_tick) as u64));
    }

    /// Sets from how many bytes on a request or reply is worth a look; `None`: never.
    pub(crate) fn set_large(&self, bytes: Option<usize>) {
        self.large.set(bytes.unwrap_or(usize::MAX));
    }

    /// Whether durations are shown. When that changes, those of before are forgotten.
    pub(crate) fn set_tracking(&self, tracks: bool) {
        if self.tracks.replace(tracks) != tracks {
            self.rows.borrow_mut().iter_mut().for_each(|row| row.buckets = None);
        }
    }

    /// Whether so many bytes are worth a look.
    #[inline]
    pub(crate) fn is_large(&self, bytes: usize) -> bool {
        bytes >= self.large.get()
    }

    /// Ticks as nanoseconds.
    pub(crate) fn nanos(&self, ticks: u64) -> u64 {
        self.clock.delta_as_nanos(0, ticks)
    }

    /// All rows, in the order of the command table.
    pub(crate) fn rows(&self) -> Vec<Row> {
        self.rows.borrow().clone()
    }

    /// Errors by their code.
    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.borrow().clone()
    }

    /// Forgets everything (CONFIG RESETSTAT).
    pub(crate) fn reset(&self) {
        self.rows.borrow_mut().fill(EMPTY);
        self.errors.borrow_mut().clear();
    }

    /// All calls.
    pub(crate) fn total(&self) -> u64 {
        self.rows.borrow().iter().map(|row| row.calls).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands;
    use router::registry::Registry;

    #[test]
    fn calls_errors_and_times_are_counted() {
        let registry = Registry::new(&commands::commands());
        let timings = Timings::new(registry.table().len());
        let get = registry.table().lookup(b"get").unwrap();
        timings.set_notable(Some(0));
        timings.begin();
        assert!(timings.end(get, false).is_some());
        timings.set_notable(None);
        assert_eq!(timings.end(get, true), None);
        timings.note_error(b"WRONGTYPE Operation against");
        timings.note_error(b"WRONGTYPE Operation against");
        let rows = timings.rows();
        let row = &rows[get.index()];
        assert_eq!((row.calls, row.failed), (2, 1));
        let counted: u32 = row.buckets.as_ref().unwrap().iter().sum();
        assert_eq!(counted, 2);
        assert_eq!(timings.errors()["WRONGTYPE"], 2);
        assert_eq!(timings.total(), 2);
        timings.take_back(get);
        let row = &timings.rows()[get.index()];
        assert_eq!((row.calls, row.failed, row.rejected), (1, 0, 1));
        timings.reset();
        assert_eq!(timings.total(), 0);
        // A second is about a thousand million nanoseconds, however fast the counter is.
        timings.set_notable(Some(1_000_000_000));
        let notable = timings.nanos(timings.notable.get());
        assert!((990_000_000..1_010_000_000).contains(&notable), "{notable}");
    }
}
