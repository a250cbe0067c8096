//! The write-ahead log of a node, and its snapshot files.
//!
//! A log is a row of *segments* (files). A segment is a header and *frames*: one frame is what one
//! write takes to the disk. A frame holds *records*: what one shard, or the node as a whole, has to
//! say. Bodies of records are opaque here. `docs/log-format.md` draws every byte.
//!
//! The crate has no thread, no clock, no randomness and no runtime: whoever owns the log calls it,
//! from one thread. All access to files goes through [`storage::Storage`], so that tests let writes
//! and syncs fail, fill the disk and lose power at every byte (`testing`).
//!
//! # Invariants
//! - I1. Frame numbers rise by one over all segments; the name of a segment is the number of its
//!   first frame.
//! - I2. A segment gets its name after all frames before it, and its own header, have been synced.
//!   So a bad frame in any segment but the last is damage, and never the trace of a crash.
//! - I3. Nothing is ever appended to a segment that another process has written: opening a log cuts
//!   its torn tail, syncs it, and begins a new segment with an epoch of its own.
//! - I4. What recovery shows has a valid checksum, the frame number that follows the last, and for
//!   each shard the index that follows its last. It shows all records of a frame or none.
//! - I5. Recovery changes nothing on the disk.
//!
//! # Not here
//! What entries mean (`shard`), when to write and sync (the owner), which snapshot belongs to which
//! log (the owner, by the indices that both carry).

#![forbid(unsafe_code)]

mod bytes;
mod check;
pub mod error;
mod frame;
mod identity;
mod indices;
pub mod limits;
mod record;
mod recover;
mod repair;
mod scan;
mod segment;
pub mod snapshot;
pub mod storage;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod walk;
mod window;
mod writer;

pub use check::{Damage, Report, check, dump};
pub use identity::{Layout, NodeId, SlotRange};
pub use indices::Indices;
pub use record::{Kind, NODE, Record, RecordRef};
pub use recover::{Recovered, recover};
pub use repair::{Repaired, repair};
pub use segment::{SegmentHeader, SegmentInfo};
pub use walk::TornTail;
pub use writer::{Options, Purged, Start, Writer};
