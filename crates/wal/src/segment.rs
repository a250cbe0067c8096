//! A segment: one file of the log, its name and its header.
//!
//! ```text
//! 0   magic        8     "ATOLLWAL"
//! 8   version      u32
//! 12  shards       u16   how many
//! 14  zero         u16
//! 16  node id      40    hexadecimal digits
//! 56  epoch        u64   random; frames of the segment repeat it
//! 64  first frame  u64
//! 72  node base    u64   last index of the node before this segment
//! 80  for each shard: first slot u16, slots u16, base u64 (its last index before this segment)
//! ..  checksum     u32   CRC-32C over all before
//! ```

use crate::bytes::Cursor;
use crate::identity::{Layout, NodeId, SlotRange};
use crate::indices::Indices;
use crate::limits::SHARDS_MAX;

/// The version of the format that this build writes, and the only one that it reads.
pub(crate) const VERSION: u32 = 1;

/// Bytes of a header before its list of shards.
pub(crate) const FIXED_BYTES: usize = 80;

/// Bytes of a header for each shard.
const SHARD_BYTES: usize = 12;

/// Bytes of the largest header.
pub(crate) const HEADER_BYTES_MAX: usize = FIXED_BYTES + SHARDS_MAX * SHARD_BYTES + 4;

const MAGIC: [u8; 8] = *b"ATOLLWAL";

/// What a segment is called while it is made ahead of time.
pub(crate) const AHEAD_NAME: &str = "log-next.tmp";

/// What stands at the head of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Whose log it is.
    pub node_id: NodeId,
    /// A random number that the frames of this segment repeat, so that no frame of another file
    /// is ever taken for one of this.
    pub epoch: u64,
    /// The number of the first frame; also the name of the file.
    pub first_frame: u64,
    /// The shards of the node when the segment was begun.
    pub layout: Layout,
    /// The last indices before this segment.
    pub bases: Indices,
}

/// A segment with what is known of its frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The name of the file.
    pub name: String,
    /// What stands at its head.
    pub header: SegmentHeader,
    /// How many good frames it holds.
    pub frames: u64,
    /// Where the last good frame ends, in bytes from the start of the file.
    pub end: u64,
    /// The last index of each shard when the segment ends.
    pub last: Indices,
}

impl SegmentInfo {
    /// The number of the frame that would follow.
    pub(crate) fn next_frame(&self) -> u64 {
        self.header.first_frame + self.frames
    }
}

/// Why the head of a file is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadHeader {
    Magic,
    Version(u32),
    Damaged,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let shards = u16::try_from(self.layout.len()).expect("shards are limited");
        let mut out = Vec::with_capacity(FIXED_BYTES + self.layout.len() * SHARD_BYTES + 4);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&shards.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(self.node_id.as_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&self.first_frame.to_le_bytes());
        out.extend_from_slice(&self.bases.node.to_le_bytes());
        for (slots, base) in self.layout.shards.iter().zip(&self.bases.shards) {
            out.extend_from_slice(&slots.first.to_le_bytes());
            out.extend_from_slice(&slots.count.to_le_bytes());
            out.extend_from_slice(&base.to_le_bytes());
        }
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    /// Reads the header at the start of these bytes, and how long it is.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, u64), BadHeader> {
        let mut cursor = Cursor(bytes);
        if cursor.array() != Some(MAGIC) {
            // A file that is shorter than its magic has lost its head; any other is not ours.
            let damaged = bytes.len() < MAGIC.len() || bytes.iter().all(|byte| *byte == 0);
            return Err(if damaged { BadHeader::Damaged } else { BadHeader::Magic });
        }
        let version = cursor.u32().ok_or(BadHeader::Damaged)?;
        if version != VERSION {
            return Err(BadHeader::Version(version));
        }
        let header = Self::decode_rest(&mut cursor).ok_or(BadHeader::Damaged)?;
        let length = bytes.len() - cursor.0.len();
        if cursor.u32() != Some(crc32c::crc32c(&bytes[..length])) {
            return Err(BadHeader::Damaged);
        }
        Ok((header, length as u64 + 4))
    }

    fn decode_rest(cursor: &mut Cursor<'_>) -> Option<Self> {
        let shards = usize::from(cursor.u16()?);
        if cursor.u16()? != 0 || shards > SHARDS_MAX {
            return None;
        }
        let node_id = NodeId::parse(cursor.take(40)?)?;
        let epoch = cursor.u64()?;
        let first_frame = cursor.u64()?;
        let mut bases = Indices { shards: Vec::with_capacity(shards), node: cursor.u64()? };
        let mut layout = Layout::default();
        for _ in 0..shards {
            layout.shards.push(SlotRange { first: cursor.u16()?, count: cursor.u16()? });
            bases.shards.push(cursor.u64()?);
        }
        Some(Self { node_id, epoch, first_frame, layout, bases })
    }
}

/// What the segment is called whose first frame this is.
pub(crate) fn name(first_frame: u64) -> String {
    format!("log-{first_frame:016x}.wal")
}

/// The first frame of a segment with that name; `None` when it is no name of a segment.
pub(crate) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("log-")?.strip_suffix(".wal")?;
    let exact = digits.len() == 16
        && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    exact.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            node_id: NodeId::parse(&[b'a'; 40]).unwrap(),
            epoch: 0x1122_3344_5566_7788,
            first_frame: 42,
            layout: Layout {
                shards: vec![
                    SlotRange { first: 0, count: 8192 },
                    SlotRange { first: 8192, count: 8192 },
                ],
            },
            bases: Indices { shards: vec![7, 8], node: 9 },
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let bytes = header().encode();
        assert_eq!(bytes.len(), FIXED_BYTES + 2 * SHARD_BYTES + 4);
        assert_eq!(SegmentHeader::decode(&bytes), Ok((header(), bytes.len() as u64)));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let bytes = header().encode();
        for end in 0..bytes.len() {
            assert!(SegmentHeader::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let bytes = header().encode();
        let mut other = bytes.clone();
        other[0] = b'X';
        assert_eq!(SegmentHeader::decode(&other), Err(BadHeader::Magic));
        let mut newer = bytes.clone();
        newer[8] = 2;
        assert_eq!(SegmentHeader::decode(&newer), Err(BadHeader::Version(2)));
        assert_eq!(SegmentHeader::decode(&vec![0; bytes.len()]), Err(BadHeader::Damaged));
    }

    #[test]
    fn names_carry_the_first_frame() {
        assert_eq!(name(0x1f), "log-000000000000001f.wal");
        assert_eq!(parse_name("log-000000000000001f.wal"), Some(0x1f));
        for other in ["log-1f.wal", AHEAD_NAME, "log-000000000000001F.wal", "x"] {
            assert_eq!(parse_name(other), None, "{other}");
        }
    }
}
