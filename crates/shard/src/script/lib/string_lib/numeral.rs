//! Numbers as C's `sprintf` writes them, with flags, width and precision.

use std::io::Write;

use super::format::{Spec, pad};

/// Digits after the point where a format says nothing.
const PRECISION: usize = 6;

/// `%f` of the largest number with 99 digits after the point takes 409 bytes.
const ROOM: usize = 512;

/// `%d`.
pub(super) fn write_integer(out: &mut Vec<u8>, spec: &Spec, number: i64) {
    let mut digits = itoa::Buffer::new();
    let sign = sign(spec, number < 0);
    write_digits(out, spec, sign, digits.format(number.unsigned_abs()).as_bytes());
}

/// `%o`, `%u`, `%x` and `%X`.
pub(super) fn write_unsigned(out: &mut Vec<u8>, spec: &Spec, number: u64) {
    let mut room = [0; 24];
    let digits = match spec.letter {
        b'o' => print(&mut room, format_args!("{number:o}")),
        b'x' => print(&mut room, format_args!("{number:x}")),
        b'X' => print(&mut room, format_args!("{number:X}")),
        _ => print(&mut room, format_args!("{number}")),
    };
    let has_zero = digits == b"0" && spec.precision != Some(0);
    let prefix: &[u8] = match spec.letter {
        // The first digit is a zero, if need be by one more.
        b'o' if !has_zero && spec.precision.unwrap_or(0) <= digits.len() => b"0",
        b'x' if number != 0 => b"0x",
        b'X' if number != 0 => b"0X",
        _ => b"",
    };
    write_digits(out, spec, if spec.alternate { prefix } else { b"" }, digits);
}

/// Appends the digits of an integer, with as many zeros in front as the precision asks for.
fn write_digits(out: &mut Vec<u8>, spec: &Spec, sign: &[u8], digits: &[u8]) {
    // Nothing at all where no digit is asked for and there is none but zero.
    let digits = if spec.precision == Some(0) && digits == b"0" { b"" } else { digits };
    let zeros = spec.precision.map_or(0, |least| least.saturating_sub(digits.len()));
    // A precision overrules the flag `0`.
    let spec = &Spec { zero: spec.zero && spec.precision.is_none(), ..*spec };
    let mut room = [b'0'; 128];
    room[zeros..zeros + digits.len()].copy_from_slice(digits);
    write_padded(out, spec, sign, &room[..zeros + digits.len()]);
}

/// Appends a number, filled up with zeros after the sign or with blanks around.
fn write_padded(out: &mut Vec<u8>, spec: &Spec, sign: &[u8], body: &[u8]) {
    if spec.zero && !spec.left {
        out.extend_from_slice(sign);
        let zeros = spec.width.saturating_sub(sign.len() + body.len());
        out.resize(out.len() + zeros, b'0');
        out.extend_from_slice(body);
    } else {
        let start = out.len();
        out.extend_from_slice(sign);
        out.extend_from_slice(body);
        let blanks = spec.width.saturating_sub(out.len() - start);
        out.resize(out.len() + blanks, b' ');
        if !spec.left {
            out[start..].rotate_right(blanks);
        }
    }
}

fn sign(spec: &Spec, negative: bool) -> &'static [u8] {
    match negative {
        true => b"-",
        false if spec.plus => b"+",
        false if spec.blank => b" ",
        false => b"",
    }
}

/// `%e`, `%f` and `%g`.
pub(super) fn write_float(out: &mut Vec<u8>, spec: &Spec, number: f64) {
    let sign = sign(spec, number.is_sign_negative());
    let start = out.len();
    let (mut room, absolute) = ([0; ROOM], number.abs());
    if !number.is_finite() {
        let name: &[u8] = if number.is_nan() { b"nan" } else { b"inf" };
        pad(out, spec, &[sign, name].concat());
    } else {
        let body = match spec.letter | 0x20 {
            b'e' => exponential(&mut room, spec, absolute),
            b'f' => fixed(&mut room, spec, absolute, spec.precision.unwrap_or(PRECISION)),
            _ => shortest(&mut room, spec, absolute),
        };
        write_padded(out, spec, sign, body);
    }
    if spec.letter.is_ascii_uppercase() {
        out[start..].make_ascii_uppercase();
    }
}

/// Prints into a buffer that is large enough and returns what was printed.
fn print<'a>(room: &'a mut [u8], text: std::fmt::Arguments<'_>) -> &'a [u8] {
    let size = room.len();
    let mut rest = &mut *room;
    let written = rest.write_fmt(text);
    debug_assert!(written.is_ok(), "{text} is longer than {size}");
    let left = rest.len();
    &room[..size - left]
}

fn fixed<'a>(room: &'a mut [u8], spec: &Spec, number: f64, precision: usize) -> &'a [u8] {
    let point = if spec.alternate && precision == 0 { "." } else { "" };
    print(room, format_args!("{number:.precision$}{point}"))
}

fn exponential<'a>(room: &'a mut [u8], spec: &Spec, number: f64) -> &'a [u8] {
    let precision = spec.precision.unwrap_or(PRECISION);
    let mut digits = [0; ROOM];
    let (mantissa, exponent) = scientific(&mut digits, number, precision);
    let point = if spec.alternate && precision == 0 { "." } else { "" };
    let sign = if exponent < 0 { '-' } else { '+' };
    let exponent = exponent.unsigned_abs();
    print(room, format_args!("{mantissa}{point}e{sign}{exponent:02}"))
}

/// The digits of a number with a point after the first, and the power of ten.
fn scientific(room: &mut [u8], number: f64, precision: usize) -> (&str, i32) {
    let text = str::from_utf8(print(room, format_args!("{number:.precision$e}")));
    let (mantissa, exponent) = text.unwrap_or_default().split_once('e').unwrap_or_default();
    (mantissa, exponent.parse().unwrap_or_default())
}

/// `%g`: so many significant digits, without an exponent where that is not longer, and without
/// zeros at the end.
fn shortest<'a>(room: &'a mut [u8], spec: &Spec, number: f64) -> &'a [u8] {
    let digits = spec.precision.unwrap_or(PRECISION).max(1);
    let mut scratch = [0; ROOM];
    let (mantissa, exponent) = scientific(&mut scratch, number, digits - 1);
    let point = if spec.alternate && digits == 1 { "." } else { "" };
    if exponent < -4 || exponent >= digits as i32 {
        let mantissa = if spec.alternate { mantissa } else { without_zeros(mantissa) };
        let sign = if exponent < 0 { '-' } else { '+' };
        let exponent = exponent.unsigned_abs();
        return print(room, format_args!("{mantissa}{point}e{sign}{exponent:02}"));
    }
    let text = fixed(room, spec, number, (digits as i32 - 1 - exponent) as usize);
    let len = text.len();
    let kept = if spec.alternate { len } else { without_zeros_len(text) };
    &room[..kept]
}

/// A text without the zeros at the end of its fraction.
fn without_zeros(text: &str) -> &str {
    &text[..without_zeros_len(text.as_bytes())]
}

fn without_zeros_len(text: &[u8]) -> usize {
    if !text.contains(&b'.') {
        return text.len();
    }
    let last = text.iter().rposition(|&byte| byte != b'0').unwrap_or(0);
    if text[last] == b'.' { last } else { last + 1 }
}
