//! Which keys expire soon, and removing those whose time is over.
//!
//! A key that nobody asks for would stay for ever. Looking through all keys for those that have
//! expired takes the longer, the more there are, however few of them have; so the times are noted
//! when they are set. Keys that expire within the next seconds are on lists, one for each sixteen
//! milliseconds. Of all others only the first time of each chunk of entries is known, and every few
//! seconds the chunks in which one has come near are looked through. A list is handed over when its
//! time has come, so what is found is what is due.
//!
//! Notes are never taken back: a key that is noted may have gone, or got another expiry, or its entry
//! may be another key's. So it is the entry that tells what to do. A key whose expiry is set again
//! and again is noted again and again, but only while it expires within the next seconds; and four
//! bytes at a time.
//!
//! # Invariants
//! - I1. A key that expires in a step before `horizon` is on the list of that step, or in `late` if
//!   that list has gone; or `far` knows of it and the chunk has not been looked through
//!   for this horizon.
//! - I2. Of a key that expires later `far` knows a time of its chunk that is no later.

use std::collections::VecDeque;

use protocol::slot::Slot;

use super::entry::Entry;
use super::handles::Handles;
use super::{CHUNK, Keyspace};
use crate::time::Millis;

/// Length of a step, in milliseconds.
const STEP_MS: i64 = 16;
/// Steps that keys are on lists for, at least: four seconds. There are never more than twice as
/// many lists.
const NEAR: i64 = 256;
/// Keys removed together, so that waits for memory overlap.
const TOGETHER: usize = 32;
/// What looking through a chunk counts as, in keys.
const CHUNK_EFFORT: usize = 16;
/// How many chunks without a key that comes near count as one key.
const CHUNKS_SKIPPED: usize = 64;

fn step_of(time: Millis) -> i64 {
    time.0.div_euclid(STEP_MS)
}

/// When keys expire. See the module.
pub(super) struct Schedule {
    /// Keys that expire soon, by the step in which they do.
    near: VecDeque<Handles>,
    /// The step of the first list.
    first: i64,
    /// Keys that were found to expire in a step before that.
    late: Handles,
    /// The step from which on keys are far.
    horizon: i64,
    /// Of each chunk of entries a time before which no far key of it expires.
    far: Vec<Millis>,
    /// The next chunk to be looked through; at the end of `far` there is none.
    chunk: usize,
    /// Keys that expire before this step have been put on lists by earlier looks.
    looked: i64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            near: VecDeque::new(),
            first: i64::MIN,
            late: Handles::default(),
            horizon: i64::MIN,
            far: Vec::new(),
            chunk: 0,
            looked: i64::MIN,
        }
    }
}

impl Schedule {
    /// The key of an entry has this expiry from now on.
    #[inline]
    pub(super) fn note(&mut self, handle: u32, at: Millis) {
        let step = step_of(at);
        if step < self.horizon {
            self.note_near(handle, step);
            return;
        }
        let chunk = handle as usize / CHUNK;
        match self.far.get_mut(chunk) {
            Some(first) => *first = at.min(*first),
            None => {
                self.far.resize(chunk + 1, Millis(i64::MAX));
                self.far[chunk] = at;
            }
        }
    }

    fn note_near(&mut self, handle: u32, step: i64) {
        let Ok(at) = usize::try_from(step.saturating_sub(self.first)) else {
            self.late.push(handle);
            return;
        };
        if at >= self.near.len() {
            self.near.resize_with(at + 1, Handles::default);
        }
        self.near[at].push(handle);
    }

    /// Moves the horizon, if it has come near.
    fn advance(&mut self, now: i64) {
        if self.near.is_empty() {
            self.first = now;
        }
        if self.horizon < now + NEAR {
            if self.chunk >= self.far.len() {
                self.looked = self.horizon;
            }
            self.horizon = now + 2 * NEAR;
            self.chunk = 0;
        }
    }

    /// Takes keys off lists of steps before `now`, as many as there is room for; returns how many.
    fn take_due(&mut self, now: i64, handles: &mut [u32]) -> usize {
        let mut count = self.late.pop_some(handles);
        while count < handles.len() && self.first < now {
            let Some(list) = self.near.front_mut() else { break };
            let taken = list.pop_some(&mut handles[count..]);
            count += taken;
            if taken == 0 {
                self.near.pop_front();
                self.first += 1;
            }
        }
        count
    }

    /// Whether there is more to be done at once.
    fn is_behind(&self, now: i64) -> bool {
        self.chunk < self.far.len() || self.overdue(now) > 0
    }

    /// How many keys are on lists whose time has come.
    fn overdue(&self, now: i64) -> usize {
        let lists = usize::try_from(now.saturating_sub(self.first)).unwrap_or(0);
        self.late.len() + self.near.iter().take(lists).map(Handles::len).sum::<usize>()
    }

    pub(super) fn memory(&self) -> usize {
        let near: usize = self.near.iter().map(Handles::memory).sum();
        self.near.capacity() * size_of::<Handles>()
            + self.far.capacity() * size_of::<Millis>()
            + self.late.memory()
            + near
    }
}

/// A key that has expired, and where it is.
#[derive(Clone, Copy)]
struct Due {
    handle: u32,
    slot: Slot,
    hash: u64,
}

impl Keyspace {
    /// Removes keys and fields of hashes whose time is over, about `most` of them; the next call
    /// goes on where this one stopped. Returns how many it removed.
    pub fn expire_some(&mut self, most: usize) -> usize {
        let mut removed = self.expire_some_fields(most);
        if self.tables.expiring > 0 {
            let now = step_of(self.now());
            self.tables.schedule.advance(now);
            self.look_ahead(most.div_ceil(2));
            removed += self.expire_due(most, now);
        }
        self.commit_command();
        removed
    }

    /// Whether another call of [`Self::expire_some`] would find more.
    pub fn is_expiry_behind(&self) -> bool {
        let now = self.now();
        self.tables.field_expiries.any_due(now)
            || (self.tables.expiring > 0 && self.tables.schedule.is_behind(step_of(now)))
    }

    /// About how many keys have expired and are still there.
    pub fn overdue(&self) -> usize {
        self.tables.schedule.overdue(step_of(self.now())).min(self.tables.expiring)
    }

    /// Puts keys that have come near on lists (I1, I2).
    fn look_ahead(&mut self, mut effort: usize) {
        let super::Tables { entries, schedule, .. } = &mut self.tables;
        let mut skipped = 0;
        while effort > 0 && schedule.chunk < schedule.far.len() {
            let chunk = schedule.chunk;
            schedule.chunk += 1;
            if step_of(schedule.far[chunk]) >= schedule.horizon {
                skipped += 1;
                effort -= usize::from(skipped % CHUNKS_SKIPPED == 0);
                continue;
            }
            let mut first = Millis(i64::MAX);
            for (handle, entry) in entries.chunk(chunk) {
                let Some(at) = entry.expiry() else { continue };
                let step = step_of(at);
                if step >= schedule.horizon {
                    first = first.min(at);
                } else if step >= schedule.looked {
                    schedule.note_near(handle, step);
                }
            }
            schedule.far[chunk] = first;
            effort = effort.saturating_sub(CHUNK_EFFORT);
        }
    }

    /// Removes up to `most` of the keys on lists whose time has come.
    fn expire_due(&mut self, most: usize, now: i64) -> usize {
        let slot_before = self.slot;
        let (mut removed, mut looked) = (0, 0);
        let mut due = [Due { handle: 0, slot: slot_before, hash: 0 }; TOGETHER];
        while looked < most {
            let mut handles = [0; TOGETHER];
            let count =
                self.tables.schedule.take_due(now, &mut handles[..TOGETHER.min(most - looked)]);
            if count == 0 {
                break;
            }
            looked += count;
            let count = self.find_due(&handles[..count], &mut due);
            self.warm_expiring(due[..count].iter().map(|due| (due.slot, due.hash)));
            for &Due { handle, slot, hash } in &due[..count] {
                // The same key may be noted twice.
                if self.tables.entries.get(handle).is_some_and(|entry| entry.expired(self.now())) {
                    self.slot = slot;
                    self.expire_hashed(handle, hash);
                    removed += 1;
                }
            }
        }
        self.slot = slot_before;
        removed
    }

    /// Finds those of the entries that have expired: a note may have been overtaken. Returns how many
    /// there are.
    fn find_due(&self, handles: &[u32], due: &mut [Due; TOGETHER]) -> usize {
        let entry_of = |handle: u32| self.tables.entries.get(handle);
        // Loads that do not wait for one another, see `warm`. Half of all entries lie in two lines of
        // the cache.
        let both_ends = |entry: &Entry| entry.expiry().map_or(0, |at| at.0) as u32 ^ entry.access();
        let looks = handles.iter().map(|&handle| entry_of(handle).map_or(0, both_ends));
        std::hint::black_box(looks.fold(0, u32::wrapping_add));
        let mut count = 0;
        for &handle in handles {
            if let Some(entry) = entry_of(handle).filter(|entry| entry.expired(self.now())) {
                let key = entry.key();
                due[count] = Due { handle, slot: Slot::of_key(key), hash: self.hasher.hash(key) };
                count += 1;
            }
        }
        count
    }
}

#[cfg(test)]
#[path = "expiry_test.rs"]
mod tests;
