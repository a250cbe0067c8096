//! The keyspace of a shard, and its one door.
//!
//! One table of keys for each hash slot, so that a slot can be counted, listed and moved as a
//! unit. All entries lie in one slab.
//!
//! # The door
//! Values change only through the mutators here (`set_string`, `hash_set`, `remove`, …). Each of
//! them does three things: it pushes the inverse onto the undo log (when one is open), appends the
//! effect to the entry (when effects are recorded), and changes the value. Command handlers cannot
//! reach a value in any other way, so no command can forget either, and a script that fails can
//! always be taken back.
//!
//! # Invariants
//! - I1. `expiring_in[s]` is the number of keys of slot `s` that have an expiry.
//! - I2. No collection is empty, but for streams.
//! - I3. Reads and writes see an expired key as missing; the first of them removes it, through the
//!   door. (While a [`Hold`] stands, the first write does.)
//! - I4. The keys of one command are all of the slot that was entered for it.
//! - I5. `field_expiries` names the hashes that have fields which expire, each once and with the
//!   time of the first of them.
//! - I6. Each key that has an expiry is noted in `schedule` with that time.
//!
//! # Not here
//! Commands, replies, clocks. The time of a request comes in by [`Keyspace::enter`].

mod access;
mod commit;
mod counters;
mod door;
pub mod entry;
mod evict;
mod expiry;
mod field_expiry;
mod garbage;
mod handles;
pub mod hasher;
mod hold;
pub(crate) mod index;
mod kept_replies;
mod outbox;
pub mod scan;
pub(crate) mod short_bytes;
#[cfg(test)]
mod size_test;
pub(crate) mod slab;
mod snapshot;
mod tables;
mod tally;
mod undo;
pub mod value;
mod warm;
mod watch;

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

pub use access::Lfu;
pub use commit::Mark;
pub use counters::Counters;
pub(crate) use door::indexes_of;
pub use door::{NewExpiry, Scored, Usage};
pub use evict::Eviction;
pub use hold::Hold;
pub use kept_replies::KeptReply;
pub use outbox::{Events, Message};
pub use snapshot::Snapshot;
pub use tally::{Failures, Tally};
pub use value::Kind;
pub use warm::Expected;
pub use watch::WatchFlag;

use entry::Entry;
use garbage::Garbage;
use hasher::KeyHasher;
use kept_replies::KeptReplies;
use protocol::slot::{SLOT_COUNT, Slot};
use tables::{CHUNK, Tables};
use undo::UndoLog;
use value::Value;
use watch::WatchTable;

use crate::channels::Channels;
use crate::time::{Micros, Millis};
use crate::types::hash::HashLimits;
use crate::types::list::ListLimit;
use crate::types::set::SetLimits;
use crate::types::stream::StreamLimits;
use crate::types::zset::ZSetLimits;

/// What a shard can be told about itself from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Up to where hashes stay packed.
    pub hash_limits: HashLimits,
    /// Up to how many bytes a HyperLogLog stays sparse (`hll-sparse-max-bytes`).
    pub hll_sparse_max: usize,
    /// Bytes of memory that replies may take that are kept for who asks again.
    pub kept_replies_memory_max: usize,
    /// How large a node of a list may become.
    pub list_limit: ListLimit,
    /// Up to where sets stay in their small forms.
    pub set_limits: SetLimits,
    /// When blocks of streams are full.
    pub stream_limits: StreamLimits,
    /// Longest string value, in bytes (`proto-max-bulk-len`).
    pub string_len_max: usize,
    /// Which keys go when memory is full (`maxmemory-policy`).
    pub eviction: Eviction,
    /// Keys that are looked at for each that goes (`maxmemory-samples`).
    pub eviction_samples: usize,
    /// How uses are counted under the LFU policies.
    pub lfu: Lfu,
    /// Which keyspace events are told (`notify-keyspace-events`).
    pub events: Events,
    /// Keys that are tracked for clients before some are forgotten (`tracking-table-max-keys`); 0 is
    /// no limit.
    pub tracked_keys_max: usize,
    /// Up to where sorted sets stay packed.
    pub zset_limits: ZSetLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hash_limits: HashLimits::default(),
            hll_sparse_max: 3000,
            kept_replies_memory_max: 64 << 20,
            list_limit: ListLimit::default(),
            set_limits: SetLimits::default(),
            stream_limits: StreamLimits::default(),
            string_len_max: protocol::limits::BULK_LEN_MAX,
            eviction: Eviction::None,
            eviction_samples: 5,
            lfu: Lfu::default(),
            events: Events::empty(),
            tracked_keys_max: 1_000_000,
            zset_limits: ZSetLimits::default(),
        }
    }
}

/// Whose request runs, as far as the keyspace has to know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Caller {
    /// The client's id; 0 for none.
    pub client: u64,
    /// What it reads is tracked: it is told of the next change.
    pub tracks: bool,
    /// What it reads does not count as used (CLIENT NO-TOUCH).
    pub no_touch: bool,
}

/// Where a key was found: nothing is concluded from it without comparing.
#[derive(Clone, Copy, Default)]
struct Found {
    /// Of the text that was looked for, and its last eight bytes.
    address: usize,
    tail: u64,
    handle: u32,
}

/// The keyspace of a shard. See the module.
pub struct Keyspace {
    tables: Tables,
    hasher: KeyHasher,
    /// Where the key was that was found last, to find it again: a command that looks before it
    /// changes finds its key twice, and the commands of a script have one key, mostly.
    found_last: Cell<Found>,
    now: Micros,
    /// The same in milliseconds.
    now_millis: Millis,
    /// The slot of the keys of the command that runs (I4).
    slot: Slot,
    /// Whether the command that runs has keys.
    has_slot: bool,
    undo: UndoLog,
    /// What is used no more and is freed little by little.
    garbage: Garbage,
    /// Effects of the command, transaction or script that runs, when `record` is on.
    effects: Vec<u8>,
    record: bool,
    kept_replies: KeptReplies,
    watch: WatchTable,
    /// Watched keys that have been changed and not committed.
    touched: Vec<short_bytes::ShortBytes>,
    /// Keys that somebody waits for and that have been changed, committed, in order.
    ready: VecDeque<short_bytes::ShortBytes>,
    /// What subscribers are to be told.
    outbox: Vec<Message>,
    /// Who has subscribed to what on this node.
    channels: Arc<Channels>,
    hold: Arc<Hold>,
    /// Every change is told, not only those of keys that somebody has read.
    tell_all_changes: bool,
    /// Whose request runs.
    caller: Caller,
    settings: Settings,
    counters: Counters,
    tally: Tally,
    rng: fastrand::Rng,
    /// Keys that may be evicted next.
    candidates: Vec<evict::Candidate>,
}

impl Keyspace {
    /// An empty keyspace of `count` slots from `first` on. `seed` is for random picks.
    pub fn new(first: u16, count: u16, seed: u64) -> Self {
        assert!(u32::from(first) + u32::from(count) <= u32::from(SLOT_COUNT));
        let Some(slot) = Slot::new(first.min(SLOT_COUNT - 1)) else {
            unreachable!("below the count of slots")
        };
        Self {
            tables: Tables::new(first, count),
            hasher: KeyHasher::default(),
            found_last: Cell::default(),
            now: Micros::default(),
            now_millis: Millis::default(),
            slot,
            has_slot: false,
            undo: UndoLog::default(),
            garbage: Garbage::default(),
            effects: Vec::new(),
            record: false,
            kept_replies: KeptReplies::default(),
            watch: WatchTable::default(),
            touched: Vec::new(),
            ready: VecDeque::new(),
            outbox: Vec::new(),
            channels: Arc::default(),
            hold: Arc::default(),
            tell_all_changes: false,
            caller: Caller::default(),
            settings: Settings::default(),
            counters: Counters::default(),
            tally: Tally::default(),
            rng: fastrand::Rng::with_seed(seed),
            candidates: Vec::new(),
        }
    }

    /// Begins a command: its time, and the slot of all its keys.
    #[inline]
    pub fn enter(&mut self, now: Micros, slot: Option<Slot>) {
        self.set_now(now);
        self.has_slot = slot.is_some();
        if let Some(slot) = slot {
            self.slot = slot;
        }
    }

    #[inline]
    fn set_now(&mut self, now: Micros) {
        self.now = now;
        self.now_millis = now.millis();
    }

    /// Whose requests run from now on.
    #[inline]
    pub fn set_caller(&mut self, caller: Caller) {
        self.caller = caller;
    }

    /// Whose request runs.
    #[inline]
    pub fn caller(&self) -> Caller {
        self.caller
    }

    /// The slot that was entered for the command that runs, if it has keys.
    #[inline]
    pub(crate) fn entered_slot(&self) -> Option<Slot> {
        self.has_slot.then_some(self.slot)
    }

    /// The time of the command that runs.
    #[inline]
    pub fn now(&self) -> Millis {
        self.now_millis
    }

    /// The time of the command that runs, to the microsecond.
    pub fn now_micros(&self) -> Micros {
        self.now
    }

    /// Settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Puts settings in force. What is already stored keeps its form.
    pub fn configure(&mut self, settings: Settings) {
        if settings.eviction != self.settings.eviction {
            self.candidates.clear();
        }
        self.settings = settings;
    }

    /// Who has subscribed to what on this node.
    pub fn channels(&self) -> &Arc<Channels> {
        &self.channels
    }

    /// Has the keyspace share the node's subscriptions.
    pub fn set_channels(&mut self, channels: Arc<Channels>) {
        self.channels = channels;
    }

    /// Counters since the start or the last reset.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Sets the counters to zero (CONFIG RESETSTAT).
    pub fn reset_counters(&mut self) {
        self.counters = Counters { changes: self.counters.changes, ..Counters::default() };
        self.reset_lazily_freed();
    }

    /// The shard's source of random picks.
    pub fn rng(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }

    /// How many keys there are, expired ones that nobody has looked at included (as DBSIZE).
    pub fn len(&self) -> usize {
        self.tables.len
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.tables.len == 0
    }

    /// How many keys have an expiry.
    pub fn expiring(&self) -> usize {
        self.tables.expiring
    }

    /// Bytes of memory of keys and values. Walks everything: for INFO and tests of small sizes.
    pub fn memory(&self) -> usize {
        self.tables.memory()
    }

    /// The entry of a key, expired or not.
    #[inline]
    fn find(&self, key: &[u8]) -> Option<u32> {
        debug_assert_eq!(Slot::of_key(key), self.slot, "I4");
        let last = self.found_last.get();
        let address = key.as_ptr().addr();
        let tail = key.last_chunk().map_or(0, |tail| u64::from_le_bytes(*tail));
        // Where the text lies and how it ends only say whether a look is worth it: the same bytes may
        // be another key's by now, and the entry too, so both are compared.
        if last.address == address
            && last.tail == tail
            && self.tables.entries.get(last.handle).is_some_and(|entry| entry.key() == key)
        {
            return Some(last.handle);
        }
        let handle = self.look_up(key)?;
        self.found_last.set(Found { address, tail, handle });
        Some(handle)
    }

    fn look_up(&self, key: &[u8]) -> Option<u32> {
        let slot = self.tables.slot(self.slot.index().wrapping_sub(self.tables.first))?;
        slot.find(self.hasher.hash(key), |handle| self.tables.entries.at(handle).key() == key)
    }

    /// The entry of a key that is not expired; an expired one is removed (I3), and so are fields
    /// that have expired.
    #[inline]
    fn live(&mut self, key: &[u8]) -> Option<u32> {
        let handle = self.find(key)?;
        if self.tables.entries.at(handle).expired(self.now()) {
            self.expire(handle, key);
            return None;
        }
        if self.tables.field_expiries.any_due(self.now()) && !self.expire_fields(handle, key) {
            return None;
        }
        Some(handle)
    }

    #[cold]
    fn expire(&mut self, handle: u32, key: &[u8]) {
        self.counters.expired += 1;
        self.remove_entry(handle, key);
        self.notify(Events::EXPIRED, "expired", key);
    }

    /// The entry of a key that is read: counts a hit or a miss and sets the access clock.
    #[inline]
    fn read(&mut self, key: &[u8]) -> Option<u32> {
        let Some(handle) = self.seen(key) else {
            self.counters.misses += 1;
            self.notify(Events::MISSED, "keymiss", key);
            return None;
        };
        self.counters.hits += 1;
        if !self.caller.no_touch {
            self.note_use(handle);
        }
        Some(handle)
    }

    /// Whether the key is there and its time has come. It stays.
    pub fn is_overdue(&self, key: &[u8]) -> bool {
        self.find(key).is_some_and(|handle| self.tables.entries.at(handle).expired(self.now()))
    }

    /// Whether the key is there. Does not count as a use of it.
    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.seen(key).is_some()
    }

    /// Whether the key is there, as a read: counts a hit or a miss and is a use of the key.
    pub fn touch(&mut self, key: &[u8]) -> bool {
        self.read(key).is_some()
    }

    /// What kind of value the key holds.
    pub fn kind(&mut self, key: &[u8]) -> Option<Kind> {
        let handle = self.seen(key)?;
        Some(self.tables.entries.at(handle).value().kind())
    }

    /// When the key expires: `None` when it is missing, `Some(None)` when it never does.
    pub fn expiry(&mut self, key: &[u8]) -> Option<Option<Millis>> {
        let handle = self.seen(key)?;
        Some(self.tables.entries.at(handle).expiry())
    }

    /// What OBJECT ENCODING replies.
    pub fn encoding(&mut self, key: &[u8]) -> Option<&'static str> {
        let handle = self.seen(key)?;
        Some(self.tables.entries.at(handle).value().encoding())
    }

    /// Watches a key: the flag is set when it changes from now on.
    pub fn watch(&mut self, key: &[u8], flag: &WatchFlag) {
        // A key whose time has already come is gone for the watcher; its removal is no change.
        self.live(key);
        self.release_touched();
        self.watch.add(key, flag);
    }

    /// Stops watching a key.
    pub fn unwatch(&mut self, key: &[u8], flag: &WatchFlag) {
        self.watch.remove(key, flag);
    }

    /// Whether every change is told, not only those of keys that somebody has read.
    pub fn tell_all_changes(&mut self, tell: bool) {
        self.tell_all_changes = tell;
    }

    /// One more blocked client waits for a change of a key.
    pub fn wait_for(&mut self, key: &[u8]) {
        self.release_touched();
        self.watch.wait_for(key);
    }

    /// One less does.
    pub fn stop_waiting(&mut self, key: &[u8]) {
        self.watch.stop_waiting(key);
    }

    /// Whether a key that somebody waits for has been changed.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The oldest change of a key that somebody waits for, of those that have not been taken. Changes
    /// of one key in a row are one.
    pub fn take_ready(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front().map(|key| key.as_bytes().to_vec())
    }
}
