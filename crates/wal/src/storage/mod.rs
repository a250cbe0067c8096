//! The I/O seam: all that the log and the snapshots ask of a file system.
//!
//! Names are relative to a root, with `/` between a directory and what is in it; `""` is the root.
//! [`DirStorage`] is the real one; `testing::MemoryStorage` fails and loses power on demand.
//!
//! Nothing here retries. A write may be short, as the system's may; the caller goes on.

mod directory;

use std::io;

pub use directory::{DirFile, DirStorage};

/// A directory with files, and directories of files.
pub trait Storage {
    /// An open file.
    type File: StorageFile;

    /// The names in a directory, in any order, without its own.
    ///
    /// # Errors
    /// When it cannot be read.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;

    /// Makes an empty file, in place of one that is there, open for reading and writing.
    ///
    /// # Errors
    /// When it cannot be made.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file for reading what the disk has, not what memory has of it: after a sync that
    /// failed, the system keeps bytes that never reached the disk.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    fn open_read(&self, name: &str) -> io::Result<Self::File>;

    /// Gives a file or a directory another name of the same directory, in place of a file that has
    /// it. Lasts when the directory has been synced.
    ///
    /// # Errors
    /// When that is not possible.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Lasts when the directory has been synced.
    ///
    /// # Errors
    /// When that is not possible.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes names that were given and taken in a directory last.
    ///
    /// # Errors
    /// When the disk refuses. The caller must not try again.
    fn sync_directory(&self, directory: &str) -> io::Result<()>;

    /// Makes a directory; one that is there is fine. Lasts when its parent has been synced.
    ///
    /// # Errors
    /// When it cannot be made.
    fn create_directory(&self, name: &str) -> io::Result<()>;

    /// Removes a directory with all files in it.
    ///
    /// # Errors
    /// When that is not possible; some of its files may be gone then.
    fn remove_directory(&self, name: &str) -> io::Result<()>;
}

/// A file that is open.
pub trait StorageFile {
    /// Its size in bytes, with what has been allocated.
    ///
    /// # Errors
    /// When the system cannot tell.
    fn size(&self) -> io::Result<u64>;

    /// Reads some bytes from there on; 0 at the end of the file. May give fewer than there are.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes some of these bytes there and says how many.
    ///
    /// # Errors
    /// When not even one could be written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Makes what has been written last, with the size (`fdatasync`).
    ///
    /// # Errors
    /// When the disk refuses. What was written may be lost then, and a second try may succeed
    /// without it: the caller must not try again.
    fn sync(&self) -> io::Result<()>;

    /// Makes the file that long; what is behind is given back.
    ///
    /// # Errors
    /// When that is not possible.
    fn truncate(&self, size: u64) -> io::Result<()>;

    /// Reserves space so that the file can be `size` bytes long; the part that has not been
    /// written reads as zeros. Where a file system cannot reserve, nothing is done.
    ///
    /// # Errors
    /// When there is not enough space.
    fn allocate(&self, size: u64) -> io::Result<()>;
}

/// Writes all of these bytes.
///
/// # Errors
/// The first error; some bytes may have been written.
pub(crate) fn write_all<F: StorageFile>(
    file: &F,
    mut bytes: &[u8],
    mut offset: u64,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until the buffer is full or the file ends, and says how much there was.
///
/// # Errors
/// When bytes cannot be read.
pub(crate) fn read_full<F: StorageFile>(
    file: &F,
    buffer: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
