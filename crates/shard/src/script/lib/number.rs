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
    } else if number < 1e9 && (number as u64) as f64 == number && precision >= 9 {
        out.extend_from_slice(itoa::Buffer::new().format(number as u64).as_bytes());
    } else if write_short(out, number, precision) {
        // Most numbers.
    } else {
        write_rounded(out, number, precision);
    }
}

/// [`write_g`] for a number without a sign whose shortest digits are no more than `precision`; says
/// whether it is one.
///
/// Those digits are what rounding to `precision` digits gives then. A normal number and its shortest
/// digits are less than half a unit in the last place apart, 2^-53 of the number, and that is less than
/// half a unit of the 15th digit, which is at least 5e-16 of it: no other number of 15 digits is as near.
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn g(number: f64, precision: usize) -> String {
        let mut out = Vec::new();
        write_g(&mut out, number, precision);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_laid_out_as_in_c() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1e14, "1e+14"),
            (123_456_789_012_345.0, "1.2345678901234e+14"),
            (99_999_999_999_999.0, "99999999999999"),
            (99_999_999_999_999.9, "1e+14"),
            (1e-5, "1e-05"),
            (0.000_123, "0.000123"),
            (1.0 / 3.0, "0.33333333333333"),
            (1e300, "1e+300"),
            (-1234.5, "-1234.5"),
            (1_234_567_890_123.25, "1234567890123.2"),
            (1_234_567_890_123.75, "1234567890123.8"),
            (f64::INFINITY, "inf"),
            (1e9, "1000000000"),
        ] {
            assert_eq!(g(number, 14), text);
        }
        assert_eq!(g(123.0, 1), "1e+02");
        assert_eq!(g(0.25, 1), "0.2");
        assert_eq!(g(9.5, 1), "1e+01");
    }

    proptest! {
        #[test]
        fn short_numbers_are_written_as_all_others_are(
            whole in any::<u64>(), places in -320i32..300, precision in 1usize..=15, bits in any::<u64>()
        ) {
            let decimal: f64 = format!("{}e{places}", whole >> (whole & 63)).parse().unwrap();
            for number in [decimal, f64::from_bits(bits & !(1 << 63))] {
                if !number.is_finite() || number == 0.0 {
                    continue;
                }
                let (mut short, mut rounded) = (Vec::new(), Vec::new());
                write_rounded(&mut rounded, number, precision);
                if write_short(&mut short, number, precision) {
                    prop_assert_eq!(short, rounded, "{:e} {}", number, precision);
                }
            }
        }
    }

    #[test]
    fn the_beginning_of_a_text_is_read() {
        for (text, number, len) in [
            ("12]", 12.0, 2),
            ("-1.5e3x", -1500.0, 6),
            ("1e", 1.0, 1),
            ("1e+", 1.0, 1),
            ("1.", 1.0, 2),
            ("-.5", -0.5, 3),
            (".", 0.0, 0),
            ("-", 0.0, 0),
            ("", 0.0, 0),
            ("0x1F,", 31.0, 4),
            ("0x", 0.0, 1),
            ("0x.8p1", 1.0, 6),
            ("0xg", 0.0, 1),
            ("0x1p-1074", f64::from_bits(1), 9),
            ("0x1p-1075", 0.0, 9),
            ("0x1.8p-1075", f64::from_bits(1), 11),
            ("0x1p99999999999999999999", f64::INFINITY, 24),
            ("0x1fffffffffffff8", 144_115_188_075_855_872.0, 17),
            ("-Infinityx", f64::NEG_INFINITY, 9),
            ("infinit", f64::INFINITY, 3),
            ("9007199254740993", 9_007_199_254_740_992.0, 16),
            ("1e999", f64::INFINITY, 5),
        ] {
            assert_eq!(read_prefix(text.as_bytes()), (number, len), "{text}");
        }
        assert_eq!(read_prefix(b"nan(x_1)").1, 8);
        assert_eq!(read_prefix(b"nan(x").1, 3);
    }

    #[test]
    fn casts_are_those_of_the_processor() {
        assert_eq!(to_i64(1e300), i64::MIN);
        assert_eq!(to_i64(f64::NAN), i64::MIN);
        assert_eq!(to_u64(1.5e19), 15_000_000_000_000_000_000);
        assert_eq!(to_u64(1e300), 0);
        assert_eq!(to_u64(-1.0), u64::MAX);
    }

    proptest! {
        #[test]
        fn reading_is_total_and_agrees_with_rust(number: f64, junk: Vec<u8>) {
            let _ = read_prefix(&junk);
            if number.is_finite() {
                let text = format!("{number:e}");
                prop_assert_eq!(read_prefix(text.as_bytes()), (number, text.len()));
                prop_assert_eq!(g(number, 17).parse::<f64>().unwrap(), number);
            }
        }

        #[test]
        fn hexadecimal_keeps_every_bit(bits: u64) {
            let number = f64::from_bits(bits & !(1 << 63));
            if number.is_normal() {
                let (mantissa, power) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7ff) as i64 - 1023);
                let text = format!("0x1.{mantissa:013x}p{power}");
                prop_assert_eq!(read_prefix(text.as_bytes()), (number, text.len()));
            }
        }
    }
}
