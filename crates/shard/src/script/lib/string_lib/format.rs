//! `string.format`, as Lua 5.1 has it on top of C's `sprintf`.

use std::ffi::c_int;

use super::append;
use super::numeral::{write_float, write_integer, write_unsigned};
use crate::script::host::Host;
use crate::script::lib::arguments::Arguments;
use crate::script::lib::number::{to_i64, to_u64};
use crate::script::lib::{Watch, raise, watched};
use crate::script::raw::{Raise, Stack};

/// So many flags are too many, in Lua.
const FLAGS_MAX: usize = 6;

/// Strings as long as this are not given to `sprintf`, where the format does not cut them.
const LONG: usize = 100;

/// What stands between `%` and the letter, and the letter.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spec {
    /// `-`: to the left.
    pub(super) left: bool,
    /// `+`: numbers always have a sign.
    pub(super) plus: bool,
    /// A blank where a sign would be.
    pub(super) blank: bool,
    /// `#`: the other form.
    pub(super) alternate: bool,
    /// `0`: filled with zeros.
    pub(super) zero: bool,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
    /// The letter; 0 where the format ends before it.
    pub(super) letter: u8,
}

impl Spec {
    /// Reads what follows a `%`, and returns the rest.
    fn read(text: &[u8]) -> Result<(Self, &[u8]), Raise> {
        let mut spec = Self::default();
        let mut rest = text;
        while let [flag @ (b'-' | b'+' | b' ' | b'#' | b'0'), tail @ ..] = rest {
            match flag {
                b'-' => spec.left = true,
                b'+' => spec.plus = true,
                b' ' => spec.blank = true,
                b'#' => spec.alternate = true,
                _ => spec.zero = true,
            }
            rest = tail;
        }
        if text.len() - rest.len() >= FLAGS_MAX {
            return Err(raise("invalid format (repeated flags)"));
        }
        (spec.width, rest) = read_two_digits(rest);
        if let [b'.', tail @ ..] = rest {
            let (precision, tail) = read_two_digits(tail);
            (spec.precision, rest) = (Some(precision), tail);
        }
        if rest.first().is_some_and(u8::is_ascii_digit) {
            return Err(raise("invalid format (width or precision too long)"));
        }
        if let [letter, tail @ ..] = rest {
            (spec.letter, rest) = (*letter, tail);
        }
        Ok((spec, rest))
    }

    /// Whether there is nothing but the letter.
    fn is_bare(&self) -> bool {
        let flagged = self.left || self.plus || self.blank || self.alternate || self.zero;
        !flagged && self.width == 0 && self.precision.is_none()
    }
}

fn read_two_digits(text: &[u8]) -> (usize, &[u8]) {
    let (mut number, mut rest) = (0, text);
    for _ in 0..2 {
        let [digit @ b'0'..=b'9', tail @ ..] = rest else { break };
        number = number * 10 + usize::from(digit - b'0');
        rest = tail;
    }
    (number, rest)
}

/// `string.format(format, …)`.
pub(super) fn format(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "format");
    let mut out = host.libraries.take_buffer();
    let result = arguments.with_text(1, |text| {
        let watch = Watch::new(host);
        Formatter { arguments, out: &mut out, watch, at: 1, count: arguments.count() }.run(text)
    });
    if result.is_ok() {
        stack.push_bytes(&out);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, result).map(|()| 1)
}

struct Formatter<'a> {
    arguments: Arguments,
    out: &'a mut Vec<u8>,
    watch: Watch<'a>,
    /// The last argument that has been used.
    at: c_int,
    count: c_int,
}

impl Formatter<'_> {
    fn run(&mut self, format: &[u8]) -> Result<(), Raise> {
        let mut rest = format;
        while let Some(at) = memchr::memchr(b'%', rest) {
            self.watch.tick(self.out.len())?;
            append(self.out, &rest[..at], &self.watch)?;
            rest = &rest[at + 1..];
            if let [b'%', tail @ ..] = rest {
                self.out.push(b'%');
                rest = tail;
                continue;
            }
            self.at += 1;
            if self.at > self.count {
                return Err(self.arguments.error(self.at, "no value"));
            }
            let spec;
            (spec, rest) = Spec::read(rest)?;
            self.item(&spec)?;
        }
        append(self.out, rest, &self.watch)
    }

    fn item(&mut self, spec: &Spec) -> Result<(), Raise> {
        match spec.letter {
            b's' => self.string(spec),
            b'd' | b'i' => {
                let number = self.arguments.number(self.at)?;
                if spec.is_bare() {
                    let mut digits = itoa::Buffer::new();
                    self.out.extend_from_slice(digits.format(to_i64(number)).as_bytes());
                } else {
                    write_integer(self.out, spec, to_i64(number));
                }
                Ok(())
            }
            b'o' | b'u' | b'x' | b'X' => {
                write_unsigned(self.out, spec, to_u64(self.arguments.number(self.at)?));
                Ok(())
            }
            b'e' | b'E' | b'f' | b'g' | b'G' => {
                write_float(self.out, spec, self.arguments.number(self.at)?);
                Ok(())
            }
            b'c' => self.char(spec),
            b'q' => self.quoted(),
            letter => {
                let mut text = b"invalid option '%".to_vec();
                text.extend((letter != 0).then_some(letter));
                text.extend_from_slice(b"' to 'format'");
                Err(Raise::At(text))
            }
        }
    }

    /// `%c`. C's strings end at a zero, so that byte is none.
    fn char(&mut self, spec: &Spec) -> Result<(), Raise> {
        let number = self.arguments.number(self.at)?;
        let fits = number > f64::from(i32::MIN) - 1.0 && number < f64::from(i32::MAX) + 1.0;
        let byte = if fits { number as i32 as u8 } else { 0 };
        if byte != 0 {
            pad(self.out, spec, &[byte]);
        } else if !spec.left {
            self.out.resize(self.out.len() + spec.width.saturating_sub(1), b' ');
        }
        Ok(())
    }

    fn string(&mut self, spec: &Spec) -> Result<(), Raise> {
        let Self { arguments, out, watch, at, .. } = self;
        arguments.with_text(*at, |text| {
            if text.len() >= LONG && spec.precision.is_none() {
                return append(out, text, watch);
            }
            let most = spec.precision.unwrap_or(text.len());
            let end = text.iter().take(most).position(|&byte| byte == 0);
            pad(out, spec, &text[..end.unwrap_or(most.min(text.len()))]);
            Ok(())
        })
    }

    /// `%q`: a string as Lua code, whatever the flags.
    fn quoted(&mut self) -> Result<(), Raise> {
        let Self { arguments, out, watch, at, .. } = self;
        arguments.with_text(*at, |text| {
            out.push(b'"');
            for &byte in text {
                watch.tick(out.len())?;
                match byte {
                    b'"' | b'\\' | b'\n' => out.extend_from_slice(&[b'\\', byte]),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    0 => out.extend_from_slice(b"\\000"),
                    _ => out.push(byte),
                }
            }
            out.push(b'"');
            Ok(())
        })
    }
}

/// Appends a text, with blanks around it where it is narrower than asked for.
pub(super) fn pad(out: &mut Vec<u8>, spec: &Spec, text: &[u8]) {
    let blanks = spec.width.saturating_sub(text.len());
    if !spec.left {
        out.resize(out.len() + blanks, b' ');
    }
    out.extend_from_slice(text);
    if spec.left {
        out.resize(out.len() + blanks, b' ');
    }
}
