//! `cjson.encode`: a Lua value as JSON.
//!
//! The tables that are open lie on the Lua stack, each object with the key that it has come to, so
//! nesting is bounded by the depth setting and by the stack, as in the C library.

use std::ffi::c_int;

use super::{Setting, Settings, scan};
use crate::script::host::Host;
use crate::script::lib::number::{to_i64, write_g};
use crate::script::lib::{Watch, raise, watched};
use crate::script::raw::{Kind, Raise, Stack};

/// Bytes of a string between two looks at the budget.
const CHUNK: usize = 64 * 1024;

/// A table that is being written.
enum Frame {
    Array { next: usize, len: usize },
    Object { empty: bool },
}

struct Encoder<'a> {
    stack: Stack,
    settings: &'a Settings,
    out: &'a mut Vec<u8>,
    frames: Vec<Frame>,
    watch: Watch<'a>,
}

/// Encodes the value on top of the stack and pushes the text.
pub(super) fn encode(host: &mut Host, stack: Stack, settings: &Settings) -> Result<c_int, Raise> {
    let mut out = host.libraries.take_buffer();
    let watch = Watch::new(host);
    let encoded = Encoder { stack, settings, out: &mut out, frames: Vec::new(), watch }.run();
    if encoded.is_ok() {
        stack.push_bytes(&out);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, encoded).map(|()| 1)
}

fn cannot(kind: &str, reason: &str) -> Raise {
    raise(format!("Cannot serialise {kind}: {reason}"))
}

impl Encoder<'_> {
    fn run(&mut self) -> Result<(), Raise> {
        self.value()?;
        while let Some(frame) = self.frames.last_mut() {
            match frame {
                Frame::Array { next, len } if next == len => self.close(b']'),
                Frame::Array { next, .. } => {
                    *next += 1;
                    if *next > 1 {
                        self.out.push(b',');
                    }
                    self.stack.raw_get_index(-1, *next);
                    self.value()?;
                }
                Frame::Object { empty } => {
                    let first = std::mem::take(empty);
                    if !self.stack.next(-2) {
                        self.close(b'}');
                        continue;
                    }
                    if !first {
                        self.out.push(b',');
                    }
                    self.key()?;
                    self.value()?;
                }
            }
        }
        self.watch.fits(self.out.len())
    }

    /// Ends the table on top of the stack.
    fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.frames.pop();
        self.stack.pop(1);
    }

    /// Writes the value on top of the stack and takes it off, or opens it where it is a table.
    fn value(&mut self) -> Result<(), Raise> {
        self.watch.tick(self.out.len())?;
        match self.stack.kind(-1) {
            Kind::String => self.string(-1)?,
            Kind::Number => self.number(-1)?,
            Kind::Boolean => {
                let text: &[u8] = if self.stack.boolean(-1) { b"true" } else { b"false" };
                self.out.extend_from_slice(text);
            }
            Kind::Table => return self.open(),
            Kind::Nil => self.out.extend_from_slice(b"null"),
            Kind::Other if self.stack.is_null(-1) => self.out.extend_from_slice(b"null"),
            Kind::Other => return Err(cannot(self.stack.kind_name(-1), "type not supported")),
        }
        self.stack.pop(1);
        Ok(())
    }

    fn open(&mut self) -> Result<(), Raise> {
        let depth = self.frames.len() + 1;
        if depth > self.settings.get(Setting::EncodeMaxDepth) as usize || !self.stack.ensure(3) {
            return Err(raise(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        match self.array_len()? {
            Some(len) => {
                self.out.push(b'[');
                self.frames.push(Frame::Array { next: 0, len });
            }
            None => {
                self.out.push(b'{');
                self.stack.push_nil();
                self.frames.push(Frame::Object { empty: true });
            }
        }
        Ok(())
    }

    /// How long the table on top of the stack is as an array; `None` when it is an object.
    fn array_len(&mut self) -> Result<Option<usize>, Raise> {
        // The C library counts in `int`, with the casts and overflows of that.
        let (mut max, mut items) = (0i32, 0i32);
        self.stack.push_nil();
        while self.stack.next(-2) {
            self.stack.pop(1);
            let key = self.stack.number(-1);
            if self.stack.kind(-1) != Kind::Number || key.floor() != key || key < 1.0 {
                self.stack.pop(1);
                return Ok(None);
            }
            if key > f64::from(max) {
                max = i32::try_from(to_i64(key)).unwrap_or(i32::MIN);
            }
            items = items.wrapping_add(1);
            self.watch.tick(self.out.len())?;
        }
        let ratio = self.settings.get(Setting::SparseRatio);
        if ratio > 0
            && max > items.wrapping_mul(ratio)
            && max > self.settings.get(Setting::SparseSafe)
        {
            if self.settings.get(Setting::SparseConvert) == 0 {
                return Err(cannot("table", "excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(usize::try_from(max).ok().filter(|len| *len > 0))
    }

    /// Writes the key below the value on top of the stack.
    fn key(&mut self) -> Result<(), Raise> {
        match self.stack.kind(-2) {
            Kind::String => {
                self.string(-2)?;
                self.out.push(b':');
            }
            Kind::Number => {
                self.out.push(b'"');
                self.number(-2)?;
                self.out.extend_from_slice(b"\":");
            }
            _ => {
                let kind = self.stack.kind_name(-2);
                return Err(cannot(kind, "table key must be a number or string"));
            }
        }
        Ok(())
    }

    fn number(&mut self, index: c_int) -> Result<(), Raise> {
        let number = self.stack.number(index);
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

    fn string(&mut self, index: c_int) -> Result<(), Raise> {
        let (out, watch) = (&mut *self.out, &mut self.watch);
        let written = self.stack.with_bytes(index, |text| {
            out.reserve(text.len().min(CHUNK) + 2);
            out.push(b'"');
            let mut rest = text;
            while rest.len() > CHUNK {
                let chunk;
                (chunk, rest) = rest.split_at(CHUNK);
                watch.tick(out.len() + chunk.len())?;
                write_escaped(out, chunk);
            }
            watch.tick(out.len() + rest.len())?;
            write_escaped(out, rest);
            out.push(b'"');
            Ok(())
        });
        written.unwrap_or(Ok(()))
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

#[inline]
fn write_escaped(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text;
    loop {
        let plain = scan::find_escaped(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else { return };
        rest = &rest[plain + 1..];
        let escape = ESCAPES[usize::from(byte)];
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'0', b'0', high, low]);
        }
    }
}
