//! Writes a log: gathers records into a frame, writes frames, makes them last.
//!
//! The owner appends what has gathered, writes, syncs, and then lets go what waits for it:
//! `append`…, [`Writer::write`], [`Writer::sync`]. Everything up to [`Writer::synced`] lasts.
//!
//! # Errors
//! A disk that is full is the only thing to go on from ([`WriteError::NoSpace`]): the log is as it
//! was, the frame is kept, and `write` can be called again. After any other error nobody can tell
//! what is on the disk; the writer refuses everything from then on, and the process must end.

mod buffer;
mod open;
mod purge;
mod rotate;

use std::collections::VecDeque;

use crate::error::{AppendError, SyncError, WriteError};
use crate::identity::{Layout, NodeId};
use crate::indices::{Indices, Misplaced};
use crate::limits::{
    BODY_BYTES_MAX, BUFFER_BYTES_KEPT, FRAME_BYTES_MAX, SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MIN,
};
use crate::record::{Kind, NODE, Record};
use crate::segment::{SegmentHeader, SegmentInfo};
use crate::storage::{Storage, StorageFile as _, write_all};

use buffer::FrameBuffer;
pub use purge::Purged;

/// Whose log is written, and where its indices begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Whose log it is.
    pub node_id: NodeId,
    /// The slots of each shard.
    pub layout: Layout,
    /// The last index of each shard before the log. Counts only when there is no log yet, or one
    /// of another layout: else the log's own hold.
    pub bases: Indices,
}

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Size from which on a segment is followed by the next, in bytes; also what is allocated
    /// ahead. A frame that is larger gets a segment of its own.
    pub segment_bytes: u64,
    /// A random number, another one each time a log is opened.
    pub epoch_seed: u64,
}

impl Options {
    /// Segments of the usual size.
    #[must_use]
    pub fn new(epoch_seed: u64) -> Self {
        Self { segment_bytes: SEGMENT_BYTES_DEFAULT, epoch_seed }
    }

    fn segment_bytes(&self) -> u64 {
        self.segment_bytes.max(SEGMENT_BYTES_MIN)
    }
}

/// Writes a log. Belongs to one thread.
pub struct Writer<S: Storage> {
    storage: S,
    node_id: NodeId,
    options: Options,
    /// Segments before the present one, oldest first.
    older: VecDeque<SegmentInfo>,
    /// The present segment; `last` holds what has been written.
    current: SegmentInfo,
    file: S::File,
    /// Bytes of the header of the present segment.
    header_bytes: u64,
    /// Whether space for the rest of the present segment has been allocated.
    allocated: bool,
    /// The next segment, allocated ahead.
    ahead: Option<S::File>,
    /// Whether the disk was full when something was last tried.
    full: bool,
    frame: FrameBuffer,
    /// The last indices with what has been gathered.
    last: Indices,
    /// The last frame that has been written.
    written: u64,
    /// The last frame that has been synced.
    synced: u64,
    /// What the last frame that was written says was synced.
    claimed: u64,
    /// The last frame of which something on the disk says that it was synced.
    proven: u64,
    /// The last frame that holds anything but a sync mark.
    meant: u64,
    /// Whether an error has ended the log.
    failed: bool,
}

impl<S: Storage> Writer<S> {
    /// Takes a record into the frame that is being gathered. Its body is copied, once.
    ///
    /// # Errors
    /// When it does not follow the last one of its shard, or there is no room in the frame.
    pub fn append(&mut self, record: &Record<'_>) -> Result<(), AppendError> {
        if record.body.len() > BODY_BYTES_MAX {
            return Err(AppendError::TooLarge { bytes: record.body.len() });
        }
        if self.frame.bytes() + record.encoded_bytes() > FRAME_BYTES_MAX {
            return Err(AppendError::FrameFull);
        }
        let shard = record.shard;
        self.last.advance(record).map_err(|misplaced| match misplaced {
            Misplaced::Shard => AppendError::Shard { shard },
            Misplaced::Index { expected } => {
                AppendError::Index { shard, expected, found: record.index }
            }
        })?;
        self.frame.push(record);
        Ok(())
    }

    /// Takes entries of a shard.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_entries(
        &mut self,
        shard: u16,
        index: u64,
        time_ms: u64,
        body: &[u8],
    ) -> Result<(), AppendError> {
        self.append(&Record { kind: Kind::Entries, shard, index, time_ms, body })
    }

    /// Takes a change to what belongs to the node as a whole.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_node(
        &mut self,
        index: u64,
        time_ms: u64,
        body: &[u8],
    ) -> Result<(), AppendError> {
        self.append(&Record { kind: Kind::Node, shard: NODE, index, time_ms, body })
    }

    /// Says that the state of a shard, or of the node, was changed without the log: what follows
    /// needs a snapshot that covers `index`, which may leave any number of indices out.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_gap(&mut self, shard: u16, index: u64, time_ms: u64) -> Result<(), AppendError> {
        self.append(&Record { kind: Kind::Gap, shard, index, time_ms, body: &[] })
    }

    /// Writes what has been gathered as one frame, with one write. `None` when nothing has been.
    ///
    /// # Errors
    /// [`WriteError::NoSpace`]: nothing has changed, and the frame is kept for another try; more
    /// can be appended meanwhile. Any other error is fatal.
    pub fn write(&mut self) -> Result<Option<u64>, WriteError> {
        self.unless_failed(|writer| {
            if writer.frame.is_empty() { Ok(None) } else { writer.write_frame().map(Some) }
        })
    }

    /// Makes all frames that have been written last, and says which is the last of them.
    ///
    /// # Errors
    /// Fatal: the process must end.
    pub fn sync(&mut self) -> Result<u64, WriteError> {
        self.unless_failed(Self::sync_written)
    }

    /// Has something on the disk say that all frames were synced, so that damage to the last of
    /// them is told from a torn tail: to be called when the log has had nothing to do for a tenth
    /// of a second. Writes and syncs what there is, then an empty frame if one is needed. `false`
    /// when nothing was.
    ///
    /// # Errors
    /// As [`Self::write`] and [`Self::sync`].
    pub fn sync_mark(&mut self) -> Result<bool, WriteError> {
        self.unless_failed(|writer| {
            if !writer.frame.is_empty() {
                writer.write_frame()?;
            }
            writer.sync_written()?;
            if writer.proven >= writer.meant {
                return Ok(false);
            }
            let meant = writer.meant;
            writer.frame.push(&Record::SYNC_MARK);
            let wrote = writer.write_frame();
            if wrote.is_err() {
                // Nobody waits for a mark, so it is not kept for another try.
                writer.frame.clear();
            }
            wrote?;
            writer.meant = meant;
            writer.sync_written()?;
            Ok(true)
        })
    }

    /// Drops what has been gathered and not been written. The indices go back with it; a record
    /// that leaves them out must be a gap.
    pub fn discard(&mut self) {
        self.frame.clear();
        self.last.clone_from(&self.current.last);
    }

    /// Writes and syncs what there is, and gives back what was allocated ahead.
    ///
    /// # Errors
    /// As [`Self::write`] and [`Self::sync`].
    pub fn close(mut self) -> Result<(), WriteError> {
        self.sync_mark()?;
        self.give_back()
    }

    /// The last frame that has been written; 0 before the first.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The last frame that lasts; 0 before the first.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.synced
    }

    /// The last indices, with what has been gathered.
    #[must_use]
    pub fn last(&self) -> &Indices {
        &self.last
    }

    /// The last indices that have been written.
    #[must_use]
    pub fn written_last(&self) -> &Indices {
        &self.current.last
    }

    /// Bytes of the frame that is being gathered; 0 when nothing has been.
    #[must_use]
    pub fn gathered_bytes(&self) -> usize {
        if self.frame.is_empty() { 0 } else { self.frame.bytes() }
    }

    /// Bytes of all frames and headers of the log.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.older.iter().map(|segment| segment.end).sum::<u64>() + self.current.end
    }

    /// How many files the log has.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.older.len() + 1
    }

    /// Whose log it is.
    #[must_use]
    pub fn node_id(&self) -> &NodeId {
        &self.node_id
    }

    /// The present segment's header, with the layout.
    #[must_use]
    pub fn header(&self) -> &SegmentHeader {
        &self.current.header
    }

    fn unless_failed<T>(
        &mut self,
        attempt: impl FnOnce(&mut Self) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        if self.failed {
            return Err(WriteError::Failed);
        }
        let result = attempt(self);
        match &result {
            Ok(_) => {}
            Err(error) if error.is_fatal() => self.failed = true,
            Err(_) => self.full = true,
        }
        result
    }

    fn write_frame(&mut self) -> Result<u64, WriteError> {
        let bytes = self.frame.bytes() as u64;
        let holds_frames = self.current.end > self.header_bytes;
        let too_large = self.current.end + bytes > self.options.segment_bytes();
        // The rest of a segment that has lost its space is left for one that has some.
        let without_space = !self.allocated && self.ahead.is_some();
        if holds_frames && (too_large || without_space) {
            self.rotate()?;
        }
        let number = self.written + 1;
        let frame = self.frame.seal(self.current.header.epoch, number, self.synced);
        if let Err(error) = write_all(&self.file, frame, self.current.end) {
            let error = WriteError::new("write", &self.current.name, error);
            self.take_back()?;
            return Err(error);
        }
        self.frame.clear();
        self.frame.shrink(BUFFER_BYTES_KEPT);
        self.current.end += bytes;
        self.current.frames += 1;
        self.current.last.clone_from(&self.last);
        self.claimed = self.synced;
        self.written = number;
        self.meant = number;
        self.full = false;
        self.look_ahead();
        Ok(number)
    }

    /// Cuts off what a failed write has left.
    fn take_back(&mut self) -> Result<(), WriteError> {
        self.allocated = false;
        self.file.truncate(self.current.end).map_err(|source| WriteError::Io {
            action: "cut",
            file: self.current.name.clone(),
            source,
        })
    }

    fn sync_written(&mut self) -> Result<u64, WriteError> {
        if self.synced < self.written {
            let file = &self.current.name;
            self.file.sync().map_err(|source| SyncError { file: file.clone(), source })?;
            self.synced = self.written;
            self.proven = self.proven.max(self.claimed);
        }
        Ok(self.synced)
    }
}
