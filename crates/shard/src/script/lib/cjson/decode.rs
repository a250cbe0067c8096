//! `cjson.decode`: JSON as Lua values.
//!
//! The tables under construction lie on the Lua stack, each object with the key that waits for its
//! value, so nesting is bounded by the depth setting and by the stack, as in the C library.

use std::ffi::c_int;

use super::{Setting, Settings, scan};
use crate::script::host::Host;
use crate::script::lib::number::read_prefix;
use crate::script::lib::{TABLE_MAX, Watch, raise, watched};
use crate::script::raw::{Raise, Stack};

/// A piece of JSON.
#[derive(Clone, Copy)]
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// A string without escapes: from here to there.
    Plain(usize, usize),
    /// A string with escapes, which lies in the scratch buffer.
    Escaped,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    /// None: why.
    Error(&'static str),
}

impl Token {
    /// Its name in errors.
    fn name(self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::Plain(..) | Self::Escaped => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Error(reason) => reason,
        }
    }
}

/// Cuts a text into tokens.
struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the last token begins, or what is wrong with it.
    index: usize,
    scratch: Vec<u8>,
    /// Numbers that JSON does not have are accepted.
    lenient: bool,
}

impl Lexer<'_> {
    /// The byte at a place; a zero beyond the end, where C has one as well.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn next(&mut self) -> Token {
        let mut first = self.byte(self.at);
        while matches!(first, b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
            first = self.byte(self.at);
        }
        self.index = self.at;
        let token = match first {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b':' => Token::Colon,
            b',' => Token::Comma,
            0 => return Token::End,
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' if self.lenient || !self.is_odd_number() => return self.number(),
            b'-' | b'0'..=b'9' => return Token::Error("invalid number"),
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' => return self.word(),
            _ => return Token::Error("invalid token"),
        };
        self.at += 1;
        token
    }

    fn word(&mut self) -> Token {
        let (token, len) = match self.rest() {
            [b't', b'r', b'u', b'e', ..] => (Token::Boolean(true), 4),
            [b'f', b'a', b'l', b's', b'e', ..] => (Token::Boolean(false), 5),
            [b'n', b'u', b'l', b'l', ..] => (Token::Null, 4),
            _ if self.lenient && self.is_odd_number() => return self.number(),
            _ => return Token::Error("invalid token"),
        };
        self.at += len;
        token
    }

    /// Whether what begins here is a number to C and none to JSON.
    fn is_odd_number(&self) -> bool {
        let at = match self.byte(self.at) {
            b'+' => return true,
            b'-' => self.at + 1,
            _ => self.at,
        };
        if self.byte(at) == b'0' {
            let second = self.byte(at + 1);
            return second | 0x20 == b'x' || second.is_ascii_digit();
        }
        let word = self.text.get(at..at + 3).unwrap_or_default();
        word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
    }

    fn number(&mut self) -> Token {
        let (number, len) = read_prefix(self.rest());
        if len == 0 {
            return Token::Error("invalid number");
        }
        self.at += len;
        Token::Number(number)
    }

    /// The string whose quote is next.
    fn string(&mut self) -> Token {
        self.at += 1;
        let start = self.at;
        self.at += scan::find_end(self.rest());
        if self.byte(self.at) == b'"' {
            self.at += 1;
            return Token::Plain(start, self.at - 1);
        }
        self.scratch.clear();
        let mut plain = start;
        loop {
            self.scratch.extend_from_slice(&self.text[plain..self.at]);
            let error = match self.byte(self.at) {
                b'"' => {
                    self.at += 1;
                    return Token::Escaped;
                }
                b'\\' => self.escape(),
                _ => Err("unexpected end of string"),
            };
            if let Err(reason) = error {
                self.index = self.at;
                return Token::Error(reason);
            }
            plain = self.at;
            self.at += scan::find_end(self.rest());
        }
    }

    /// The escape whose backslash is next.
    fn escape(&mut self) -> Result<(), &'static str> {
        let byte = match self.byte(self.at + 1) {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode().ok_or("invalid unicode escape code"),
            _ => return Err("invalid escape code"),
        };
        self.scratch.push(byte);
        self.at += 2;
        Ok(())
    }

    /// The escape `\uxxxx` that is next, or a surrogate pair of them.
    fn unicode(&mut self) -> Option<()> {
        let first = self.hex4(self.at + 2)?;
        let mut len = 6;
        let mut code = first;
        if first & 0xf800 == 0xd800 {
            if self.byte(self.at + 6) != b'\\' || self.byte(self.at + 7) != b'u' {
                return None;
            }
            let second = self.hex4(self.at + 8)?;
            if first & 0x400 != 0 || second & 0xfc00 != 0xdc00 {
                return None;
            }
            code = ((first & 0x3ff) << 10 | (second & 0x3ff)) + 0x10000;
            len = 12;
        }
        let mut utf8 = [0; 4];
        self.scratch.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut utf8).as_bytes());
        self.at += len;
        Some(())
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.iter().try_fold(0, |code, &digit| Some(code << 4 | char::from(digit).to_digit(16)?))
    }
}

/// A table under construction.
enum Frame {
    Array(usize),
    Object(usize),
}

/// Levels whose tables are made with room for as many values as the one before.
const LEVELS: usize = 8;
/// The most values that room is made for.
const ROOM_MAX: usize = 64;

#[derive(Clone, Copy)]
struct Sizes {
    array: usize,
    object: usize,
}

struct Decoder<'a> {
    stack: Stack,
    lexer: Lexer<'a>,
    frames: Vec<Frame>,
    /// How many values the last array and the last object had, at each of the outer levels: their
    /// siblings mostly have as many.
    sizes: [Sizes; LEVELS],
    depth_max: usize,
    watch: Watch<'a>,
}

/// Decodes a text and pushes the value.
pub(super) fn decode(
    host: &mut Host,
    stack: Stack,
    settings: &Settings,
    text: &[u8],
) -> Result<c_int, Raise> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(raise("JSON parser does not support UTF-16 or UTF-32"));
    }
    // A zero ends the text, wherever it is.
    let text = memchr::memchr(0, text).map_or(text, |end| &text[..end]);
    let scratch = host.libraries.take_buffer();
    let lenient = settings.get(Setting::DecodeInvalidNumbers) != 0;
    let mut decoder = Decoder {
        stack,
        lexer: Lexer { text, at: 0, index: 0, scratch, lenient },
        frames: Vec::with_capacity(LEVELS),
        sizes: [Sizes { array: 4, object: 4 }; LEVELS],
        depth_max: settings.get(Setting::DecodeMaxDepth) as usize,
        watch: Watch::new(host),
    };
    let decoded = decoder.run();
    let scratch = decoder.lexer.scratch;
    host.libraries.put_buffer(scratch);
    watched(host, stack, decoded).map(|()| 1)
}

impl Decoder<'_> {
    fn run(&mut self) -> Result<(), Raise> {
        let mut token = self.lexer.next();
        loop {
            self.watch.tick(0)?;
            match self.value(token)? {
                Some(inner) => token = inner,
                None => match self.settle()? {
                    Some(following) => token = following,
                    None => break,
                },
            }
        }
        match self.lexer.next() {
            Token::End => Ok(()),
            other => Err(self.unexpected("the end", other)),
        }
    }

    #[cold]
    fn unexpected(&self, expected: &str, found: Token) -> Raise {
        let (name, place) = (found.name(), self.lexer.index + 1);
        raise(format!("Expected {expected} but found {name} at character {place}"))
    }

    /// Pushes the value that begins with a token. Where that is a table with something in it,
    /// returns the token with which its first value begins.
    fn value(&mut self, token: Token) -> Result<Option<Token>, Raise> {
        match token {
            Token::Plain(..) | Token::Escaped => self.push_string(token),
            Token::Number(number) => self.stack.push_number(number),
            Token::Boolean(value) => self.stack.push_boolean(value),
            Token::Null => self.stack.push_null(),
            Token::ObjectBegin => {
                self.descend(3)?;
                let first = self.lexer.next();
                if !matches!(first, Token::ObjectEnd) {
                    let room = self.sizes.get(self.frames.len()).map_or(0, |sizes| sizes.object);
                    self.stack.push_table(0, room);
                    self.frames.push(Frame::Object(1));
                    return self.member(first).map(Some);
                }
                self.stack.push_table(0, 0);
            }
            Token::ArrayBegin => {
                self.descend(2)?;
                let first = self.lexer.next();
                if !matches!(first, Token::ArrayEnd) {
                    let room = self.sizes.get(self.frames.len()).map_or(0, |sizes| sizes.array);
                    self.stack.push_table(room, 0);
                    self.frames.push(Frame::Array(1));
                    return Ok(Some(first));
                }
                self.stack.push_table(0, 0);
            }
            other => return Err(self.unexpected("value", other)),
        }
        Ok(None)
    }

    fn push_string(&self, token: Token) {
        match token {
            Token::Plain(from, to) => self.stack.push_bytes(&self.lexer.text[from..to]),
            _ => self.stack.push_bytes(&self.lexer.scratch),
        }
    }

    /// Sees to it that a table may be pushed, with `slots` values.
    fn descend(&mut self, slots: usize) -> Result<(), Raise> {
        let depth = self.frames.len() + 1;
        if depth > self.depth_max || !self.stack.ensure(slots) {
            let place = self.lexer.at;
            return Err(raise(format!(
                "Found too many nested data structures ({depth}) at character {place}"
            )));
        }
        Ok(())
    }

    /// Pushes the key that a token is and returns the token with which its value begins.
    fn member(&mut self, key: Token) -> Result<Token, Raise> {
        if !matches!(key, Token::Plain(..) | Token::Escaped) {
            return Err(self.unexpected("object key string", key));
        }
        self.push_string(key);
        match self.lexer.next() {
            Token::Colon => Ok(self.lexer.next()),
            other => Err(self.unexpected("colon", other)),
        }
    }

    /// Puts the value on top of the stack where it belongs, and what that completes as well.
    /// Returns the token with which the next value begins; `None` when the whole is complete.
    fn settle(&mut self) -> Result<Option<Token>, Raise> {
        while let Some(frame) = self.frames.last_mut() {
            let (Frame::Array(count) | Frame::Object(count)) = frame;
            if *count > TABLE_MAX {
                return Err(raise("table overflow"));
            }
            let at = *count;
            *count += 1;
            let is_array = matches!(frame, Frame::Array(_));
            if is_array {
                self.stack.raw_set_index(-2, at);
            } else {
                self.stack.raw_set(-3);
            }
            match (self.lexer.next(), is_array) {
                (Token::ArrayEnd, true) | (Token::ObjectEnd, false) => {
                    self.frames.pop();
                    if let Some(sizes) = self.sizes.get_mut(self.frames.len()) {
                        let size = if is_array { &mut sizes.array } else { &mut sizes.object };
                        *size = at.min(ROOM_MAX);
                    }
                }
                (Token::Comma, true) => return Ok(Some(self.lexer.next())),
                (Token::Comma, false) => {
                    let key = self.lexer.next();
                    return self.member(key).map(Some);
                }
                (other, true) => return Err(self.unexpected("comma or array end", other)),
                (other, false) => return Err(self.unexpected("comma or object end", other)),
            }
        }
        Ok(None)
    }
}
