//! Replies of several connections leave together, when all that were ready have been served.
//!
//! A write whose reader sleeps has to wake it, which costs more than the write itself. Were each
//! batch of replies written at once, a client that is faster than this thread would be asleep again
//! before the next one comes. So all connections that one look at the sockets has found ready are
//! served first, and what they are to be told is written in one go, by a task of its own: the first
//! of them wakes it, so its turn comes after those that stand in line already.
//!
//! Nobody waits for long: when many wait, or the first has waited for a while, they are written
//! before more is served, and while a script runs, with everything else that cannot wait for its
//! end.
//!
//! # Invariants
//! - I1. Who has left output is in `Executor::unwritten`, once. Whoever writes the output before its
//!   turn comes leaves nothing to be written then.
//! - I2. When the socket does not take all of it the connection is stuck, and nothing is read from it
//!   before its own task has written the rest.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use shard::time::Micros;

use super::{Connection, KEEP_OUTPUT};
use crate::executor::Executor;

/// When so many wait they are written.
const CONNECTIONS_MAX: usize = 64;
/// How long the first may wait until they are written before more is served, in microseconds.
const WAIT_MAX: i64 = 500;

/// The connections of an executor whose output waits to be written together.
pub(crate) struct Unwritten {
    connections: RefCell<Vec<Rc<Connection>>>,
    /// When they are late; the end of time when there are none.
    late_from: Cell<Micros>,
    /// Wakes the task that writes for them.
    writer: RefCell<Waker>,
}

impl Default for Unwritten {
    fn default() -> Self {
        Self {
            connections: RefCell::default(),
            late_from: Cell::new(Micros(i64::MAX)),
            writer: RefCell::new(Waker::noop().clone()),
        }
    }
}

/// Writes what has been left, for as long as the executor runs.
pub(crate) async fn run(executor: Rc<Executor>) {
    poll_fn(|cx: &mut Context<'_>| -> Poll<()> {
        executor.unwritten.writer.borrow_mut().clone_from(cx.waker());
        executor.write_left();
        Poll::Pending
    })
    .await;
}

impl Executor {
    /// Writes the output that has been left.
    pub(crate) fn write_left(&self) {
        self.unwritten.late_from.set(Micros(i64::MAX));
        let mut connections = self.unwritten.connections.take();
        connections.retain(|connection| !connection.write_left(self));
        // Those that are being served now stay in line, in what is kept for its room.
        if !connections.is_empty() {
            self.unwritten.writer.borrow().wake_by_ref();
        }
        connections.append(&mut self.unwritten.connections.borrow_mut());
        self.unwritten.connections.replace(connections);
    }

    /// The same if somebody has waited for long. To be called before a batch is served, which may
    /// take time.
    #[inline]
    pub(crate) fn write_if_late(&self, now: Micros) {
        if now >= self.unwritten.late_from.get() {
            self.write_left();
        }
    }
}

impl Connection {
    /// Leaves the output to be written together with that of others. False when it cannot wait:
    /// when there is more to do as soon as it is written, or when there is much of it.
    pub(super) fn leave_output(self: &Rc<Self>, executor: &Executor) -> bool {
        let state = self.state.borrow();
        let can_wait = (1..=KEEP_OUTPUT).contains(&state.output.len())
            && state.input.is_empty()
            && !state.closing
            && !self.is_stuck.get()
            && !self.is_held(executor)
            && !self.client.killed.load(Ordering::Relaxed);
        drop(state);
        if can_wait && !self.has_left_output.replace(true) {
            let unwritten = &executor.unwritten;
            let mut connections = unwritten.connections.borrow_mut();
            connections.push(self.clone());
            match connections.len() {
                1 => {
                    unwritten.late_from.set(Micros(executor.clock.last().0 + WAIT_MAX));
                    unwritten.writer.borrow().wake_by_ref();
                }
                CONNECTIONS_MAX.. => {
                    drop(connections);
                    executor.write_left();
                }
                _ => {}
            }
        }
        can_wait
    }

    /// Writes what was left. False when it has to stay in line: it is being served.
    fn write_left(&self, executor: &Executor) -> bool {
        if self.state.try_borrow_mut().is_err() {
            return false;
        }
        self.has_left_output.set(false);
        self.write_now(executor);
        let state = self.state.borrow();
        if state.output.is_empty() {
            self.settle(executor, &state);
        } else {
            self.is_stuck.set(true);
            self.waker.borrow().wake_by_ref();
        }
        true
    }
}
