//! From one segment to the next, and space that is taken ahead of time.
//!
//! The next segment is made under another name when the present one is half full, so that a disk
//! without room is noticed while there still is some. It gets its header when its turn comes, and
//! its name when the header and all frames before it have been synced.

use crate::error::{SyncError, WriteError, is_full};
use crate::segment::{AHEAD_NAME, SegmentHeader, SegmentInfo, name};
use crate::storage::{Storage, StorageFile, write_all};

use super::Writer;

/// A segment that has just been begun.
pub(super) struct Begun<F> {
    pub(super) segment: SegmentInfo,
    pub(super) file: F,
}

impl<S: Storage> Writer<S> {
    /// Whether there is space allocated for what is written next: the owner stops taking writes
    /// when there is not, and calls [`Self::prepare`] now and then. Says nothing where a file
    /// system cannot allocate, and nothing of frames that are larger than half a segment.
    #[must_use]
    pub fn room(&self) -> bool {
        !self.full && (self.ahead.is_some() || (self.allocated && !self.half_full()))
    }

    /// Tries to allocate what [`Self::room`] found missing, and says whether there is room now.
    ///
    /// # Errors
    /// Fatal: the disk refused for another reason than being full.
    pub fn prepare(&mut self) -> Result<bool, WriteError> {
        self.unless_failed(|writer| {
            let reserved = writer.reserve();
            match reserved {
                Ok(()) => writer.full = false,
                Err(error) if error.is_fatal() => return Err(error),
                Err(_) => writer.full = true,
            }
            Ok(writer.room())
        })
    }

    fn half_full(&self) -> bool {
        self.current.end * 2 >= self.options.segment_bytes()
    }

    fn reserve(&mut self) -> Result<(), WriteError> {
        if !self.allocated && !self.half_full() {
            self.file
                .allocate(self.options.segment_bytes())
                .map_err(|error| WriteError::new("allocate", &self.current.name, error))?;
            self.allocated = true;
        }
        if self.ahead.is_none() && (self.half_full() || !self.allocated) {
            self.ahead = Some(make_ahead(&self.storage, self.options.segment_bytes())?);
        }
        Ok(())
    }

    /// Makes the next segment when it is time. A frame has just been written, so an error is not
    /// that frame's: it comes again when the segment is needed.
    pub(super) fn look_ahead(&mut self) {
        if self.half_full() && self.ahead.is_none() {
            self.full = self.reserve().is_err();
        }
    }

    /// Begins the next segment.
    pub(super) fn rotate(&mut self) -> Result<(), WriteError> {
        let bytes = self.options.segment_bytes();
        if self.ahead.is_none() {
            self.ahead = Some(make_ahead(&self.storage, bytes)?);
        }
        self.trim()?;
        let first_frame = self.written + 1;
        let header = SegmentHeader {
            epoch: epoch(self.options.epoch_seed, first_frame),
            first_frame,
            bases: self.current.last.clone(),
            ..self.current.header.clone()
        };
        let begun = begin(&self.storage, self.ahead.take(), header, bytes)?;
        self.header_bytes = begun.segment.end;
        self.file = begun.file;
        self.allocated = true;
        self.older.push_back(std::mem::replace(&mut self.current, begun.segment));
        self.proven = self.written;
        Ok(())
    }

    /// Gives back what is allocated behind the last frame of the present segment, and syncs it.
    fn trim(&mut self) -> Result<(), WriteError> {
        let name = &self.current.name;
        self.allocated = false;
        self.file
            .truncate(self.current.end)
            .map_err(|error| WriteError::new("cut", name, error))?;
        self.file.sync().map_err(|source| SyncError { file: name.clone(), source })?;
        self.synced = self.written;
        Ok(())
    }

    /// Gives back all that has been allocated and not been used.
    pub(super) fn give_back(&mut self) -> Result<(), WriteError> {
        self.trim()?;
        if self.ahead.take().is_some() {
            self.storage
                .remove(AHEAD_NAME)
                .map_err(|error| WriteError::new("remove", AHEAD_NAME, error))?;
        }
        Ok(())
    }
}

/// Makes a file of that size under the name of the segment to come.
fn make_ahead<S: Storage>(storage: &S, bytes: u64) -> Result<S::File, WriteError> {
    let create = storage.create(AHEAD_NAME);
    let file = create.map_err(|error| WriteError::new("create", AHEAD_NAME, error))?;
    if let Err(error) = file.allocate(bytes) {
        if is_full(&error) {
            // What little was allocated is of use to others. It is overwritten by the next try.
            let _ = storage.remove(AHEAD_NAME);
        }
        return Err(WriteError::new("allocate", AHEAD_NAME, error));
    }
    Ok(file)
}

/// Begins a segment in a file that was made ahead, or in a new one. All frames before it have been
/// synced. When the disk is full nothing has changed, but that the file is gone.
pub(super) fn begin<S: Storage>(
    storage: &S,
    ahead: Option<S::File>,
    header: SegmentHeader,
    bytes: u64,
) -> Result<Begun<S::File>, WriteError> {
    let file = match ahead {
        Some(file) => file,
        None => make_ahead(storage, bytes)?,
    };
    let name = name(header.first_frame);
    let encoded = header.encode();
    if let Err(error) = write_all(&file, &encoded, 0) {
        let _ = storage.remove(AHEAD_NAME);
        return Err(WriteError::new("write", AHEAD_NAME, error));
    }
    file.sync().map_err(|source| SyncError { file: AHEAD_NAME.to_owned(), source })?;
    storage.rename(AHEAD_NAME, &name).map_err(|error| WriteError::new("rename", &name, error))?;
    let synced = storage.sync_directory("");
    synced.map_err(|source| SyncError { file: "the directory of the log".to_owned(), source })?;
    let last = header.bases.clone();
    let segment = SegmentInfo { name, header, frames: 0, end: encoded.len() as u64, last };
    Ok(Begun { segment, file })
}

/// A number that no other segment is likely to have (splitmix64).
pub(super) fn epoch(seed: u64, first_frame: u64) -> u64 {
    let mut mixed = seed ^ first_frame.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
