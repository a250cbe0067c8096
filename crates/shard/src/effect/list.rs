//! Effects on lists.

use super::wire::{put_bytes, put_int, put_uint, take_bytes, take_int, take_uint};
use super::words;

/// One change of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListEffect<'a> {
    /// The list begins with this element. A missing key is an empty list.
    PushHead {
        /// The element.
        element: &'a [u8],
    },
    /// The list ends with this element. A missing key is an empty list.
    PushTail {
        /// The element.
        element: &'a [u8],
    },
    /// The first elements are gone; a list without elements is, too.
    PopHead {
        /// How many.
        count: u64,
    },
    /// The last elements are gone; a list without elements is, too.
    PopTail {
        /// How many.
        count: u64,
    },
    /// The list has this element there, in place of another one.
    Set {
        /// From the head; 0 is the first.
        index: u64,
        /// The element.
        element: &'a [u8],
    },
    /// The list has this element before the one that had this index.
    Insert {
        /// From the head; the length is the end.
        index: u64,
        /// The element.
        element: &'a [u8],
    },
    /// Elements equal to this one are gone; a list without elements is, too.
    RemoveEqual {
        /// How many: from the head on, negative from the tail on, 0 all.
        count: i64,
        /// The element.
        element: &'a [u8],
    },
}

const PUSH_HEAD: u8 = 16;
const PUSH_TAIL: u8 = 17;
const POP_HEAD: u8 = 18;
const POP_TAIL: u8 = 19;
const SET: u8 = 20;
const INSERT: u8 = 21;
const REMOVE_EQUAL: u8 = 22;

impl<'a> ListEffect<'a> {
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::PushHead { .. } => PUSH_HEAD,
            Self::PushTail { .. } => PUSH_TAIL,
            Self::PopHead { .. } => POP_HEAD,
            Self::PopTail { .. } => POP_TAIL,
            Self::Set { .. } => SET,
            Self::Insert { .. } => INSERT,
            Self::RemoveEqual { .. } => REMOVE_EQUAL,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::PushHead { element } | Self::PushTail { element } => put_bytes(out, element),
            Self::PopHead { count } | Self::PopTail { count } => put_uint(out, count),
            Self::Set { index, element } | Self::Insert { index, element } => {
                put_uint(out, index);
                put_bytes(out, element);
            }
            Self::RemoveEqual { count, element } => {
                put_int(out, count);
                put_bytes(out, element);
            }
        }
    }

    pub(super) fn decode(kind: u8, rest: &mut &'a [u8]) -> Option<Self> {
        Some(match kind {
            PUSH_HEAD => Self::PushHead { element: take_bytes(rest)? },
            PUSH_TAIL => Self::PushTail { element: take_bytes(rest)? },
            POP_HEAD => Self::PopHead { count: take_uint(rest)? },
            POP_TAIL => Self::PopTail { count: take_uint(rest)? },
            SET => Self::Set { index: take_uint(rest)?, element: take_bytes(rest)? },
            INSERT => Self::Insert { index: take_uint(rest)?, element: take_bytes(rest)? },
            REMOVE_EQUAL => {
                Self::RemoveEqual { count: take_int(rest)?, element: take_bytes(rest)? }
            }
            _ => return None,
        })
    }

    /// No command inserts at an index, so that one is only like a command.
    pub(super) fn as_command(&self, key: &[u8]) -> Vec<Vec<u8>> {
        match *self {
            Self::PushHead { element } => words(&[b"LPUSH", key, element]),
            Self::PushTail { element } => words(&[b"RPUSH", key, element]),
            Self::PopHead { count } => words(&[b"LPOP", key, count.to_string().as_bytes()]),
            Self::PopTail { count } => words(&[b"RPOP", key, count.to_string().as_bytes()]),
            Self::Set { index, element } => {
                words(&[b"LSET", key, index.to_string().as_bytes(), element])
            }
            Self::Insert { index, element } => {
                words(&[b"LINSERT", key, b"AT", index.to_string().as_bytes(), element])
            }
            Self::RemoveEqual { count, element } => {
                words(&[b"LREM", key, count.to_string().as_bytes(), element])
            }
        }
    }
}
