//! Redis's format of values: what DUMP replies, RESTORE takes, and files of snapshots are made of.
//!
//! Written is what Redis 7.2 writes for the same value (version 11 of the format), and for hashes
//! with fields that expire, which 7.2 does not have, what 7.4 writes (version 12). Read is what Redis
//! 4 to 8 and Valkey 7.2 to 9 write: every form that a value has ever had.
//!
//! | module | holds |
//! |---|---|
//! | [`payload`] | a value with its trailer: DUMP and RESTORE |
//! | [`file`](mod@file) | files: events out of bytes, and bytes out of a keyspace |
//! | `value` | one value, read and written |
//! | `stream` | the same of streams |
//! | `read`, `write` | lengths, strings, numbers |
//! | `listpack`, `ziplist`, `intset`, `zipmap` | packed forms that lie in one string |
//! | `lzf` | compressed strings |
//! | `source` | where bytes come from |
//!
//! # Invariants
//! - I1. Reading is total: any bytes give a value or an [`RdbError`], never a panic, and memory is
//!   taken for what has come, not for what a length says will come.
//! - I2. A value that was read is one that commands could have made: no member comes twice, nothing
//!   is empty but streams, ids ascend.
//!
//! # Not here
//! Sockets, files, keys.

mod checksum;
pub mod file;
#[cfg(test)]
mod golden_test;
mod intset;
mod listpack;
mod lzf;
pub mod payload;
mod read;
mod source;
mod stream;
mod value;
mod write;
mod ziplist;
mod zipmap;

pub(crate) use checksum::checksum;
pub(crate) use read::Reader;
pub use source::Source;
pub use value::Loaded;
pub(crate) use write::put_len;

/// The version of the format that is written for what Redis 7.2 knows.
pub const VERSION: u16 = 11;

/// The version of the format that first knows fields of hashes that expire: Redis 7.4's.
pub const VERSION_OF_FIELD_EXPIRY: u16 = 12;

/// Versions from here on are Valkey's, and say what they say in another way.
pub const VERSION_OF_VALKEY: u16 = 80;

/// The newest version that is read: Valkey 9's.
pub const VERSION_MAX: u16 = 80;

/// The newest of Redis's own versions that is read: Redis 8's.
pub const VERSION_MAX_OF_REDIS: u16 = 12;

/// Whether data of a version is read.
pub fn is_readable(version: u16) -> bool {
    (1..=VERSION_MAX_OF_REDIS).contains(&version) || version == VERSION_MAX
}

/// Why bytes are not a value, or not a file.
#[derive(Debug, thiserror::Error)]
pub enum RdbError {
    /// They end too early.
    #[error("the data ends too early")]
    Truncated,
    /// They contradict themselves.
    #[error("{0}")]
    Corrupt(&'static str),
    /// A collection without elements: Redis skips its key.
    #[error("the value is empty")]
    Empty,
    /// A value of a module.
    #[error("a value of the module type '{0}', and there are no modules here")]
    Module(String),
    /// A type of value that is not known.
    #[error("type {0} is not known")]
    UnknownType(u8),
    /// A file of a version that is not read.
    #[error("version {0} of the format is not read")]
    Version(u16),
    /// A key of a database other than the first.
    #[error("a key of database {0}, and there is only database 0 here")]
    Database(u64),
    /// Whoever asked does not want it any more.
    #[error("interrupted")]
    Interrupted,
    /// The bytes could not be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// The numbers of the types of values, as they stand in front of them.
mod kind {
    pub(super) const STRING: u8 = 0;
    pub(super) const LIST: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const ZSET_TEXT: u8 = 3;
    pub(super) const HASH: u8 = 4;
    pub(super) const ZSET: u8 = 5;
    pub(super) const MODULE_UNRELEASED: u8 = 6;
    pub(super) const MODULE: u8 = 7;
    pub(super) const HASH_ZIPMAP: u8 = 9;
    pub(super) const LIST_ZIPLIST: u8 = 10;
    pub(super) const SET_INTSET: u8 = 11;
    pub(super) const ZSET_ZIPLIST: u8 = 12;
    pub(super) const HASH_ZIPLIST: u8 = 13;
    pub(super) const QUICKLIST: u8 = 14;
    pub(super) const STREAM: u8 = 15;
    pub(super) const HASH_LISTPACK: u8 = 16;
    pub(super) const ZSET_LISTPACK: u8 = 17;
    pub(super) const QUICKLIST_2: u8 = 18;
    pub(super) const STREAM_2: u8 = 19;
    pub(super) const SET_LISTPACK: u8 = 20;
    pub(super) const STREAM_3: u8 = 21;
    /// Redis 7.4 before its release; Valkey 9: hashes with fields that expire.
    pub(super) const HASH_22: u8 = 22;
    pub(super) const HASH_LISTPACK_EXPIRING_UNRELEASED: u8 = 23;
    pub(super) const HASH_EXPIRING: u8 = 24;
    pub(super) const HASH_LISTPACK_EXPIRING: u8 = 25;
}
