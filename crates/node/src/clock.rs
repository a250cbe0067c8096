//! The clock: the only place where the time of requests is read.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use shard::time::Micros;

/// The wall clock of one executor. It never goes backwards, so that a key cannot expire and come
/// back, nor a script see time run in reverse.
#[derive(Default)]
pub(crate) struct Clock {
    last: Cell<i64>,
}

impl Clock {
    /// Never says a time before this one: things have happened then already.
    pub(crate) fn not_before(&self, time: Micros) {
        self.last.set(self.last.get().max(time.0));
    }

    pub(crate) fn now(&self) -> Micros {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros());
        let now = i64::try_from(wall).unwrap_or(i64::MAX).max(self.last.get());
        self.last.set(now);
        Micros(now)
    }

    /// What it has said last.
    #[inline]
    pub(crate) fn last(&self) -> Micros {
        Micros(self.last.get())
    }
}
