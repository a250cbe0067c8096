//! A connection that is looked after from within a script's hook. The runtime does not run then.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Context;

use nix::sys::socket::{Shutdown, shutdown};
use tokio::task::unconstrained;

use super::Connection;
use crate::executor::Executor;

impl Connection {
    /// Goes on with what is open, from within a script's hook. Whether the socket may be looked
    /// after then: nobody else is at it and nothing is open.
    pub(crate) fn attend_open(self: &Rc<Self>, executor: &Rc<Executor>) -> bool {
        if self.polling.get() || self.state.try_borrow_mut().map_or(true, |state| state.closing) {
            return false;
        }
        let Some(mut wait) = self.open.take() else { return true };
        // Where the task has not polled it yet, `left_over` has it do so after the script.
        let waker = self.waker.borrow().clone();
        // The runtime's budget is that of the task that runs the script, which is spent soon.
        let mut polling =
            pin!(unconstrained(poll_fn(|cx| wait.poll_in_script(executor, self, cx))));
        let poll = polling.as_mut().poll(&mut Context::from_waker(&waker));
        if poll.is_pending() {
            self.open.replace(Some(wait));
            return false;
        }
        self.serve_in_script(executor, &[]);
        self.open.borrow().is_none()
    }

    /// Writes what the socket takes at once.
    pub(crate) fn write_now(&self, executor: &Executor) {
        if self.is_held(executor) {
            return;
        }
        let mut state = self.state.borrow_mut();
        state.output.append(&mut self.pushes.borrow_mut());
        while !state.output.is_empty() {
            let Ok(count @ 1..) = self.stream.write_now(&state.output) else {
                self.account(executor, &state);
                return;
            };
            self.note_out(executor, count);
            state.wrote(count);
        }
    }

    /// Writes what the client is told unasked, if there is something: its task, which would do it, does not
    /// run while a script does.
    pub(crate) fn write_pushes(&self, executor: &Executor) {
        if !self.pushes.borrow().is_empty() {
            self.write_now(executor);
        }
    }

    /// Serves the connection from within a script's hook. The runtime does not run now, so this
    /// reads and writes by itself; what has to be waited for is looked at again at the next turn.
    pub(crate) fn attend(self: &Rc<Self>, executor: &Rc<Executor>) {
        let mut buffer = self.stream.buffer();
        let Some(count @ 1..) = self.stream.read_now(&mut buffer) else {
            // The end of the input is for the connection's own task to find.
            return;
        };
        self.note_in(executor, count);
        self.serve_in_script(executor, &buffer[..count]);
    }

    /// Serves what can be served from within a script's hook; the rest is left over for later.
    fn serve_in_script(self: &Rc<Self>, executor: &Rc<Executor>, new: &[u8]) {
        let mut new = new;
        let mut left = usize::MAX;
        loop {
            self.take_in(executor, std::mem::take(&mut new));
            if let Some(wait) = self.open.take() {
                let rest = wait.try_now(executor, &mut self.state.borrow_mut().output);
                self.open.replace(rest);
            }
            self.write_now(executor);
            // What stood behind a barrier that is answered is served now: no news wakes it later.
            let before = std::mem::replace(&mut left, self.state.borrow().input.len());
            if left == 0 || left >= before || self.open.borrow().is_some() {
                break;
            }
        }
        if self.state.borrow().closing {
            // The connection's task finds the end of the input and closes it.
            let _ = shutdown(self.stream.as_raw_fd(), Shutdown::Both);
        }
        self.left_over.set(true);
        self.waker.borrow().wake_by_ref();
    }
}
