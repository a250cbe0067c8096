//! The log of the node: one thread, which takes the entries of all shards to the disk.
//!
//! Executors run requests and never wait for the disk. What a request has done leaves as an entry by
//! a bounded ring of its shard ([`outlet`]); the log thread ([`thread`]) writes what all shards have
//! left meanwhile as one frame, and syncs it as the [`Durability`] asks: so one sync serves all
//! clients that wait. What has to wait for the disk (replies, messages to subscribers) waits with its
//! executor, which hears when an index is on the disk.
//!
//! This is the seam at which replication comes in: entries with an index for each shard go in, and
//! what comes out is how far they are committed.
//!
//! # Invariants
//! - I1. An index is durable when a sync has ended that began after its frame was written.
//! - I2. A sync that fails ends the process: what the disk has then, nobody knows. A write that
//!   fails for want of room is tried again, and until then writes are refused and reads go on.

mod durability;
mod hazards;
pub(crate) mod head;
pub(crate) mod outlet;
mod switch;
mod thread;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Instant;

use rtrb::{Consumer, Producer, RingBuffer};
use shard::time::Micros;
use tokio::sync::{Notify, oneshot};

use crate::data::Data;
use crate::times::Durations;

pub(crate) use durability::Durability;
pub(crate) use outlet::{Following, Outlet};
pub(crate) use switch::{settle, switch};
pub(crate) use thread::start;

/// Submissions that a ring has room for.
const RING: usize = 1024;

/// Entries of one shard on their way to the log.
pub(crate) struct Submission {
    /// Their index, one higher than that of the last submission of the shard.
    pub(crate) index: u64,
    /// When the last of them was kept.
    pub(crate) time: Micros,
    /// How many entries the shard has submitted with them.
    pub(crate) total: u64,
    /// See [`shard::entry`]. None: the state was changed without the log.
    pub(crate) entries: Vec<u8>,
}

/// What the log thread is asked for besides.
pub(crate) enum Order {
    /// A change of what concerns the whole node, see [`crate::node_state`].
    Node(Vec<u8>),
    /// What concerns the node was changed without the log.
    NodeGap,
    /// The index of the last change of what concerns the node is to be told.
    NodeIndex(oneshot::Sender<u64>),
    /// What a snapshot covers, by shard, and of the node: segments with nothing else go.
    Covered(Vec<u64>, u64),
    /// All that has been submitted is to be on the disk; then it is said so.
    Sync(oneshot::Sender<()>),
    /// The same, and it is the end.
    End(oneshot::Sender<()>),
}

/// What the thread is doing, for who wants to wake it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Doze {
    /// It works, and will look again before it dozes off.
    Awake = 0,
    /// It lets some more entries gather, unless somebody waits for them.
    Gathering = 1,
    /// It waits for entries.
    Idle = 2,
}

/// What an executor and the log thread share.
#[derive(Default)]
struct Line {
    /// The last index that is on the disk.
    synced: AtomicU64,
    /// The last index that is written.
    written: AtomicU64,
    /// How many entries are on the disk, of those that were submitted since the start, and their
    /// bytes.
    synced_entries: AtomicU64,
    synced_bytes: AtomicU64,
    /// Somebody waits for a sync.
    waiting: AtomicBool,
    /// Tells the executor that `synced` has grown.
    notify: Notify,
}

/// What a shard has done that is not on the disk.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unsynced {
    pub(crate) entries: u64,
    /// Bytes of these entries.
    pub(crate) bytes: u64,
}

/// Figures of the log, for INFO.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) frames: AtomicU64,
    pub(crate) syncs: AtomicU64,
    /// Microseconds of the last sync.
    pub(crate) last_sync_micros: AtomicU64,
    /// Bytes of all segments.
    pub(crate) size: AtomicU64,
    /// Bytes of all segments when the last snapshot was taken.
    pub(crate) base_size: AtomicU64,
    /// The last write failed for want of room.
    pub(crate) is_full: AtomicBool,
    /// Writes that have found no room.
    pub(crate) failures: AtomicU64,
    /// Since when something has been written that is not synced.
    pub(crate) unsynced_since: Mutex<Option<Instant>>,
    /// How long syncs have taken.
    pub(crate) sync_times: Mutex<Durations>,
}

/// The log as all threads see it. See the module.
pub(crate) struct LogService {
    durability: AtomicU8,
    /// How many clients have asked for `always` for themselves.
    always_for_some: AtomicU64,
    lines: Vec<Line>,
    doze: AtomicU8,
    thread: OnceLock<Thread>,
    orders: Mutex<Vec<Order>>,
    /// Held by who changes what holds.
    switching: tokio::sync::Mutex<()>,
    producers: Mutex<Vec<Option<Producer<Submission>>>>,
    consumers: Mutex<Vec<Consumer<Submission>>>,
    pub(crate) figures: Figures,
}

impl LogService {
    pub(crate) fn new(shards: u16, durability: Durability) -> Self {
        let rings = (0..shards).map(|_| RingBuffer::new(RING));
        let (producers, consumers): (Vec<_>, Vec<_>) = rings.unzip();
        Self {
            durability: AtomicU8::new(durability as u8),
            always_for_some: AtomicU64::new(0),
            lines: (0..shards).map(|_| Line::default()).collect(),
            doze: AtomicU8::new(Doze::Awake as u8),
            thread: OnceLock::new(),
            orders: Mutex::default(),
            switching: tokio::sync::Mutex::default(),
            producers: Mutex::new(producers.into_iter().map(Some).collect()),
            consumers: Mutex::new(consumers),
            figures: Figures::default(),
        }
    }

    /// The end of the executor of `shard`; each takes its own once.
    pub(crate) fn outlet(self: &Arc<Self>, shard: u16) -> Outlet {
        let mut producers = self.producers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ring) = producers[usize::from(shard)].take() else {
            unreachable!("an executor takes its end once")
        };
        Outlet::new(self.clone(), shard, ring)
    }

    /// What holds for connections that have not said otherwise.
    #[inline]
    pub(crate) fn durability(&self) -> Durability {
        Durability::of_number(self.durability.load(Ordering::Relaxed))
    }

    /// Changes what holds; for [`switch`] alone, which knows what belongs to it.
    pub(crate) fn set_durability(&self, durability: Durability) {
        self.durability.store(durability as u8, Ordering::SeqCst);
        self.wake_thread();
    }

    /// Whether replies may have to wait for the disk.
    #[inline]
    pub(crate) fn may_hold(&self) -> bool {
        self.durability() == Durability::Always || self.always_for_some.load(Ordering::Relaxed) > 0
    }

    /// Notes that a client wants its own writes to be synced from now on, or does not any more.
    pub(crate) fn note_holding(&self, before: Option<bool>, now: Option<bool>) {
        match (before == Some(true), now == Some(true)) {
            (false, true) => self.always_for_some.fetch_add(1, Ordering::SeqCst),
            (true, false) => self.always_for_some.fetch_sub(1, Ordering::SeqCst),
            _ => 0,
        };
    }

    /// The last index of a shard that is on the disk.
    #[inline]
    pub(crate) fn synced(&self, shard: u16) -> u64 {
        self.lines[usize::from(shard)].synced.load(Ordering::Acquire)
    }

    /// Asks the log thread for something.
    pub(crate) fn order(&self, order: Order) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        self.wake_thread();
    }

    /// What recovery has found of a shard is on the disk.
    pub(crate) fn begin_after(&self, shard: u16, index: u64) {
        let line = &self.lines[usize::from(shard)];
        line.written.store(index, Ordering::Release);
        line.synced.store(index, Ordering::Release);
    }

    /// Logs a change of what concerns the whole node, which `change` makes when it is its turn.
    pub(crate) fn change_node(&self, change: impl FnOnce() -> Vec<u8>) {
        if self.durability() == Durability::None || !self.is_running() {
            return;
        }
        // Under the lock: of two changes that say what all is like now, the last one has to know.
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.push(Order::Node(change()));
        drop(orders);
        self.wake_thread();
    }

    /// The index of the last change of what concerns the node. For a thread that may wait.
    pub(crate) fn node_index(&self, data: &Data) -> u64 {
        if !self.is_running() {
            return data.last.node;
        }
        let (tell, told) = oneshot::channel();
        self.order(Order::NodeIndex(tell));
        told.blocking_recv().unwrap_or_default()
    }

    /// Whether the log takes anything: it does not before the data has been read.
    pub(crate) fn is_running(&self) -> bool {
        self.thread.get().is_some()
    }

    /// Returns when all that has been submitted and changed is on the disk.
    pub(crate) async fn sync(&self) {
        if self.is_running() {
            let (done, wait) = oneshot::channel();
            self.order(Order::Sync(done));
            let _ = wait.await;
        }
    }

    /// Returns when the disk has more of a shard.
    pub(crate) async fn synced_more(&self, shard: u16) {
        self.lines[usize::from(shard)].notify.notified().await;
    }

    /// Says that entries have been submitted.
    #[inline]
    fn wake(&self) {
        // What was pushed must be seen by a thread that is seen awake: it looks once more.
        fence(Ordering::SeqCst);
        if self.doze.load(Ordering::SeqCst) == Doze::Idle as u8 {
            self.wake_thread();
        }
    }

    /// Says that somebody waits for an index.
    fn wait(&self, shard: u16, index: u64) {
        let line = &self.lines[usize::from(shard)];
        line.waiting.store(true, Ordering::SeqCst);
        if line.synced.load(Ordering::SeqCst) >= index {
            // It was synced before anybody was seen to wait.
            line.notify.notify_one();
        } else if self.doze.load(Ordering::SeqCst) != Doze::Awake as u8 {
            self.wake_thread();
        }
    }

    fn wake_thread(&self) {
        if let Some(thread) = self.thread.get() {
            self.doze.store(Doze::Awake as u8, Ordering::SeqCst);
            thread.unpark();
        }
    }
}
