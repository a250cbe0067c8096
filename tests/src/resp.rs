//! A small blocking client that sends exactly what it is told to and shows exactly what comes back.
//!
//! Replies are values, and text: `+OK`, `-ERR …`, `:1`, `$text`, `_` for every null, `[:1 $a]` for
//! arrays, `%{$k:$v}` for maps, `~[…]` for sets, `>[…]` for pushes, `,1.5`, `#t`, `(123`, `=txt:…`.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::PATIENCE;
use crate::tls::{self, Wire};

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A line that begins with this: `+`, `-`, `:`, `,`, `#`, `(`.
    Line(char, String),
    /// `$` or `=`.
    Bulk(char, Vec<u8>),
    Null,
    /// `*`, `~` or `>`.
    Array(char, Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// The text of a bulk string, a status or an error.
    ///
    /// # Panics
    /// For other values.
    #[track_caller]
    pub fn text(&self) -> String {
        match self {
            Self::Bulk('=', bytes) => String::from_utf8_lossy(&bytes[4..]).into_owned(),
            Self::Bulk(_, bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Line('+' | '-', line) => line.clone(),
            other => panic!("not a text: {other}"),
        }
    }

    /// The parts of an array.
    ///
    /// # Panics
    /// For other values.
    #[track_caller]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(_, items) => items,
            other => panic!("not an array: {other}"),
        }
    }

    /// An integer.
    ///
    /// # Panics
    /// For other values.
    #[track_caller]
    pub fn int(&self) -> i64 {
        match self {
            Self::Line(':', line) => line.parse().expect("an integer"),
            other => panic!("not an integer: {other}"),
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Line('-', _))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(kind, line) => write!(f, "{kind}{line}"),
            Self::Bulk(kind, bytes) => write!(f, "{kind}{}", bytes.escape_ascii()),
            Self::Null => f.write_str("_"),
            Self::Array(kind, items) => {
                if *kind != '*' {
                    write!(f, "{kind}")?;
                }
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { " " })?;
                }
                f.write_str("]")
            }
            Self::Map(pairs) => {
                f.write_str("%{")?;
                for (at, (key, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{key}:{value}", if at == 0 { "" } else { " " })?;
                }
                f.write_str("}")
            }
        }
    }
}

/// A connection. See the module.
#[derive(Debug)]
pub struct Client {
    stream: Box<dyn Wire>,
    input: Vec<u8>,
    taken: usize,
}

impl Client {
    /// Connects to a port of this machine.
    ///
    /// # Panics
    /// When nobody answers there.
    #[track_caller]
    pub fn connect(port: u16) -> Self {
        match Self::try_connect(port) {
            Ok(client) => client,
            Err(error) => panic!("connect to port {port}: {error}"),
        }
    }

    /// Connects to a port of this machine.
    ///
    /// # Errors
    /// Nobody answers there.
    pub fn try_connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: Box::new(stream), input: Vec::new(), taken: 0 })
    }

    /// Connects to a port of this machine by TLS. A server that does not want this client says so
    /// when the client reads.
    ///
    /// # Panics
    /// When nobody answers there.
    #[track_caller]
    pub fn connect_tls(port: u16, config: &tls::Config) -> Self {
        match Self::try_connect_tls(port, config) {
            Ok(client) => client,
            Err(error) => panic!("connect to port {port} by TLS: {error}"),
        }
    }

    /// The same.
    ///
    /// # Errors
    /// Nobody answers there.
    pub fn try_connect_tls(port: u16, config: &tls::Config) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: Box::new(tls::wrap(stream, config)), input: Vec::new(), taken: 0 })
    }

    /// The address of this end, as CLIENT LIST shows it.
    pub fn address(&self) -> String {
        self.stream.socket().local_addr().expect("a connected socket has an address").to_string()
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// When the connection is broken.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("send");
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Says that nothing more will be sent.
    pub fn end_sending(&mut self) {
        self.stream.socket().shutdown(Shutdown::Write).expect("shutdown");
    }

    /// Sends a line of words (quotes and escapes as in redis-cli), without waiting for the reply.
    #[track_caller]
    pub fn send_line(&mut self, line: &str) {
        self.send(&encode(&split(line)));
    }

    /// Sends a request of these parts, without waiting for the reply.
    #[track_caller]
    pub fn send_parts<T: AsRef<[u8]>>(&mut self, parts: &[T]) {
        self.send(&encode(parts));
    }

    /// The next reply.
    ///
    /// # Panics
    /// When none comes, or the connection ends before it.
    #[track_caller]
    pub fn read(&mut self) -> Value {
        match self.try_read() {
            Ok(Some(value)) => value,
            Ok(None) => panic!("the connection was closed in place of a reply"),
            Err(error) => panic!("in place of a reply: {error}"),
        }
    }

    /// The next reply; `None` when the connection ends before it.
    ///
    /// # Errors
    /// Nothing comes, or what comes is not RESP.
    pub fn try_read(&mut self) -> io::Result<Option<Value>> {
        loop {
            let mut rest = &self.input[self.taken..];
            let before = rest.len();
            if let Some(value) = parse(&mut rest)? {
                self.taken += before - rest.len();
                if rest.is_empty() {
                    self.input.clear();
                    self.taken = 0;
                }
                return Ok(Some(value));
            }
            if !self.receive()? {
                return Ok(None);
            }
        }
    }

    /// Reads more; `false` at the end.
    fn receive(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.input.extend_from_slice(&buffer[..count]);
                Ok(true)
            }
            // A server that ends a client does not always say goodbye first.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Runs a line of words and returns the reply.
    #[track_caller]
    pub fn value(&mut self, line: &str) -> Value {
        self.send_line(line);
        self.read()
    }

    /// Runs a line of words and returns the reply as text.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> String {
        self.value(line).to_string()
    }

    /// Runs a request of these parts and returns the reply as text.
    #[track_caller]
    pub fn call<T: AsRef<[u8]>>(&mut self, parts: &[T]) -> String {
        self.send_parts(parts);
        self.read().to_string()
    }

    /// Runs a line and compares the reply.
    #[track_caller]
    pub fn check(&mut self, line: &str, reply: &str) {
        assert_eq!(self.run(line), reply, "{line}");
    }

    /// Runs a line and compares the beginning of the reply.
    #[track_caller]
    pub fn check_start(&mut self, line: &str, start: &str) {
        let reply = self.run(line);
        assert!(reply.starts_with(start), "{line}: {reply}");
    }

    /// Sends all lines at once and returns all replies.
    #[track_caller]
    pub fn pipeline<T: AsRef<str>>(&mut self, lines: &[T]) -> Vec<String> {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| encode(&split(line.as_ref()))).collect();
        self.send(&bytes);
        lines.iter().map(|_| self.read().to_string()).collect()
    }

    /// What comes in reply to SYNC: a length and so many bytes.
    ///
    /// # Panics
    /// When something else comes.
    #[track_caller]
    pub fn read_copy(&mut self) -> Vec<u8> {
        loop {
            let rest = &self.input[self.taken..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(&rest[..end]).into_owned();
                let count = line.trim_end().strip_prefix('$').and_then(|text| text.parse().ok());
                let count: usize = count.unwrap_or_else(|| panic!("no length: {line}"));
                if let Some(copy) = rest.get(end + 1..end + 1 + count) {
                    let copy = copy.to_vec();
                    self.taken += end + 1 + count;
                    return copy;
                }
            }
            assert!(self.receive().expect("more of it"), "the connection ends in the middle");
        }
    }

    /// Checks that nothing more comes and that the connection is closed.
    #[track_caller]
    pub fn check_closed(&mut self) {
        match self.try_read() {
            Ok(None) => {}
            Ok(Some(value)) => panic!("in place of the end: {value}"),
            Err(error) => panic!("in place of the end: {error}"),
        }
    }

    /// Whether nothing comes for this long.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream.socket().set_read_timeout(Some(time)).expect("set a timeout");
        let silent = self.input[self.taken..].is_empty()
            && self.receive().is_err_and(|error| {
                matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
            });
        self.stream.socket().set_read_timeout(Some(PATIENCE)).expect("set a timeout");
        silent
    }
}

/// A request as it goes over the wire.
pub fn encode<T: AsRef<[u8]>>(parts: &[T]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        let part = part.as_ref();
        out.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// The words of a line: separated by blanks, `'…'` literal, `"…"` with escapes.
///
/// # Panics
/// When a quote stays open.
#[track_caller]
pub fn split(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim().as_bytes();
    while let Some(&first) = rest.first() {
        let mut word = Vec::new();
        if matches!(first, b'\'' | b'"') {
            rest = &rest[1..];
            loop {
                match rest {
                    [] => panic!("an open quote: {line}"),
                    [quote, after @ ..] if *quote == first => {
                        rest = after;
                        break;
                    }
                    [b'\\', ..] if first == b'"' => rest = unescape(rest, &mut word),
                    [byte, after @ ..] => {
                        word.push(*byte);
                        rest = after;
                    }
                }
            }
        } else {
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            word.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
        }
        words.push(word);
        rest = rest.trim_ascii_start();
    }
    words
}

/// Text with `\r`, `\n`, `\t`, `\0`, `\\`, `\"` and `\xHH` as bytes.
pub fn unescape_all(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut out = Vec::new();
    while let [byte, after @ ..] = rest {
        if *byte == b'\\' {
            rest = unescape(rest, &mut out);
        } else {
            out.push(*byte);
            rest = after;
        }
    }
    out
}

/// Takes one escape off the front.
fn unescape<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    match rest {
        [_, b'x', high, low, after @ ..] => {
            let digits = [*high, *low];
            let digits = std::str::from_utf8(&digits).expect("two hexadecimal digits");
            out.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            after
        }
        [_, letter, after @ ..] => {
            out.push(match letter {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'0' => 0,
                other => *other,
            });
            after
        }
        _ => panic!("an escape without a letter"),
    }
}

/// Takes a value off the front; `None` when it is incomplete.
fn parse(rest: &mut &[u8]) -> io::Result<Option<Value>> {
    let mut input = *rest;
    let value = parse_value(&mut input)?;
    if value.is_some() {
        *rest = input;
    }
    Ok(value)
}

fn parse_value(rest: &mut &[u8]) -> io::Result<Option<Value>> {
    let bad = |line: &[u8]| {
        io::Error::new(io::ErrorKind::InvalidData, format!("not RESP: {}", line.escape_ascii()))
    };
    let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let line = &rest[..end];
    let (Some(&kind), text) = (line.first(), String::from_utf8_lossy(line.get(1..).unwrap_or(b"")))
    else {
        return Err(bad(line));
    };
    *rest = &rest[end + 2..];
    let count = || text.parse::<i64>().map_err(|_| bad(line));
    let kind = char::from(kind);
    Ok(Some(match kind {
        '+' | '-' | ':' | ',' | '#' | '(' => Value::Line(kind, text.into_owned()),
        '_' => Value::Null,
        '$' | '=' | '*' if text == "-1" => Value::Null,
        '$' | '=' => {
            let len = usize::try_from(count()?).map_err(|_| bad(line))?;
            let Some(bytes) = rest.get(..len + 2) else { return Ok(None) };
            if !bytes.ends_with(b"\r\n") {
                return Err(bad(bytes));
            }
            *rest = &rest[len + 2..];
            Value::Bulk(kind, bytes[..len].to_vec())
        }
        '*' | '~' | '>' | '%' => {
            let parts = if kind == '%' { count()? * 2 } else { count()? };
            let mut values = Vec::new();
            for _ in 0..parts {
                let Some(value) = parse_value(rest)? else { return Ok(None) };
                values.push(value);
            }
            if kind != '%' {
                return Ok(Some(Value::Array(kind, values)));
            }
            let mut pairs = Vec::new();
            let mut values = values.into_iter();
            while let (Some(key), Some(value)) = (values.next(), values.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        }
        _ => return Err(bad(line)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_text() {
        let mut rest = &b"*3\r\n$1\r\na\r\n%1\r\n+k\r\n:-1\r\n_\r\n$-1\r\n"[..];
        assert_eq!(parse(&mut rest).unwrap().unwrap().to_string(), "[$a %{+k::-1} _]");
        assert_eq!(parse(&mut rest).unwrap(), Some(Value::Null));
        let mut rest = &b"*2\r\n$3\r\nab"[..];
        assert_eq!(parse(&mut rest).unwrap(), None);
        assert!(parse(&mut &b"?\r\n"[..]).is_err());
    }

    #[test]
    fn words_are_split_as_redis_cli_does() {
        assert_eq!(split(r#" SET 'a b' "c\x00\n" d'e "#), [b"SET", &b"a b"[..], b"c\0\n", b"d'e"]);
        assert_eq!(split("a '' b"), [&b"a"[..], b"", b"b"]);
    }
}
