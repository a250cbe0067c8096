//! What the parts of a snapshot file look like.
//!
//! ```text
//! header                              chunk
//! 0   magic       8    "ATOLLSNP"     0  length    u32  of the body; never 0
//! 8   version     u32                 4  checksum  u32  CRC-32C over the number of the chunk
//! 12  shard       u16  0xFFFF: node                     (u64, from 0), length and body
//! 14  shards      u16  of the set     8  body
//! 16  first slot  u16
//! 18  slots       u16                 trailer
//! 20  node id     40                  0   magic     u32  "AtEn", larger than any length
//! 60  zero        u32                 4   checksum  u32  CRC-32C over what follows, and the
//! 64  number      u64                                    checksum of the header
//! 72  created_ms  u64                 8   chunks    u64  how many
//! 80  checksum    u32  over all       16  bytes     u64  of all bodies
//!                      before         24  covered   u64  last log index that the file reflects
//! ```

use crate::bytes::Cursor;
use crate::identity::{NodeId, SlotRange};

use super::CHUNK_BYTES_MAX;

pub(super) const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 84;
pub(super) const CHUNK_HEADER_BYTES: usize = 8;
pub(super) const TRAILER_BYTES: usize = 32;

const MAGIC: [u8; 8] = *b"ATOLLSNP";
const TRAILER_MAGIC: [u8; 4] = *b"AtEn";

const _: () = assert!(u32::from_le_bytes(TRAILER_MAGIC) as usize > CHUNK_BYTES_MAX);

/// What stands at the head of a snapshot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHeader {
    /// Whose state it is.
    pub node_id: NodeId,
    /// The number of the set.
    pub number: u64,
    /// The shard, or [`crate::NODE`].
    pub shard: u16,
    /// How many shards the set has.
    pub shards: u16,
    /// The slots of the shard; none in the file of the node.
    pub slots: SlotRange,
    /// When it was begun, in milliseconds since 1970, by the clock of the caller.
    pub created_ms: u64,
}

/// Why the head of a file is no header.
pub(super) enum BadHeader {
    Magic,
    Version(u32),
    Damaged,
}

impl FileHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.shard.to_le_bytes());
        out.extend_from_slice(&self.shards.to_le_bytes());
        out.extend_from_slice(&self.slots.first.to_le_bytes());
        out.extend_from_slice(&self.slots.count.to_le_bytes());
        out.extend_from_slice(self.node_id.as_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.created_ms.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        let mut cursor = Cursor(bytes);
        if cursor.array() != Some(MAGIC) {
            let damaged = bytes.len() < MAGIC.len() || bytes.iter().all(|byte| *byte == 0);
            return Err(if damaged { BadHeader::Damaged } else { BadHeader::Magic });
        }
        let version = cursor.u32().ok_or(BadHeader::Damaged)?;
        if version != VERSION {
            return Err(BadHeader::Version(version));
        }
        Self::decode_rest(&mut cursor)
            .filter(|_| cursor.u32() == Some(crc32c::crc32c(&bytes[..HEADER_BYTES - 4])))
            .ok_or(BadHeader::Damaged)
    }

    fn decode_rest(cursor: &mut Cursor<'_>) -> Option<Self> {
        let (shard, shards) = (cursor.u16()?, cursor.u16()?);
        let slots = SlotRange { first: cursor.u16()?, count: cursor.u16()? };
        let node_id = NodeId::parse(cursor.take(40)?)?;
        let zero = cursor.u32()?;
        let (number, created_ms) = (cursor.u64()?, cursor.u64()?);
        (zero == 0).then_some(Self { node_id, number, shard, shards, slots, created_ms })
    }
}

/// The checksum at the end of an encoded header, which the trailer is bound to.
pub(super) fn header_checksum(encoded: &[u8]) -> [u8; 4] {
    encoded.last_chunk().copied().unwrap_or_default()
}

/// The checksum of a chunk.
pub(super) fn chunk_checksum(number: u64, length: u32, body: &[u8]) -> u32 {
    let head = crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), &length.to_le_bytes());
    crc32c::crc32c_append(head, body)
}

/// What stands at the end of a snapshot file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) chunks: u64,
    pub(super) bytes: u64,
    pub(super) covered: u64,
}

impl Trailer {
    pub(super) fn encode(&self, header: [u8; 4]) -> Vec<u8> {
        let mut counted = Vec::with_capacity(TRAILER_BYTES);
        counted.extend_from_slice(&self.chunks.to_le_bytes());
        counted.extend_from_slice(&self.bytes.to_le_bytes());
        counted.extend_from_slice(&self.covered.to_le_bytes());
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&counted), &header);
        [&TRAILER_MAGIC[..], &checksum.to_le_bytes(), &counted].concat()
    }

    pub(super) fn decode(bytes: &[u8], header: [u8; 4]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        if cursor.array() != Some(TRAILER_MAGIC) {
            return None;
        }
        let checksum = cursor.u32()?;
        let counted = cursor.0;
        let trailer = Self { chunks: cursor.u64()?, bytes: cursor.u64()?, covered: cursor.u64()? };
        let fits = crc32c::crc32c_append(crc32c::crc32c(counted), &header) == checksum;
        fits.then_some(trailer)
    }
}
