//! The library `struct`: values as the bytes of C structures.
//!
//! A format is a row of options, some with a number: `>` `<` (endianness), `!n` (alignment), `x`
//! (padding), `b h i l T` and their capitals (integers), `f d`, `s` (up to a zero), `c` (bytes).

use std::ffi::c_int;

use super::arguments::Arguments;
use super::number::{to_i64, to_u64};
use super::{Library, Watch, raise, watched};
use crate::script::host::Host;
use crate::script::raw::{Raise, Stack};

/// Most bytes of an integer.
const INTEGER_SIZE_MAX: usize = 32;

/// Alignment of `!` without a number.
const ALIGN_NATIVE: usize = 8;

pub(super) const LIBRARY: Library = Library {
    name: "struct",
    functions: &[("pack", pack), ("size", size), ("unpack", unpack)],
    texts: &[],
};

/// A format while it is read.
struct Format<'a> {
    rest: &'a [u8],
    big_endian: bool,
    align: usize,
    arguments: Arguments,
    watch: Watch<'a>,
}

/// One option of a format.
struct Step {
    option: u8,
    /// Bytes that it takes by what the format says; 0 for what has no fixed size.
    size: usize,
    /// Zeros that alignment asks for before it.
    padding: usize,
}

impl<'a> Format<'a> {
    fn new(text: &'a [u8], arguments: Arguments, host: &'a Host) -> Self {
        // C stops at the first NUL.
        let rest = text.split(|&byte| byte == 0).next().unwrap_or_default();
        Self { rest, big_endian: false, align: 1, arguments, watch: Watch::new(host) }
    }

    /// The next option, for a place that many bytes from the beginning; `None` at the end.
    fn next(&mut self, offset: usize) -> Result<Option<Step>, Raise> {
        self.watch.tick(0)?;
        let Some((&option, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        let size = match option {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > INTEGER_SIZE_MAX {
                    return Err(raise(format!(
                        "integral size {size} is larger than limit of {INTEGER_SIZE_MAX}"
                    )));
                }
                size
            }
            _ => 0,
        };
        let unit = if option == b'c' { 0 } else { size.min(self.align) };
        // Sizes that are no power of two are aligned as the mask has it.
        let mask = unit.saturating_sub(1);
        let padding = unit.wrapping_sub(offset & mask) & mask;
        Ok(Some(Step { option, size, padding }))
    }

    /// The number that follows an option.
    fn number(&mut self, default: usize) -> Result<usize, Raise> {
        if !self.rest.first().is_some_and(u8::is_ascii_digit) {
            return Ok(default);
        }
        let mut number = 0i32;
        while let Some((digit, rest)) = self.rest.split_first().filter(|(d, _)| d.is_ascii_digit())
        {
            let digit = i32::from(digit - b'0');
            number = number
                .checked_mul(10)
                .and_then(|number| number.checked_add(digit))
                .ok_or_else(|| raise("integral size overflow"))?;
            self.rest = rest;
        }
        Ok(number as usize)
    }

    /// Obeys an option that stands for no value.
    fn control(&mut self, option: u8) -> Result<(), Raise> {
        match option {
            b' ' => {}
            b'>' => self.big_endian = true,
            b'<' => self.big_endian = false,
            b'!' => {
                let align = self.number(ALIGN_NATIVE)?;
                if !align.is_power_of_two() {
                    return Err(raise(format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            _ => {
                let mut text = b"invalid format option '".to_vec();
                text.extend([option, b'\'']);
                let text = String::from_utf8_lossy(&text);
                return Err(self.arguments.error(1, text));
            }
        }
        Ok(())
    }
}

fn pack(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "pack");
    let mut out = host.libraries.take_buffer();
    let packed = arguments.with_text(1, |text| {
        // A missing argument is found to be nil, not nothing: the C library pushes one there.
        stack.push_nil();
        let mut packer = Packer { arguments, out: &mut out, at: 2 };
        packer.run(Format::new(text, arguments, host))
    });
    if packed.is_ok() {
        stack.push_bytes(&out);
    }
    host.libraries.put_buffer(out);
    watched(host, stack, packed).map(|()| 1)
}

struct Packer<'a> {
    arguments: Arguments,
    out: &'a mut Vec<u8>,
    /// The next argument.
    at: c_int,
}

impl Packer<'_> {
    fn run(&mut self, mut format: Format<'_>) -> Result<(), Raise> {
        while let Some(Step { option, size, padding }) = format.next(self.out.len())? {
            format.watch.fits(self.out.len())?;
            self.out.resize(self.out.len() + padding, 0);
            match option {
                b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                    let number = self.take_number()?;
                    let value = if number < 0.0 { to_i64(number) as u64 } else { to_u64(number) };
                    let mut bytes = [0; INTEGER_SIZE_MAX];
                    bytes[..8].copy_from_slice(&value.to_le_bytes());
                    self.write(&mut bytes[..size], format.big_endian);
                }
                b'x' => self.out.push(0),
                b'f' => {
                    let mut bytes = (self.take_number()? as f32).to_le_bytes();
                    self.write(&mut bytes, format.big_endian);
                }
                b'd' => {
                    let mut bytes = self.take_number()?.to_le_bytes();
                    self.write(&mut bytes, format.big_endian);
                }
                b'c' | b's' => self.text(option, size, &format.watch)?,
                _ => format.control(option)?,
            }
        }
        Ok(())
    }

    fn take_number(&mut self) -> Result<f64, Raise> {
        self.at += 1;
        self.arguments.number(self.at - 1)
    }

    /// Appends little-endian bytes in the order asked for.
    fn write(&mut self, bytes: &mut [u8], big_endian: bool) {
        if big_endian {
            bytes.reverse();
        }
        self.out.extend_from_slice(bytes);
    }

    fn text(&mut self, option: u8, size: usize, watch: &Watch<'_>) -> Result<(), Raise> {
        let at = self.at;
        self.at += 1;
        self.arguments.with_text(at, |text| {
            let size = if size == 0 { text.len() } else { size };
            // The C library names the argument after the one that is too short.
            let text =
                text.get(..size).ok_or_else(|| self.arguments.error(at + 1, "string too short"))?;
            watch.fits(self.out.len() + text.len())?;
            self.out.extend_from_slice(text);
            if option == b's' {
                self.out.push(0);
            }
            Ok(())
        })
    }
}

fn unpack(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "unpack");
    let unpacked = arguments.with_text(1, |text| {
        arguments.with_text(2, |data| {
            let position = arguments.integer_or(3, 1)?;
            if position == 0 {
                return Err(arguments.error(3, "offset must be 1 or greater"));
            }
            // A negative one is very large to the C library, and so out of the data.
            let offset = (position as usize).wrapping_sub(1);
            let mut unpacker = Unpacker { arguments, data, offset, results: 0 };
            unpacker.run(Format::new(text, arguments, host))?;
            stack.push_number(unpacker.offset.wrapping_add(1) as i64 as f64);
            Ok(unpacker.results + 1)
        })
    });
    watched(host, stack, unpacked)
}

struct Unpacker<'a> {
    arguments: Arguments,
    data: &'a [u8],
    offset: usize,
    results: c_int,
}

impl<'a> Unpacker<'a> {
    fn run(&mut self, mut format: Format<'_>) -> Result<(), Raise> {
        let stack = self.arguments.stack;
        while let Some(Step { option, size, padding }) = format.next(self.offset)? {
            self.offset = self.offset.wrapping_add(padding);
            let bytes = self.bytes(size)?;
            if !stack.ensure(2) {
                return Err(raise("stack overflow (too many results)"));
            }
            let mut taken = size;
            match option {
                b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                    let signed = option.is_ascii_lowercase();
                    stack.push_number(read_integer(bytes, format.big_endian, signed));
                    self.results += 1;
                }
                b'x' => {}
                b'f' => {
                    let number = f32::from_le_bytes(ordered(bytes, format.big_endian));
                    stack.push_number(f64::from(number));
                    self.results += 1;
                }
                b'd' => {
                    let number = f64::from_le_bytes(ordered(bytes, format.big_endian));
                    stack.push_number(number);
                    self.results += 1;
                }
                b'c' => {
                    let bytes = if size == 0 { self.counted()? } else { bytes };
                    taken = bytes.len();
                    stack.push_bytes(bytes);
                    self.results += 1;
                }
                b's' => {
                    let rest = self.data.get(self.offset..).unwrap_or_default();
                    let end = rest.iter().position(|&byte| byte == 0);
                    let end = end.ok_or_else(|| raise("unfinished string in data"))?;
                    stack.push_bytes(&rest[..end]);
                    self.results += 1;
                    taken = end + 1;
                }
                _ => format.control(option)?,
            }
            self.offset = self.offset.wrapping_add(taken);
        }
        Ok(())
    }

    /// The next bytes of the data.
    fn bytes(&self, size: usize) -> Result<&'a [u8], Raise> {
        let rest = self.data.get(self.offset..);
        let bytes = rest.and_then(|rest| rest.get(..size));
        bytes.ok_or_else(|| self.arguments.error(2, "data string too short"))
    }

    /// The bytes of `c0`: the result before is their number, and no result.
    fn counted(&mut self) -> Result<&'a [u8], Raise> {
        let stack = self.arguments.stack;
        if self.results == 0 || !stack.is_numeric(-1) {
            return Err(raise("format 'c0' needs a previous size"));
        }
        let size = to_u64(stack.number(-1)) as usize;
        stack.pop(1);
        self.results -= 1;
        self.bytes(size)
    }
}

/// Bytes as an array in little-endian order.
fn ordered<const SIZE: usize>(bytes: &[u8], big_endian: bool) -> [u8; SIZE] {
    let mut array = [0; SIZE];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    if big_endian {
        array.reverse();
    }
    array
}

/// An integer of any size; of more than 8 bytes the lowest count.
fn read_integer(bytes: &[u8], big_endian: bool, signed: bool) -> f64 {
    let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    let value =
        if big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) };
    if !signed {
        return value as f64;
    }
    // For sizes above 8 the C library shifts by more than 63, which the processor takes modulo 64.
    let mask = u64::MAX.wrapping_shl((bytes.len() as u32 * 8).wrapping_sub(1));
    let value = if value & mask == 0 { value } else { value | mask };
    value as i64 as f64
}

fn size(host: &mut Host, stack: Stack) -> Result<c_int, Raise> {
    let arguments = Arguments::new(stack, "size");
    let measured = arguments.with_text(1, |text| {
        let mut format = Format::new(text, arguments, host);
        let mut total = 0usize;
        while let Some(Step { option, size, padding }) = format.next(total)? {
            if option == b's' || (option == b'c' && size == 0) {
                let name = if option == b's' { "s" } else { "c0" };
                return Err(arguments.error(1, format_args!("option '{name}' has no fixed size")));
            }
            // As in the C library, letters that are no option count for nothing here.
            if !option.is_ascii_alphanumeric() {
                format.control(option)?;
            }
            total = total.wrapping_add(padding).wrapping_add(size);
        }
        stack.push_number(total as i64 as f64);
        Ok(1)
    });
    watched(host, stack, measured)
}
