//! Effects on hashes.

use super::wire::{put_bytes, put_expiry, take_bytes, take_expiry};
use super::{number, words};

/// One change of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashEffect<'a> {
    /// The hash has this field, and it never expires. A missing key is an empty hash.
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
    /// The field, if it is there, expires then, or never.
    SetExpiry {
        /// The field.
        field: &'a [u8],
        /// Milliseconds since the epoch.
        expiry: Option<i64>,
    },
}

pub(super) const SET: u8 = 5;
pub(super) const REMOVE: u8 = 6;
pub(super) const SET_EXPIRY: u8 = 8;

impl<'a> HashEffect<'a> {
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Set { .. } => SET,
            Self::Remove { .. } => REMOVE,
            Self::SetExpiry { .. } => SET_EXPIRY,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Set { field, value } => {
                put_bytes(out, field);
                put_bytes(out, value);
            }
            Self::Remove { field } => put_bytes(out, field),
            Self::SetExpiry { field, expiry } => {
                put_bytes(out, field);
                put_expiry(out, expiry);
            }
        }
    }

    pub(super) fn decode(kind: u8, rest: &mut &'a [u8]) -> Option<Self> {
        Some(match kind {
            SET => Self::Set { field: take_bytes(rest)?, value: take_bytes(rest)? },
            REMOVE => Self::Remove { field: take_bytes(rest)? },
            SET_EXPIRY => Self::SetExpiry { field: take_bytes(rest)?, expiry: take_expiry(rest)? },
            _ => return None,
        })
    }

    pub(super) fn as_command(&self, key: &[u8]) -> Vec<Vec<u8>> {
        match *self {
            Self::Set { field, value } => words(&[b"HSET", key, field, value]),
            Self::Remove { field } => words(&[b"HDEL", key, field]),
            Self::SetExpiry { field, expiry: Some(at) } => {
                words(&[b"HPEXPIREAT", key, &number(at), b"FIELDS", b"1", field])
            }
            Self::SetExpiry { field, expiry: None } => {
                words(&[b"HPERSIST", key, b"FIELDS", b"1", field])
            }
        }
    }
}
