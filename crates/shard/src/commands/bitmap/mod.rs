//! Commands of the family *bitmap*: strings as rows of bits.
//!
//! Bit 0 is the highest bit of the first byte. Single bits and fields are changed by splicing the
//! bytes that they lie in, so undo and effect are as large as the change.

mod bitcount;
mod bitfield;
#[cfg(test)]
mod bitfield_test;
mod bitop;
mod bitpos;
mod field;
mod getbit;
mod range;
mod setbit;

use protocol::number::parse_i64;

use super::Command;
use crate::error::CommandError;
use crate::keyspace::Keyspace;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &bitcount::COMMAND,
    &bitfield::BITFIELD,
    &bitfield::BITFIELD_RO,
    &bitop::COMMAND,
    &bitpos::COMMAND,
    &getbit::COMMAND,
    &setbit::COMMAND,
];

const BAD_OFFSET: CommandError =
    CommandError::Text("ERR bit offset is not an integer or out of range");

/// How many bytes are looked at between two beats: some microseconds' worth.
const STRETCH: usize = 64 << 10;

/// The offset of a bit. All of it lies in what a string may be long.
fn bit_offset(keyspace: &Keyspace, text: &[u8]) -> Result<usize, CommandError> {
    in_string(keyspace, parse_i64(text))
}

/// The bit offset, if there is one and it lies in what a string may be long.
fn in_string(keyspace: &Keyspace, offset: Option<i64>) -> Result<usize, CommandError> {
    let offset = offset.and_then(|offset| usize::try_from(offset).ok());
    let max = keyspace.settings().string_len_max;
    offset.filter(|offset| offset >> 3 < max).ok_or(BAD_OFFSET)
}
