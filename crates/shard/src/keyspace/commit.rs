//! Undo, effects, commit: what becomes of the changes that have come through the door.

use super::{Keyspace, Message};

/// A point that can be rolled back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    undo: usize,
    effects: usize,
    touched: usize,
    messages: usize,
    changes: u64,
    outermost: bool,
}

impl Keyspace {
    /// Opens the undo log, or marks a savepoint in the one that is open.
    #[inline]
    pub fn begin(&mut self) -> Mark {
        let outermost = !self.undo.is_open();
        self.undo.set_open(true);
        Mark {
            undo: self.undo.len(),
            effects: self.effects.len(),
            touched: self.touched.len(),
            messages: self.outbox.len(),
            changes: self.counters.changes,
            outermost,
        }
    }

    /// Keeps what has been changed since the mark. At a savepoint it can still be rolled back by
    /// the outer mark; at the outermost the undo log is closed.
    #[inline]
    pub fn keep(&mut self, mark: Mark) {
        if mark.outermost {
            self.undo.clear(&mut self.garbage);
            self.undo.set_open(false);
            if !self.touched.is_empty() {
                self.release_touched();
            }
        }
    }

    /// Takes back everything since the mark: values, expiries, effects, spoiled
    /// watches, messages.
    pub fn roll_back(&mut self, mark: Mark) {
        let slot = self.slot;
        self.undo.set_open(false);
        while let Some(record) = self.undo.pop(mark.undo) {
            self.apply_undo(record);
        }
        self.slot = slot;
        self.effects.truncate(mark.effects);
        self.touched.truncate(mark.touched);
        self.outbox.truncate(mark.messages);
        self.counters.changes = mark.changes;
        self.undo.set_open(!mark.outermost);
    }

    /// Whether there is anything to undo.
    pub fn has_undo(&self) -> bool {
        self.undo.len() > 0
    }

    /// Whether what is changed now may be rolled back.
    pub fn is_undo_open(&self) -> bool {
        self.undo.is_open()
    }

    /// Bytes of memory that the undo log keeps alive.
    pub fn undo_memory(&self) -> usize {
        self.undo.memory()
    }

    /// Whether effects are recorded: something reads them (a log, a replica, a test). Returns
    /// whether they were so far.
    pub fn record_effects(&mut self, record: bool) -> bool {
        std::mem::replace(&mut self.record, record)
    }

    /// Effects recorded since the mark.
    pub fn effects_since(&self, mark: Mark) -> &[u8] {
        &self.effects[mark.effects..]
    }

    /// Effects recorded and not yet taken: those of whole commands, as far as no undo log is open.
    pub fn effects(&self) -> &[u8] {
        &self.effects
    }

    /// Takes the recorded effects: one entry, when called after each command.
    pub fn take_effects(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.effects)
    }

    /// Forgets the recorded effects: they have been copied.
    #[inline]
    pub fn clear_effects(&mut self) {
        /// A buffer larger than this is given back.
        const KEEP: usize = 1 << 20;
        if self.effects.capacity() > KEEP {
            self.effects = Vec::new();
        } else {
            self.effects.clear();
        }
    }

    /// Ends a single command: what it changed is now seen by watchers.
    #[inline]
    pub fn commit_command(&mut self) {
        if !self.touched.is_empty() && !self.undo.is_open() {
            self.release_touched();
        }
    }

    pub(super) fn release_touched(&mut self) {
        if self.undo.is_open() {
            return;
        }
        let mut touched = std::mem::take(&mut self.touched);
        for key in touched.drain(..) {
            let concerned = self.watch.touch(key.as_bytes());
            if self.tell_all_changes || !concerned.trackers.is_empty() {
                let (key, trackers) = (key.as_bytes().to_vec(), concerned.trackers);
                self.outbox.push(Message::Changed { key, trackers });
            }
            let is_next = self.ready.back().is_none_or(|last| last.as_bytes() != key.as_bytes());
            if concerned.waiting && is_next {
                self.ready.push_back(key);
            }
        }
        self.touched = touched;
    }
}
