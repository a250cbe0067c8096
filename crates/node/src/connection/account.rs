//! What a connection takes of memory and what its client leaves unread, and its end when that is too
//! much.
//!
//! Looked at where it changes: when part of a request is kept, when the output buffer has another
//! size than before, when the socket takes no more, when there is something to push. A request that
//! comes whole and whose reply the socket takes costs two comparisons.

use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::BytesMut;
use nix::sys::socket::{Shutdown, shutdown};
use router::session::Session;

use super::{Connection, State};
use crate::clients::Footprint;
use crate::executor::Executor;
use crate::output_limits::Class;

/// Pushes that wait are counted anew when there are so many bytes more of them.
const STEP: usize = 16 * 1024;

impl Connection {
    /// The class that decides how much it may leave unread.
    #[inline]
    pub(super) fn class(&self) -> Class {
        if self.listens.get() { Class::Pubsub } else { Class::Normal }
    }

    /// Counts anew what the connection takes, if the output has another size than before. To be
    /// called when all has been written.
    #[inline]
    pub(super) fn settle(&self, executor: &Executor, state: &State) {
        if state.output.capacity() != self.output_room.get() {
            self.account(executor, state);
            self.over_since.set(None);
            self.output_room.set(state.output.capacity());
        }
    }

    /// Counts anew what the connection takes.
    #[cold]
    pub(super) fn account(&self, executor: &Executor, state: &State) {
        let (understood, arguments) = state.decoder.understood();
        let pushes = self.pushes.borrow();
        let footprint = Footprint {
            input: state.input.len().saturating_sub(understood),
            arguments,
            input_room: state.input.capacity(),
            output: state.output.len() + pushes.len(),
            output_room: state.output.capacity() + pushes.capacity(),
            tls: self.stream.memory(),
            ..self.footprint.get()
        };
        drop(pushes);
        // Until it is written, the output is looked at again.
        self.output_room.set(usize::MAX);
        self.note_footprint(executor, footprint);
    }

    /// The same for pushes, which come while the state may be in use.
    pub(super) fn account_pushes(&self, executor: &Executor, waiting: usize) {
        let known = self.footprint.get();
        if waiting >= known.output + STEP {
            self.output_room.set(usize::MAX);
            let room = known.output_room.max(waiting);
            self.note_footprint(
                executor,
                Footprint { output: waiting, output_room: room, ..known },
            );
        }
    }

    /// The same for what a session has got by a command.
    pub(super) fn account_session(&self, executor: &Executor, session: &Session) {
        let queued = session.transaction.as_ref().map_or(0, |transaction| transaction.memory());
        let footprint = Footprint { session: session.memory(), queued, ..self.footprint.get() };
        if self.spared.replace(session.no_evict) != session.no_evict {
            self.footprint.set(Footprint::default());
        }
        self.note_footprint(executor, footprint);
    }

    /// Lets others know, and has the largest connections of the node end if all take too much.
    fn note_footprint(&self, executor: &Executor, footprint: Footprint) {
        if self.footprint.replace(footprint) == footprint {
            return;
        }
        let clients = &executor.node.clients;
        clients.note_footprint(&self.client, footprint, self.spared.get());
        executor.evict_clients();
    }

    /// Whether the client leaves so many bytes unread that its connection has been ended for it.
    #[cold]
    pub(crate) fn is_over_limit(&self, executor: &Executor, waiting: usize) -> bool {
        let limit = executor.node.settings.output_limits.of(self.class());
        let mut over = limit.is_over(waiting);
        if limit.is_over_soft(waiting) {
            let since = self.over_since.get().unwrap_or_else(Instant::now);
            self.over_since.set(Some(since));
            executor.over_soft.set(true);
            over |= since.elapsed() > limit.patience();
        } else {
            self.over_since.set(None);
        }
        // What is on its way meanwhile may find it over the limit again.
        if over && self.end() {
            let statistics = &executor.node.statistics;
            statistics.output_limit_disconnections.fetch_add(1, Ordering::Relaxed);
            tracing::info!(client = self.id(), waiting, "ended: output buffer limit");
        }
        over
    }

    /// Whether the soft limit may have to be looked at again; ends the connection when it has been
    /// over it for too long.
    pub(crate) fn look_at_soft_limit(&self, executor: &Executor) -> bool {
        if self.over_since.get().is_none() || self.client.killed.load(Ordering::Relaxed) {
            return false;
        }
        let unread = self.state.try_borrow().map_or(0, |state| state.output.len());
        let unread = unread + self.pushes.borrow().len();
        !self.is_over_limit(executor, unread) && self.over_since.get().is_some()
    }

    /// Ends the connection of a client that has sent more that has not been served than it may.
    pub(super) fn has_sent_too_much(&self, executor: &Executor, state: &mut State) {
        let bytes = state.input.len() + self.footprint.get().queued;
        if self.has_queued_too_much(executor, bytes) {
            state.input.clear();
            state.closing = true;
        }
    }

    /// Whether so many bytes are more than it may. Its connection ends then.
    pub(crate) fn has_queued_too_much(&self, executor: &Executor, bytes: usize) -> bool {
        let limit = executor.node.settings.query_buffer_limit.load(Ordering::Relaxed);
        if bytes as u64 <= limit {
            return false;
        }
        if self.end() {
            let statistics = &executor.node.statistics;
            statistics.query_limit_disconnections.fetch_add(1, Ordering::Relaxed);
            tracing::info!(client = self.id(), bytes, "ended: query buffer limit");
        }
        true
    }

    /// Gives back what an evicted connection takes, before its task comes to close it.
    pub(crate) fn give_back(&self) {
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.output = Vec::new();
            state.input = BytesMut::new();
            state.decoder.restart();
            state.closing = true;
        }
    }

    /// Ends the connection; nothing more is written. Says whether it had not been ended before.
    fn end(&self) -> bool {
        let ended_before = self.client.killed.swap(true, Ordering::Relaxed);
        self.pushes.borrow_mut().clear();
        let _ = shutdown(self.stream.as_raw_fd(), Shutdown::Both);
        !ended_before
    }
}
