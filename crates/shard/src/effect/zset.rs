//! Effects on sorted sets.

use protocol::number::write_f64;

use super::wire::{put_bytes, put_double, take_bytes, take_double};
use super::words;

/// One change of a sorted set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ZSetEffect<'a> {
    /// The member has this score. A missing key is an empty sorted set.
    Set {
        /// The member.
        member: &'a [u8],
        /// Its score, which is a number.
        score: f64,
    },
    /// The sorted set has this member no longer; one without members is gone.
    Remove {
        /// The member.
        member: &'a [u8],
    },
}

pub(super) const SET: u8 = 48;
pub(super) const REMOVE: u8 = 49;

impl<'a> ZSetEffect<'a> {
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Set { .. } => SET,
            Self::Remove { .. } => REMOVE,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Set { member, score } => {
                put_bytes(out, member);
                put_double(out, score);
            }
            Self::Remove { member } => put_bytes(out, member),
        }
    }

    pub(super) fn decode(kind: u8, rest: &mut &'a [u8]) -> Option<Self> {
        Some(match kind {
            SET => {
                let member = take_bytes(rest)?;
                Self::Set { member, score: take_double(rest).filter(|score| !score.is_nan())? }
            }
            REMOVE => Self::Remove { member: take_bytes(rest)? },
            _ => return None,
        })
    }

    pub(super) fn as_command(&self, key: &[u8]) -> Vec<Vec<u8>> {
        match *self {
            Self::Set { member, score } => {
                let mut text = Vec::new();
                write_f64(&mut text, score);
                words(&[b"ZADD", key, &text, member])
            }
            Self::Remove { member } => words(&[b"ZREM", key, member]),
        }
    }
}
