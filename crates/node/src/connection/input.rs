//! The input of a connection: from bytes to batches to dispatch.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use protocol::decode::Batch;
use shard::commands::table::Recent;
use shard::keyspace::Expected;

use super::{Connection, PAUSE_OUTPUT, State};
use crate::dispatch::{Ahead, Dispatch, Step, Then, Wait};
use crate::executor::Executor;

impl Connection {
    /// Reads what has come while a request waits for data, for later; false at the end of the
    /// input.
    pub(super) fn keep_input(&self, executor: &Executor, cx: &mut Context<'_>) -> bool {
        /// Who sends more than this behind a request that waits is not read any further.
        const KEPT: usize = 1 << 20;
        loop {
            let mut state = self.state.borrow_mut();
            if state.input.len() > KEPT {
                return true;
            }
            match self.stream.poll_read_ready(cx) {
                Poll::Pending => return true,
                Poll::Ready(Err(_)) => return false,
                Poll::Ready(Ok(())) => {}
            }
            let mut scratch = executor.scratch.borrow_mut();
            match self.stream.read(&mut scratch) {
                Ok(Some(0)) | Err(_) => return false,
                Ok(Some(count)) => {
                    self.note_in(executor, count);
                    state.input.extend_from_slice(&scratch[..count]);
                    self.account(executor, &state);
                }
                Ok(None) => {}
            }
        }
    }

    /// Reads what is there and serves it; false at the end of the input. While something is open,
    /// nothing is read.
    pub(super) fn read(self: &Rc<Self>, executor: &Rc<Executor>) -> io::Result<bool> {
        if self.open.borrow().is_some() {
            return Ok(true);
        }
        let mut scratch = executor.scratch.borrow_mut();
        let count = match self.stream.read(&mut scratch)? {
            Some(0) => return Ok(false),
            Some(count) => count,
            None => return Ok(true),
        };
        self.note_in(executor, count);
        self.take_in(executor, &scratch[..count]);
        Ok(true)
    }

    /// Serves the requests in what was kept and in `new`, up to a barrier, which is open then.
    pub(super) fn take_in(self: &Rc<Self>, executor: &Rc<Executor>, new: &[u8]) {
        debug_assert!(self.open.borrow().is_none(), "I3");
        let wait = self.serve_input(executor, new);
        self.open.replace(wait);
    }

    fn serve_input(self: &Rc<Self>, executor: &Rc<Executor>, new: &[u8]) -> Option<Wait> {
        let mut state = self.state.borrow_mut();
        if state.input.is_empty() {
            let (used, wait) = self.process(&mut state, executor, new);
            if used < new.len() {
                state.input.extend_from_slice(&new[used..]);
                self.account(executor, &state);
            }
            return wait;
        }
        let mut input = std::mem::take(&mut state.input);
        input.extend_from_slice(new);
        let (used, wait) = self.process(&mut state, executor, &input);
        if used == input.len() {
            input = BytesMut::new();
        } else {
            input.advance(used);
            if let Some(wanted) = state.decoder.bytes_wanted() {
                input.reserve(wanted.saturating_sub(input.len()));
            }
        }
        state.input = input;
        self.has_sent_too_much(executor, &mut state);
        self.account(executor, &state);
        wait
    }

    /// Decodes `input` and runs what is complete. Returns how many bytes are done with, and what
    /// is to be waited for.
    fn process(
        self: &Rc<Self>,
        state: &mut State,
        executor: &Rc<Executor>,
        input: &[u8],
    ) -> (usize, Option<Wait>) {
        if !state.admit(executor) {
            return (input.len(), None);
        }
        let mut batch = executor.batch.take().unwrap_or_default();
        batch.clear();
        let decoded = state.decoder.decode(input, &mut batch);
        let done = self.run_batch(state, executor, input, &batch, decoded);
        executor.batch.set(Some(batch));
        done
    }

    fn run_batch(
        self: &Rc<Self>,
        state: &mut State,
        executor: &Rc<Executor>,
        input: &[u8],
        batch: &Batch,
        decoded: Result<usize, protocol::error::DecodeError>,
    ) -> (usize, Option<Wait>) {
        let mut ahead = executor.ahead.take();
        ahead.clear();
        if batch.len() > 1 {
            look_ahead(executor, input, batch, &mut ahead);
        }
        let done = self.run_requests(state, executor, input, batch, &ahead, decoded);
        executor.outlet.submit();
        executor.ahead.set(ahead);
        done
    }

    fn run_requests(
        self: &Rc<Self>,
        state: &mut State,
        executor: &Rc<Executor>,
        input: &[u8],
        batch: &Batch,
        ahead: &[Ahead],
        decoded: Result<usize, protocol::error::DecodeError>,
    ) -> (usize, Option<Wait>) {
        let harmless = executor.node.settings.output_limits.harmless(self.class());
        let harmless = harmless.min(PAUSE_OUTPUT);
        let table = executor.node.table();
        state.paused = false;
        let State { session, output, .. } = state;
        let mut dispatch = Dispatch::new(executor, self, session, output);
        executor.write_if_late(executor.clock.last());
        for index in 0..batch.len() {
            let args = batch.request(index, input);
            let known = match ahead.get(index) {
                Some(known) => *known,
                None => Ahead::of(table, args, &mut Recent::default()).0,
            };
            let mut end = End::Open;
            let (used, then) = match dispatch.run(args, known) {
                Step::Next if dispatch.output_len() < harmless => continue,
                Step::Next => {
                    let unread = dispatch.output_len();
                    if self.is_over_limit(executor, unread) {
                        end = End::Lost;
                        (input.len(), Then::Nothing)
                    } else if unread >= PAUSE_OUTPUT && index + 1 < batch.len() {
                        end = End::Paused;
                        (batch.bytes_through(index), Then::Nothing)
                    } else {
                        continue;
                    }
                }
                Step::Wait(then) => (batch.bytes_through(index), then),
                Step::Again(then) => {
                    (index.checked_sub(1).map_or(0, |at| batch.bytes_through(at)), then)
                }
                Step::Close => {
                    end = End::Closing;
                    (input.len(), Then::Nothing)
                }
            };
            let wait = dispatch.finish(then);
            state.decoder.restart();
            state.end_batch(end);
            return (used, wait);
        }
        let used = match decoded {
            Ok(used) => used,
            // It has authenticated since: what was too much before is not any more.
            Err(error) if error.is_for_strangers() && !dispatch.is_locked() => {
                let wait = dispatch.finish(Then::Nothing);
                state.decoder.restart();
                return (batch.len().checked_sub(1).map_or(0, |at| batch.bytes_through(at)), wait);
            }
            Err(error) => {
                dispatch.reply_error(&error.to_string());
                input.len()
            }
        };
        let wait = dispatch.finish(Then::Nothing);
        state.closing |= decoded.is_err();
        (used, wait)
    }
}

/// What becomes of the connection when a batch stops before its end.
enum End {
    /// It goes on when what is open is answered.
    Open,
    /// It goes on when the output is written.
    Paused,
    /// It ends when the output is written.
    Closing,
    /// It has been ended; what it has not been told it will not be.
    Lost,
}

impl State {
    fn end_batch(&mut self, end: End) {
        match end {
            End::Open => {}
            End::Paused => self.paused = true,
            End::Closing => self.closing = true,
            End::Lost => {
                self.output.clear();
                self.closing = true;
            }
        }
    }
}

/// Finds the commands of the batch and the slots of its keys, and has the shard look at those before
/// they run. Whose keys take a longer look to see, they are looked at when the request runs.
fn look_ahead(executor: &Executor, input: &[u8], batch: &Batch, ahead: &mut Vec<Ahead>) {
    let table = executor.node.table();
    let mut recent = Recent::default();
    let looks = (0..batch.len()).filter_map(|index| {
        let args = batch.request(index, input);
        let (known, key) = Ahead::of(table, args, &mut recent);
        ahead.push(known);
        let (slot, key) = (known.slot?, key?);
        Some(Expected { slot, key: args.at(key), rest: args.skip(key + 1) })
    });
    match executor.shard.try_borrow() {
        Ok(shard) => shard.keyspace().warm(looks),
        // It is in a script.
        Err(_) => looks.for_each(drop),
    }
}
