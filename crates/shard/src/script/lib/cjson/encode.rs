//! `cjson.encode`: a Lua value as JSON.
//!
//! The value is walked by iteration (see [`walk`](super::walk)), so nesting is bounded by the depth
//! setting and by what the stack has room for, as in the C library.

use std::ffi::c_int;

use super::walk::{Asked, Found, Looked, Walk};
use super::{Setting, Settings, scan};
use crate::script::host::Host;
use crate::script::lib::number::{to_i64, write_g};
use crate::script::lib::{Watch, raise, watched};
use crate::script::raw::{Raise, Stack};

/// Bytes of a string between two looks at the budget.
const CHUNK: usize = 64 * 1024;

/// A table that is being written.
enum Frame {
    Array { next: usize, len: usize },
    Object { empty: bool },
}

struct Encoder<'a, W> {
    walk: W,
    text: Text<'a>,
    frames: Vec<Frame>,
}

/// The text that is written.
struct Text<'a> {
    settings: &'a Settings,
    out: &'a mut Vec<u8>,
    watch: Watch<'a>,
}

/// Encodes the value on top of the stack and pushes the text.
pub(super) fn encode(host: &mut Host, stack: Stack, settings: &Settings) -> Result<c_int, Raise> {
    let mut out = host.libraries.take_buffer();
    let text = Text { settings, out: &mut out, watch: Watch::new(host) };
    let encoded = if stack.can_look() {
        stack.look(|value| run(Looked::new(stack, value), text))
    } else {
        run(Asked::new(stack), text)
    };
    if encoded.is_ok() {
        stack.push_bytes(&out);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, encoded).map(|()| 1)
}

fn run(walk: impl Walk, text: Text<'_>) -> Result<(), Raise> {
    Encoder { walk, text, frames: Vec::with_capacity(8) }.run()
}

fn cannot(kind: &str, reason: &str) -> Raise {
    raise(format!("Cannot serialise {kind}: {reason}"))
}

impl<W: Walk> Encoder<'_, W> {
    fn run(&mut self) -> Result<(), Raise> {
        self.value()?;
        while let Some(frame) = self.frames.last_mut() {
            match frame {
                Frame::Array { next, len } if next == len => self.close(b']'),
                Frame::Array { next, .. } => {
                    *next += 1;
                    if *next > 1 {
                        self.text.out.push(b',');
                    }
                    self.walk.item(*next);
                    self.value()?;
                }
                Frame::Object { empty } => {
                    let first = std::mem::take(empty);
                    if !self.walk.next() {
                        self.close(b'}');
                        continue;
                    }
                    if !first {
                        self.text.out.push(b',');
                    }
                    self.text.key(self.walk.key())?;
                    self.value()?;
                }
            }
        }
        self.text.watch.fits(self.text.out.len())
    }

    /// Ends the table that was entered last.
    fn close(&mut self, bracket: u8) {
        self.text.out.push(bracket);
        self.frames.pop();
        self.walk.leave();
    }

    /// Writes the value that has been come to, or opens it where it is a table.
    #[inline(always)]
    fn value(&mut self) -> Result<(), Raise> {
        if self.text.value(self.walk.value())? {
            self.walk.done();
            Ok(())
        } else {
            self.open()
        }
    }

    fn open(&mut self) -> Result<(), Raise> {
        let depth = self.frames.len() + 1;
        let depth_max = self.text.settings.get(Setting::EncodeMaxDepth) as usize;
        if depth > depth_max || !self.walk.enter() {
            return Err(raise(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        match self.array_len()? {
            Some(len) => {
                self.text.out.push(b'[');
                self.frames.push(Frame::Array { next: 0, len });
            }
            None => {
                self.text.out.push(b'{');
                self.walk.begin();
                self.frames.push(Frame::Object { empty: true });
            }
        }
        Ok(())
    }

    /// How long the table that was entered is as an array; `None` when it is an object.
    fn array_len(&mut self) -> Result<Option<usize>, Raise> {
        let counts = match self.walk.items() {
            Some(items) => Some((items as i32, items as i32)),
            None => self.count_items()?,
        };
        let Some((max, items)) = counts else { return Ok(None) };
        let settings = self.text.settings;
        let ratio = settings.get(Setting::SparseRatio);
        if ratio > 0 && max > items.wrapping_mul(ratio) && max > settings.get(Setting::SparseSafe) {
            if settings.get(Setting::SparseConvert) == 0 {
                return Err(cannot("table", "excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(usize::try_from(max).ok().filter(|len| *len > 0))
    }

    /// The greatest number that is a key, and how many there are; `None` when there are other keys.
    /// The C library counts in `int`, with the casts and overflows of that.
    fn count_items(&mut self) -> Result<Option<(i32, i32)>, Raise> {
        let (mut max, mut items) = (0i32, 0i32);
        self.walk.begin();
        while self.walk.next() {
            let key = match self.walk.key() {
                Found::Number(key) if key.floor() == key && key >= 1.0 => Some(key),
                _ => None,
            };
            self.walk.done();
            let Some(key) = key else {
                self.walk.end();
                return Ok(None);
            };
            if key > f64::from(max) {
                max = i32::try_from(to_i64(key)).unwrap_or(i32::MIN);
            }
            items = items.wrapping_add(1);
            self.text.watch.tick(self.text.out.len())?;
        }
        Ok(Some((max, items)))
    }
}

impl Text<'_> {
    /// Writes a value, unless it is a table: then it returns false.
    #[inline(always)]
    fn value(&mut self, value: Found<'_>) -> Result<bool, Raise> {
        self.watch.tick(self.out.len())?;
        match value {
            Found::Text(text) => self.string(text, b"\"")?,
            Found::Number(number) => self.number(number)?,
            Found::Boolean(true) => self.out.extend_from_slice(b"true"),
            Found::Boolean(false) => self.out.extend_from_slice(b"false"),
            Found::Table => return Ok(false),
            Found::Nil | Found::Null => self.out.extend_from_slice(b"null"),
            Found::Other(kind) => return Err(cannot(kind, "type not supported")),
        }
        Ok(true)
    }

    #[inline(always)]
    fn key(&mut self, key: Found<'_>) -> Result<(), Raise> {
        match key {
            Found::Text(text) => {
                self.string(text, b"\":")?;
            }
            Found::Number(number) => {
                self.out.push(b'"');
                self.number(number)?;
                self.out.extend_from_slice(b"\":");
            }
            _ => return Err(cannot(key.kind_name(), "table key must be a number or string")),
        }
        Ok(())
    }

    fn number(&mut self, number: f64) -> Result<(), Raise> {
        if !number.is_finite() {
            match self.settings.get(Setting::EncodeInvalidNumbers) {
                0 => return Err(cannot("number", "must not be NaN or Inf")),
                1 if number.is_nan() => self.out.extend_from_slice(b"nan"),
                1 => write_g(self.out, number, 14),
                _ => self.out.extend_from_slice(b"null"),
            }
            return Ok(());
        }
        let precision = self.settings.get(Setting::EncodeNumberPrecision);
        write_g(self.out, number, precision.clamp(1, 14) as usize);
        Ok(())
    }

    /// Writes a text, and `end`, which begins with the quote.
    fn string<const N: usize>(&mut self, text: &[u8], end: &[u8; N]) -> Result<(), Raise> {
        self.watch.fits(self.out.len() + text.len().min(CHUNK))?;
        self.out.reserve(text.len().min(CHUNK) + 3);
        self.out.push(b'"');
        let rest = if text.len() > CHUNK { self.chunks(text)? } else { text };
        let plain = scan::find_escaped(rest);
        self.out.extend_from_slice(&rest[..plain]);
        if plain < rest.len() {
            write_escapes(self.out, &rest[plain..]);
        }
        self.out.extend_from_slice(end);
        Ok(())
    }

    /// Writes a long text but for less than the last [`CHUNK`], which it returns.
    #[cold]
    fn chunks<'t>(&mut self, text: &'t [u8]) -> Result<&'t [u8], Raise> {
        let (chunks, rest) = text.as_chunks::<CHUNK>();
        for chunk in chunks {
            self.watch.tick(self.out.len() + chunk.len())?;
            let plain = scan::find_escaped(chunk);
            self.out.extend_from_slice(&chunk[..plain]);
            write_escapes(self.out, &chunk[plain..]);
        }
        self.watch.fits(self.out.len() + rest.len())?;
        Ok(rest)
    }
}

/// How bytes are written: 0 as they are, `u` as `\u00xx`, else a backslash and this.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut at = 0;
    while at < 0x20 {
        escapes[at] = b'u';
        at += 1;
    }
    escapes[0x08] = b'b';
    escapes[0x09] = b't';
    escapes[0x0a] = b'n';
    escapes[0x0c] = b'f';
    escapes[0x0d] = b'r';
    escapes[b'"' as usize] = b'"';
    escapes[b'/' as usize] = b'/';
    escapes[b'\\' as usize] = b'\\';
    escapes[0x7f] = b'u';
    escapes
};

/// Writes a text that is empty or begins with an escape.
#[inline(never)]
fn write_escapes(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = ESCAPES[usize::from(byte)];
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'0', b'0', high, low]);
        }
        let plain = scan::find_escaped(after);
        out.extend_from_slice(&after[..plain]);
        rest = &after[plain..];
    }
}
