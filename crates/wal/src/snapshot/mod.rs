//! Snapshots: the state of all shards and of the node, each in a file, together in a *set*.
//!
//! A set is a directory `snapshot-<number>` with `node.snap` and, for each shard,
//! `shard-<n>.snap`. It is written as `….tmp` and gets its name when all of its files have been
//! synced, so a set that has its name is whole; whatever is wrong with it later is damage.
//!
//! A file is a header, *chunks* (opaque here), and a trailer with the last log index that the file
//! reflects. `docs/log-format.md` draws every byte. Files of a set can be written, and read, by
//! different threads.
//!
//! No error here is about the log: a set that could not be written is abandoned, and the next one
//! may succeed.

mod format;
mod read;
mod set;
mod write;

pub use format::FileHeader;
pub use read::{SnapshotReader, open, verify};
pub use set::{FileInfo, SetInfo, newest, remove_others};
pub use write::{SetWriter, SnapshotWriter, begin};

/// Largest chunk, in bytes: a string with its key.
pub const CHUNK_BYTES_MAX: usize = 1 << 30;
