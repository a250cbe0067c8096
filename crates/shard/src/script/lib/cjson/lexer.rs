//! JSON cut into tokens.
//!
//! [`Lexer::next`] knows all of them and all errors. The other functions take what most texts are
//! made of, or leave it where it is: then `next` says what it is.

use super::scan;
use crate::script::lib::number::{read_prefix, read_short};

/// A piece of JSON.
#[derive(Clone, Copy)]
pub(super) enum Token {
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
    pub(super) fn name(self) -> &'static str {
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
pub(super) struct Lexer<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    /// Where the last token begins, or what is wrong with it.
    pub(super) index: usize,
    pub(super) scratch: Vec<u8>,
    /// Numbers that JSON does not have are accepted.
    pub(super) lenient: bool,
}

impl Lexer<'_> {
    /// The byte at a place; a zero beyond the end, where C has one as well.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The first byte of the next token.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        loop {
            let first = self.byte(self.at);
            if first > b' ' || !matches!(first, b' ' | b'\t' | b'\n' | b'\r') {
                return first;
            }
            self.at += 1;
        }
    }

    /// Takes the token that is this byte, if it is the next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == byte;
        self.at += usize::from(is_next);
        is_next
    }

    /// The number that is next, if it is of those that are read fast.
    #[inline]
    pub(super) fn short_number(&mut self) -> Option<f64> {
        let (number, len) = read_short(self.rest())?;
        self.at += len;
        Some(number)
    }

    /// The string whose quote is next, if it has no escape and no more than 15 bytes, and enough
    /// text is behind: its bytes with zeros behind, and how many.
    #[inline]
    pub(super) fn short_string(&mut self) -> Option<([u64; 2], usize)> {
        let start = self.at + 1;
        let mut words = scan::words_of(self.text.get(start..)?.first_chunk()?);
        let len = scan::find_end_in(words)?;
        if self.byte(start + len) != b'"' {
            return None;
        }
        let beyond = u64::MAX.checked_shl(len as u32 * 8);
        match beyond {
            Some(beyond) => words = [words[0] & !beyond, 0],
            None => words[1] &= !(u64::MAX << (len % 8 * 8)),
        }
        self.at = start + len + 1;
        Some((words, len))
    }

    pub(super) fn next(&mut self) -> Token {
        let first = self.peek();
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
    pub(super) fn string(&mut self) -> Token {
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
