//! Reads a file from front to back with one buffer.

use std::io;

use crate::limits::READ_BYTES;
use crate::storage::{StorageFile, read_full};

/// A part of a file in memory.
pub(crate) struct Window<'f, F> {
    file: &'f F,
    /// As large as the file was when reading began.
    size: u64,
    buffer: Vec<u8>,
    /// Where the buffer lies in the file.
    start: u64,
}

impl<'f, F: StorageFile> Window<'f, F> {
    /// Reads that file, with a buffer that another one may have used before.
    pub(crate) fn new(file: &'f F, mut buffer: Vec<u8>) -> io::Result<Self> {
        buffer.clear();
        Ok(Self { file, size: file.size()?, buffer, start: 0 })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Gives the buffer back.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The bytes from there on: `count` of them, or what is left of the file when that is less.
    /// Whoever asks for many has made sure that they are there, so memory is bounded by the file.
    pub(crate) fn at(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let bytes = self.from(offset, count)?;
        Ok(&bytes[..count.min(bytes.len())])
    }

    /// All that is in memory from there on: `least` bytes, or what is left of the file when that is
    /// less. Nothing is read again that is there.
    pub(crate) fn from(&mut self, offset: u64, least: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let least = least.min(left);
        let end = self.start + self.buffer.len() as u64;
        if offset < self.start || offset + least as u64 > end {
            self.fill(offset, least.max(READ_BYTES.min(left)))?;
        }
        let skipped = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(&self.buffer[skipped.min(self.buffer.len())..])
    }

    fn fill(&mut self, offset: u64, count: usize) -> io::Result<()> {
        self.buffer.resize(count, 0);
        self.start = offset;
        let filled = read_full(self.file, &mut self.buffer, offset)?;
        self.buffer.truncate(filled);
        // A frame of a gigabyte is no reason to hold on to a gigabyte.
        if count <= READ_BYTES && self.buffer.capacity() > 2 * READ_BYTES {
            self.buffer.shrink_to(READ_BYTES);
        }
        Ok(())
    }
}
