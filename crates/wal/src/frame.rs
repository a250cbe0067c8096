//! A frame: what one write takes to the disk.
//!
//! ```text
//! 0   magic        u32   "AtFr"
//! 4   checksum     u32   CRC-32C over all that follows, the records included
//! 8   length       u32   of the records, in bytes
//! 12  records      u32   how many
//! 16  epoch        u64   that of the segment
//! 24  number       u64
//! 32  synced_upto  u64   the last frame that was known to be synced when this one was written
//! 40  records
//! ```

use crate::bytes::Cursor;
use crate::limits::FRAME_BYTES_MAX;

/// Bytes of a frame before its records.
pub(crate) const HEADER_BYTES: usize = 40;

/// How a frame begins.
pub(crate) const MAGIC: [u8; 4] = *b"AtFr";

/// What the checksum does not cover: the magic and itself.
const UNCHECKED_BYTES: usize = 8;

/// What stands before the records of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) checksum: u32,
    /// Bytes of the records.
    pub(crate) length: u32,
    pub(crate) records: u32,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
    pub(crate) synced_upto: u64,
}

impl FrameHeader {
    /// Reads a header; `None` when the bytes cannot be one. The checksum is not looked at.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        if cursor.array() != Some(MAGIC) {
            return None;
        }
        let header = Self {
            checksum: cursor.u32()?,
            length: cursor.u32()?,
            records: cursor.u32()?,
            epoch: cursor.u64()?,
            number: cursor.u64()?,
            synced_upto: cursor.u64()?,
        };
        (header.bytes() <= FRAME_BYTES_MAX as u64).then_some(header)
    }

    /// Bytes of the whole frame.
    pub(crate) fn bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.length)
    }

    /// Whether this is the header of a frame of that segment with that number.
    pub(crate) fn is(&self, epoch: u64, number: u64) -> bool {
        self.epoch == epoch && self.number == number && self.synced_upto < number
    }

    /// Whether the checksum fits the whole frame.
    pub(crate) fn fits(&self, frame: &[u8]) -> bool {
        frame.len() as u64 == self.bytes()
            && crc32c::crc32c(&frame[UNCHECKED_BYTES..]) == self.checksum
    }
}

/// Fills in the header of a frame whose first [`HEADER_BYTES`] have been left free.
///
/// # Panics
/// When the frame is larger than a length of 32 bits; the limits are checked before.
pub(crate) fn seal(frame: &mut [u8], records: u32, epoch: u64, number: u64, synced_upto: u64) {
    let length = u32::try_from(frame.len() - HEADER_BYTES).expect("frames are limited");
    frame[..4].copy_from_slice(&MAGIC);
    frame[8..12].copy_from_slice(&length.to_le_bytes());
    frame[12..16].copy_from_slice(&records.to_le_bytes());
    frame[16..24].copy_from_slice(&epoch.to_le_bytes());
    frame[24..32].copy_from_slice(&number.to_le_bytes());
    frame[32..40].copy_from_slice(&synced_upto.to_le_bytes());
    let checksum = crc32c::crc32c(&frame[UNCHECKED_BYTES..]);
    frame[4..8].copy_from_slice(&checksum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes.extend_from_slice(b"records");
        seal(&mut bytes, 1, 77, 5, 3);
        bytes
    }

    #[test]
    fn is_read_as_it_was_sealed() {
        let bytes = frame();
        let header = FrameHeader::decode(&bytes).unwrap();
        assert_eq!((header.length, header.records), (7, 1));
        assert!(header.is(77, 5) && !header.is(78, 5) && !header.is(77, 6));
        assert!(header.fits(&bytes));
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let bytes = frame();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let fits = FrameHeader::decode(&damaged).is_some_and(|header| header.fits(&damaged));
            assert!(!fits, "bit {bit}");
        }
    }
}
