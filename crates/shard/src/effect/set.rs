//! Effects on sets.

use super::wire::{put_bytes, take_bytes};
use super::words;

/// One change of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetEffect<'a> {
    /// The set has this member. A missing key is an empty set.
    Add {
        /// The member.
        member: &'a [u8],
    },
    /// The set has this member no longer; a set without members is gone.
    Remove {
        /// The member.
        member: &'a [u8],
    },
}

const ADD: u8 = 32;
const REMOVE: u8 = 33;

impl<'a> SetEffect<'a> {
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Add { .. } => ADD,
            Self::Remove { .. } => REMOVE,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Add { member } | Self::Remove { member } => put_bytes(out, member),
        }
    }

    pub(super) fn decode(kind: u8, rest: &mut &'a [u8]) -> Option<Self> {
        Some(match kind {
            ADD => Self::Add { member: take_bytes(rest)? },
            REMOVE => Self::Remove { member: take_bytes(rest)? },
            _ => return None,
        })
    }

    pub(super) fn as_command(&self, key: &[u8]) -> Vec<Vec<u8>> {
        match *self {
            Self::Add { member } => words(&[b"SADD", key, member]),
            Self::Remove { member } => words(&[b"SREM", key, member]),
        }
    }
}
