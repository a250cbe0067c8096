//! The data of a node on its disk: read at the start, then written on.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use wal::storage::DirStorage;
use wal::{Indices, Layout, NodeId, Options, Recovered, Start, Writer};

use crate::error::NodeError;
use crate::log::head::{self, Head};
use crate::log::{self, Durability};
use crate::mailbox::Message;
use crate::node::Node;
use crate::rdb_files;
use crate::recovery::{self, Found};
use crate::snapshots;

/// Where the data of a node lies, and whose it is.
pub(crate) struct Data {
    pub(crate) storage: DirStorage,
    pub(crate) id: NodeId,
    pub(crate) layout: Layout,
    /// The last indices that were found.
    pub(crate) last: Indices,
    /// What was found and is not yet written on.
    found: Mutex<Option<Recovered>>,
}

/// What the data is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is served, and written on.
    Serve,
    /// It is looked at; nothing on the disk changes.
    Look,
}

/// Reads the data of the node, and begins to write it on as its durability says. Takes a thread for
/// as long as that takes.
///
/// # Errors
/// The data cannot be read, or not be written on.
pub(crate) fn open(node: &Arc<Node>, id: &str, use_of: Use) -> Result<(), NodeError> {
    let dir = &node.config.dir;
    let failed = |source| NodeError::Directory { path: dir.clone(), source };
    let storage = DirStorage::new(dir).map_err(failed)?;
    let Some(id) = NodeId::parse(id.as_bytes()) else {
        return Err(NodeError::Data("the node's id is not one".into()));
    };
    let layout = recovery::layout(node);
    node.loading.expect_log(dir);
    let found = recovery::run(node, &storage, id)?;
    let Found { recovered, last, time, is_new, mut needs_snapshot } = found;
    let newest = recovered.segments.last().map(|segment| segment.header.first_frame);
    head::check(dir, newest).map_err(NodeError::Data)?;
    if is_new {
        node.loading.note_new();
    }
    match &node.config.import_rdb {
        Some(path) if is_new => {
            let figures = rdb_files::import(node, path)?;
            tracing::info!(
                file = %path.display(),
                keys = figures.keys,
                expired = figures.expired,
                elsewhere = figures.elsewhere,
                skipped = figures.skipped,
                libraries = figures.libraries,
                "taken in"
            );
            needs_snapshot = true;
        }
        Some(path) => {
            tracing::info!(file = %path.display(), "not taken in: there is data already");
        }
        None => {}
    }
    for (shard, &index) in last.shards.iter().enumerate() {
        node.log.begin_after(shard as u16, index);
        let (done, wait) = oneshot::channel();
        let go_on = Message::Call(Box::new(move |executor| {
            executor.go_on_after(index, time);
            let _ = done.send(executor.shard.borrow().keyspace().len());
        }));
        let _ = node.executors[shard].mailbox.blocking_send(go_on);
        node.loading.note_keys(wait.blocking_recv().unwrap_or_default());
    }
    let found = Mutex::new(Some(recovered));
    let data = Data { storage, id, layout, last, found };
    if node.log.durability() != Durability::None {
        data.begin_log(node)?;
    }
    let _ = node.data.set(data);
    if needs_snapshot && use_of == Use::Serve {
        let end = snapshots::begin(node);
        let taken = end.map_or(Err("one is under way".into()), |end| {
            end.blocking_recv().unwrap_or_else(|_| Err("it ended".into()))
        });
        taken.map_err(|why| NodeError::Data(format!("a snapshot has to be taken first: {why}")))?;
    }
    node.loading.end();
    Ok(())
}

impl Data {
    /// Starts the log thread, if it does not run yet, which goes on after the indices that were
    /// found.
    ///
    /// # Errors
    /// The log cannot be written.
    pub(crate) fn begin_log(&self, node: &Node) -> Result<(), NodeError> {
        let last = &self.last;
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(recovered) = found else { return Ok(()) };
        let start = Start { node_id: self.id, layout: self.layout.clone(), bases: last.clone() };
        let options =
            Options { segment_bytes: node.config.log_segment_size, epoch_seed: fastrand::u64(..) };
        let mut writer = Writer::open(self.storage.clone(), &recovered, &start, options)?;
        // Snapshots may have what the log has lost, or never had.
        for (shard, &index) in last.shards.iter().enumerate() {
            if writer.last().shards[shard] < index {
                let gap = writer.append_gap(shard as u16, index, 0);
                gap.map_err(|error| NodeError::Data(error.to_string()))?;
            }
        }
        if writer.last().node < last.node {
            let gap = writer.append_gap(wal::NODE, last.node, 0);
            gap.map_err(|error| NodeError::Data(error.to_string()))?;
        }
        writer.write()?;
        let head = Head::new(self.storage.root());
        log::start(&node.log, writer, node.gauge.clone(), head)
            .map_err(|source| NodeError::Start { what: "log", source })
    }
}
