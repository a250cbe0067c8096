//! Files of snapshots: events out of bytes, and bytes out of keys.
//!
//! A file is the word REDIS (Valkey since 9: VALKEY) and a version, then opcodes: a note (AUX), a
//! library, the number of a database, how many keys it has; and keys, each its expiry and use if they
//! are known, the type of the value, the key and the value. At the end a checksum of it all.
//!
//! Neither opens a file: the reader reads from whatever the caller gives it and tells what it finds,
//! one [`Event`] after the other; the writer writes what it is given.

mod input;
mod module;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{Event, FileReader, OtherDatabases, Record};
pub use writer::FileWriter;

/// What stands in front of each part of a file that is not a key.
mod opcode {
    pub(super) const SLOT_IMPORT: u8 = 243;
    pub(super) const SLOT: u8 = 244;
    pub(super) const LIBRARY: u8 = 245;
    pub(super) const LIBRARY_BEFORE_RELEASE: u8 = 246;
    pub(super) const MODULE: u8 = 247;
    pub(super) const IDLE: u8 = 248;
    pub(super) const FREQUENCY: u8 = 249;
    pub(super) const NOTE: u8 = 250;
    pub(super) const SIZES: u8 = 251;
    pub(super) const EXPIRY: u8 = 252;
    pub(super) const EXPIRY_SECONDS: u8 = 253;
    pub(super) const DATABASE: u8 = 254;
    pub(super) const END: u8 = 255;
}
