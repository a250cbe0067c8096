//! Recovery: the data comes back from the snapshot and the log when the node starts.
//!
//! The newest snapshot that is complete comes first, the files of all shards side by side, then what
//! the log has after it. All goes to the executors, which replay it while their connections are
//! told LOADING. What was written by another number of shards is dealt to those that there are.
//!
//! # Invariants
//! - I1. Each shard comes back as it was after some entry, and that is at least the last one that was
//!   acknowledged as its durability promises.
//! - I2. What cannot be read without losing something that was promised is refused, with what can be
//!   done about it; nothing on the disk is changed then.

use std::collections::BTreeSet;
use std::sync::Arc;

use shard::time::Micros;
use tokio::sync::{mpsc, oneshot};
use wal::snapshot::{self, SetInfo};
use wal::storage::DirStorage;
use wal::{Indices, Kind, Layout, NODE, NodeId, Record, RecordRef, Recovered, SlotRange};

use crate::error::NodeError;
use crate::executor::absorb::{self, Feed};
use crate::mailbox::Message;
use crate::node::Node;
use crate::node_state::{self, NodeChange};

/// Pieces that are on their way to one executor.
const FEEDS: usize = 8;

/// What has been found.
pub(crate) struct Found {
    pub(crate) recovered: Recovered,
    /// The last index of each shard of this node, and of the node, which snapshots may have beyond
    /// the log.
    pub(crate) last: Indices,
    /// The time of the last record.
    pub(crate) time: Micros,
    /// There was nothing at all.
    pub(crate) is_new: bool,
    /// What follows on in the log is not what follows on the last snapshot: one has to be taken
    /// before anything is promised.
    pub(crate) needs_snapshot: bool,
}

/// How the slots of this node are dealt to its shards.
pub(crate) fn layout(node: &Node) -> Layout {
    let shards = (0..node.topology.shards()).map(|shard| {
        let (first, count) = node.topology.shard_range(shard);
        SlotRange { first, count }
    });
    Layout { shards: shards.collect() }
}

/// Reads everything. Takes a thread for as long as that takes.
///
/// # Errors
/// The data is damaged, or not this node's.
pub(crate) fn run(node: &Arc<Node>, storage: &DirStorage, id: NodeId) -> Result<Found, NodeError> {
    let mut recovery = Recovery::begin(node, id);
    let found = recovery.read(storage);
    // Whatever was found, the executors come to their end first.
    let absorbed = recovery.end();
    let found = found?;
    absorbed.map_err(NodeError::Data)?;
    Ok(found)
}

struct Recovery<'n> {
    node: &'n Arc<Node>,
    id: NodeId,
    layout: Layout,
    feeds: Vec<mpsc::Sender<Feed>>,
    ends: Vec<oneshot::Receiver<Result<(), String>>>,
    /// The last libraries: only the last ones are loaded.
    libraries: Option<Vec<u8>>,
    /// The layout of the snapshot, and what it covers.
    covered: Option<(Layout, Indices)>,
    /// Shards whose state was changed without the log, behind what the snapshot covers: what follows
    /// in the log follows on what is lost.
    cut: BTreeSet<u16>,
}

impl<'n> Recovery<'n> {
    fn begin(node: &'n Arc<Node>, id: NodeId) -> Self {
        let (mut feeds, mut ends) = (Vec::new(), Vec::new());
        for handle in &node.executors {
            let (feed, receiver) = mpsc::channel(FEEDS);
            let (done, end) = oneshot::channel();
            feeds.push(feed);
            ends.push(end);
            let begin = Message::Call(Box::new(move |executor| {
                if let Some(executor) = executor.myself() {
                    tokio::task::spawn_local(absorb::run(executor, receiver, done));
                }
            }));
            let _ = handle.mailbox.blocking_send(begin);
        }
        Self {
            node,
            id,
            layout: layout(node),
            feeds,
            ends,
            libraries: None,
            covered: None,
            cut: BTreeSet::new(),
        }
    }

    /// Waits until everything is in the keyspaces.
    fn end(&mut self) -> Result<(), String> {
        self.feeds.clear();
        let gone = || Err("an executor has ended".to_owned());
        self.ends.drain(..).try_for_each(|end| end.blocking_recv().unwrap_or_else(|_| gone()))?;
        match self.libraries.take() {
            Some(payload) => self.load_libraries(payload),
            None => Ok(()),
        }
    }

    fn read(&mut self, storage: &DirStorage) -> Result<Found, NodeError> {
        let mut time = 0;
        let id = self.id;
        if let Some(set) = snapshot::newest(storage, Some(&id))? {
            self.check_slots(&set.layout)?;
            self.read_set(storage, &set)?;
        }
        let recovered = wal::recover(storage, Some(&id), &mut |record| {
            time = time.max(record.record.time_ms);
            self.take(record)
        });
        let recovered = recovered.map_err(|error| match error {
            wal::error::RecoverError::Log(error) => NodeError::Log(error),
            wal::error::RecoverError::Visit(error) => error,
        })?;
        let reached = self.covered.as_ref().map(|(layout, covered)| (layout, covered));
        recovered.reaches(reached)?;
        if let Some(torn) = &recovered.torn {
            tracing::warn!(
                file = torn.file,
                offset = torn.offset,
                bytes = torn.bytes,
                "the log ends in what was being written when the node stopped: it is cut there"
            );
        }
        let (layout, covered) = match self.covered.take() {
            Some((layout, covered)) => (Some(layout), covered),
            None => (None, Indices::all(self.layout.len(), 0)),
        };
        let mut layouts = recovered.layout().into_iter().chain(&layout);
        let dealt_anew = layouts.any(|layout| *layout != self.layout);
        let needs_snapshot = dealt_anew || !self.cut.is_empty();
        let mut last = covered;
        last.node = last.node.max(recovered.last.node);
        if dealt_anew {
            // Higher than any index so far, so that none means two things.
            let highest = recovered.last.shards.iter().chain(&last.shards).copied().max();
            last.shards = vec![highest.unwrap_or_default(); self.layout.len()];
        } else {
            let pairs = last.shards.iter_mut().zip(&recovered.last.shards);
            pairs.for_each(|(own, logged)| *own = (*own).max(*logged));
        }
        let time = Micros(i64::try_from(time).unwrap_or(i64::MAX).saturating_mul(1000));
        let is_new = recovered.segments.is_empty() && layout.is_none();
        Ok(Found { recovered, last, time, is_new, needs_snapshot })
    }

    /// Takes one record of the log.
    fn take(&mut self, record: &RecordRef<'_>) -> Result<(), NodeError> {
        let Record { kind, shard, index, body, .. } = record.record;
        self.node.loading.note_record(record);
        let layout = &record.segment.layout;
        let is_covered = self.covered.as_ref().is_some_and(|(own, covered)| {
            // Segments of another layout are what a snapshot of the new one was taken of.
            let is_older = own != layout && shard != NODE;
            is_older || covered.of(shard).is_some_and(|covered| index <= covered)
        });
        match kind {
            Kind::SyncMark => {}
            _ if is_covered || self.cut.contains(&shard) => {}
            Kind::Entries => {
                let Some(range) = layout.shards.get(usize::from(shard)) else {
                    return Err(NodeError::Data(format!("{}: no such shard", record.file)));
                };
                self.check_slots(layout)?;
                self.feed(*range, body.to_vec(), true)?;
            }
            Kind::Node => self.change_node(body)?,
            Kind::Gap => {
                tracing::warn!(
                    file = record.file,
                    shard,
                    index,
                    "the log was switched on, and the snapshot that it begins with was not finished: \
                     the shard comes back as it was before"
                );
                self.cut.insert(shard);
            }
        }
        Ok(())
    }

    /// Whether all slots of a layout are this node's.
    fn check_slots(&self, layout: &Layout) -> Result<(), NodeError> {
        let ends = |layout: &Layout| {
            let used: Vec<_> = layout.shards.iter().filter(|range| range.count > 0).collect();
            let first = used.iter().map(|range| range.first).min();
            let last = used.iter().map(|range| range.first + (range.count - 1)).max();
            first.zip(last)
        };
        let (Some((first, last)), Some((own_first, own_last))) = (ends(layout), ends(&self.layout))
        else {
            return Ok(());
        };
        if own_first <= first && last <= own_last {
            return Ok(());
        }
        Err(NodeError::Data(format!(
            "it is of slots {first}-{last}, and this node serves {own_first}-{own_last} only; \
             start it with the slots and members that it had"
        )))
    }

    /// Reads a snapshot, all of its files at once.
    fn read_set(&mut self, storage: &DirStorage, set: &SetInfo) -> Result<(), NodeError> {
        let size = set.files.iter().map(|file| file.bytes).sum();
        self.node.snapshots.note_found(set.number, set.created_ms, size);
        self.node.loading.expect(size);
        let mut of_node = snapshot::open(storage, set, NODE)?;
        while let Some(change) = of_node.next_chunk()? {
            self.change_node(change)?;
        }
        let this = &*self;
        std::thread::scope(|scope| {
            let shards = set.layout.shards.iter().enumerate();
            let threads: Vec<_> = shards
                .map(|(shard, slots)| {
                    scope.spawn(move || this.read_shard(storage, set, shard as u16, *slots))
                })
                .collect();
            threads.into_iter().try_for_each(|thread| {
                let panicked = || NodeError::Data("the thread that read it panicked".into());
                thread.join().map_err(|_| panicked())?
            })
        })?;
        self.covered = Some((set.layout.clone(), set.covered.clone()));
        Ok(())
    }

    fn read_shard(
        &self,
        storage: &DirStorage,
        set: &SetInfo,
        shard: u16,
        slots: SlotRange,
    ) -> Result<(), NodeError> {
        let mut file = snapshot::open(storage, set, shard)?;
        while let Some(chunk) = file.next_chunk()? {
            self.node.loading.note(chunk.len() as u64);
            self.feed(slots, chunk.to_vec(), false)?;
        }
        Ok(())
    }

    /// Gives something to all shards that have slots of it.
    fn feed(&self, range: SlotRange, body: Vec<u8>, is_log: bool) -> Result<(), NodeError> {
        let end = |range: &SlotRange| range.first + range.count;
        let feed = Feed { slots: (range.first, end(&range)), body: Arc::new(body), is_log };
        for (own, feeds) in self.layout.shards.iter().zip(&self.feeds) {
            if own.first < end(&range) && range.first < end(own) {
                let sent = feeds.blocking_send(feed.clone());
                sent.map_err(|_| NodeError::Data("an executor has ended".into()))?;
            }
        }
        Ok(())
    }

    fn change_node(&mut self, body: &[u8]) -> Result<(), NodeError> {
        match NodeChange::decode(body) {
            Some(NodeChange::Libraries(payload)) => self.libraries = Some(payload.to_vec()),
            Some(NodeChange::Script(text)) => node_state::pin(&self.node.scripts, text),
            Some(NodeChange::NoScripts) => self.node.scripts.flush(),
            None => {
                let why = "a change of the node is none that this build knows";
                return Err(NodeError::Data(why.into()));
            }
        }
        Ok(())
    }

    /// Loads the libraries on the first shard, which tells the others.
    fn load_libraries(&self, payload: Vec<u8>) -> Result<(), String> {
        let (done, wait) = oneshot::channel();
        let load = Message::Call(Box::new(move |executor| {
            let mut shard = executor.shard.borrow_mut();
            let policy = shard::script::functions::Restore::Flush;
            let loaded = shard.scripts_mut().restore_libraries(&payload, policy);
            let _ = done.send(loaded.map_err(|error| format!("functions: {error}")));
        }));
        let gone = || "an executor has ended".to_owned();
        self.node.executors[0].mailbox.blocking_send(load).map_err(|_| gone())?;
        wait.blocking_recv().unwrap_or_else(|_| Err(gone()))
    }
}
