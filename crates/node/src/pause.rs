//! CLIENT PAUSE: until when clients wait, and which of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// What is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All commands.
    All,
    /// Commands that may write.
    Write,
}

/// The pause of a node. See the module.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    /// Whether there may be a pause: all that is read while there is none.
    on: AtomicBool,
    until: Mutex<Option<(Instant, Mode)>>,
    ended: Notify,
    count: AtomicU64,
}

impl Pause {
    /// Begins a pause, or prolongs the one there is: the later end and the stronger mode hold.
    pub(crate) fn begin(&self, duration: Duration, mode: Mode) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let end = Instant::now() + duration;
        let (end, mode) = match *until {
            Some((known, known_mode)) if known > Instant::now() => (
                known.max(end),
                if known_mode == Mode::All || mode == Mode::All { Mode::All } else { Mode::Write },
            ),
            _ => (end, mode),
        };
        *until = Some((end, mode));
        self.count.fetch_add(1, Ordering::Relaxed);
        self.on.store(true, Ordering::Release);
    }

    /// Ends the pause.
    pub(crate) fn end(&self) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.on.store(false, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// Until when a command waits that does or does not write; `None`: not at all.
    #[inline]
    pub(crate) fn holds(&self, writes: bool) -> Option<Instant> {
        if !self.on.load(Ordering::Relaxed) {
            return None;
        }
        self.holds_now(writes)
    }

    #[cold]
    fn holds_now(&self, writes: bool) -> Option<Instant> {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let (end, mode) = (*until)?;
        if end <= Instant::now() {
            *until = None;
            self.on.store(false, Ordering::Release);
            return None;
        }
        (mode == Mode::All || writes).then_some(end)
    }

    /// Waits until `end`, or until the pause is ended before.
    pub(crate) async fn wait(&self, end: Instant) {
        let ended = self.ended.notified();
        tokio::select! {
            () = ended => {}
            () = tokio::time::sleep_until(end.into()) => {}
        }
    }
}
