//! Begins to write: after recovery, or where there is no log yet.

use std::collections::VecDeque;

use crate::error::{SyncError, WriteError};
use crate::indices::Indices;
use crate::limits::SHARDS_MAX;
use crate::recover::Recovered;
use crate::segment::{SegmentHeader, SegmentInfo};
use crate::storage::{Storage, StorageFile as _};

use super::buffer::FrameBuffer;
use super::rotate::{Begun, begin, epoch};
use super::{Options, Start, Writer};

impl<S: Storage> Writer<S> {
    /// Goes on behind what has been recovered, or begins the first log. The torn tail is cut, what
    /// was recovered is synced, and a new segment begins: so all that was shown by recovery lasts
    /// when this returns, whether it had been synced or not.
    ///
    /// With another layout than that of the log, its indices go on from `start.bases`, and only a
    /// snapshot of the new layout makes the old segments superfluous.
    ///
    /// # Errors
    /// When the disk is full, nothing but the cut has been done, and it can be tried again. Other
    /// errors are fatal.
    pub fn open(
        storage: S,
        recovered: &Recovered,
        start: &Start,
        options: Options,
    ) -> Result<Self, WriteError> {
        fit(recovered, start)?;
        let mut older: VecDeque<_> = recovered.segments.iter().cloned().collect();
        if let Some(last) = older.back() {
            end_segment(&storage, last)?;
        }
        // The new segment takes the name, and so the place, of one that holds nothing.
        if older.back().is_some_and(|last| last.frames == 0) {
            older.pop_back();
        }
        let same_layout = recovered.layout() == Some(&start.layout);
        let bases = if same_layout { &recovered.last } else { &start.bases };
        let header = SegmentHeader {
            node_id: start.node_id,
            epoch: epoch(options.epoch_seed, recovered.next_frame),
            first_frame: recovered.next_frame,
            layout: start.layout.clone(),
            bases: bases.clone(),
        };
        let begun = begin(&storage, None, header, options.segment_bytes())?;
        Ok(Self::from_parts(storage, options, older, begun))
    }

    fn from_parts(
        storage: S,
        options: Options,
        older: VecDeque<SegmentInfo>,
        begun: Begun<S::File>,
    ) -> Self {
        let last: Indices = begun.segment.last.clone();
        let before = begun.segment.header.first_frame - 1;
        Self {
            storage,
            node_id: begun.segment.header.node_id,
            options,
            older,
            header_bytes: begun.segment.end,
            current: begun.segment,
            file: begun.file,
            allocated: true,
            ahead: None,
            full: false,
            frame: FrameBuffer::default(),
            last,
            written: before,
            synced: before,
            claimed: before,
            proven: before,
            meant: before,
            failed: false,
        }
    }
}

/// Sees whether what is to be written can follow what there is.
fn fit(recovered: &Recovered, start: &Start) -> Result<(), WriteError> {
    if start.layout.len() > SHARDS_MAX {
        return Err(WriteError::Unfit("it has more shards than a log can have"));
    }
    if start.bases.shards.len() != start.layout.len() {
        return Err(WriteError::Unfit("not every shard has an index to begin from"));
    }
    let other = |segment: &SegmentInfo| segment.header.node_id != start.node_id;
    if recovered.segments.last().is_some_and(other) {
        return Err(WriteError::Unfit("it belongs to another node"));
    }
    Ok(())
}

/// Cuts what lies behind the last good frame, and makes the rest last: what recovery has read may
/// have been in memory only.
fn end_segment<S: Storage>(storage: &S, segment: &SegmentInfo) -> Result<(), WriteError> {
    let name = &segment.name;
    let io = |action| move |source| WriteError::new(action, name, source);
    let file = storage.open(name).map_err(io("open"))?;
    if file.size().map_err(io("open"))? > segment.end {
        file.truncate(segment.end).map_err(io("cut"))?;
    }
    file.sync().map_err(|source| SyncError { file: name.clone(), source })?;
    Ok(())
}
