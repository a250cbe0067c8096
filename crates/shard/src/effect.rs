//! Effects: single changes of the keyspace, as the log carries them.
//!
//! An effect names one key and is absolute (a value, not a difference; a point in time, not a
//! duration), so that replaying needs neither clock nor randomness, and so that a snapshot that
//! already has it can be told to skip it key by key (reference: replication rule R9).
//!
//! # Format
//! One byte of kind, then its fields: byte strings as a LEB128 length and the text, integers as
//! LEB128 (signed ones zigzag). Kinds are never given a new meaning.
//!
//! # Invariants
//! - I1. Decoding is total: any bytes give effects or [`BadEffect`], never a panic.

/// One change of the keyspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<'a> {
    /// The key holds this string and expires then (milliseconds since the epoch), or never.
    SetString {
        /// The key.
        key: &'a [u8],
        /// The text.
        value: &'a [u8],
        /// Milliseconds since the epoch.
        expiry: Option<i64>,
    },
    /// The string at the key has these bytes at this offset; zeros fill a gap.
    SpliceString {
        /// The key.
        key: &'a [u8],
        /// Byte offset.
        offset: u64,
        /// What is written there.
        patch: &'a [u8],
    },
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
    /// The hash at the key has this field.
    HashSet {
        /// The key.
        key: &'a [u8],
        /// The field.
        field: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// The hash at the key has this field no longer; a hash without fields is gone.
    HashRemove {
        /// The key.
        key: &'a [u8],
        /// The field.
        field: &'a [u8],
    },
    /// The shard is empty.
    Flush,
}

/// Bytes that are not effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an effect at byte {at}")]
pub struct BadEffect {
    /// Offset of the effect that does not decode, in bytes.
    pub at: usize,
}

const SET_STRING: u8 = 1;
const SPLICE_STRING: u8 = 2;
const SET_EXPIRY: u8 = 3;
const REMOVE: u8 = 4;
const HASH_SET: u8 = 5;
const HASH_REMOVE: u8 = 6;
const FLUSH: u8 = 7;

impl<'a> Effect<'a> {
    /// Appends the effect to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::SetString { key, value, expiry } => {
                out.push(SET_STRING);
                put_bytes(out, key);
                put_bytes(out, value);
                put_expiry(out, expiry);
            }
            Self::SpliceString { key, offset, patch } => {
                out.push(SPLICE_STRING);
                put_bytes(out, key);
                put_uint(out, offset);
                put_bytes(out, patch);
            }
            Self::SetExpiry { key, expiry } => {
                out.push(SET_EXPIRY);
                put_bytes(out, key);
                put_expiry(out, expiry);
            }
            Self::Remove { key } => {
                out.push(REMOVE);
                put_bytes(out, key);
            }
            Self::HashSet { key, field, value } => {
                out.push(HASH_SET);
                put_bytes(out, key);
                put_bytes(out, field);
                put_bytes(out, value);
            }
            Self::HashRemove { key, field } => {
                out.push(HASH_REMOVE);
                put_bytes(out, key);
                put_bytes(out, field);
            }
            Self::Flush => out.push(FLUSH),
        }
    }

    /// The effect as a command that has it: what people are shown.
    pub fn as_command(&self) -> Vec<Vec<u8>> {
        let number = |value: i64| value.to_string().into_bytes();
        let words = |parts: &[&[u8]]| parts.iter().map(|part| part.to_vec()).collect();
        match *self {
            Self::SetString { key, value, expiry: None } => words(&[b"SET", key, value]),
            Self::SetString { key, value, expiry: Some(at) } => {
                words(&[b"SET", key, value, b"PXAT", &number(at)])
            }
            Self::SpliceString { key, offset, patch } => {
                words(&[b"SETRANGE", key, offset.to_string().as_bytes(), patch])
            }
            Self::SetExpiry { key, expiry: Some(at) } => words(&[b"PEXPIREAT", key, &number(at)]),
            Self::SetExpiry { key, expiry: None } => words(&[b"PERSIST", key]),
            Self::Remove { key } => words(&[b"DEL", key]),
            Self::HashSet { key, field, value } => words(&[b"HSET", key, field, value]),
            Self::HashRemove { key, field } => words(&[b"HDEL", key, field]),
            Self::Flush => words(&[b"FLUSHALL"]),
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
    Some(match kind {
        SET_STRING => Effect::SetString {
            key: take_bytes(rest)?,
            value: take_bytes(rest)?,
            expiry: take_expiry(rest)?,
        },
        SPLICE_STRING => Effect::SpliceString {
            key: take_bytes(rest)?,
            offset: take_uint(rest)?,
            patch: take_bytes(rest)?,
        },
        SET_EXPIRY => Effect::SetExpiry { key: take_bytes(rest)?, expiry: take_expiry(rest)? },
        REMOVE => Effect::Remove { key: take_bytes(rest)? },
        HASH_SET => Effect::HashSet {
            key: take_bytes(rest)?,
            field: take_bytes(rest)?,
            value: take_bytes(rest)?,
        },
        HASH_REMOVE => Effect::HashRemove { key: take_bytes(rest)?, field: take_bytes(rest)? },
        FLUSH => Effect::Flush,
        _ => return None,
    })
}

fn put_uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_uint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_uint(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(bytes)
}

fn put_expiry(out: &mut Vec<u8>, expiry: Option<i64>) {
    match expiry {
        None => out.push(0),
        Some(at) => {
            out.push(1);
            put_uint(out, (at.wrapping_shl(1) ^ (at >> 63)) as u64);
        }
    }
}

fn take_expiry(rest: &mut &[u8]) -> Option<Option<i64>> {
    let (&present, after) = rest.split_first()?;
    *rest = after;
    match present {
        0 => Some(None),
        1 => {
            let zigzag = take_uint(rest)?;
            Some(Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn effects_read_back() {
        let effects = [
            Effect::SetString { key: b"k", value: b"v", expiry: Some(-5) },
            Effect::SetString { key: b"", value: &[7; 300], expiry: Some(i64::MAX) },
            Effect::SpliceString { key: b"k", offset: u64::MAX, patch: b"p" },
            Effect::SetExpiry { key: b"k", expiry: None },
            Effect::Remove { key: b"k" },
            Effect::HashSet { key: b"k", field: b"f", value: b"v" },
            Effect::HashRemove { key: b"k", field: b"f" },
            Effect::Flush,
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
        let set = Effect::SetString { key: b"k", value: b"v", expiry: Some(-5) };
        assert_eq!(words(set), ["SET", "k", "v", "PXAT", "-5"]);
        let splice = Effect::SpliceString { key: b"k", offset: 3, patch: b"p" };
        assert_eq!(words(splice), ["SETRANGE", "k", "3", "p"]);
        assert_eq!(words(Effect::SetExpiry { key: b"k", expiry: None }), ["PERSIST", "k"]);
        assert_eq!(words(Effect::Flush), ["FLUSHALL"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Effect::decode_all(&bytes).collect::<Vec<_>>();
        }
    }
}
