//! The executor's end of the log: entries go out, and what waits for them is let go.
//!
//! # Invariants
//! - I1. Entries leave in the order in which they were kept; those that leave together have one
//!   index, and indices have no holes.
//! - I2. What waits for an index is let go in the order in which it came, and never before the log
//!   has it on the disk.
//! - I3. The executor never waits for the log. When the ring is full, entries gather here, and
//!   beyond some size nothing more is read from clients ([`Outlet::is_congested`]).

use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

use rtrb::Producer;
use shard::Shard;
use shard::entry;
use shard::keyspace::Snapshot;
use shard::time::Micros;

use super::hazards::Hazards;
use super::{Durability, LogService, Submission, Unsynced};

/// Bytes of entries that may wait for room in the ring before clients have to wait.
const CONGESTED: usize = 32 << 20;

/// What waits until an index is durable.
enum Held {
    Task(Waker),
    Work(Box<dyn FnOnce()>),
}

/// What a snapshot that is being taken has written and not handed over.
pub(crate) struct Following {
    /// Which snapshot of this executor it is: one that was given up may still have to notice when
    /// the next one has begun.
    number: u64,
    pub(crate) snapshot: Snapshot,
    pub(crate) written: Vec<u8>,
}

/// One executor's end of the log. See the module.
pub(crate) struct Outlet {
    service: Arc<LogService>,
    shard: u16,
    ring: RefCell<Producer<Submission>>,
    /// Entries that have not left.
    pending: RefCell<Vec<u8>>,
    /// When the last of them was kept.
    time: Cell<Micros>,
    /// The index that they will have.
    next: Cell<u64>,
    /// Entries that have been taken since the start, and bytes of those that have left.
    taken: Cell<u64>,
    left_bytes: Cell<u64>,
    held: RefCell<VecDeque<(u64, Held)>>,
    hazards: RefCell<Hazards>,
    following: RefCell<Option<Following>>,
    /// Snapshots that have been begun.
    followings: Cell<u64>,
}

impl Outlet {
    pub(super) fn new(service: Arc<LogService>, shard: u16, ring: Producer<Submission>) -> Self {
        Self {
            service,
            shard,
            ring: RefCell::new(ring),
            pending: RefCell::default(),
            time: Cell::default(),
            next: Cell::new(1),
            taken: Cell::new(0),
            left_bytes: Cell::new(0),
            held: RefCell::default(),
            hazards: RefCell::default(),
            following: RefCell::default(),
            followings: Cell::default(),
        }
    }

    /// Says that this index is on the disk, and nothing else: what recovery has found.
    pub(crate) fn begin_after(&self, index: u64) {
        self.next.set(index + 1);
    }

    /// Takes what a command, transaction or script that is kept has done.
    pub(crate) fn take(&self, shard: &mut Shard) {
        let keyspace = shard.keyspace_mut();
        if let Some(following) = &mut *self.following.borrow_mut() {
            let Following { snapshot, written, .. } = following;
            let followed = keyspace.follow(snapshot, keyspace.effects(), written);
            debug_assert!(followed.is_ok(), "a shard's own effects decode");
        }
        let mode = self.service.durability();
        if mode != Durability::None {
            let mut pending = self.pending.borrow_mut();
            entry::put(&mut pending, keyspace.effects());
            self.taken.set(self.taken.get() + 1);
            self.time.set(keyspace.now_micros());
            if self.service.may_hold() {
                self.remember(keyspace.effects());
            }
        }
        keyspace.clear_effects();
    }

    /// Notes what is changed by the entry that is taken, for who reads it before it is on the disk.
    fn remember(&self, effects: &[u8]) {
        let mut hazards = self.hazards.borrow_mut();
        // Nobody may wait for them, so it is not left to those who do.
        hazards.forget_through(self.service.synced(self.shard));
        hazards.add(effects, self.next.get());
    }

    /// Hands the entries over that have been taken. To be called at the end of each batch.
    #[inline]
    pub(crate) fn submit(&self) {
        if !self.pending.borrow().is_empty() {
            self.submit_pending();
        }
    }

    /// Says that the state was changed without the log, and what comes next follows on that. False
    /// when there is no room to say it.
    pub(crate) fn gap(&self) -> bool {
        let (index, time, total) = (self.next.get(), self.time.get(), self.taken.get());
        let gap = Submission { index, time, total, entries: Vec::new() };
        let pushed = self.ring.borrow_mut().push(gap);
        if pushed.is_ok() {
            self.next.set(index + 1);
            self.service.wake();
        }
        pushed.is_ok()
    }

    /// Has the next index come after what has been ordered of the log thread so far.
    pub(crate) fn mark(&self) {
        if self.service.durability() != Durability::None {
            entry::put(&mut self.pending.borrow_mut(), &[]);
        }
    }

    fn submit_pending(&self) {
        let mut ring = self.ring.borrow_mut();
        if ring.is_full() {
            // They leave with the next ones.
            self.service.wake();
            return;
        }
        // The next batch is about as large: growing step by step would cost more than its entries.
        let mut pending = self.pending.borrow_mut();
        let room = Vec::with_capacity(pending.len().next_power_of_two().clamp(256, 64 * 1024));
        let submission = Submission {
            index: self.next.get(),
            time: self.time.get(),
            total: self.taken.get(),
            entries: std::mem::replace(&mut *pending, room),
        };
        drop(pending);
        self.left_bytes.set(self.left_bytes.get() + submission.entries.len() as u64);
        self.next.set(submission.index + 1);
        if ring.push(submission).is_err() {
            unreachable!("there was room, and nobody else pushes");
        }
        self.service.wake();
    }

    /// The index that covers all that has been done so far; it may not have left yet.
    pub(crate) fn last(&self) -> u64 {
        self.next.get() - u64::from(self.pending.borrow().is_empty())
    }

    /// What has been done that is not on the disk.
    pub(crate) fn unsynced(&self) -> Unsynced {
        let line = &self.service.lines[usize::from(self.shard)];
        let bytes = self.left_bytes.get() + self.pending.borrow().len() as u64;
        Unsynced {
            entries: self.taken.get().saturating_sub(line.synced_entries.load(Ordering::Relaxed)),
            bytes: bytes.saturating_sub(line.synced_bytes.load(Ordering::Relaxed)),
        }
    }

    /// The index that somebody waits for who has read or written a key; 0 for none.
    pub(crate) fn of_key(&self, key: &[u8]) -> u64 {
        self.hazards.borrow().of(key)
    }

    /// Whether an index is on the disk.
    #[inline]
    pub(crate) fn is_durable(&self, index: u64) -> bool {
        index <= self.service.synced(self.shard)
    }

    /// Waits until an index is on the disk.
    pub(crate) async fn durable(&self, index: u64) {
        poll_fn(|cx| {
            if self.is_durable(index) {
                return Poll::Ready(());
            }
            self.hold(index, Held::Task(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Runs `work` when an index is on the disk, after all that waits already.
    pub(crate) fn when_durable(&self, index: u64, work: impl FnOnce() + 'static) {
        if self.is_durable(index) && self.held.borrow().is_empty() {
            work();
        } else {
            self.hold(index, Held::Work(Box::new(work)));
        }
    }

    fn hold(&self, index: u64, held: Held) {
        self.held.borrow_mut().push_back((index, held));
        self.submit();
        self.service.wait(self.shard, index);
    }

    /// Lets go what has waited for what is on the disk by now.
    pub(crate) fn let_go(&self) {
        let synced = self.service.synced(self.shard);
        self.hazards.borrow_mut().forget_through(synced);
        loop {
            let mut held = self.held.borrow_mut();
            if held.front().is_none_or(|(index, _)| *index > synced) {
                break;
            }
            let Some((_, first)) = held.pop_front() else { break };
            drop(held);
            match first {
                Held::Task(waker) => waker.wake(),
                Held::Work(work) => work(),
            }
        }
        // The log tells who waits once; the others are to be told the next time.
        let next = self.held.borrow().front().map(|(index, _)| *index);
        if let Some(index) = next {
            self.service.wait(self.shard, index);
        }
    }

    /// Whether clients have to wait for the log.
    #[inline]
    pub(crate) fn is_congested(&self) -> bool {
        self.pending.borrow().len() > CONGESTED
    }

    /// Begins to follow what happens, for a snapshot: the number of that. One that is under way is
    /// followed no more.
    pub(crate) fn follow(&self) -> u64 {
        let number = self.followings.get() + 1;
        self.followings.set(number);
        let following = Following { number, snapshot: Snapshot::default(), written: Vec::new() };
        self.following.replace(Some(following));
        number
    }

    /// What the snapshot of this number has written; `None` when it is followed no more.
    pub(crate) fn following(&self, number: u64) -> Option<RefMut<'_, Following>> {
        let following = RefMut::filter_map(self.following.borrow_mut(), Option::as_mut).ok()?;
        (following.number == number).then_some(following)
    }

    /// Ends to follow for the snapshot of this number. Whether that was the one that was followed.
    pub(crate) fn unfollow(&self, number: u64) -> bool {
        let is_followed = self.following(number).is_some();
        if is_followed {
            self.following.replace(None);
        }
        is_followed
    }

    /// Whether there is a snapshot that follows what happens.
    pub(crate) fn is_followed(&self) -> bool {
        self.following.borrow().is_some()
    }
}

#[cfg(test)]
mod tests {
    use shard::effect::Effect;

    use super::*;

    fn outlet(durability: Durability) -> Outlet {
        Arc::new(LogService::new(1, durability)).outlet(0)
    }

    #[test]
    fn a_snapshot_that_was_given_up_takes_nothing_of_the_next_one() {
        let outlet = outlet(Durability::Everysec);
        let given_up = outlet.follow();
        let next = outlet.follow();
        assert!(outlet.following(given_up).is_none());
        assert!(!outlet.unfollow(given_up), "it ends what is not its own");
        assert!(outlet.following(next).is_some());
        assert!(outlet.unfollow(next));
        assert!(!outlet.is_followed());
    }

    #[test]
    fn keys_that_nobody_waits_for_are_forgotten() {
        let outlet = outlet(Durability::Always);
        for index in 1..=100 {
            let mut effects = Vec::new();
            Effect::Remove { key: format!("key{index}").as_bytes() }.encode(&mut effects);
            outlet.begin_after(index - 1);
            outlet.remember(&effects);
            // As the log thread says it, which is one behind.
            outlet.service.begin_after(0, index - 1);
        }
        assert_eq!((outlet.of_key(b"key100"), outlet.of_key(b"key1")), (100, 0));
        assert!(outlet.hazards.borrow().len() <= 2);
    }
}
