//! The tables of a shard: the keys of each slot, their entries, and what is known of them besides.

use super::entry::Entry;
use super::expiry::Schedule;
use super::field_expiry::FieldExpiries;
use super::index::{self, Index};
use super::slab::Slab;
use super::value::Value;

/// The keys of one slot that has any.
#[derive(Default)]
pub(super) struct SlotTable {
    pub(super) index: Index,
    /// How many of them have an expiry (I1).
    pub(super) expiring: u32,
}

// An empty slot takes 16 bytes at most; one with a single key, its bucket included, 128.
const _: () = assert!(size_of::<Option<Box<SlotTable>>>() <= 16);
const _: () = assert!(size_of::<SlotTable>() + index::BUCKET + 8 <= 128);

/// Entries of one chunk of the slab.
pub(super) const CHUNK: usize = 256;

/// All keys of the shard.
pub(crate) struct Tables {
    /// One table for each slot of the shard's range that has keys: an empty slot costs a pointer.
    pub(super) slots: Box<[Option<Box<SlotTable>>]>,
    pub(super) first: usize,
    pub(super) entries: Slab<Entry, CHUNK>,
    pub(super) len: usize,
    pub(super) expiring: usize,
    /// The hashes with fields that expire (I5).
    pub(super) field_expiries: FieldExpiries,
    /// Which keys expire soon (I6).
    pub(super) schedule: Schedule,
    /// Large values of tables that are being freed, and how many slots have been.
    pub(super) large: Vec<Value>,
    pub(super) freed: usize,
}

impl Tables {
    pub(super) fn new(first: u16, count: u16) -> Self {
        Self {
            slots: (0..count).map(|_| None).collect(),
            first: usize::from(first),
            entries: Slab::default(),
            len: 0,
            expiring: 0,
            field_expiries: FieldExpiries::default(),
            schedule: Schedule::default(),
            large: Vec::new(),
            freed: 0,
        }
    }

    pub(super) fn empty_like(&self) -> Self {
        Self::new(self.first as u16, self.slots.len() as u16)
    }

    /// Bytes of memory of the keys and values.
    pub(super) fn memory(&self) -> usize {
        let tables = self.slots.iter().flatten();
        let indexes: usize = tables.map(|slot| size_of::<SlotTable>() + slot.index.memory()).sum();
        let values: usize = self.entries.iter().map(|(_, entry)| entry.memory()).sum();
        size_of_val(&*self.slots)
            + indexes
            + self.entries.memory()
            + self.schedule.memory()
            + values
    }

    /// The keys of a slot, by its place in the range; `None` when it has none or is another
    /// shard's.
    #[inline]
    pub(super) fn slot(&self, at: usize) -> Option<&SlotTable> {
        self.slots.get(at)?.as_deref()
    }
}
