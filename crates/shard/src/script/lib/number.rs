//! Numbers as C writes, reads and casts them.

use std::io::Write;

use protocol::number::shortest_digits;

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// A cast to `int64_t` as x86-64 makes it: what does not fit, NaN included, is the least integer.
pub(super) fn to_i64(number: f64) -> i64 {
    if (-TWO_63..TWO_63).contains(&number) { number as i64 } else { i64::MIN }
}

/// A cast to `uint64_t` as x86-64 makes it.
pub(super) fn to_u64(number: f64) -> u64 {
    if number >= TWO_63 {
        to_i64(number - TWO_63) as u64 ^ (1 << 63)
    } else {
        to_i64(number) as u64
    }
}

/// Appends a number as `%.{precision}g` shows it; `precision` is 1 to 17.
pub(in crate::script) fn write_g(out: &mut Vec<u8>, number: f64, precision: usize) {
    debug_assert!((1..=17).contains(&precision));
    if number.is_nan() {
        out.extend_from_slice(if number.is_sign_negative() { b"-nan" } else { b"nan" });
        return;
    }
    if number.is_sign_negative() {
        out.push(b'-');
    }
    let number = number.abs();
    if number.is_infinite() {
        out.extend_from_slice(b"inf");
    } else if number < POWERS_OF_TEN[precision.min(15)] && (number as i64) as f64 == number {
        out.extend_from_slice(itoa::Buffer::new().format(number as i64).as_bytes());
    } else if write_places(out, number, precision) || write_short(out, number, precision) {
        // Most numbers.
    } else {
        write_rounded(out, number, precision);
    }
}

/// Powers of ten that are exact, as is every integer below.
const POWERS_OF_TEN: [f64; 16] = {
    let mut powers = [1.0; 16];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10.0;
        at += 1;
    }
    powers
};

/// The most digits after the point that are tried for.
const PLACES_MAX: usize = 4;

/// [`write_g`] for a number without a sign that is the nearest to one of no more than `precision`
/// digits, of which up to four are after the point; says whether it is one.
///
/// It is where a division of two integers that are exact gives it, as that is rounded to the
/// nearest. That those digits are what rounding to `precision` digits gives then: see
/// [`write_short`].
fn write_places(out: &mut Vec<u8>, number: f64, precision: usize) -> bool {
    let limit = POWERS_OF_TEN[precision.min(15)];
    // Smaller numbers have an exponent.
    if number < 1e-4 {
        return false;
    }
    for places in 1..=PLACES_MAX {
        let power = POWERS_OF_TEN[places];
        let scaled = number * power;
        if scaled >= limit {
            return false;
        }
        let digits = scaled as i64;
        if digits as f64 == scaled && scaled / power == number {
            let (whole, mut rest) = (digits as u64 / power as u64, digits as u64 % power as u64);
            if rest % 10 == 0 {
                return false;
            }
            let mut text = *b".0000";
            for digit in text[1..=places].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
            out.extend_from_slice(&text[..=places]);
            return true;
        }
    }
    false
}

/// [`write_g`] for a number without a sign whose shortest digits are no more than `precision`; says
/// whether it is one.
///
/// Those digits are what rounding to `precision` digits gives then. A normal number and its
/// shortest digits are less than half a unit in the last place apart, 2^-53 of the number, and that
/// is less than half a unit of the 15th digit, which is at least 5e-16 of it: no other number of 15
/// digits is as near.
fn write_short(out: &mut Vec<u8>, number: f64, precision: usize) -> bool {
    if precision > 15 || !number.is_normal() {
        return false;
    }
    let (digits, count, exponent) = shortest_digits(number);
    if count > precision {
        return false;
    }
    write_digits(out, &digits[..count], exponent + count as i32 - 1, precision);
    true
}

/// The general case of [`write_g`], for a finite number without a sign.
fn write_rounded(out: &mut Vec<u8>, number: f64, precision: usize) {
    // Rounds as C does: the exact value, ties to even.
    let mut text = [0; 40];
    let mut rest = &mut text[..];
    let written = write!(rest, "{number:.*e}", precision - 1).is_ok();
    debug_assert!(written, "at most 17 digits, a point and an exponent");
    let room = rest.len();
    let text = &text[..40 - room];

    let split = text.iter().position(|&byte| byte == b'e').unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at(split);
    let exponent = parse_small(exponent.get(1..).unwrap_or_default());
    let mut digits = [b'0'; 17];
    let mut count = 0;
    for &byte in mantissa.iter().filter(|byte| byte.is_ascii_digit()).take(17) {
        digits[count] = byte;
        count += 1;
    }
    while count > 1 && digits[count - 1] == b'0' {
        count -= 1;
    }
    write_digits(out, &digits[..count], exponent, precision);
}

/// Writes significant digits, of which the first stands before the point, as `%g` does.
fn write_digits(out: &mut Vec<u8>, digits: &[u8], exponent: i32, precision: usize) {
    if exponent < -4 || exponent >= precision as i32 {
        write_point(out, digits, 1);
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        let exponent = exponent.unsigned_abs();
        if exponent < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-1 - exponent) as usize, b'0');
        out.extend_from_slice(digits);
    } else {
        write_point(out, digits, exponent as usize + 1);
    }
}

/// Digits with a point after the first `whole`, if any follow.
fn write_point(out: &mut Vec<u8>, digits: &[u8], whole: usize) {
    let split = whole.min(digits.len());
    out.extend_from_slice(&digits[..split]);
    out.resize(out.len() + whole - split, b'0');
    if split < digits.len() {
        out.push(b'.');
        out.extend_from_slice(&digits[split..]);
    }
}

fn parse_small(text: &[u8]) -> i32 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// [`read_prefix`] for most numbers: at most 15 digits, some of them after a point, without an
/// exponent; `None` for any other, and for what is not a number to JSON.
#[inline]
pub(super) fn read_short(text: &[u8]) -> Option<(f64, usize)> {
    let start = usize::from(text.first() == Some(&b'-'));
    let (mut at, mut sum, mut point) = (start, 0u64, None);
    let end = loop {
        let byte = text.get(at).copied().unwrap_or(0);
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            sum = sum * 10 + u64::from(digit);
        } else if byte == b'.' && point.is_none() && at > start {
            point = Some(at);
        } else {
            break byte;
        }
        at += 1;
        // A sign and a point come on top: the digits are counted below.
        if at > 17 {
            return None;
        }
    };
    let places = point.map_or(0, |point| at - point - 1);
    let digits = at - start - usize::from(point.is_some());
    let is_odd = digits == 0
        || digits > 15
        || (point.is_some() && places == 0)
        || (text[start] == b'0' && digits - places > 1)
        || matches!(end | 0x20, b'e' | b'x');
    if is_odd {
        return None;
    }
    // Both are exact, so the quotient is the nearest.
    let number = sum as f64 / POWERS_OF_TEN[places];
    Some((if start == 1 { -number } else { number }, at))
}

/// Reads the number at the beginning of a text, as `strtod` does, and says how many bytes it
/// takes; 0 when there is none.
pub(super) fn read_prefix(text: &[u8]) -> (f64, usize) {
    let signed = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let rest = &text[signed..];
    let (number, len) = if rest.len() > 2 && rest[0] == b'0' && rest[1] | 0x20 == b'x' {
        read_hex(&rest[2..]).map_or((0.0, 1), |(number, len)| (number, len + 2))
    } else if rest.first().is_some_and(u8::is_ascii_alphabetic) {
        read_word(rest)
    } else {
        read_decimal(rest)
    };
    if len == 0 {
        return (0.0, 0);
    }
    (if text[0] == b'-' { -number } else { number }, len + signed)
}

fn digits_len(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

/// Length of an exponent that begins with `letter`, 0 when it is none.
fn exponent_len(text: &[u8], letter: u8) -> usize {
    match text {
        [first, rest @ ..] if first | 0x20 == letter => {
            let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
            match digits_len(&rest[sign..]) {
                0 => 0,
                digits => 1 + sign + digits,
            }
        }
        _ => 0,
    }
}

fn read_decimal(text: &[u8]) -> (f64, usize) {
    let whole = digits_len(text);
    let mut len = whole;
    if text.get(len) == Some(&b'.') {
        let fraction = digits_len(&text[len + 1..]);
        if whole + fraction == 0 {
            return (0.0, 0);
        }
        len += 1 + fraction;
    }
    if len == 0 {
        return (0.0, 0);
    }
    if len == whole && len <= 15 && !matches!(text.get(len), Some(b'e' | b'E')) {
        let value = text[..len].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        return (value as f64, len);
    }
    len += exponent_len(&text[len..], b'e');
    let number = std::str::from_utf8(&text[..len]).ok().and_then(|text| text.parse().ok());
    (number.unwrap_or_default(), len)
}

/// `inf`, `infinity`, `nan` and `nan(…)`.
fn read_word(text: &[u8]) -> (f64, usize) {
    let begins =
        |word: &[u8]| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word);
    if begins(b"infinity") {
        (f64::INFINITY, 8)
    } else if begins(b"inf") {
        (f64::INFINITY, 3)
    } else if begins(b"nan") {
        let inner = text.get(4..).unwrap_or_default();
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let word = inner.iter().position(|byte| !is_word(byte)).unwrap_or(inner.len());
        let closed = text.get(3) == Some(&b'(') && inner.get(word) == Some(&b')');
        (f64::NAN, if closed { word + 5 } else { 3 })
    } else {
        (0.0, 0)
    }
}

/// The digits after `0x`, with their exponent; `None` when there is no digit.
fn read_hex(text: &[u8]) -> Option<(f64, usize)> {
    // The first 60 bits are kept, of the rest only whether it is zero: enough to round right.
    let (mut mantissa, mut exponent, mut sticky) = (0u64, 0i64, false);
    let (mut len, mut digits, mut point) = (0, 0, false);
    for &byte in text {
        match char::from(byte).to_digit(16) {
            Some(digit) => {
                digits += 1;
                if mantissa >> 56 == 0 {
                    mantissa = mantissa << 4 | u64::from(digit);
                    exponent -= if point { 4 } else { 0 };
                } else {
                    sticky |= digit != 0;
                    exponent += if point { 0 } else { 4 };
                }
            }
            None if byte == b'.' && !point => point = true,
            None => break,
        }
        len += 1;
    }
    if digits == 0 {
        return None;
    }
    let power = exponent_len(&text[len..], b'p');
    if power > 0 {
        let value = std::str::from_utf8(&text[len + 1..len + power]).ok();
        let negative = text[len + 1] == b'-';
        let limit = if negative { -1 << 40 } else { 1 << 40 };
        exponent += value.and_then(|text| text.parse::<i64>().ok()).unwrap_or(limit);
        len += power;
    }
    Some((scale(mantissa, exponent, sticky), len))
}

/// `mantissa · 2^exponent`, rounded once, to even.
fn scale(mantissa: u64, exponent: i64, sticky: bool) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    // The value is 1.… · 2^top.
    let top = 63 - i64::from(mantissa.leading_zeros()) + exponent;
    if top > 1023 {
        return f64::INFINITY;
    }
    // How many bits below the unit in the last place are dropped.
    let unit = (top - 52).max(-1074);
    let drop = unit - exponent;
    if drop <= 0 {
        let bits = mantissa << -drop;
        return bits as f64 * power_of_two(unit);
    }
    if drop > 63 {
        // Less than half of the least number, or just above it.
        return if drop == 64 && mantissa >> 63 == 1 && (sticky || mantissa << 1 != 0) {
            f64::from_bits(1)
        } else {
            0.0
        };
    }
    let kept = mantissa >> drop;
    let rest = mantissa & ((1 << drop) - 1);
    let half = 1u64 << (drop - 1);
    let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
    (kept + u64::from(up)) as f64 * power_of_two(unit)
}

/// 2^exponent, for exponents of the least bits of finite numbers.
fn power_of_two(exponent: i64) -> f64 {
    if exponent >= -1022 {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    } else {
        f64::from_bits(1 << (exponent + 1074))
    }
}

#[cfg(test)]
#[path = "number_test.rs"]
mod tests;
