//! The tables of a shard: the keys of each slot, their entries, and what is known of them besides.

use super::entry::Entry;
use super::expiry::Schedule;
use super::field_expiry::FieldExpiries;
use super::index::{BUCKET, Linear, Pool, Pooled, PooledMut, Runs};
use super::slab::Slab;
use super::value::Value;

/// The keys of one slot: how many, and where their buckets are in the pool of the shard.
#[derive(Default)]
pub(super) struct SlotTable {
    linear: Linear,
    runs: Runs,
}

/// The table of a slot that has keys.
type Place = Option<Box<SlotTable>>;

// An empty slot is a pointer and how many keys expire; one with a single key takes half a line of the
// cache and a bucket more.
const OF_EMPTY: usize = size_of::<Place>() + size_of::<u32>();
const _: () = assert!(OF_EMPTY <= 16);
const _: () = assert!(size_of::<SlotTable>() == 32);
const _: () = assert!(OF_EMPTY + size_of::<SlotTable>() + BUCKET <= 128);

/// The keys of one slot, to be looked at. For what its functions do see [`Linear`].
#[derive(Clone, Copy)]
pub(super) struct SlotView<'a> {
    table: &'a SlotTable,
    pool: &'a Pool,
}

impl SlotView<'_> {
    fn buckets(&self) -> Pooled<'_> {
        Pooled { runs: &self.table.runs, pool: self.pool }
    }

    /// How many keys there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.table.linear.len()
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.table.linear.find(&self.buckets(), hash, is_it)
    }

    #[inline]
    pub(super) fn first_candidate(&self, hash: u64) -> Option<u32> {
        self.table.linear.first_candidate(&self.buckets(), hash)
    }

    pub(super) fn scan(&self, position: u32, visit: impl FnMut(u32)) -> Option<u32> {
        self.table.linear.scan(&self.buckets(), position, visit)
    }
}

impl SlotTable {
    /// Adds the handle of a key that is not there; see [`Linear::insert`].
    pub(super) fn insert(
        &mut self,
        pool: &mut Pool,
        hash: u64,
        handle: u32,
        hash_of: impl Fn(u32) -> u64,
    ) {
        let mut buckets = PooledMut { runs: &mut self.runs, pool };
        self.linear.insert(&mut buckets, hash, handle, hash_of);
    }

    /// Removes the handle of a key; see [`Linear::remove`].
    pub(super) fn remove(
        &mut self,
        pool: &mut Pool,
        hash: u64,
        handle: u32,
        hash_of: impl Fn(u32) -> u64,
    ) {
        let mut buckets = PooledMut { runs: &mut self.runs, pool };
        self.linear.remove(&mut buckets, hash, handle, hash_of);
    }

    /// Whether there are no keys: then it has no buckets, either.
    pub(super) fn is_empty(&self) -> bool {
        self.linear.len() == 0
    }
}

/// Entries of one chunk of the slab.
pub(super) const CHUNK: usize = 256;

/// All keys of the shard.
pub(crate) struct Tables {
    /// One table for each slot of the shard's range that has keys.
    pub(super) slots: Box<[Place]>,
    /// How many keys of each slot have an expiry (I1).
    pub(super) expiring_in: Box<[u32]>,
    /// The buckets of all slots.
    pub(super) pool: Pool,
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
            expiring_in: vec![0; usize::from(count)].into(),
            pool: Pool::default(),
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
        let runs: usize = tables.map(|table| size_of::<SlotTable>() + table.runs.memory()).sum();
        let values: usize = self.entries.iter().map(|(_, entry)| entry.memory()).sum();
        size_of_val(&*self.slots)
            + size_of_val(&*self.expiring_in)
            + self.pool.memory()
            + runs
            + self.entries.memory()
            + self.schedule.memory()
            + values
    }

    /// The keys of a slot, by its place in the range; `None` when there are none, or it is another
    /// shard's.
    #[inline]
    pub(super) fn slot(&self, at: usize) -> Option<SlotView<'_>> {
        Some(SlotView { table: self.slots.get(at)?.as_deref()?, pool: &self.pool })
    }
}
