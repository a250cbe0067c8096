//! Where a handler puts its reply: RESP for a connection, values for a script.
//!
//! Handlers do not know which. Inside the process there is no RESP text: a script's reply goes
//! straight onto the Lua stack.

use protocol::encode::{self, Version, decimal_text};

use crate::error::CommandError;
use crate::script::sink::LuaSink;
use crate::types::string::StringView;

/// The reply of one command.
pub struct Reply<'a>(Sink<'a>);

enum Sink<'a> {
    Resp { out: &'a mut Vec<u8>, version: Version },
    Lua(&'a mut LuaSink),
}

impl<'a> Reply<'a> {
    /// A reply that is appended to `out` as RESP.
    #[inline]
    pub fn resp(out: &'a mut Vec<u8>, version: Version) -> Self {
        Self(Sink::Resp { out, version })
    }

    /// A reply that becomes a Lua value.
    pub(crate) fn lua(sink: &'a mut LuaSink) -> Self {
        Self(Sink::Lua(sink))
    }

    /// The bytes written so far and the version, when the reply goes to a connection.
    pub fn as_resp(&mut self) -> Option<(&mut Vec<u8>, Version)> {
        match &mut self.0 {
            Sink::Resp { out, version } => Some((out, *version)),
            Sink::Lua(_) => None,
        }
    }

    /// Changes the version of the reply and of those that follow (HELLO).
    pub fn set_version(&mut self, new: Version) {
        if let Sink::Resp { version, .. } = &mut self.0 {
            *version = new;
        }
    }

    /// The protocol version that the reply is in. In scripts that is what `redis.setresp` said.
    pub fn version(&self) -> Version {
        match &self.0 {
            Sink::Resp { version, .. } => *version,
            Sink::Lua(sink) => sink.version(),
        }
    }

    /// `OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.status("OK");
    }

    /// A status: a word of the protocol, not a user's text.
    #[inline]
    pub fn status(&mut self, text: &str) {
        match &mut self.0 {
            Sink::Resp { out, .. } => encode::status(out, text),
            Sink::Lua(sink) => sink.status(text.as_bytes()),
        }
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        match &mut self.0 {
            Sink::Resp { out, .. } => encode::header(out, b':', value),
            Sink::Lua(sink) => sink.int(value),
        }
    }

    /// A count.
    #[inline]
    pub fn count(&mut self, value: usize) {
        self.int(value as i64);
    }

    /// 1 or 0: what commands that are older than RESP3 reply for yes and no.
    #[inline]
    pub fn flag(&mut self, value: bool) {
        self.int(i64::from(value));
    }

    /// A byte string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Sink::Resp { out, .. } => encode::bulk(out, bytes),
            Sink::Lua(sink) => sink.bulk(bytes),
        }
    }

    /// The text of a string value.
    #[inline]
    pub fn string(&mut self, value: StringView<'_>) {
        value.with_text(|text| self.bulk(text));
    }

    /// A byte string, or the null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// The null (`$-1` in RESP2).
    #[inline]
    pub fn null(&mut self) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::null(out, *version),
            Sink::Lua(sink) => sink.null(),
        }
    }

    /// The null in place of an array (`*-1` in RESP2).
    pub fn null_array(&mut self) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::null_array(out, *version),
            Sink::Lua(sink) => sink.null(),
        }
    }

    /// An array; `count` values follow.
    #[inline]
    pub fn array(&mut self, count: usize) {
        match &mut self.0 {
            Sink::Resp { out, .. } => encode::header(out, b'*', count as i64),
            Sink::Lua(sink) => sink.array(count),
        }
    }

    /// A map; `pairs` keys follow, each with its value. A flat array in RESP2.
    pub fn map(&mut self, pairs: usize) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::map(out, *version, pairs),
            Sink::Lua(sink) => sink.map(pairs),
        }
    }

    /// A set; `count` members follow. An array in RESP2.
    pub fn set(&mut self, count: usize) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::set(out, *version, count),
            Sink::Lua(sink) => sink.set(count),
        }
    }

    /// A push; `count` values follow. An array in RESP2, and in scripts, which never get one.
    pub fn push(&mut self, count: usize) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::push(out, *version, count),
            Sink::Lua(sink) => sink.array(count),
        }
    }

    /// A double. Its text in RESP2.
    pub fn double(&mut self, value: f64) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::double(out, *version, value),
            Sink::Lua(sink) => sink.double(value),
        }
    }

    /// A double as a plain decimal number of up to 17 decimals. Its text in RESP2.
    pub fn decimal(&mut self, value: f64) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::decimal(out, *version, value),
            Sink::Lua(sink) if sink.version() == Version::Resp3 => sink.double(value),
            Sink::Lua(sink) => sink.bulk(&decimal_text(value)),
        }
    }

    /// A boolean. 1 or 0 in RESP2.
    pub fn boolean(&mut self, value: bool) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::boolean(out, *version, value),
            Sink::Lua(sink) => sink.boolean(value),
        }
    }

    /// An integer of any size, by its digits. A byte string in RESP2.
    pub fn big_number(&mut self, digits: &[u8]) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::big_number(out, *version, digits),
            Sink::Lua(sink) => sink.big_number(digits),
        }
    }

    /// An attribute; `pairs` keys follow, each with its value, and then the reply that it is about.
    /// False, with nothing written, where there are none: in RESP2 and in scripts.
    pub fn attribute(&mut self, pairs: usize) -> bool {
        match &mut self.0 {
            Sink::Resp { out, version: Version::Resp3 } => {
                encode::header(out, b'|', pairs as i64);
                true
            }
            Sink::Resp { .. } | Sink::Lua(_) => false,
        }
    }

    /// Text for people (`txt`). A byte string in RESP2.
    pub fn verbatim(&mut self, text: &[u8]) {
        match &mut self.0 {
            Sink::Resp { out, version } => encode::verbatim(out, *version, *b"txt", text),
            Sink::Lua(sink) => sink.verbatim(*b"txt", text),
        }
    }

    /// An error in place of a value: the reply of a command inside of EXEC, or of all of it.
    pub fn error(&mut self, error: &CommandError) {
        self.error_text(error.to_string().as_bytes());
    }

    /// An error with this text, its code first.
    pub fn error_text(&mut self, text: &[u8]) {
        match &mut self.0 {
            Sink::Resp { out, .. } => encode::error(out, text),
            Sink::Lua(sink) => sink.error(text),
        }
    }
}
