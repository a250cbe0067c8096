//! Effects on hashes.

use super::wire::{put_bytes, take_bytes};
use super::words;

/// One change of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashEffect<'a> {
    /// The hash has this field. A missing key is an empty hash.
    Set {
        /// The field.
        field: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// The hash has this field no longer; a hash without fields is gone.
    Remove {
        /// The field.
        field: &'a [u8],
    },
}

pub(super) const SET: u8 = 5;
pub(super) const REMOVE: u8 = 6;

impl<'a> HashEffect<'a> {
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Set { .. } => SET,
            Self::Remove { .. } => REMOVE,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Set { field, value } => {
                put_bytes(out, field);
                put_bytes(out, value);
            }
            Self::Remove { field } => put_bytes(out, field),
        }
    }

    pub(super) fn decode(kind: u8, rest: &mut &'a [u8]) -> Option<Self> {
        Some(match kind {
            SET => Self::Set { field: take_bytes(rest)?, value: take_bytes(rest)? },
            REMOVE => Self::Remove { field: take_bytes(rest)? },
            _ => return None,
        })
    }

    pub(super) fn as_command(&self, key: &[u8]) -> Vec<Vec<u8>> {
        match *self {
            Self::Set { field, value } => words(&[b"HSET", key, field, value]),
            Self::Remove { field } => words(&[b"HDEL", key, field]),
        }
    }
}
