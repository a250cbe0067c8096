//! Reads a file of a set, chunk by chunk.

use std::io;

use crate::bytes::Cursor;
use crate::error::SnapshotError;
use crate::limits::READ_BYTES;
use crate::storage::{Storage, StorageFile, read_full};

use super::CHUNK_BYTES_MAX;
use super::format::{
    BadHeader, CHUNK_HEADER_BYTES, FileHeader, HEADER_BYTES, TRAILER_BYTES, Trailer, VERSION,
    chunk_checksum, header_checksum,
};
use super::set::{SetInfo, file_name};

/// A file whose header and trailer have been found good.
pub(super) struct Opened<F> {
    pub(super) name: String,
    pub(super) header: FileHeader,
    pub(super) trailer: Trailer,
    file: F,
    /// Where the trailer begins.
    end: u64,
}

pub(super) fn open_file<S: Storage>(
    storage: &S,
    directory: &str,
    number: u64,
    shard: u16,
) -> Result<Opened<S::File>, SnapshotError> {
    let name = format!("{directory}/{}", file_name(shard));
    let file = storage.open_read(&name).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => SnapshotError::Missing { file: name.clone() },
        _ => SnapshotError::Io { action: "open", file: name.clone(), source },
    })?;
    let read = |source| SnapshotError::Io { action: "read", file: name.clone(), source };
    let damaged = |offset, what: &str| {
        let (file, what) = (name.clone(), what.to_owned());
        SnapshotError::Damaged { file, offset, what }
    };
    let mut head = [0; HEADER_BYTES];
    let count = read_full(&file, &mut head, 0).map_err(read)?;
    let header = FileHeader::decode(&head[..count]).map_err(|bad| match bad {
        BadHeader::Magic => SnapshotError::Magic { file: name.clone() },
        BadHeader::Version(found) => {
            SnapshotError::Version { file: name.clone(), found, known: VERSION }
        }
        BadHeader::Damaged => damaged(0, "its header is unreadable"),
    })?;
    if (header.number, header.shard) != (number, shard) {
        return Err(damaged(0, "its header is that of another file"));
    }
    let size = file.size().map_err(read)?;
    let end = size.saturating_sub(TRAILER_BYTES as u64).max(HEADER_BYTES as u64);
    let mut tail = [0; TRAILER_BYTES];
    let count = read_full(&file, &mut tail, end).map_err(read)?;
    let trailer = Trailer::decode(&tail[..count], header_checksum(&head))
        .ok_or_else(|| damaged(end, "its end is missing or unreadable"))?;
    Ok(Opened { name, header, trailer, file, end })
}

/// Opens a file of a set for reading: that of a shard, or of the node.
///
/// # Errors
/// When it is missing, damaged at its ends, or not to be read.
pub fn open<S: Storage>(
    storage: &S,
    set: &SetInfo,
    shard: u16,
) -> Result<SnapshotReader<S::File>, SnapshotError> {
    let opened = open_file(storage, &set.directory, set.number, shard)?;
    Ok(SnapshotReader {
        opened,
        buffer: Vec::new(),
        start: HEADER_BYTES as u64,
        next: 0,
        chunks: 0,
        bytes: 0,
    })
}

/// Reads all chunks of all files of a set.
///
/// # Errors
/// The first damage.
pub fn verify<S: Storage>(storage: &S, set: &SetInfo) -> Result<(), SnapshotError> {
    for file in &set.files {
        let mut reader = open(storage, set, file.shard)?;
        while reader.next_chunk()?.is_some() {}
    }
    Ok(())
}

/// Reads the chunks of a file. May live on any thread.
pub struct SnapshotReader<F> {
    opened: Opened<F>,
    /// A part of the file; never the trailer.
    buffer: Vec<u8>,
    /// Where the buffer lies in the file.
    start: u64,
    /// Where the next chunk begins in the buffer.
    next: usize,
    /// How many chunks have been read.
    chunks: u64,
    /// Bytes of these.
    bytes: u64,
}

impl<F: StorageFile> SnapshotReader<F> {
    /// What stands at the head of the file.
    #[must_use]
    pub fn header(&self) -> &FileHeader {
        &self.opened.header
    }

    /// The last log index that the file reflects.
    #[must_use]
    pub fn covered(&self) -> u64 {
        self.opened.trailer.covered
    }

    /// The next chunk; `None` behind the last, when there were as many as there should be. Each
    /// has been found good; one is in memory at a time.
    ///
    /// # Errors
    /// When the file is damaged, or cannot be read.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, SnapshotError> {
        let at = self.start + self.next as u64;
        if at == self.opened.end {
            return self
                .finished()
                .then_some(None)
                .ok_or_else(|| self.damaged(at, "it has not as many chunks as it should have"));
        }
        self.need(CHUNK_HEADER_BYTES)?;
        let mut cursor = Cursor(&self.buffer[self.next..]);
        let (Some(length), Some(checksum)) = (cursor.u32(), cursor.u32()) else {
            return Err(self.damaged(at, "a chunk ends behind the end"));
        };
        let body = length as usize;
        let left = self.opened.end - at - CHUNK_HEADER_BYTES as u64;
        if body == 0 || body > CHUNK_BYTES_MAX || u64::from(length) > left {
            return Err(self.damaged(at, "a chunk has an impossible length"));
        }
        self.need(CHUNK_HEADER_BYTES + body)?;
        let begin = self.next + CHUNK_HEADER_BYTES;
        let fits = self
            .buffer
            .get(begin..begin + body)
            .is_some_and(|bytes| chunk_checksum(self.chunks, length, bytes) == checksum);
        if !fits {
            return Err(self.damaged(at, "a chunk is unreadable"));
        }
        self.next = begin + body;
        self.chunks += 1;
        self.bytes += u64::from(length);
        Ok(Some(&self.buffer[begin..begin + body]))
    }

    fn finished(&self) -> bool {
        (self.chunks, self.bytes) == (self.opened.trailer.chunks, self.opened.trailer.bytes)
    }

    /// Has so many bytes in the buffer from the next chunk on, if the chunks have as many.
    fn need(&mut self, count: usize) -> Result<(), SnapshotError> {
        if self.buffer.len() - self.next >= count {
            return Ok(());
        }
        let at = self.start + self.next as u64;
        let left = usize::try_from(self.opened.end - at).unwrap_or(usize::MAX);
        let wanted = count.max(READ_BYTES).min(left);
        // What is there already is read again: less than a chunk, and only once a megabyte.
        self.buffer.resize(wanted, 0);
        if wanted <= READ_BYTES && self.buffer.capacity() > 2 * READ_BYTES {
            self.buffer.shrink_to(READ_BYTES);
        }
        (self.start, self.next) = (at, 0);
        let filled = read_full(&self.opened.file, &mut self.buffer, at).map_err(|source| {
            SnapshotError::Io { action: "read", file: self.opened.name.clone(), source }
        })?;
        self.buffer.truncate(filled);
        Ok(())
    }

    fn damaged(&self, offset: u64, what: &str) -> SnapshotError {
        let (file, what) = (self.opened.name.clone(), what.to_owned());
        SnapshotError::Damaged { file, offset, what }
    }
}
