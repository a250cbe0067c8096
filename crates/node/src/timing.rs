//! How long commands take: one reading of the processor's time stamp counter a command.
//!
//! The end of one command of a batch is the beginning of the next, so a command costs one reading.
//! Sums are kept in ticks and turned into time when somebody asks; the classes that calls are counted
//! by are the same on every machine ([`crate::times`]).
//!
//! # Invariants
//! - I1. Only the executor's own thread writes here; other threads see what it publishes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use quanta::Clock;
use shard::commands::table::CommandId;

use crate::times::{self, Times};

/// Errors by their code, and by the row of their command where it is known.
pub(crate) type Errors = BTreeMap<String, BTreeMap<Option<usize>, u64>>;

/// What is known of the calls of one command.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) calls: u64,
    /// Refused before they ran.
    pub(crate) rejected: u64,
    /// Ran and replied an error.
    pub(crate) failed: u64,
    pub(crate) ticks: u64,
    /// Calls by their time; made with the first call.
    pub(crate) times: Option<Box<Times>>,
}

const EMPTY: Row = Row { calls: 0, rejected: 0, failed: 0, ticks: 0, times: None };

/// The times of all commands that ran on one executor. See the module.
pub(crate) struct Timings {
    clock: Clock,
    /// 2^32 times what a tick is, in units of [`Times`].
    unit: u64,
    /// When the command that runs began, in ticks.
    began: Cell<u64>,
    /// Durations from here on are worth a look: the slow log, the latency monitor.
    notable: Cell<u64>,
    /// Bytes of a request and its reply from which on they are worth a look.
    large: Cell<usize>,
    /// Buckets are shown.
    tracks: Cell<bool>,
    rows: RefCell<Vec<Row>>,
    errors: RefCell<Errors>,
    /// The command that has been refused last, for the error that follows.
    refused: Cell<Option<CommandId>>,
}

impl Timings {
    pub(crate) fn new(commands: usize) -> Self {
        let clock = Clock::new();
        let per_tick = clock.delta_as_nanos(0, 1 << 20) as f64 / f64::from(1 << 20);
        Self {
            unit: (per_tick * times::UNITS_PER_NANO * 2f64.powi(32)) as u64,
            clock,
            began: Cell::new(0),
            notable: Cell::new(u64::MAX),
            large: Cell::new(usize::MAX),
            tracks: Cell::new(true),
            rows: RefCell::new(vec![EMPTY; commands]),
            errors: RefCell::default(),
            refused: Cell::default(),
        }
    }

    /// A command begins.
    #[inline]
    pub(crate) fn begin(&self) {
        self.began.set(self.clock.raw());
    }

    /// Does something else in the middle of a command, whose time goes on.
    pub(crate) fn aside<R>(&self, work: impl FnOnce() -> R) -> R {
        let began = self.began.get();
        let result = work();
        self.began.set(began);
        result
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
        let units = (u128::from(ticks) * u128::from(self.unit)) >> 32;
        row.times.get_or_insert_default().note(units as u64);
        (ticks >= self.notable.get()).then(|| self.nanos(ticks))
    }

    /// A command was refused before it ran.
    #[cold]
    pub(crate) fn reject(&self, id: CommandId) {
        self.rows.borrow_mut()[id.index()].rejected += 1;
        self.refused.set(Some(id));
    }

    /// The call that has just ended and failed was refused and did not run.
    #[cold]
    pub(crate) fn take_back(&self, id: CommandId) {
        let row = &mut self.rows.borrow_mut()[id.index()];
        row.calls = row.calls.saturating_sub(1);
        row.failed = row.failed.saturating_sub(1);
        row.rejected += 1;
    }

    /// Counts the reply of a request that did not run, see [`Self::note_error`].
    #[cold]
    pub(crate) fn note_refusal(&self, text: &[u8]) {
        self.note_error(self.refused.take(), text);
    }

    /// Counts an error reply of a command by its code, the first word of its text.
    #[cold]
    pub(crate) fn note_error(&self, id: Option<CommandId>, text: &[u8]) {
        /// Scripts can make up codes; more than this are counted as one (Redis has such a limit
        /// too).
        const CODES_MAX: usize = 128;
        let code = text.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
        let code = String::from_utf8_lossy(code).into_owned();
        let mut errors = self.errors.borrow_mut();
        let known = errors.len() < CODES_MAX || errors.contains_key(&code);
        let code = if known { code } else { "ERRORSTATS_OVERFLOW".into() };
        *errors.entry(code).or_default().entry(id.map(CommandId::index)).or_default() += 1;
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
            self.rows.borrow_mut().iter_mut().for_each(|row| row.times = None);
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

    /// Errors by their code and command.
    pub(crate) fn errors(&self) -> Errors {
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
        timings.note_error(Some(get), b"WRONGTYPE Operation against");
        timings.note_error(Some(get), b"WRONGTYPE Operation against");
        timings.reject(get);
        timings.note_refusal(b"MOVED 1 x:1");
        timings.note_refusal(b"ERR unknown command");
        let rows = timings.rows();
        let row = &rows[get.index()];
        assert_eq!((row.calls, row.failed), (2, 1));
        assert_eq!(row.times.as_ref().unwrap().count(), 2);
        let errors = timings.errors();
        assert_eq!(errors["WRONGTYPE"], [(Some(get.index()), 2)].into());
        assert_eq!(errors["MOVED"], [(Some(get.index()), 1)].into());
        assert_eq!(errors["ERR"], [(None, 1)].into());
        assert_eq!(timings.total(), 2);
        timings.take_back(get);
        let row = &timings.rows()[get.index()];
        assert_eq!((row.calls, row.failed, row.rejected), (1, 0, 2));
        timings.reset();
        assert_eq!(timings.total(), 0);
        // A second is about a thousand million nanoseconds, however fast the counter is.
        timings.set_notable(Some(1_000_000_000));
        let notable = timings.nanos(timings.notable.get());
        assert!((990_000_000..1_010_000_000).contains(&notable), "{notable}");
    }
}
