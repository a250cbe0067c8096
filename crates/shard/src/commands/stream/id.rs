//! How clients write ids: of entries, of the ends of intervals, of entries that are to be added.
//!
//! Not a command.

use crate::error::CommandError;
use crate::types::stream::id::StreamId;

const INVALID: CommandError =
    CommandError::Text("ERR Invalid stream ID specified as stream command argument");

/// Longest text of an id, in bytes.
const TEXT_LEN_MAX: usize = 127;

/// `ms` or `ms-seq`; without a sequence number it is `missing`.
pub(super) fn parse_or(text: &[u8], missing: u64) -> Result<StreamId, CommandError> {
    if text.len() > TEXT_LEN_MAX {
        return Err(INVALID);
    }
    let (ms, seq) = match text.iter().position(|&byte| byte == b'-') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let seq = seq.map_or(Some(missing), number);
    match (number(ms), seq) {
        (Some(ms), Some(seq)) => Ok(StreamId { ms, seq }),
        _ => Err(INVALID),
    }
}

/// `ms` or `ms-seq`; without a sequence number it is 0.
pub(super) fn parse(text: &[u8]) -> Result<StreamId, CommandError> {
    parse_or(text, 0)
}

/// A number as C's `strtoull` reads it: Redis takes leading zeros, a plus sign and leading blanks.
fn number(text: &[u8]) -> Option<u64> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    let start = text.iter().position(|byte| !blank(byte))?;
    let text = &text[start..];
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Where an interval begins: an id, `-`, `+`, or an id that is not part of it (`(`).
pub(super) fn parse_start(text: &[u8]) -> Result<StreamId, CommandError> {
    let error = CommandError::Text("ERR invalid start ID for the interval");
    match parse_end_of_interval(text, 0)? {
        (id, false) => Ok(id),
        (id, true) => id.next().ok_or(error),
    }
}

/// Where an interval ends.
pub(super) fn parse_end(text: &[u8]) -> Result<StreamId, CommandError> {
    let error = CommandError::Text("ERR invalid end ID for the interval");
    match parse_end_of_interval(text, u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => id.previous().ok_or(error),
    }
}

/// The id, and whether it is not part of the interval.
fn parse_end_of_interval(text: &[u8], missing: u64) -> Result<(StreamId, bool), CommandError> {
    match text {
        b"-" => Ok((StreamId::MIN, false)),
        b"+" => Ok((StreamId::MAX, false)),
        [b'(', rest @ ..] if !rest.is_empty() => Ok((parse_or(rest, missing)?, true)),
        text => Ok((parse_or(text, missing)?, false)),
    }
}

/// Which id an entry that is added is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewId {
    /// `*`: one of this moment.
    Next,
    /// `ms-*`: one of this millisecond.
    Within(u64),
    /// This one.
    Exactly(StreamId),
}

impl NewId {
    pub(super) fn parse(text: &[u8]) -> Result<Self, CommandError> {
        if text == b"*" {
            return Ok(Self::Next);
        }
        match text.strip_suffix(b"-*").filter(|_| text.len() <= TEXT_LEN_MAX) {
            Some(ms) => number(ms).map(Self::Within).ok_or(INVALID),
            None => Ok(Self::Exactly(parse(text)?)),
        }
    }

    /// The id after `last`, at the time `now_ms`; `None` when it would not be above that.
    pub(super) fn after(self, last: StreamId, now_ms: u64) -> Option<StreamId> {
        let id = match self {
            Self::Next if now_ms > last.ms => StreamId::new(now_ms, 0),
            Self::Next => last.next()?,
            Self::Within(ms) if ms == last.ms => StreamId::new(ms, last.seq.checked_add(1)?),
            Self::Within(ms) => StreamId::new(ms, 0),
            Self::Exactly(id) => id,
        };
        (id > last).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert_eq!(parse(b"5"), Ok(StreamId::new(5, 0)));
        assert_eq!(parse_or(b"5", 9), Ok(StreamId::new(5, 9)));
        assert_eq!(parse(b"05-+3"), Ok(StreamId::new(5, 3)));
        assert_eq!(parse(b"18446744073709551615-18446744073709551615"), Ok(StreamId::MAX));
        for bad in ["", "-", "+", "a", "1-", "-1", "1-2-3", "1-a", "18446744073709551616", "1 "] {
            assert_eq!(parse(bad.as_bytes()), Err(INVALID), "{bad}");
        }
        assert_eq!(parse(&[b'1'; 128]), Err(INVALID));
    }

    #[test]
    fn ends_of_intervals() {
        assert_eq!(parse_start(b"-"), Ok(StreamId::MIN));
        assert_eq!(parse_start(b"(5"), Ok(StreamId::new(5, 1)));
        assert_eq!(parse_end(b"+"), Ok(StreamId::MAX));
        assert_eq!(parse_end(b"5"), Ok(StreamId::new(5, u64::MAX)));
        assert_eq!(parse_end(b"(5-0"), Ok(StreamId::new(4, u64::MAX)));
        assert_eq!(parse_start(b"(-"), Err(INVALID));
        assert_eq!(parse_end(b"("), Err(INVALID));
        assert!(parse_start(b"(18446744073709551615-18446744073709551615").is_err());
        assert!(parse_end(b"(0-0").is_err());
    }

    #[test]
    fn new_ids() {
        let last = StreamId::new(5, 3);
        let after = |text: &str, now| NewId::parse(text.as_bytes()).unwrap().after(last, now);
        assert_eq!(after("*", 9), Some(StreamId::new(9, 0)));
        assert_eq!(after("*", 4), Some(StreamId::new(5, 4)));
        assert_eq!(after("5-*", 9), Some(StreamId::new(5, 4)));
        assert_eq!(after("6-*", 9), Some(StreamId::new(6, 0)));
        assert_eq!(after("4-*", 9), None);
        assert_eq!(after("5-3", 9), None);
        assert_eq!(after("5-4", 9), Some(StreamId::new(5, 4)));
        assert!(NewId::parse(b"*-1").is_err() && NewId::parse(b"a-*").is_err());
    }
}
