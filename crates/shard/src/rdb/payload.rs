//! A value on its own: what DUMP replies and RESTORE takes.
//!
//! The type of the value, the value, and a trailer: the version of the format (2 bytes, little
//! endian) and a checksum of all before it (8 bytes, little endian).

use std::convert::Infallible;

use super::source::Slice;
use super::write::{Output, Writer};
use super::{Loaded, RdbError, Reader, checksum, is_readable, value};
use crate::keyspace::value::ValueView;
use crate::keyspace::{Keyspace, Settings};
use crate::time::Millis;

const TRAILER: usize = 10;

/// A key of the entered slot, to be taken elsewhere: the payload of its value, and when it expires.
/// `None` when there is no such key. To be called between commands.
pub fn of_key(keyspace: &mut Keyspace, key: &[u8]) -> Option<(Vec<u8>, Option<Millis>)> {
    let now = keyspace.now();
    let expiry = keyspace.expiry(key)?;
    let value = keyspace.whole(key)?;
    let Ok(payload) = write(value, now, || Ok::<(), Infallible>(()));
    Some((payload, expiry))
}

/// What a payload with a trailer that is right holds, and its version.
pub(crate) fn open(payload: &[u8]) -> Option<(&[u8], u16)> {
    let (body, trailer) = payload.split_last_chunk::<TRAILER>()?;
    let [low, high, checksum @ ..] = *trailer;
    let version = u16::from_le_bytes([low, high]);
    let sealed = &payload[..payload.len() - checksum.len()];
    let is_right = is_readable(version) && self::checksum(sealed) == u64::from_le_bytes(checksum);
    is_right.then_some((body, version))
}

/// Adds the trailer.
pub(crate) fn seal(mut out: Vec<u8>, version: u16) -> Vec<u8> {
    out.extend_from_slice(&version.to_le_bytes());
    let checksum = checksum(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The value of a body that [`open`] gave. What stands behind it is not looked at, as in Redis.
///
/// # Errors
/// It is not a value. `go_on` has said no.
pub(crate) fn read(
    body: &[u8],
    version: u16,
    settings: &Settings,
    go_on: &dyn Fn() -> bool,
) -> Result<Loaded, RdbError> {
    let mut source = Slice::new(body, go_on);
    let mut reader = Reader::new(&mut source);
    let kind = reader.byte()?;
    value::read(kind, version, &mut reader, settings)
}

/// The payload of a value, as it is at `now`.
///
/// # Errors
/// That of `beat`, which is called every few elements.
pub(crate) fn write<E>(
    value: ValueView<'_>,
    now: Millis,
    mut beat: impl FnMut() -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let kind = value::kind_of(value);
    let mut output = Output::default();
    output.bytes(&[kind]);
    value::write(value, now, &mut Writer::new(&mut output, &mut |_| beat()))?;
    Ok(seal(output.bytes, value::version_of(kind)))
}
