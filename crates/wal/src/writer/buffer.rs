//! The frame that is being gathered, as the bytes that will be written.

use crate::frame::{HEADER_BYTES, seal};
use crate::record::Record;

/// A frame under construction. Its header is left free until it is sealed.
#[derive(Debug)]
pub(super) struct FrameBuffer {
    bytes: Vec<u8>,
    records: u32,
}

impl Default for FrameBuffer {
    fn default() -> Self {
        Self { bytes: vec![0; HEADER_BYTES], records: 0 }
    }
}

impl FrameBuffer {
    pub(super) fn push(&mut self, record: &Record<'_>) {
        record.encode(&mut self.bytes);
        self.records += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Bytes of the frame with its header.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes to write. More can be pushed and it can be sealed again.
    pub(super) fn seal(&mut self, epoch: u64, number: u64, synced_upto: u64) -> &[u8] {
        seal(&mut self.bytes, self.records, epoch, number, synced_upto);
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
        self.records = 0;
    }

    /// Gives memory beyond `kept` bytes back.
    pub(super) fn shrink(&mut self, kept: usize) {
        self.bytes.shrink_to(kept);
    }
}
