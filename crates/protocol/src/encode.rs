//! RESP2 and RESP3 values, written straight into a byte buffer.

use crate::number::{write_i64, write_reply_f64};

/// The protocol version that a connection speaks, set by HELLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// RESP2: the version of a new connection.
    #[default]
    Resp2,
    /// RESP3: maps, sets, doubles, booleans and the null have types of their own.
    Resp3,
}

impl Version {
    /// The number that HELLO takes and CLIENT LIST shows.
    pub fn number(self) -> i64 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// `+text`. The text holds no CR or LF: it is ours, not a user's.
#[inline]
pub fn status(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 3);
    out.push(b'+');
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `+text` from untrusted bytes: what could break the framing becomes a blank.
pub fn status_sanitised(out: &mut Vec<u8>, text: &[u8]) {
    line(out, b'+', text);
}

/// `-text` from untrusted bytes: what could break the framing becomes a blank.
pub fn error(out: &mut Vec<u8>, text: &[u8]) {
    line(out, b'-', text);
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.reserve(text.len() + 3);
    out.push(kind);
    out.extend(text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
    out.extend_from_slice(b"\r\n");
}

/// A line of a type byte, an integer and CRLF: `:n`, `$n`, `*n`, `%n`, `~n`, `>n`.
#[inline]
pub fn header(out: &mut Vec<u8>, kind: u8, value: i64) {
    if (0..10).contains(&value) {
        out.extend_from_slice(&[kind, b'0' + value as u8, b'\r', b'\n']);
        return;
    }
    out.push(kind);
    write_i64(out, value);
    out.extend_from_slice(b"\r\n");
}

/// A bulk string.
#[inline]
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 16);
    header(out, b'$', bytes.len() as i64);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// The null: `$-1` or `_`.
#[inline]
pub fn null(out: &mut Vec<u8>, version: Version) {
    out.extend_from_slice(match version {
        Version::Resp2 => b"$-1\r\n",
        Version::Resp3 => b"_\r\n",
    });
}

/// The null array: `*-1` or `_`.
pub fn null_array(out: &mut Vec<u8>, version: Version) {
    out.extend_from_slice(match version {
        Version::Resp2 => b"*-1\r\n",
        Version::Resp3 => b"_\r\n",
    });
}

/// The header of a map of `pairs` pairs: RESP2 clients get a flat array.
pub fn map(out: &mut Vec<u8>, version: Version, pairs: usize) {
    match version {
        Version::Resp2 => header(out, b'*', pairs as i64 * 2),
        Version::Resp3 => header(out, b'%', pairs as i64),
    }
}

/// The header of a set of `count` members: RESP2 clients get an array.
pub fn set(out: &mut Vec<u8>, version: Version, count: usize) {
    match version {
        Version::Resp2 => header(out, b'*', count as i64),
        Version::Resp3 => header(out, b'~', count as i64),
    }
}

/// The header of a push of `count` values: RESP2 clients get an array.
pub fn push(out: &mut Vec<u8>, version: Version, count: usize) {
    match version {
        Version::Resp2 => header(out, b'*', count as i64),
        Version::Resp3 => header(out, b'>', count as i64),
    }
}

/// A double: RESP2 clients get its text as a bulk string.
pub fn double(out: &mut Vec<u8>, version: Version, value: f64) {
    let mut text = Vec::with_capacity(32);
    write_reply_f64(&mut text, value);
    match version {
        Version::Resp2 => bulk(out, &text),
        Version::Resp3 => {
            out.push(b',');
            out.extend_from_slice(&text);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A double as a plain decimal number, see [`decimal_text`]: RESP2 clients get its text as a bulk
/// string.
pub fn decimal(out: &mut Vec<u8>, version: Version, value: f64) {
    let text = decimal_text(value);
    match version {
        Version::Resp2 => bulk(out, &text),
        Version::Resp3 => {
            out.push(b',');
            out.extend_from_slice(&text);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A double in plain decimal, never scientific, rounded to 17 decimals, without zeros at their end.
pub fn decimal_text(value: f64) -> Vec<u8> {
    let text = format!("{value:.17}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { b"0".to_vec() } else { text.as_bytes().to_vec() }
}

/// A boolean: RESP2 clients get 1 or 0.
pub fn boolean(out: &mut Vec<u8>, version: Version, value: bool) {
    out.extend_from_slice(match (version, value) {
        (Version::Resp2, true) => b":1\r\n",
        (Version::Resp2, false) => b":0\r\n",
        (Version::Resp3, true) => b"#t\r\n",
        (Version::Resp3, false) => b"#f\r\n",
    });
}

/// A number beyond 64 bits: RESP2 clients get its text as a bulk string.
pub fn big_number(out: &mut Vec<u8>, version: Version, digits: &[u8]) {
    match version {
        Version::Resp2 => bulk(out, digits),
        Version::Resp3 => line(out, b'(', digits),
    }
}

/// A verbatim string of a three-letter format: RESP2 clients get a bulk string.
pub fn verbatim(out: &mut Vec<u8>, version: Version, format: [u8; 3], bytes: &[u8]) {
    match version {
        Version::Resp2 => bulk(out, bytes),
        Version::Resp3 => {
            header(out, b'=', bytes.len() as i64 + 4);
            out.extend_from_slice(&format);
            out.push(b':');
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_own_shapes() {
        let mut out = Vec::new();
        map(&mut out, Version::Resp2, 2);
        map(&mut out, Version::Resp3, 2);
        null(&mut out, Version::Resp2);
        null(&mut out, Version::Resp3);
        double(&mut out, Version::Resp2, 1.5);
        double(&mut out, Version::Resp3, 1.5);
        verbatim(&mut out, Version::Resp3, *b"txt", b"hi");
        assert_eq!(out, b"*4\r\n%2\r\n$-1\r\n_\r\n$3\r\n1.5\r\n,1.5\r\n=6\r\ntxt:hi\r\n");
    }

    #[test]
    fn decimals_are_never_scientific() {
        for (value, text) in [
            (0.1, "0.10000000000000001"),
            (1e-5, "0.00001"),
            (-0.0, "0"),
            (120.0, "120"),
            (1e20, "100000000000000000000"),
        ] {
            assert_eq!(decimal_text(value), text.as_bytes());
        }
    }

    #[test]
    fn an_error_text_cannot_break_the_framing() {
        let mut out = Vec::new();
        error(&mut out, b"ERR a\r\n+OK\r\n");
        assert_eq!(out, b"-ERR a  +OK  \r\n");
    }
}
