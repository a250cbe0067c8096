//! One record: what a shard, or the node, has to say in a frame.
//!
//! ```text
//! 0   kind      u8
//! 1   zero      u8
//! 2   shard     u16   0xFFFF: the node
//! 4   length    u32   of the body
//! 8   index     u64
//! 16  time_ms   u64
//! 24  body
//! ```

use crate::bytes::Cursor;
use crate::segment::SegmentHeader;

/// Stands for the node where a shard is named.
pub const NODE: u16 = 0xFFFF;

/// Bytes of a record before its body.
pub(crate) const RECORD_HEADER_BYTES: usize = 24;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Entries of a shard, opaque here. Each record takes the next index of the shard.
    Entries = 1,
    /// A change to what belongs to the node as a whole, such as its functions. The shard is
    /// [`NODE`]; each record takes the next index of the node.
    Node = 2,
    /// The state was changed without the log: what follows needs a snapshot whose covered index of
    /// that shard is at least the index of this record. The index may leave any number out.
    Gap = 3,
    /// Says nothing: its frame is there to prove that frames before it had been synced.
    SyncMark = 4,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        [Self::Entries, Self::Node, Self::Gap, Self::SyncMark]
            .into_iter()
            .find(|kind| *kind as u8 == code)
    }
}

/// One record with its body borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it says.
    pub kind: Kind,
    /// The number of the shard in the layout of its segment, or [`NODE`].
    pub shard: u16,
    /// The index in the log of the shard or of the node; 0 in a sync mark.
    pub index: u64,
    /// When it was made, in milliseconds since 1970, by the clock of the caller.
    pub time_ms: u64,
    /// What it is about. At most [`crate::limits::BODY_BYTES_MAX`].
    pub body: &'a [u8],
}

impl Record<'_> {
    /// What the frame of a sync mark holds.
    pub(crate) const SYNC_MARK: Record<'static> =
        Record { kind: Kind::SyncMark, shard: NODE, index: 0, time_ms: 0, body: &[] };

    /// Bytes in a frame.
    pub(crate) fn encoded_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + self.body.len()
    }

    /// Appends the record.
    ///
    /// # Panics
    /// When the body is larger than a length of 32 bits; the limits are checked before.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.body.len()).expect("bodies are limited");
        out.reserve(self.encoded_bytes());
        out.extend_from_slice(&[self.kind as u8, 0]);
        out.extend_from_slice(&self.shard.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.index.to_le_bytes());
        out.extend_from_slice(&self.time_ms.to_le_bytes());
        out.extend_from_slice(self.body);
    }
}

/// Why bytes with a valid checksum are no records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A kind that this version does not know.
    Kind(u8),
    /// Anything else.
    Shape,
}

/// Takes the next record from a frame.
pub(crate) fn decode<'a>(bytes: &mut Cursor<'a>) -> Result<Record<'a>, Unreadable> {
    let code = bytes.u8().ok_or(Unreadable::Shape)?;
    let kind = Kind::of(code).ok_or(Unreadable::Kind(code))?;
    decode_rest(kind, bytes).ok_or(Unreadable::Shape)
}

fn decode_rest<'a>(kind: Kind, bytes: &mut Cursor<'a>) -> Option<Record<'a>> {
    let zero = bytes.u8()?;
    let shard = bytes.u16()?;
    let length = bytes.u32()?;
    let index = bytes.u64()?;
    let time_ms = bytes.u64()?;
    let body = bytes.take(length as usize)?;
    (zero == 0).then_some(Record { kind, shard, index, time_ms, body })
}

/// A record as recovery shows it, with where it lies.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    /// The record.
    pub record: Record<'a>,
    /// The number of its frame.
    pub frame: u64,
    /// Up to where its frame says that frames were synced.
    pub synced_upto: u64,
    /// The name of its file.
    pub file: &'a str,
    /// Where its frame begins in the file, in bytes.
    pub frame_offset: u64,
    /// The header of its segment, with the layout that its shard is a number in.
    pub segment: &'a SegmentHeader,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record<'_> =
        Record { kind: Kind::Entries, shard: 3, index: 7, time_ms: 11, body: b"body" };

    fn encoded() -> Vec<u8> {
        let mut bytes = Vec::new();
        RECORD.encode(&mut bytes);
        bytes
    }

    #[test]
    fn is_read_as_it_was_written() {
        let bytes = encoded();
        let mut cursor = Cursor(&bytes);
        assert_eq!(decode(&mut cursor), Ok(RECORD));
        assert!(cursor.0.is_empty());
    }

    #[test]
    fn a_cut_one_is_refused() {
        let bytes = encoded();
        for end in 0..bytes.len() {
            assert_eq!(decode(&mut Cursor(&bytes[..end])), Err(Unreadable::Shape), "{end}");
        }
    }

    #[test]
    fn an_unknown_kind_is_named() {
        let mut bytes = encoded();
        bytes[0] = 9;
        assert_eq!(decode(&mut Cursor(&bytes)), Err(Unreadable::Kind(9)));
    }
}
