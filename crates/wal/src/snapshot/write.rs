//! Writes a set.

use crate::error::{SyncError, WriteError};
use crate::storage::{Storage, StorageFile, write_all};

use super::CHUNK_BYTES_MAX;
use super::format::{FileHeader, Trailer, chunk_checksum, header_checksum};
use super::set::{SetInfo, directory_name, file_name, temporary_name};
use crate::error::SnapshotError;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// A set that is being written.
pub struct SetWriter<S: Storage> {
    storage: S,
    number: u64,
    /// The directory for now.
    directory: String,
}

/// Begins a set. A set of that number that has not been finished is removed.
///
/// # Errors
/// When the directory cannot be made.
pub fn begin<S: Storage>(storage: S, number: u64) -> Result<SetWriter<S>, WriteError> {
    let directory = temporary_name(number);
    let io = |action| {
        let directory = &directory;
        move |source| WriteError::new(action, directory, source)
    };
    if storage.list("").map_err(io("look for"))?.contains(&directory) {
        storage.remove_directory(&directory).map_err(io("remove"))?;
    }
    storage.create_directory(&directory).map_err(io("make"))?;
    Ok(SetWriter { storage, number, directory })
}

impl<S: Storage> SetWriter<S> {
    /// Begins a file of the set. `header.number` is that of the set.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn file(&self, header: &FileHeader) -> Result<SnapshotWriter<S::File>, WriteError> {
        if header.number != self.number {
            return Err(WriteError::Unfit("a file of another set"));
        }
        let name = format!("{}/{}", self.directory, file_name(header.shard));
        let created = self.storage.create(&name);
        let file = created.map_err(|source| WriteError::new("create", &name, source))?;
        let encoded = header.encode();
        let trailer = Trailer { chunks: 0, bytes: 0, covered: 0 };
        let header = header_checksum(&encoded);
        Ok(SnapshotWriter { file, name, header, buffer: encoded, offset: 0, trailer })
    }

    /// Gives the set its name, when all of its files have been finished, and makes that last.
    ///
    /// # Errors
    /// When a file is missing or was not finished, or the disk refuses.
    pub fn finish(self) -> Result<SetInfo, SnapshotError> {
        let Self { storage, number, directory } = self;
        let name = directory_name(number);
        let io = |action, file: &str| {
            let file = file.to_owned();
            move |source| SnapshotError::Io { action, file, source }
        };
        // What is looked at are trailers, and these files have just been written.
        let set = super::set::look(&storage, number, &directory)?;
        storage.sync_directory(&directory).map_err(io("sync", &directory))?;
        storage.rename(&directory, &name).map_err(io("rename", &directory))?;
        storage.sync_directory("").map_err(io("sync", "the directory of the snapshots"))?;
        Ok(SetInfo { directory: name, ..set })
    }

    /// Removes what has been written.
    ///
    /// # Errors
    /// When that is not possible; it is removed with the other left-overs later.
    pub fn abandon(self) -> Result<(), WriteError> {
        let removed = self.storage.remove_directory(&self.directory);
        removed.map_err(|source| WriteError::new("remove", &self.directory, source))
    }
}

/// A file of a set that is being written. May live on another thread than the set.
pub struct SnapshotWriter<F> {
    file: F,
    name: String,
    header: [u8; 4],
    buffer: Vec<u8>,
    /// Where the buffer will lie in the file.
    offset: u64,
    trailer: Trailer,
}

impl<F: StorageFile> SnapshotWriter<F> {
    /// Adds a chunk. Large ones are written at once and not copied.
    ///
    /// # Errors
    /// When it is empty or larger than [`CHUNK_BYTES_MAX`], or the disk refuses. The file is of no
    /// use then.
    pub fn chunk(&mut self, body: &[u8]) -> Result<(), WriteError> {
        if body.is_empty() || body.len() > CHUNK_BYTES_MAX {
            return Err(WriteError::Unfit("a chunk is empty or larger than a snapshot takes"));
        }
        let length = u32::try_from(body.len()).expect("chunks are limited");
        let checksum = chunk_checksum(self.trailer.chunks, length, body);
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.buffer.extend_from_slice(&checksum.to_le_bytes());
        if body.len() >= BUFFER_BYTES {
            self.flush()?;
            self.write(body)?;
        } else {
            self.buffer.extend_from_slice(body);
            if self.buffer.len() >= BUFFER_BYTES {
                self.flush()?;
            }
        }
        self.trailer.chunks += 1;
        self.trailer.bytes += u64::from(length);
        Ok(())
    }

    /// Bytes of all chunks so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.trailer.bytes
    }

    /// Writes and syncs what there is, so that not everything is left for the end.
    ///
    /// # Errors
    /// When the disk refuses. The file is of no use then.
    pub fn sync(&mut self) -> Result<(), WriteError> {
        self.flush()?;
        self.file.sync().map_err(|source| SyncError { file: self.name.clone(), source })?;
        Ok(())
    }

    /// Ends the file and makes it last. `covered` is the last index of the shard in the log, or of
    /// the node, that the chunks reflect.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self, covered: u64) -> Result<(), WriteError> {
        self.trailer.covered = covered;
        let trailer = self.trailer.encode(self.header);
        self.buffer.extend_from_slice(&trailer);
        self.sync()
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.write(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        written
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let written = write_all(&self.file, bytes, self.offset);
        written.map_err(|source| WriteError::new("write", &self.name, source))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}
