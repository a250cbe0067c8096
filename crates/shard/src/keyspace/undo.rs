//! The undo log: how to take back what a script or a transaction has changed.
//!
//! Old values are moved in here, not copied, and a change inside a collection records that change
//! alone, so the cost of undo is that of the change and never that of the value.
//!
//! # Invariants
//! - I1. Applied newest first, the records give the state at the mark, byte for byte.

use super::Tables;
use super::door::Inverse;
use super::garbage::{Garbage, about_memory};
use super::kept_replies::Name;
use super::short_bytes::ShortBytes;
use super::value::Value;
use crate::time::Millis;

/// The inverse of one change.
pub(super) enum Undo {
    /// The key held this, or was not there.
    Entry { key: ShortBytes, previous: Option<(Value, Option<Millis>)> },
    /// The key expired then.
    Expiry { key: ShortBytes, previous: Option<Millis> },
    /// The value of the key was changed inside.
    Inside { key: ShortBytes, inverse: Inverse },
    /// The value at `to` was that of `from`, and `to` was not there.
    Rename { from: ShortBytes, to: ShortBytes },
    /// The shard held all this.
    Flush(Box<Tables>),
    /// No reply of this name was kept.
    KeptReply { name: Name },
}

impl Undo {
    /// Whether the record owns memory outside of itself, or may.
    #[inline(always)]
    fn owns(&self) -> bool {
        match self {
            Self::Entry { key, previous: None } => !key.is_inline(),
            Self::Entry { key, previous: Some((Value::String(string), _)) } => {
                !key.is_inline() || string.memory() > 0
            }
            Self::Expiry { key, .. } => !key.is_inline(),
            Self::Inside { key, inverse } => !key.is_inline() || inverse.owns(),
            Self::Entry { .. } | Self::Rename { .. } | Self::Flush(_) => true,
            Self::KeptReply { .. } => true,
        }
    }

    /// About how many bytes of memory the record keeps alive. Where the record is made its kind is
    /// known, so nearly nothing of this is left there.
    #[inline(always)]
    fn memory(&self) -> usize {
        let own = match self {
            Self::Entry { key, previous } => {
                key.memory() + previous.as_ref().map_or(0, |(value, _)| about_memory(value))
            }
            Self::Expiry { key, .. } => key.memory(),
            Self::Rename { from, to } => from.memory() + to.memory(),
            Self::Inside { key, inverse } => key.memory() + inverse.memory(),
            Self::Flush(tables) => tables.memory(),
            Self::KeptReply { name } => name.len(),
        };
        size_of::<Self>() + own
    }
}

/// The records of the script or transaction that runs, oldest first.
#[derive(Default)]
pub(super) struct UndoLog {
    records: Vec<Undo>,
    open: bool,
    memory: usize,
    /// A record owns memory, or may.
    owns: bool,
}

impl UndoLog {
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn set_open(&mut self, open: bool) {
        self.open = open;
    }

    #[inline(always)]
    pub(super) fn push(&mut self, record: impl FnOnce() -> Undo) {
        if self.open {
            let record = record();
            self.memory += record.memory();
            self.owns |= record.owns();
            self.records.push(record);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Bytes of memory that the records keep alive.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Takes the newest record, if it is newer than the mark `down_to`.
    pub(super) fn pop(&mut self, down_to: usize) -> Option<Undo> {
        if self.records.len() <= down_to {
            return None;
        }
        let record = self.records.pop()?;
        self.memory = self.memory.saturating_sub(record.memory());
        Some(record)
    }

    /// Forgets all records: what they could take back is kept. Old values go to `garbage`.
    #[inline]
    pub(super) fn clear(&mut self, garbage: &mut Garbage) {
        /// With fewer bytes in all none of the values is large enough to be freed in parts.
        const SMALL: usize = 16 * 1024;
        if self.records.is_empty() {
            return;
        }
        if !self.owns {
            // Nothing to be freed, which dropping each would look for.
            self.records.drain(..).for_each(std::mem::forget);
        } else if self.memory < SMALL {
            self.records.clear();
        } else {
            self.clear_large(garbage);
        }
        (self.memory, self.owns) = (0, false);
    }

    fn clear_large(&mut self, garbage: &mut Garbage) {
        for record in self.records.drain(..) {
            match record {
                Undo::Entry { previous: Some((value, _)), .. } => garbage.add(value),
                Undo::Flush(tables) => garbage.add_tables(tables),
                _ => {}
            }
        }
    }
}
