//! Patterns of BY and GET: a key with a star for the element, and a field behind `->`.

use protocol::slot::Slot;

use crate::keyspace::{Keyspace, Kind};

/// The slot of all keys that a pattern forms; `None` when they may be of several: nothing before
/// the end of the hash tag may depend on the element.
pub(super) fn slot_of(pattern: &[u8]) -> Option<Slot> {
    let mut tag_from = None;
    for (at, byte) in pattern.iter().enumerate() {
        match byte {
            b'*' | b'?' | b'[' | b'\\' => return None,
            b'{' if tag_from.is_none() => tag_from = Some(at + 1),
            b'}' if tag_from.is_some_and(|from| at > from) => break,
            _ => {}
        }
    }
    Some(Slot::of_key(pattern))
}

/// The value that a pattern leads to for an element.
pub(super) fn look_up(keyspace: &mut Keyspace, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    let star = pattern.iter().position(|&byte| byte == b'*')?;
    let behind = &pattern[star + 1..];
    let arrow = behind.windows(2).position(|pair| pair == b"->");
    let (rest, field) = match arrow {
        // An arrow at the end is a part of the key.
        Some(at) if at + 2 < behind.len() => (&behind[..at], Some(&behind[at + 2..])),
        _ => (behind, None),
    };
    let key = [&pattern[..star], element, rest].concat();
    match (field, keyspace.kind(&key)?) {
        (None, Kind::String) => {
            let string = keyspace.string(&key).ok()??;
            Some(string.to_vec())
        }
        (Some(field), Kind::Hash) => {
            let hash = keyspace.hash(&key).ok()??;
            hash.value(field).map(<[u8]>::to_vec)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_patterns() {
        let slot = |key: &str| Some(Slot::of_key(key.as_bytes()));
        assert_eq!(slot_of(b"w_{t}*"), slot("t"));
        assert_eq!(slot_of(b"{t}w_*->{x}"), slot("t"));
        assert_eq!(slot_of(b"plain"), slot("plain"));
        for pattern in ["w_*", "w_*{t}", "{*}", "{}*", "w_?{t}", "{t*"] {
            assert_eq!(slot_of(pattern.as_bytes()), None, "{pattern}");
        }
    }
}
