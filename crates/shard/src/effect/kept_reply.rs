//! The effect that a reply is kept for who sends its request again.

use protocol::encode::Version;
use protocol::slot::Slot;

use super::wire::{put_bytes, put_int, put_uint, take_bytes, take_int, take_uint};

/// A reply is kept (CLIENT IDEMPOTENCY). It names a slot and no key: it is no part of any value, and
/// outlives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepReply<'a> {
    /// The slot of the request's keys.
    pub slot: Slot,
    /// What the client calls the request.
    pub id: &'a [u8],
    /// What tells the request from others.
    pub request: u64,
    /// When it ran, in milliseconds since the epoch.
    pub made: i64,
    /// Until when the reply is kept, in milliseconds since the epoch.
    pub until: i64,
    /// The version that the reply is in.
    pub version: Version,
    /// The reply, as it was sent.
    pub reply: &'a [u8],
}

pub(super) const KEEP_REPLY: u8 = 96;

impl<'a> KeepReply<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_uint(out, self.slot.index() as u64);
        put_bytes(out, self.id);
        put_uint(out, self.request);
        put_int(out, self.made);
        put_int(out, self.until);
        put_int(out, self.version.number());
        put_bytes(out, self.reply);
    }

    pub(super) fn decode(rest: &mut &'a [u8]) -> Option<Self> {
        Some(Self {
            slot: Slot::new(u16::try_from(take_uint(rest)?).ok()?)?,
            id: take_bytes(rest)?,
            request: take_uint(rest)?,
            made: take_int(rest)?,
            until: take_int(rest)?,
            version: match take_int(rest)? {
                2 => Version::Resp2,
                3 => Version::Resp3,
                _ => return None,
            },
            reply: take_bytes(rest)?,
        })
    }
}
