//! What FUNCTION DUMP writes and FUNCTION RESTORE reads: Redis's format, so that libraries can come
//! from there and go back.
//!
//! For each library the byte 0xF5 and its code as an RDB string; then a trailer, the version of the
//! RDB format (2 bytes, little endian) and the CRC-64 of all that is before it (8 bytes, little
//! endian).
//!
//! Written are plain strings and the version of Redis 7.0, which every later one reads. Read is
//! whatever Redis writes: it compresses strings of more than 20 bytes.

use crc::{CRC_64_REDIS, Crc};

use crate::error::CommandError;

/// Comes before each library.
const LIBRARY: u8 = 0xF5;

/// The same of a form that Redis 7.0 knew before it was released.
const LIBRARY_BEFORE_RELEASE: u8 = 0xF6;

/// The version of the format that is written: Redis 7.0's.
const VERSION: u16 = 10;

/// The newest version of the format that is read: Valkey 9's. The part of it that speaks of
/// libraries is the same in all.
const VERSION_MAX: u16 = 80;

/// Most bytes of code in one payload, once decompressed: as many as a payload can have itself.
const CODES_LEN_MAX: usize = protocol::limits::BULK_LEN_MAX;

/// A compressed string is at least so many times shorter, at best: three bytes stand for 264.
const COMPRESSION_MAX: usize = 88;

static CRC: Crc<u64> = Crc::<u64>::new(&CRC_64_REDIS);

const BROKEN: CommandError = CommandError::Text("ERR Failed loading library payload");

/// The payload that holds libraries of this code.
pub(super) fn write<'a>(codes: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for code in codes {
        out.push(LIBRARY);
        write_length(&mut out, code.len());
        out.extend_from_slice(code);
    }
    seal(out)
}

/// Adds the trailer.
pub(super) fn seal(mut out: Vec<u8>) -> Vec<u8> {
    out.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = CRC.checksum(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The codes of the libraries in a payload.
///
/// # Errors
/// Redis's texts.
pub(super) fn read(payload: &[u8]) -> Result<Vec<Vec<u8>>, CommandError> {
    let wrong = CommandError::Text("ERR DUMP payload version or checksum are wrong");
    let (rest, checksum) = payload.split_last_chunk::<8>().ok_or(wrong.clone())?;
    let (mut rest, version) = match rest.split_last_chunk::<2>() {
        Some((body, version)) if CRC.checksum(rest) == u64::from_le_bytes(*checksum) => {
            (body, u16::from_le_bytes(*version))
        }
        _ => return Err(wrong),
    };
    if version > VERSION_MAX {
        return Err(wrong);
    }
    let (mut codes, mut budget) = (Vec::new(), CODES_LEN_MAX);
    while let Some((&kind, after)) = rest.split_first() {
        rest = after;
        match kind {
            LIBRARY => {
                let code = read_string(&mut rest, budget).ok_or(BROKEN)?;
                budget = budget.saturating_sub(code.len());
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

fn write_length(out: &mut Vec<u8>, len: usize) {
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend_from_slice(&(len as u16 | 0x4000).to_be_bytes()),
        // Arguments are far shorter than 2^32 bytes.
        _ => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

/// A number in front of a string.
enum Length {
    /// So many bytes follow.
    Plain(usize),
    /// The string is written in a way of its own.
    Special(u8),
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    take(rest, N)?.try_into().ok()
}

fn read_length(rest: &mut &[u8]) -> Option<Length> {
    let [first] = take_array(rest)?;
    let low = first & 0x3F;
    let len = match first {
        0..0x40 => u64::from(low),
        0x40..0x80 => {
            let [second] = take_array(rest)?;
            u64::from(low) << 8 | u64::from(second)
        }
        0x80 => u64::from(u32::from_be_bytes(take_array(rest)?)),
        0x81 => u64::from_be_bytes(take_array(rest)?),
        0x82..0xC0 => return None,
        0xC0.. => return Some(Length::Special(low)),
    };
    usize::try_from(len).ok().map(Length::Plain)
}

/// A string, of at most `budget` bytes if it is compressed.
fn read_string(rest: &mut &[u8], budget: usize) -> Option<Vec<u8>> {
    let number = |value: i64| Some(value.to_string().into_bytes());
    match read_length(rest)? {
        Length::Plain(len) => take(rest, len).map(<[u8]>::to_vec),
        Length::Special(0) => number(i8::from_le_bytes(take_array(rest)?).into()),
        Length::Special(1) => number(i16::from_le_bytes(take_array(rest)?).into()),
        Length::Special(2) => number(i32::from_le_bytes(take_array(rest)?).into()),
        Length::Special(3) => read_compressed(rest, budget),
        Length::Special(_) => None,
    }
}

fn read_compressed(rest: &mut &[u8], budget: usize) -> Option<Vec<u8>> {
    let (Length::Plain(short), Length::Plain(len)) = (read_length(rest)?, read_length(rest)?)
    else {
        return None;
    };
    let compressed = take(rest, short)?;
    // Nobody gets a large buffer for a few bytes.
    if len > budget || len > short.saturating_mul(COMPRESSION_MAX) {
        return None;
    }
    lzf::decompress(compressed, len).ok().filter(|code| code.len() == len)
}

#[cfg(test)]
#[path = "payload_test.rs"]
mod tests;
