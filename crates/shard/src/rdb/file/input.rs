//! The bytes of a file as they come, and their checksum.

use std::io::{ErrorKind, Read};

use crate::rdb::checksum::{self, Checksum};
use crate::rdb::{RdbError, Source};

/// How much is read at a time, in bytes.
const PIECE: usize = 1 << 16;

/// Reads from whatever it is given, in pieces.
pub(super) struct Input<R> {
    from: R,
    piece: Box<[u8]>,
    /// What of the piece has not been taken.
    start: usize,
    end: usize,
    /// Up to where the piece counts in the checksum.
    counted: usize,
    digest: Checksum,
    /// Bytes taken before this piece.
    before: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            piece: vec![0; PIECE].into_boxed_slice(),
            start: 0,
            end: 0,
            counted: 0,
            digest: checksum::growing(),
            before: 0,
        }
    }

    /// How many bytes have been taken.
    pub(super) fn position(&self) -> u64 {
        self.before + self.start as u64
    }

    /// The checksum of all that has been taken.
    pub(super) fn checksum(&mut self) -> u64 {
        self.count();
        std::mem::replace(&mut self.digest, checksum::growing()).finalize()
    }

    fn count(&mut self) {
        self.digest.update(&self.piece[self.counted..self.start]);
        self.counted = self.start;
    }

    /// What has come and not been taken; reads when there is nothing.
    fn available(&mut self) -> Result<&[u8], RdbError> {
        if self.start == self.end {
            self.count();
            self.before += self.start as u64;
            (self.start, self.counted, self.end) = (0, 0, 0);
            self.end = loop {
                match self.from.read(&mut self.piece) {
                    Ok(0) => return Err(RdbError::Truncated),
                    Ok(count) => break count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            };
        }
        Ok(&self.piece[self.start..self.end])
    }
}

impl<R: Read> Source for Input<R> {
    fn fill(&mut self, mut bytes: &mut [u8]) -> Result<(), RdbError> {
        while !bytes.is_empty() {
            let available = self.available()?;
            let count = available.len().min(bytes.len());
            bytes[..count].copy_from_slice(&available[..count]);
            self.start += count;
            bytes = &mut bytes[count..];
        }
        Ok(())
    }

    fn take(&mut self, count: u64) -> Result<Vec<u8>, RdbError> {
        let mut left = usize::try_from(count).map_err(|_| RdbError::Truncated)?;
        let mut bytes = Vec::with_capacity(left.min(PIECE));
        while left > 0 {
            let available = self.available()?;
            let count = available.len().min(left);
            bytes.extend_from_slice(&available[..count]);
            self.start += count;
            left -= count;
        }
        Ok(bytes)
    }
}
