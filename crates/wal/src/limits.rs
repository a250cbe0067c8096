//! Every bound of the format, and why it is what it is.

use crate::frame::HEADER_BYTES;
use crate::record::RECORD_HEADER_BYTES;

/// Largest frame with its header, in bytes. Recovery holds one frame in memory at a time, so this
/// is also what recovery takes.
pub const FRAME_BYTES_MAX: usize = 1 << 30;

/// Largest body of a record, in bytes. One SET may carry a string of 512 MiB, and its entry is one
/// record.
pub const BODY_BYTES_MAX: usize = FRAME_BYTES_MAX - (64 << 10);

/// Most shards of a log: each owns a slot at least, and `0xFFFF` stands for the node.
pub const SHARDS_MAX: usize = 16384;

/// Size of a segment unless the owner says otherwise, in bytes. Small enough that purging gives
/// space back in time, large enough that the syncs between two segments do not show.
pub const SEGMENT_BYTES_DEFAULT: u64 = 128 << 20;

/// Smallest size of a segment, in bytes.
pub const SEGMENT_BYTES_MIN: u64 = 256;

/// Capacity that the buffer of a frame keeps after it has been written, in bytes.
pub const BUFFER_BYTES_KEPT: usize = 4 << 20;

/// How much of a file is read at once, in bytes; frames that are larger are read as a whole.
pub(crate) const READ_BYTES: usize = 1 << 20;

const _: () = {
    assert!(HEADER_BYTES + RECORD_HEADER_BYTES + BODY_BYTES_MAX <= FRAME_BYTES_MAX);
    // An entry of a script may have 64 MiB, a string 512 MiB.
    assert!(BODY_BYTES_MAX > (512 << 20));
    // Lengths are 32 bits wide on the disk.
    assert!(FRAME_BYTES_MAX <= u32::MAX as usize);
    assert!(SHARDS_MAX < crate::record::NODE as usize);
    assert!(READ_BYTES > HEADER_BYTES);
};
