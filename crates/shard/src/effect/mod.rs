//! Effects: single changes of the keyspace, as the log carries them.
//!
//! An effect names one key (or all, or none) and is absolute (a value, not a difference; a point in time, not a
//! duration), so that replaying needs neither clock nor randomness, and so that a snapshot that
//! already has it can be told to skip it key by key (reference: replication rule R9).
//!
//! # Format
//! One byte of kind, the key, then the fields: byte strings as a LEB128 length and the text,
//! integers as LEB128 (signed ones zigzag). Kinds are never given a new meaning; each type of value
//! has a file here and a range of kinds: keys and strings 1-4 and 7, hashes 5, 6 and 8-15, lists
//! 16-31, sets 32-47, sorted sets 48-63, streams 64-95; replies that are kept 96.
//!
//! # Invariants
//! - I1. Decoding is total: any bytes give effects or [`BadEffect`], never a panic.

mod hash;
mod kept_reply;
mod list;
mod set;
mod stream;
mod string;
pub(crate) mod wire;
mod zset;

pub use hash::HashEffect;
pub use kept_reply::KeepReply;
pub use list::ListEffect;
pub use set::SetEffect;
pub use stream::{PendingEntry, StreamEffect};
pub use string::StringEffect;
pub use zset::ZSetEffect;

use wire::{put_bytes, put_expiry, take_bytes, take_expiry};

/// One change of the keyspace: of a key as such, or inside the value that it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect<'a> {
    /// The key expires then, or never.
    SetExpiry {
        /// The key.
        key: &'a [u8],
        /// Milliseconds since the epoch.
        expiry: Option<i64>,
    },
    /// The key is gone.
    Remove {
        /// The key.
        key: &'a [u8],
    },
    /// The shard is empty.
    Flush,
    /// A string changes.
    String(&'a [u8], StringEffect<'a>),
    /// A hash changes.
    Hash(&'a [u8], HashEffect<'a>),
    /// A list changes.
    List(&'a [u8], ListEffect<'a>),
    /// A set changes.
    Set(&'a [u8], SetEffect<'a>),
    /// A stream changes.
    Stream(&'a [u8], StreamEffect<'a>),
    /// A sorted set changes.
    ZSet(&'a [u8], ZSetEffect<'a>),
    /// A reply is kept.
    KeepReply(KeepReply<'a>),
}

/// What an effect changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// This key.
    Key(&'a [u8]),
    /// All keys.
    AllKeys,
    /// No key.
    NoKey,
}

/// Bytes that are not effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an effect at byte {at}")]
pub struct BadEffect {
    /// Offset of the effect that does not decode, in bytes.
    pub at: usize,
}

const SET_EXPIRY: u8 = 3;
const REMOVE: u8 = 4;
const FLUSH: u8 = 7;

impl<'a> Effect<'a> {
    /// What changes.
    pub fn subject(&self) -> Subject<'a> {
        match *self {
            Self::SetExpiry { key, .. }
            | Self::Remove { key }
            | Self::String(key, _)
            | Self::Hash(key, _)
            | Self::List(key, _)
            | Self::Set(key, _)
            | Self::Stream(key, _)
            | Self::ZSet(key, _) => Subject::Key(key),
            Self::Flush => Subject::AllKeys,
            Self::KeepReply(_) => Subject::NoKey,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::SetExpiry { .. } => SET_EXPIRY,
            Self::Remove { .. } => REMOVE,
            Self::Flush => FLUSH,
            Self::String(_, change) => change.kind(),
            Self::Hash(_, change) => change.kind(),
            Self::List(_, change) => change.kind(),
            Self::Set(_, change) => change.kind(),
            Self::Stream(_, change) => change.kind(),
            Self::ZSet(_, change) => change.kind(),
            Self::KeepReply(_) => kept_reply::KEEP_REPLY,
        }
    }

    /// Appends the effect to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.kind());
        if let Subject::Key(key) = self.subject() {
            put_bytes(out, key);
        }
        match self {
            Self::SetExpiry { expiry, .. } => put_expiry(out, *expiry),
            Self::Remove { .. } | Self::Flush => {}
            Self::String(_, change) => change.encode(out),
            Self::Hash(_, change) => change.encode(out),
            Self::List(_, change) => change.encode(out),
            Self::Set(_, change) => change.encode(out),
            Self::Stream(_, change) => change.encode(out),
            Self::ZSet(_, change) => change.encode(out),
            Self::KeepReply(kept) => kept.encode(out),
        }
    }

    /// The effect as a command that has it: what people are shown.
    pub fn as_command(&self) -> Vec<Vec<u8>> {
        match *self {
            Self::SetExpiry { key, expiry: Some(at) } => words(&[b"PEXPIREAT", key, &number(at)]),
            Self::SetExpiry { key, expiry: None } => words(&[b"PERSIST", key]),
            Self::Remove { key } => words(&[b"DEL", key]),
            Self::Flush => words(&[b"FLUSHALL"]),
            Self::String(key, change) => change.as_command(key),
            Self::Hash(key, change) => change.as_command(key),
            Self::List(key, change) => change.as_command(key),
            Self::Set(key, change) => change.as_command(key),
            Self::Stream(key, change) => change.as_command(key),
            Self::ZSet(key, change) => change.as_command(key),
            Self::KeepReply(KeepReply { id, .. }) => words(&[b"CLIENT", b"IDEMPOTENCY", id]),
        }
    }

    /// All effects in `bytes`, in order.
    pub fn decode_all(bytes: &'a [u8]) -> impl Iterator<Item = Result<Self, BadEffect>> {
        let mut rest = bytes;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let at = bytes.len() - rest.len();
            let effect = decode(&mut rest);
            if effect.is_none() {
                rest = &[];
            }
            Some(effect.ok_or(BadEffect { at }))
        })
    }
}

fn decode<'a>(rest: &mut &'a [u8]) -> Option<Effect<'a>> {
    let (&kind, after) = rest.split_first()?;
    *rest = after;
    if kind == FLUSH {
        return Some(Effect::Flush);
    }
    if kind == kept_reply::KEEP_REPLY {
        return KeepReply::decode(rest).map(Effect::KeepReply);
    }
    let key = take_bytes(rest)?;
    Some(match kind {
        SET_EXPIRY => Effect::SetExpiry { key, expiry: take_expiry(rest)? },
        REMOVE => Effect::Remove { key },
        string::SET | string::SPLICE => Effect::String(key, StringEffect::decode(kind, rest)?),
        5 | 6 | 8..16 => Effect::Hash(key, HashEffect::decode(kind, rest)?),
        16..32 => Effect::List(key, ListEffect::decode(kind, rest)?),
        32..48 => Effect::Set(key, SetEffect::decode(kind, rest)?),
        64..96 => Effect::Stream(key, StreamEffect::decode(kind, rest)?),
        48..64 => Effect::ZSet(key, ZSetEffect::decode(kind, rest)?),
        _ => return None,
    })
}

/// The parts of a command.
fn words(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.to_vec()).collect()
}

/// A number as a part of a command.
fn number(value: i64) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn effects_read_back() {
        let effects = [
            Effect::String(b"k", StringEffect::Set { value: b"v", expiry: Some(-5) }),
            Effect::String(b"", StringEffect::Set { value: &[7; 300], expiry: Some(i64::MAX) }),
            Effect::String(b"k", StringEffect::Splice { offset: u64::MAX, patch: b"p" }),
            Effect::SetExpiry { key: b"k", expiry: None },
            Effect::Remove { key: b"k" },
            Effect::Hash(b"k", HashEffect::Set { field: b"f", value: b"v" }),
            Effect::Hash(b"k", HashEffect::Remove { field: b"f" }),
            Effect::List(b"k", ListEffect::PushHead { element: b"e" }),
            Effect::List(b"k", ListEffect::PushTail { element: b"" }),
            Effect::List(b"k", ListEffect::PopHead { count: 1 }),
            Effect::List(b"k", ListEffect::PopTail { count: u64::MAX }),
            Effect::List(b"k", ListEffect::Set { index: 300, element: b"e" }),
            Effect::List(b"k", ListEffect::Insert { index: 0, element: b"e" }),
            Effect::List(b"k", ListEffect::RemoveEqual { count: i64::MIN, element: b"e" }),
            Effect::Set(b"k", SetEffect::Add { member: b"" }),
            Effect::Set(b"k", SetEffect::Remove { member: b"m" }),
            Effect::ZSet(b"k", ZSetEffect::Set { member: b"m", score: -1.5 }),
            Effect::ZSet(b"k", ZSetEffect::Remove { member: b"m" }),
            Effect::Hash(b"k", HashEffect::SetExpiry { field: b"f", expiry: Some(1 << 46) }),
            Effect::Hash(b"k", HashEffect::SetExpiry { field: b"f", expiry: None }),
            Effect::Flush,
            Effect::KeepReply(KeepReply {
                slot: protocol::slot::Slot::of_key(b"k"),
                id: b"id",
                request: u64::MAX,
                made: -5,
                until: i64::MAX,
                version: protocol::encode::Version::Resp3,
                reply: b"+OK\r\n",
            }),
        ];
        let mut bytes = Vec::new();
        effects.iter().for_each(|effect| effect.encode(&mut bytes));
        let decoded: Result<Vec<_>, _> = Effect::decode_all(&bytes).collect();
        assert_eq!(decoded.unwrap(), effects);
        let cut: Result<Vec<_>, _> = Effect::decode_all(&bytes[..4]).collect();
        assert_eq!(cut, Err(BadEffect { at: 0 }));
    }

    #[test]
    fn effects_as_commands() {
        let words = |effect: Effect<'_>| {
            let parts = effect.as_command();
            parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>()
        };
        let set = Effect::String(b"k", StringEffect::Set { value: b"v", expiry: Some(-5) });
        assert_eq!(words(set), ["SET", "k", "v", "PXAT", "-5"]);
        let splice = Effect::String(b"k", StringEffect::Splice { offset: 3, patch: b"p" });
        assert_eq!(words(splice), ["SETRANGE", "k", "3", "p"]);
        assert_eq!(words(Effect::SetExpiry { key: b"k", expiry: None }), ["PERSIST", "k"]);
        assert_eq!(words(Effect::Flush), ["FLUSHALL"]);
        let zadd = Effect::ZSet(b"k", ZSetEffect::Set { member: b"m", score: f64::INFINITY });
        assert_eq!(words(zadd), ["ZADD", "k", "inf", "m"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Effect::decode_all(&bytes).collect::<Vec<_>>();
        }
    }
}
