//! Snapshots of the node: when they are taken, and how they come to the disk.
//!
//! Executors write their keyspaces between requests (`executor::snapshot`) and hand the pieces over;
//! threads that live as long as the snapshot write them to files, one for each shard. When all of
//! it lasts, the log is told what it need not keep any more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};
use wal::snapshot::{self, FileHeader, SetWriter};
use wal::storage::DirStorage;
use wal::{NODE, SlotRange};

use crate::data::Data;
use crate::executor::snapshot::{Piece, take};
use crate::log::Order;
use crate::mailbox::Message;
use crate::node::Node;
use crate::node_state;

/// Pieces of a shard that wait to be written.
const PIECES: usize = 4;
/// Bytes of a file after which it is synced, so that not everything is left for the end.
const SYNC: u64 = 32 << 20;

/// What is known of the snapshots of a node.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    state: Mutex<State>,
    /// The number of the newest set.
    number: AtomicU64,
    /// Held by who reads the newest set, and by who removes the others.
    reading: Mutex<()>,
}

/// The figures of INFO.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// Since when one has been under way.
    pub(crate) running: Option<Instant>,
    /// One is to follow.
    pub(crate) scheduled: bool,
    /// When the last one that succeeded was begun or found, in seconds since the epoch.
    pub(crate) last: u64,
    /// Why the last one failed.
    pub(crate) failure: Option<String>,
    /// When the last one ended.
    ended: Option<Instant>,
    pub(crate) took: Option<Duration>,
    pub(crate) saves: u64,
    /// How many have failed.
    pub(crate) failures: u64,
    /// Bytes of the last one that succeeded.
    pub(crate) size: u64,
    /// Changes of all keyspaces when it was begun.
    pub(crate) changes: u64,
}

/// Another snapshot is under way.
#[derive(Debug)]
pub(crate) struct Busy;

/// How a snapshot ends.
pub(crate) type End = oneshot::Receiver<Result<(), String>>;

impl Snapshots {
    /// The figures.
    pub(crate) fn state(&self) -> State {
        self.lock().clone()
    }

    /// As long as it is held, the newest set stays.
    pub(crate) fn reading(&self) -> std::sync::MutexGuard<'_, ()> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes which set has been found at the start.
    pub(crate) fn note_found(&self, number: u64, created_ms: u64, size: u64) {
        self.number.store(number, Ordering::Relaxed);
        let mut state = self.lock();
        state.last = created_ms / 1000;
        state.size = size;
    }

    /// One that is wanted while another is under way follows it.
    pub(crate) fn schedule(&self) {
        self.lock().scheduled = true;
    }
}

/// Begins a snapshot.
///
/// # Errors
/// Another one is under way.
pub(crate) fn begin(node: &Arc<Node>) -> Result<End, Busy> {
    let (done, end) = oneshot::channel();
    {
        let mut state = node.snapshots.lock();
        if state.running.is_some() {
            return Err(Busy);
        }
        state.running = Some(Instant::now());
        state.scheduled = false;
    }
    let taker = node.clone();
    let thread = std::thread::Builder::new().name("snapshot".into());
    let spawned = thread.spawn(move || {
        let result = run(&taker);
        let _ = done.send(result);
    });
    if let Err(error) = spawned {
        let _ = note_end(node, 0, Err(error.to_string()));
    }
    Ok(end)
}

/// Begins a snapshot if it is time for one: one was scheduled, the log has grown, or so many changes
/// in so many seconds have been made (`save`). To be called once a second.
pub(crate) fn begin_if_due(node: &Arc<Node>) {
    if node.loading.is_on() || node.data.get().is_none() {
        return;
    }
    let state = node.snapshots.state();
    if state.running.is_some() || state.failure.is_some() && !is_time_to_retry(&state) {
        return;
    }
    if state.scheduled || has_log_grown(node, &state) || is_save_point(node, &state) {
        let _ = begin(node);
    }
}

/// Whether enough time has passed since one has failed (Redis waits as long).
fn is_time_to_retry(state: &State) -> bool {
    const RETRY: Duration = Duration::from_secs(5);
    state.ended.is_none_or(|ended| ended.elapsed() >= RETRY)
}

/// Whether reading the log would take longer than reading the snapshot that it follows. Where the log
/// grows so fast that snapshots would be taken all the time, it may grow longer: they are to cost a
/// twentieth of the time at most.
fn has_log_grown(node: &Node, state: &State) -> bool {
    /// How many times as long as the last one took there is none, if the log does not grow too large.
    const REST: u32 = 20;
    /// How many times as large as one would be due the log is then.
    const TOO_LARGE: u64 = 8;
    let settings = &node.settings;
    let percent = settings.auto_aof_rewrite_percentage.load(Ordering::Relaxed);
    let least = settings.auto_aof_rewrite_min_size.load(Ordering::Relaxed);
    if !node.log.is_running() || percent == 0 {
        return false;
    }
    let figures = &node.log.figures;
    let size = figures.size.load(Ordering::Relaxed);
    let grown = size.saturating_sub(figures.base_size.load(Ordering::Relaxed));
    let due = least.max(state.size.saturating_mul(percent) / 100);
    let has_rested = match (state.ended, state.took) {
        (Some(ended), Some(took)) => ended.elapsed() >= took * REST,
        _ => true,
    };
    grown >= due && (has_rested || grown >= due.saturating_mul(TOO_LARGE))
}

fn is_save_point(node: &Node, state: &State) -> bool {
    let points = node.settings.save_points();
    let changes: u64 = node.published().iter().map(|figures| figures.changes).sum();
    let changes = changes.saturating_sub(state.changes);
    let last = state.last.max(node.loading.began_at());
    let seconds = (unix_millis() / 1000).saturating_sub(last);
    points.0.iter().any(|(after, least)| seconds >= *after && changes >= (*least).max(1))
}

/// Takes a snapshot; for a thread that has the time.
fn run(node: &Arc<Node>) -> Result<(), String> {
    let began = unix_millis();
    let changes = node.published().iter().map(|figures| figures.changes).sum();
    let number = node.snapshots.number.load(Ordering::Relaxed) + 1;
    let result = match node.data.get() {
        Some(data) => write(node, data, number, began),
        None => Err("the data has not been read yet".to_owned()),
    };
    if let Ok(size) = &result {
        node.snapshots.number.store(number, Ordering::Relaxed);
        let mut state = node.snapshots.lock();
        (state.last, state.size, state.changes) = (began / 1000, *size, changes);
    }
    note_end(node, began, result)
}

/// Notes how a snapshot has ended.
fn note_end(node: &Node, began: u64, result: Result<u64, String>) -> Result<(), String> {
    let mut state = node.snapshots.lock();
    state.ended = Some(Instant::now());
    state.took = state.running.take().map(|since| since.elapsed());
    let millis = state.took.map_or(0, |took| took.as_millis() as u64);
    match result {
        Ok(bytes) => {
            state.saves += 1;
            state.failure = None;
            tracing::info!(bytes, millis, began, "snapshot taken");
            Ok(())
        }
        Err(why) => {
            tracing::error!(why, "snapshot failed");
            state.failures += 1;
            state.failure = Some(why.clone());
            Err(why)
        }
    }
}

fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// Writes all files of a set, gives it its name, and lets go what it makes superfluous. Returns how
/// many bytes it has.
fn write(node: &Arc<Node>, data: &Data, number: u64, began: u64) -> Result<u64, String> {
    let failed = |error: wal::error::WriteError| error.to_string();
    let set = snapshot::begin(data.storage.clone(), number).map_err(failed)?;
    let header = |shard: u16, slots: SlotRange| FileHeader {
        node_id: data.id,
        number,
        shard,
        shards: data.layout.len() as u16,
        slots,
        created_ms: began,
    };
    let written = write_files(node, data, &set, &header);
    if let Err(why) = written {
        // What is left goes with the next one.
        let _ = set.abandon();
        return Err(why);
    }
    let info = set.finish().map_err(|error| error.to_string())?;
    if node.log.is_running() {
        node.log.order(Order::Covered(info.covered.shards.clone(), info.covered.node));
    }
    let _reading = node.snapshots.reading();
    snapshot::remove_others(&data.storage, number).map_err(failed)?;
    Ok(info.files.iter().map(|file| file.bytes).sum())
}

fn write_files(
    node: &Arc<Node>,
    data: &Data,
    set: &SetWriter<DirStorage>,
    header: &(dyn Fn(u16, SlotRange) -> FileHeader + Sync),
) -> Result<(), String> {
    let failed = |error: wal::error::WriteError| error.to_string();
    // Before its state, so that nothing is missed: what came since is only done again.
    let covered = node.log.node_index(data);
    let mut file = set.file(&header(NODE, SlotRange { first: 0, count: 0 })).map_err(failed)?;
    for change in node_state::all(&node.scripts, &node.functions) {
        file.chunk(&change).map_err(failed)?;
    }
    file.finish(covered).map_err(failed)?;
    std::thread::scope(|scope| {
        let shards = data.layout.shards.iter().enumerate();
        let threads: Vec<_> = shards
            .map(|(shard, slots)| {
                let shard = shard as u16;
                scope.spawn(move || write_shard(node, set, &header(shard, *slots)))
            })
            .collect();
        let mut ends = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err("the thread that wrote it panicked".to_owned()))
        });
        // All are waited for.
        ends.by_ref().fold(Ok(()), Result::and)
    })
}

/// Writes the file of one shard.
fn write_shard(
    node: &Node,
    set: &SetWriter<DirStorage>,
    header: &FileHeader,
) -> Result<(), String> {
    let failed = |error: wal::error::WriteError| error.to_string();
    let mut file = set.file(header).map_err(failed)?;
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let begin = Message::Call(Box::new(move |executor| {
        if let Some(executor) = executor.myself() {
            tokio::task::spawn_local(take(executor, sender));
        }
    }));
    let gone = || "an executor has ended".to_owned();
    node.executors[usize::from(header.shard)].mailbox.blocking_send(begin).map_err(|_| gone())?;
    let mut synced = 0;
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Chunk(chunk)) if chunk.is_empty() => {}
            Some(Piece::Chunk(chunk)) => {
                file.chunk(&chunk).map_err(failed)?;
                if file.bytes() >= synced + SYNC {
                    file.sync().map_err(failed)?;
                    synced = file.bytes();
                }
            }
            Some(Piece::End { covered, keys }) => {
                tracing::debug!(shard = header.shard, keys, covered, "shard written");
                return file.finish(covered).map_err(failed);
            }
            Some(Piece::GivenUp) => {
                return Err("the disk is too slow for what was written meanwhile".to_owned());
            }
            None => return Err(gone()),
        }
    }
}
