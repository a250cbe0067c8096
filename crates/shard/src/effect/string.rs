//! Effects on strings.

use super::wire::{put_bytes, put_expiry, put_uint, take_bytes, take_expiry, take_uint};
use super::{number, words};

/// One change of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringEffect<'a> {
    /// The key holds this string, whatever it held before, and expires then (milliseconds since
    /// the epoch), or never.
    Set {
        /// The text.
        value: &'a [u8],
        /// Milliseconds since the epoch.
        expiry: Option<i64>,
    },
    /// The string has these bytes at this offset; zeros fill a gap. A missing key is an empty one.
    Splice {
        /// Byte offset.
        offset: u64,
        /// What is written there.
        patch: &'a [u8],
    },
}

pub(super) const SET: u8 = 1;
pub(super) const SPLICE: u8 = 2;

impl<'a> StringEffect<'a> {
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Set { .. } => SET,
            Self::Splice { .. } => SPLICE,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Set { value, expiry } => {
                put_bytes(out, value);
                put_expiry(out, expiry);
            }
            Self::Splice { offset, patch } => {
                put_uint(out, offset);
                put_bytes(out, patch);
            }
        }
    }

    pub(super) fn decode(kind: u8, rest: &mut &'a [u8]) -> Option<Self> {
        Some(match kind {
            SET => Self::Set { value: take_bytes(rest)?, expiry: take_expiry(rest)? },
            SPLICE => Self::Splice { offset: take_uint(rest)?, patch: take_bytes(rest)? },
            _ => return None,
        })
    }

    pub(super) fn as_command(&self, key: &[u8]) -> Vec<Vec<u8>> {
        match *self {
            Self::Set { value, expiry: None } => words(&[b"SET", key, value]),
            Self::Set { value, expiry: Some(at) } => {
                words(&[b"SET", key, value, b"PXAT", &number(at)])
            }
            Self::Splice { offset, patch } => {
                words(&[b"SETRANGE", key, offset.to_string().as_bytes(), patch])
            }
        }
    }
}
