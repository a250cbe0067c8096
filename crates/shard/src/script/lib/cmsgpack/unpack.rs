//! `cmsgpack.unpack` and its relatives: MessagePack as Lua values.
//!
//! The tables under construction lie on the Lua stack, each with the index or key that waits for
//! its value, so nesting is bounded by the stack, as in the C library.

use std::ffi::c_int;

use crate::script::host::Host;
use crate::script::lib::arguments::Arguments;
use crate::script::lib::{TABLE_MAX, Watch, raise, watched};
use crate::script::raw::{Kind, Raise, Stack};

/// Most places that a table gets before its values are seen: what an input claims may be a lie.
const CLAIM_MAX: usize = 64;

/// `cmsgpack.unpack(text)`: all values.
pub(super) fn unpack(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    unpack_some(host, Arguments::new(stack, "unpack"), 0, 0)
}

/// `cmsgpack.unpack_one(text, offset)`: the next offset and one value.
pub(super) fn unpack_one(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "unpack_one");
    let offset = arguments.integer_or(2, 0)?;
    stack.set_top(1);
    unpack_some(host, arguments, 1, offset)
}

/// `cmsgpack.unpack_limit(text, limit, offset)`: the next offset and up to that many values.
pub(super) fn unpack_limit(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "unpack_limit");
    let limit = arguments.integer(2)?;
    let offset = arguments.integer_or(3, 0)?;
    stack.set_top(1);
    unpack_some(host, arguments, limit, offset)
}

fn unpack_some(
    host: &mut Host,
    arguments: Arguments,
    limit: i64,
    offset: i64,
) -> Result<c_int, Raise> {
    let stack = arguments.stack;
    let unpacked = arguments.with_text(1, |text| {
        let len = text.len();
        if offset < 0 || limit < 0 {
            let (offset, len) = (offset as i32, len as i32);
            return Err(raise(format!(
                "Invalid request to unpack with offset of {offset} and limit of {len}."
            )));
        }
        let Some(rest) = usize::try_from(offset).ok().and_then(|offset| text.get(offset..)) else {
            let offset = offset as i32;
            return Err(raise(format!("Start offset {offset} greater than input length {len}.")));
        };
        let all = limit == 0 && offset == 0;
        let limit = if all { i64::from(i32::MAX) } else { limit };
        let watch = Watch::new(host);
        let mut unpacker = Unpacker { stack, rest, frames: Vec::new(), watch };
        let mut count = 0;
        while !unpacker.rest.is_empty() && i64::from(count) < limit {
            unpacker.whole_value()?;
            count += 1;
        }
        if all {
            return Ok(count);
        }
        let left = unpacker.rest.len();
        if !stack.ensure(1) {
            return Err(raise("stack overflow (in function mp_unpack_full)"));
        }
        stack.push_number(if left == 0 { -1.0 } else { (len - left) as f64 });
        stack.insert(2);
        Ok(count + 1)
    });
    watched(host, stack, unpacked)
}

/// A table under construction, and how many of its values are still to come.
enum Frame {
    Array { left: usize, next: usize },
    Map { left: usize, has_key: bool },
}

struct Unpacker<'a> {
    stack: Stack,
    rest: &'a [u8],
    frames: Vec<Frame>,
    watch: Watch<'a>,
}

impl<'a> Unpacker<'a> {
    /// Pushes the next value with all that is in it.
    fn whole_value(&mut self) -> Result<(), Raise> {
        self.value()?;
        while let Some(frame) = self.frames.last_mut() {
            match frame {
                Frame::Array { left: 0, .. } | Frame::Map { left: 0, .. } => {
                    self.frames.pop();
                    self.settle()?;
                    continue;
                }
                Frame::Array { next, .. } => self.stack.push_number(*next as f64),
                Frame::Map { .. } => {}
            }
            self.value()?;
        }
        Ok(())
    }

    /// Puts the complete value on top of the stack into the table that waits for it.
    fn settle(&mut self) -> Result<(), Raise> {
        match self.frames.last_mut() {
            None => {}
            Some(Frame::Array { left, next }) => {
                *left -= 1;
                *next += 1;
                self.stack.raw_set(-3);
            }
            Some(Frame::Map { has_key: has_key @ false, .. }) => *has_key = true,
            Some(Frame::Map { left, has_key }) => {
                *left -= 1;
                *has_key = false;
                self.set_member()?;
            }
        }
        Ok(())
    }

    fn set_member(&mut self) -> Result<(), Raise> {
        let key = self.stack.kind(-2);
        let reason: &[u8] = match key {
            Kind::Nil => b"table index is nil",
            Kind::Number if self.stack.number(-2).is_nan() => b"table index is NaN",
            _ => {
                self.stack.raw_set(-3);
                return Ok(());
            }
        };
        // Lua itself raises this one, without a position.
        self.stack.push_bytes(reason);
        Err(Raise::Top)
    }

    /// The next bytes of the input.
    fn take(&mut self, count: usize) -> Result<&'a [u8], Raise> {
        if count > self.rest.len() {
            return Err(raise("Missing bytes in input."));
        }
        let (bytes, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(bytes)
    }

    /// The next bytes as a big-endian number.
    fn take_number(&mut self, size: usize) -> Result<u64, Raise> {
        Ok(self.take(size)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Pushes the next value, or begins it where it is a table.
    fn value(&mut self) -> Result<(), Raise> {
        self.watch.tick(0)?;
        let head = self.take(1)?[0];
        if !self.stack.ensure(1) {
            return Err(raise(
                "stack overflow (too many return values at once; use unpack_one or unpack_limit \
                 instead.)",
            ));
        }
        let low = usize::from(head & 0x1f);
        match head {
            0x00..=0x7f | 0xe0..=0xff => self.stack.push_number(f64::from(head as i8)),
            0x80..=0x8f => return self.map(low & 15),
            0x90..=0x9f => return self.array(low & 15),
            0xa0..=0xbf => self.string(low)?,
            0xc0 => self.stack.push_nil(),
            0xc2 | 0xc3 => self.stack.push_boolean(head == 0xc3),
            0xca => {
                let bits = self.take_number(4)? as u32;
                self.stack.push_number(f64::from(f32::from_bits(bits)));
            }
            0xcb => {
                let bits = self.take_number(8)?;
                self.stack.push_number(f64::from_bits(bits));
            }
            0xcc..=0xd3 => self.integer(head)?,
            0xd9..=0xdb => {
                let len = self.take_number(1 << (head - 0xd9))? as usize;
                self.string(len)?;
            }
            0xdc | 0xdd => {
                let len = self.take_number(2 << (head - 0xdc))? as usize;
                return self.array(len);
            }
            0xde | 0xdf => {
                let len = self.take_number(2 << (head - 0xde))? as usize;
                return self.map(len);
            }
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => return Err(raise("Bad data format in input.")),
        }
        self.settle()
    }

    /// An integer of 1, 2, 4 or 8 bytes, unsigned or signed.
    fn integer(&mut self, head: u8) -> Result<(), Raise> {
        let size = 1 << (head & 3);
        let value = self.take_number(size)?;
        // Lua 5.1 has no unsigned integers: what has the topmost of 64 bits set is negative.
        let unused = if head < 0xd0 { 0 } else { 64 - 8 * size };
        self.stack.push_number(((value << unused) as i64 >> unused) as f64);
        Ok(())
    }

    fn string(&mut self, len: usize) -> Result<(), Raise> {
        let text = self.take(len)?;
        self.stack.push_bytes(text);
        Ok(())
    }

    fn array(&mut self, len: usize) -> Result<(), Raise> {
        let places = claim(len, self.rest.len())?;
        self.stack.push_table(places, 0);
        if !self.stack.ensure(1) {
            return Err(raise("stack overflow (in function mp_decode_to_lua_array)"));
        }
        self.frames.push(Frame::Array { left: len, next: 1 });
        Ok(())
    }

    fn map(&mut self, len: usize) -> Result<(), Raise> {
        let places = claim(len, self.rest.len() / 2)?;
        self.stack.push_table(0, places);
        self.frames.push(Frame::Map { left: len, has_key: false });
        Ok(())
    }
}

/// How many places a table gets that claims `len` values where at most `most` can follow.
fn claim(len: usize, most: usize) -> Result<usize, Raise> {
    let len = len.min(most);
    if len > TABLE_MAX { Err(raise("table overflow")) } else { Ok(len.min(CLAIM_MAX)) }
}
