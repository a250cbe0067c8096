//! Where the bytes of values come from: a slice, or whatever can be read from.

use super::RdbError;

/// Bytes that come one after the other.
pub trait Source {
    /// Fills a buffer with what comes next.
    ///
    /// # Errors
    /// [`RdbError::Truncated`] when there is less, or why it could not be read.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RdbError>;

    /// As many bytes. Memory is taken as they come: a length is only what somebody says.
    ///
    /// # Errors
    /// As [`Self::fill`].
    fn take(&mut self, count: u64) -> Result<Vec<u8>, RdbError>;

    /// Asks whether to go on; called every few elements.
    ///
    /// # Errors
    /// [`RdbError::Interrupted`].
    fn beat(&mut self) -> Result<(), RdbError> {
        Ok(())
    }
}

/// Bytes in memory, and somebody who says whether to go on.
pub(super) struct Slice<'a> {
    rest: &'a [u8],
    go_on: &'a dyn Fn() -> bool,
}

impl<'a> Slice<'a> {
    pub(super) fn new(bytes: &'a [u8], go_on: &'a dyn Fn() -> bool) -> Self {
        Self { rest: bytes, go_on }
    }
}

impl Source for Slice<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RdbError> {
        self.rest.fill(bytes)
    }

    fn take(&mut self, count: u64) -> Result<Vec<u8>, RdbError> {
        self.rest.take(count)
    }

    fn beat(&mut self) -> Result<(), RdbError> {
        if (self.go_on)() { Ok(()) } else { Err(RdbError::Interrupted) }
    }
}

impl Source for &[u8] {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RdbError> {
        let (taken, rest) = self.split_at_checked(bytes.len()).ok_or(RdbError::Truncated)?;
        bytes.copy_from_slice(taken);
        *self = rest;
        Ok(())
    }

    fn take(&mut self, count: u64) -> Result<Vec<u8>, RdbError> {
        let count = usize::try_from(count).map_err(|_| RdbError::Truncated)?;
        let (taken, rest) = self.split_at_checked(count).ok_or(RdbError::Truncated)?;
        *self = rest;
        Ok(taken.to_vec())
    }
}
