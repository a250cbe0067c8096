//! Files of Redis's format: taken in when a node begins (`import-rdb`, `atoll import`), and written
//! from what a node has (`atoll export`).
//!
//! Taking in is done before the node serves, so the keys go to their shards as recovery's do; a
//! snapshot afterwards makes them last. Writing is done by a node that serves nobody.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::slot::Slot;
use router::topology::Owner;
use shard::keyspace::{Events, Keyspace, Settings};
use shard::rdb::file::{Event, FileReader, FileWriter, OtherDatabases, Record};
use shard::time::Millis;
use tokio::sync::oneshot;
use wal::snapshot;

use crate::clock::Clock;
use crate::error::NodeError;
use crate::executor::Executor;
use crate::mailbox::Message;
use crate::node::Node;

/// Keys that travel together.
const BATCH: usize = 256;
/// Messages about what is left out that are logged one by one.
const LOGGED: u64 = 10;

/// What has become of a file.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) keys: u64,
    pub(crate) expired: u64,
    /// Keys of slots that this node does not serve.
    pub(crate) elsewhere: u64,
    /// What does not exist here.
    pub(crate) skipped: u64,
    pub(crate) libraries: u64,
}

/// Takes in a file. For a thread that may wait; nobody is served meanwhile.
///
/// # Errors
/// It cannot be read, or is broken. What was taken in before stays in memory.
pub(crate) fn import(node: &Arc<Node>, path: &Path) -> Result<Figures, NodeError> {
    let wrong = |why: String| NodeError::Rdb { path: path.into(), why };
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let size = file.metadata().map_or(0, |data| data.len());
    node.loading.expect(size);
    let settings = node.settings.keyspace();
    let from = BufReader::with_capacity(1 << 20, file);
    let mut reader = FileReader::new(from, &settings, OtherDatabases::Skip)
        .map_err(|error| wrong(error.to_string()))?;
    let mut import = Import::new(node);
    let now = Clock::default().now().millis();
    let mut position = 0;
    loop {
        let event = reader.next_event();
        let event = event.map_err(|error| wrong(format!("byte {}: {error}", reader.position())))?;
        node.loading.note(reader.position() - position);
        position = reader.position();
        match event {
            Event::Key(record) => import.take(*record, now).map_err(wrong)?,
            Event::Library(code) => import.load_library(code).map_err(wrong)?,
            Event::Skipped(what) => import.note_skipped(&what),
            Event::Note { .. } | Event::Database(_) | Event::Sizes { .. } | Event::Slot { .. } => {}
            Event::End { checked } => {
                if !checked {
                    tracing::warn!(file = %path.display(), "the file has no checksum");
                }
                break;
            }
        }
    }
    import.end().map_err(wrong)
}

/// A file that is being taken in.
struct Import<'n> {
    node: &'n Arc<Node>,
    figures: Figures,
    /// Keys that wait, by shard.
    batches: BTreeMap<u16, Vec<Record>>,
    /// What is on its way, by shard.
    under_way: BTreeMap<u16, oneshot::Receiver<()>>,
}

impl<'n> Import<'n> {
    fn new(node: &'n Arc<Node>) -> Self {
        let (batches, under_way) = (BTreeMap::new(), BTreeMap::new());
        Self { node, figures: Figures::default(), batches, under_way }
    }

    fn take(&mut self, record: Record, now: Millis) -> Result<(), String> {
        if record.expiry.is_some_and(|expiry| expiry <= now) {
            self.figures.expired += 1;
            return Ok(());
        }
        let Owner::Here(shard) = self.node.topology.owner(Slot::of_key(&record.key)) else {
            self.figures.elsewhere += 1;
            return Ok(());
        };
        self.figures.keys += 1;
        let batch = self.batches.entry(shard).or_default();
        batch.push(record);
        if batch.len() >= BATCH { self.send(shard) } else { Ok(()) }
    }

    /// Sends the keys that wait for a shard, when it has taken those before.
    fn send(&mut self, shard: u16) -> Result<(), String> {
        let gone = || "an executor has ended".to_owned();
        if let Some(before) = self.under_way.remove(&shard) {
            before.blocking_recv().map_err(|_| gone())?;
        }
        let records = self.batches.remove(&shard).unwrap_or_default();
        let (done, wait) = oneshot::channel();
        let load = Message::Call(Box::new(move |executor| {
            executor.load(records);
            let _ = done.send(());
        }));
        self.node.executors[usize::from(shard)].mailbox.blocking_send(load).map_err(|_| gone())?;
        self.under_way.insert(shard, wait);
        Ok(())
    }

    fn load_library(&mut self, code: Vec<u8>) -> Result<(), String> {
        self.figures.libraries += 1;
        let (done, wait) = oneshot::channel();
        let load = Message::Call(Box::new(move |executor| {
            let loaded = executor.shard.borrow_mut().scripts_mut().load_library(&code, true);
            let _ = done.send(loaded.map(drop).map_err(|error| error.to_string()));
        }));
        let gone = || "an executor has ended".to_owned();
        self.node.executors[0].mailbox.blocking_send(load).map_err(|_| gone())?;
        let loaded = wait.blocking_recv().unwrap_or_else(|_| Err(gone()));
        loaded.map_err(|why| format!("a library of functions: {why}"))
    }

    fn note_skipped(&mut self, what: &str) {
        self.figures.skipped += 1;
        if self.figures.skipped <= LOGGED {
            tracing::warn!(what, "left out: there is no such thing here");
        }
    }

    fn end(mut self) -> Result<Figures, String> {
        let shards: Vec<u16> = self.batches.keys().copied().collect();
        shards.into_iter().try_for_each(|shard| self.send(shard))?;
        for wait in std::mem::take(&mut self.under_way).into_values() {
            wait.blocking_recv().map_err(|_| "an executor has ended".to_owned())?;
        }
        Ok(self.figures)
    }
}

impl Executor {
    fn load(&self, records: Vec<Record>) {
        let mut shard = self.shard.borrow_mut();
        let keyspace = shard.keyspace_mut();
        keyspace.enter(self.clock.now(), None);
        for Record { key, value, expiry, usage } in records {
            keyspace.load(&key, value, expiry, usage);
        }
        drop(keyspace.take_messages());
    }
}

/// Writes all keys and libraries of a node to a file, which appears when it is whole. For a thread
/// that may wait; nobody is served meanwhile. Returns how many keys it has.
///
/// # Errors
/// It cannot be written.
pub(crate) fn export(node: &Arc<Node>, path: &Path) -> Result<u64, NodeError> {
    let wrong = |why: String| NodeError::Rdb { path: path.into(), why };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let temporary = folder.join(format!(".atoll-export-{}.tmp", std::process::id()));
    let written = write_file(node, &temporary);
    let renamed = written.and_then(|keys| {
        std::fs::rename(&temporary, path).map_err(|error| error.to_string())?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| error.to_string())?;
        Ok(keys)
    });
    renamed.map_err(|why| {
        // Best effort: the error is what matters.
        let _ = std::fs::remove_file(&temporary);
        wrong(why)
    })
}

fn write_file(node: &Arc<Node>, path: &Path) -> Result<u64, String> {
    let failed = |error: std::io::Error| error.to_string();
    let sizes = ask_all(node, |executor| {
        let shard = executor.shard.borrow();
        let keyspace = shard.keyspace();
        (keyspace.len(), keyspace.expiring(), keyspace.with_expiring_fields())
    })?;
    let sum = |of: fn(&(usize, usize, usize)) -> usize| sizes.iter().map(of).sum::<usize>() as u64;
    let (keys, expiring, with_fields) = (sum(|s| s.0), sum(|s| s.1), sum(|s| s.2));
    let to = BufWriter::with_capacity(1 << 20, File::create(path).map_err(failed)?);
    let mut writer = FileWriter::new(to, with_fields > 0).map_err(failed)?;
    writer.note("redis-ver", "7.2.0").map_err(failed)?;
    writer.note("atoll-ver", env!("CARGO_PKG_VERSION")).map_err(failed)?;
    for library in node.functions.libraries() {
        writer.library(&library.code).map_err(failed)?;
    }
    writer.begin_keys(keys, expiring).map_err(failed)?;
    let writer = Arc::new(Mutex::new(writer));
    let shared = writer.clone();
    let written = ask_all(node, move |executor| {
        let mut shard = executor.shard.borrow_mut();
        shard.keyspace_mut().enter(executor.clock.now(), None);
        let mut writer = shared.lock().unwrap_or_else(PoisonError::into_inner);
        writer.keys_of(shard.keyspace()).map_err(|error| error.to_string())
    })?;
    written.into_iter().collect::<Result<(), String>>()?;
    let writer = Arc::into_inner(writer).ok_or("a shard is still writing")?;
    let writer = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut to = writer.finish().map_err(failed)?;
    to.flush().map_err(failed)?;
    to.get_ref().sync_all().map_err(failed)?;
    Ok(keys)
}

/// Writes the newest snapshot of a node to a file of Redis's format, while the node goes on serving.
/// One shard after the other is in memory for a second time.
///
/// # Errors
/// It cannot be read or written.
pub(crate) fn write_newest(node: &Node, path: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let damaged = |error: wal::error::SnapshotError| error.to_string();
    let data = node.data.get().ok_or("the data has not been read yet")?;
    let _stays = node.snapshots.reading();
    let set = snapshot::newest(&data.storage, Some(&data.id)).map_err(damaged)?;
    let set = set.ok_or("there is no snapshot")?;
    let with_fields = node.published().iter().any(|figures| figures.with_expiring_fields > 0);
    let to = BufWriter::with_capacity(1 << 20, File::create(path).map_err(failed)?);
    let mut writer = FileWriter::new(to, with_fields).map_err(failed)?;
    writer.note("redis-ver", "7.2.0").map_err(failed)?;
    for library in node.functions.libraries() {
        writer.library(&library.code).map_err(failed)?;
    }
    let now = Clock::default().now();
    let settings = Settings { events: Events::empty(), ..node.settings.keyspace() };
    for (shard, slots) in set.layout.shards.iter().enumerate() {
        let mut keyspace = Keyspace::new(slots.first, slots.count, 0);
        keyspace.configure(settings);
        let mut file = snapshot::open(&data.storage, &set, shard as u16).map_err(damaged)?;
        while let Some(chunk) = file.next_chunk().map_err(damaged)? {
            keyspace.replay(chunk).map_err(|error| error.to_string())?;
        }
        keyspace.enter(now, None);
        let (keys, expiring) = (keyspace.len() as u64, keyspace.expiring() as u64);
        writer.begin_keys(keys, expiring).map_err(failed)?;
        writer.keys_of(&keyspace).map_err(failed)?;
    }
    writer.finish().map_err(failed)?.flush().map_err(failed)
}

/// Asks one executor after the other.
fn ask_all<R: Send + 'static>(
    node: &Node,
    work: impl Fn(&Executor) -> R + Clone + Send + 'static,
) -> Result<Vec<R>, String> {
    let ask = |handle: &crate::node::ExecutorHandle| {
        let (done, wait) = oneshot::channel();
        let work = work.clone();
        let call = Message::Call(Box::new(move |executor| {
            let result = work(executor);
            // Whatever it holds is let go before it is said to be done.
            drop(work);
            let _ = done.send(result);
        }));
        handle.mailbox.blocking_send(call).ok()?;
        wait.blocking_recv().ok()
    };
    let results: Option<Vec<R>> = node.executors.iter().map(ask).collect();
    results.ok_or_else(|| "an executor has ended".to_owned())
}
