//! Goes through the segments of a log in order: what recovery, `check` and `repair` share.
//!
//! One frame is in memory at a time. Nothing of a frame is shown before all of it has been found
//! good.

use std::mem;

use crate::bytes::Cursor;
use crate::error::{LogError, RecoverError};
use crate::frame::{FrameHeader, HEADER_BYTES};
use crate::identity::NodeId;
use crate::indices::{Indices, Misplaced};
use crate::limits::READ_BYTES;
use crate::record::{RecordRef, Unreadable, decode};
use crate::scan::{Remains, scan, written_end};
use crate::segment::{
    BadHeader, HEADER_BYTES_MAX, SegmentHeader, SegmentInfo, VERSION, parse_name,
};
use crate::storage::{Storage, StorageFile};
use crate::window::Window;

/// The end of the last segment that a crash has left half written. None of it had been synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub file: String,
    /// Where the torn frame begins, in bytes from the start of the file.
    pub offset: u64,
    /// How much has been written from there on, in bytes.
    pub bytes: u64,
    /// Whole frames behind the torn one; they go with it.
    pub frames: u64,
}

/// What has been seen of a log so far. Stays true when an error ends the walk.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    node_id: Option<NodeId>,
    pub(crate) segments: Vec<SegmentInfo>,
    /// The last index of each shard.
    pub(crate) last: Indices,
    /// The last index of each shard before the first segment of the present layout.
    pub(crate) bases: Indices,
    /// 0 before the first segment.
    pub(crate) next_frame: u64,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    pub(crate) torn: Option<TornTail>,
    buffer: Vec<u8>,
    /// `last` as the frame that is looked at would leave it.
    trial: Indices,
}

/// Names of segments in a directory, oldest first, with the numbers in the names.
pub(crate) fn segment_names<S: Storage>(storage: &S) -> Result<Vec<(u64, String)>, LogError> {
    let names = storage.list("").map_err(|error| LogError::io("list", "the log", error))?;
    let mut segments: Vec<_> =
        names.into_iter().filter_map(|name| Some((parse_name(&name)?, name))).collect();
    segments.sort_unstable();
    Ok(segments)
}

impl Walk {
    /// A walk through the log of that node, or of whatever node wrote its first segment.
    pub(crate) fn new(node_id: Option<NodeId>) -> Self {
        Self { node_id, ..Self::default() }
    }

    /// Shows every record, in order.
    pub(crate) fn run<S: Storage, E>(
        &mut self,
        storage: &S,
        visit: &mut dyn FnMut(&RecordRef<'_>) -> Result<(), E>,
    ) -> Result<(), RecoverError<E>> {
        let names = segment_names(storage)?;
        let count = names.len();
        for (number, (first_frame, name)) in names.into_iter().enumerate() {
            let file =
                storage.open_read(&name).map_err(|error| LogError::io("open", &name, error))?;
            let mut window = Window::new(&file, mem::take(&mut self.buffer))
                .map_err(|error| LogError::io("read", &name, error))?;
            self.enter(&name, first_frame, &mut window)?;
            self.frames_of(&mut window, visit)?;
            self.leave(&mut window, number + 1 == count)?;
            self.buffer = window.into_buffer();
        }
        Ok(())
    }

    /// Reads the header of a segment and sees whether it follows.
    fn enter<F: StorageFile>(
        &mut self,
        name: &str,
        first_frame: u64,
        window: &mut Window<'_, F>,
    ) -> Result<(), LogError> {
        let file = name.to_owned();
        let bytes = window.at(0, HEADER_BYTES_MAX).map_err(|e| LogError::io("read", name, e))?;
        let (header, end) = SegmentHeader::decode(bytes).map_err(|bad| match bad {
            BadHeader::Magic => LogError::Magic { file: file.clone() },
            BadHeader::Version(found) => {
                LogError::Version { file: file.clone(), found, known: VERSION }
            }
            BadHeader::Damaged => LogError::Damaged {
                file: file.clone(),
                offset: 0,
                frame: first_frame,
                what: "its header, which was synced before the file got its name, is unreadable"
                    .to_owned(),
            },
        })?;
        let expected = *self.node_id.get_or_insert(header.node_id);
        if header.node_id != expected {
            return Err(LogError::OtherNode { file, expected, found: header.node_id });
        }
        self.follow(name, first_frame, &header)?;
        self.next_frame = header.first_frame;
        self.last.clone_from(&header.bases);
        let last = header.bases.clone();
        self.segments.push(SegmentInfo { name: file, header, frames: 0, end, last });
        Ok(())
    }

    /// Sees whether a header fits its name and what came before.
    fn follow(
        &mut self,
        name: &str,
        first_frame: u64,
        header: &SegmentHeader,
    ) -> Result<(), LogError> {
        let malformed = |what: String| LogError::Malformed {
            file: name.to_owned(),
            offset: 0,
            frame: header.first_frame,
            what,
        };
        if header.first_frame != first_frame || first_frame == 0 {
            return Err(malformed("the name of the file is that of another one".to_owned()));
        }
        let Some(previous) = self.segments.last() else {
            self.bases.clone_from(&header.bases);
            return Ok(());
        };
        if first_frame > self.next_frame {
            let (expected, last) = (self.next_frame, first_frame - 1);
            return Err(LogError::Missing { file: name.to_owned(), expected, last });
        }
        if first_frame < self.next_frame {
            return Err(malformed(format!("{} has frames of that number, too", previous.name)));
        }
        if header.layout != previous.header.layout {
            self.bases.clone_from(&header.bases);
        } else if header.bases != self.last {
            return Err(malformed("its indices do not follow those before it".to_owned()));
        }
        Ok(())
    }

    /// Shows the frames of the segment that was entered last, up to one that is not good.
    fn frames_of<F: StorageFile, E>(
        &mut self,
        window: &mut Window<'_, F>,
        visit: &mut dyn FnMut(&RecordRef<'_>) -> Result<(), E>,
    ) -> Result<(), RecoverError<E>> {
        let Some(segment) = self.segments.last_mut() else { return Ok(()) };
        let io = |name: &str, error| LogError::io("read", name, error);
        loop {
            let at = segment.end;
            let head = window.at(at, HEADER_BYTES).map_err(|error| io(&segment.name, error))?;
            let Some(header) = FrameHeader::decode(head) else { return Ok(()) };
            let whole = window.size().saturating_sub(at) >= header.bytes();
            if !whole || !header.is(segment.header.epoch, self.next_frame) {
                return Ok(());
            }
            let length = usize::try_from(header.bytes()).expect("frames are limited");
            let frame = window.at(at, length).map_err(|error| io(&segment.name, error))?;
            if !header.fits(frame) {
                return Ok(());
            }
            let records = Records { segment, header, at, bytes: &frame[HEADER_BYTES..] };
            self.trial.clone_from(&self.last);
            records.check(&mut self.trial)?;
            records.show(visit).map_err(RecoverError::Visit)?;
            mem::swap(&mut self.last, &mut self.trial);
            segment.end += header.bytes();
            segment.frames += 1;
            segment.last.clone_from(&self.last);
            self.next_frame += 1;
            self.frames += 1;
            self.bytes += header.bytes();
        }
    }

    /// Sees what lies behind the last good frame of a segment.
    fn leave<F: StorageFile>(
        &mut self,
        window: &mut Window<'_, F>,
        last: bool,
    ) -> Result<(), LogError> {
        let Some(segment) = self.segments.last() else { return Ok(()) };
        let (file, offset, bad) = (segment.name.clone(), segment.end, self.next_frame);
        let io = |error| LogError::io("read", &segment.name, error);
        let Some(end) = written_end(window, offset).map_err(io)? else { return Ok(()) };
        let remains = scan(window, segment.header.epoch, bad, offset).map_err(io)?;
        if let Some(what) = synced_although_bad(&remains, bad, last) {
            return Err(LogError::Damaged { file, offset, frame: bad, what });
        }
        let bytes = end - offset;
        self.torn = Some(TornTail { file, offset, bytes, frames: remains.frames });
        Ok(())
    }
}

/// How it is known that frame `bad` had been synced, if it is.
fn synced_although_bad(remains: &Remains, bad: u64, last: bool) -> Option<String> {
    if let Some(proof) = remains.proof
        && proof.synced_upto >= bad
    {
        return Some(format!("unreadable, although frame {} says it was synced", proof.frame));
    }
    (!last).then(|| "unreadable, although a later file says it was synced".to_owned())
}

/// The records of one frame with a valid checksum.
struct Records<'a> {
    segment: &'a SegmentInfo,
    header: FrameHeader,
    at: u64,
    bytes: &'a [u8],
}

impl Records<'_> {
    /// Sees whether all can be read and follow what came before.
    fn check(&self, indices: &mut Indices) -> Result<(), LogError> {
        let mut cursor = Cursor(self.bytes);
        for _ in 0..self.header.records {
            let record =
                decode(&mut cursor).map_err(|bad| {
                    self.malformed(match bad {
                Unreadable::Kind(code) => {
                    format!("a record of kind {code}, which format version {VERSION} does not have")
                }
                Unreadable::Shape => "its records cannot be read".to_owned(),
            })
                })?;
            indices.advance(&record).map_err(|misplaced| {
                self.malformed(match misplaced {
                    Misplaced::Shard => {
                        format!("a record of kind {:?} of shard {}", record.kind, record.shard)
                    }
                    Misplaced::Index { expected } => format!(
                        "shard {} has index {} where {expected} follows",
                        record.shard, record.index
                    ),
                })
            })?;
        }
        if !cursor.0.is_empty() {
            return Err(self.malformed("bytes behind its records".to_owned()));
        }
        Ok(())
    }

    /// Shows all.
    fn show<E>(&self, visit: &mut dyn FnMut(&RecordRef<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut cursor = Cursor(self.bytes);
        // All can be read: they have been.
        while let Ok(record) = decode(&mut cursor) {
            visit(&RecordRef {
                record,
                frame: self.header.number,
                synced_upto: self.header.synced_upto,
                file: &self.segment.name,
                frame_offset: self.at,
                segment: &self.segment.header,
            })?;
        }
        Ok(())
    }

    fn malformed(&self, what: String) -> LogError {
        let file = self.segment.name.clone();
        LogError::Malformed { file, offset: self.at, frame: self.header.number, what }
    }
}

const _: () = assert!(READ_BYTES >= HEADER_BYTES_MAX);
