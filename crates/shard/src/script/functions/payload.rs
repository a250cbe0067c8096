//! What FUNCTION DUMP writes and FUNCTION RESTORE reads: Redis's format, so that libraries can come
//! from there and go back.
//!
//! For each library the byte 0xF5 and its code as an RDB string; then a trailer, the version of the
//! RDB format (2 bytes, little endian) and the CRC-64 of all that is before it (8 bytes, little
//! endian).
//!
//! Written are plain strings and the version of Redis 7.0, which every later one reads. Read is
//! whatever Redis writes: it compresses strings of more than 20 bytes.

use crate::error::CommandError;
use crate::rdb::{self, Reader};

/// Comes before each library.
const LIBRARY: u8 = 0xF5;

/// The same of a form that Redis 7.0 knew before it was released.
const LIBRARY_BEFORE_RELEASE: u8 = 0xF6;

/// The version of the format that is written: Redis 7.0's.
const VERSION: u16 = 10;

/// Most bytes of code in one payload, once decompressed: as many as a payload can have itself.
const CODES_LEN_MAX: usize = protocol::limits::BULK_LEN_MAX;

const BROKEN: CommandError = CommandError::Text("ERR Failed loading library payload");

/// The payload that holds libraries of this code.
pub(super) fn write<'a>(codes: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for code in codes {
        out.push(LIBRARY);
        rdb::put_len(&mut out, code.len() as u64);
        out.extend_from_slice(code);
    }
    seal(out)
}

/// Adds the trailer.
pub(super) fn seal(out: Vec<u8>) -> Vec<u8> {
    rdb::payload::seal(out, VERSION)
}

/// The codes of the libraries in a payload.
///
/// # Errors
/// Redis's texts.
pub(super) fn read(payload: &[u8]) -> Result<Vec<Vec<u8>>, CommandError> {
    let (mut rest, _) = rdb::payload::open(payload)
        .ok_or(CommandError::Text("ERR DUMP payload version or checksum are wrong"))?;
    let (mut codes, mut budget) = (Vec::new(), CODES_LEN_MAX);
    while let Some((&kind, after)) = rest.split_first() {
        rest = after;
        match kind {
            LIBRARY => {
                let code = Reader::new(&mut rest).string().map_err(|_| BROKEN)?;
                budget = budget.checked_sub(code.len()).ok_or(BROKEN)?;
                codes.push(code);
            }
            LIBRARY_BEFORE_RELEASE => {
                return Err(CommandError::Text("ERR Pre-GA function format not supported"));
            }
            _ => return Err(CommandError::Text("ERR given type is not a function")),
        }
    }
    Ok(codes)
}

#[cfg(test)]
#[path = "payload_test.rs"]
mod tests;
