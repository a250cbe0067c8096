//! `cmsgpack.pack`: Lua values as MessagePack.

use std::ffi::c_int;

use crate::script::host::Host;
use crate::script::lib::arguments::Arguments;
use crate::script::lib::number::to_i64;
use crate::script::lib::{Watch, raise, watched};
use crate::script::raw::{Kind, Raise, Stack};

/// Tables nested deeper than this become nil, so that circles end.
const NESTING_MAX: usize = 16;

struct Packer<'a> {
    stack: Stack,
    out: &'a mut Vec<u8>,
    watch: Watch<'a>,
}

/// `cmsgpack.pack(value, …)`.
pub(super) fn pack(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "pack");
    let count = arguments.count();
    if count == 0 {
        return Err(arguments.error(0, "MessagePack pack needs input."));
    }
    if !stack.ensure(count as usize) {
        return Err(arguments.error(0, "Too many arguments for MessagePack pack."));
    }
    let mut out = host.libraries.take_buffer();
    let mut packer = Packer { stack, out: &mut out, watch: Watch::new(host) };
    let packed = packer.arguments(count);
    if packed.is_ok() {
        stack.push_bytes(&out);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, packed).map(|()| 1)
}

/// How the lengths of a kind of value are written: as part of the first byte, or in 1, 2, 4 bytes
/// behind it.
struct Heads {
    fixed: (u8, usize),
    short: Option<u8>,
    medium: u8,
    long: u8,
}

const STRING: Heads = Heads { fixed: (0xa0, 31), short: Some(0xd9), medium: 0xda, long: 0xdb };
const ARRAY: Heads = Heads { fixed: (0x90, 15), short: None, medium: 0xdc, long: 0xdd };
const MAP: Heads = Heads { fixed: (0x80, 15), short: None, medium: 0xde, long: 0xdf };

impl Packer<'_> {
    fn arguments(&mut self, count: c_int) -> Result<(), Raise> {
        for at in 1..=count {
            self.stack.push_value(at);
            self.value(0)?;
        }
        self.watch.fits(self.out.len())
    }

    /// Writes the value on top of the stack and takes it off. Recursion ends at `NESTING_MAX`.
    fn value(&mut self, level: usize) -> Result<(), Raise> {
        self.watch.tick(self.out.len())?;
        match self.stack.kind(-1) {
            Kind::String => self.string()?,
            Kind::Boolean => self.out.push(if self.stack.boolean(-1) { 0xc3 } else { 0xc2 }),
            Kind::Number => write_number(self.out, self.stack.number(-1)),
            Kind::Table if level < NESTING_MAX => self.table(level)?,
            Kind::Table | Kind::Nil | Kind::Other => self.out.push(0xc0),
        }
        self.stack.pop(1);
        Ok(())
    }

    fn string(&mut self) -> Result<(), Raise> {
        let (out, watch) = (&mut *self.out, &self.watch);
        let written = self.stack.with_bytes(-1, |text| {
            watch.fits(out.len() + text.len())?;
            write_head(out, &STRING, text.len());
            out.extend_from_slice(text);
            Ok(())
        });
        written.unwrap_or(Ok(()))
    }

    fn table(&mut self, level: usize) -> Result<(), Raise> {
        if !self.stack.ensure(4) {
            return Err(raise("stack overflow (in function table_is_an_array)"));
        }
        let (count, is_array) = self.measure()?;
        if is_array {
            write_head(self.out, &ARRAY, count);
            for at in 1..=count {
                self.stack.raw_get_index(-1, at);
                self.value(level + 1)?;
            }
            return Ok(());
        }
        write_head(self.out, &MAP, count);
        self.stack.push_nil();
        while self.stack.next(-2) {
            self.stack.push_value(-2);
            self.value(level + 1)?;
            self.value(level + 1)?;
        }
        Ok(())
    }

    /// How many keys the table on top of the stack has, and whether they are 1 to that.
    fn measure(&mut self) -> Result<(usize, bool), Raise> {
        let (mut count, mut max, mut integral) = (0, 0, true);
        self.stack.push_nil();
        while self.stack.next(-2) {
            self.stack.pop(1);
            count += 1;
            let key = self.stack.number(-1);
            match integer(key) {
                Some(key) if key > 0 && self.stack.kind(-1) == Kind::Number => max = key.max(max),
                _ => integral = false,
            }
            self.watch.tick(self.out.len())?;
        }
        Ok((count, integral && max == count as i64))
    }
}

/// The integer that a number is.
fn integer(number: f64) -> Option<i64> {
    let value = to_i64(number);
    (value as f64 == number).then_some(value)
}

fn write_number(out: &mut Vec<u8>, number: f64) {
    match integer(number) {
        Some(value) => write_integer(out, value),
        None if f64::from(number as f32) == number => {
            out.push(0xca);
            out.extend_from_slice(&(number as f32).to_be_bytes());
        }
        None => {
            out.push(0xcb);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// Writes an integer in the shortest form that holds it.
fn write_integer(out: &mut Vec<u8>, value: i64) {
    let bytes = value.to_be_bytes();
    let (head, size) = match value {
        -0x20..=0x7f => return out.push(value as u8),
        0x80..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -0x80..=-0x21 => (0xd0, 1),
        -0x8000..=-0x81 => (0xd1, 2),
        -0x8000_0000..=-0x8001 => (0xd2, 4),
        _ => (0xd3, 8),
    };
    out.push(head);
    out.extend_from_slice(&bytes[8 - size..]);
}

fn write_head(out: &mut Vec<u8>, heads: &Heads, len: usize) {
    let (fixed, fixed_max) = heads.fixed;
    let bytes = (len as u32).to_be_bytes();
    match heads.short {
        _ if len <= fixed_max => out.push(fixed | len as u8),
        Some(short) if len <= 0xff => out.extend_from_slice(&[short, len as u8]),
        _ if len <= 0xffff => out.extend_from_slice(&[heads.medium, bytes[2], bytes[3]]),
        _ => {
            out.push(heads.long);
            out.extend_from_slice(&bytes);
        }
    }
}
