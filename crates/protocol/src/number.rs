//! Numbers exactly as Redis reads and prints them.
//!
//! Redis accepts fewer texts than Rust's parsers (no plus sign, no leading zeros, no blanks for
//! integers) and prints doubles in its own layout, so neither `str::parse` nor `Display` will do.

/// Parses an integer as `string2ll` of Redis does: an optional minus, then digits without leading
/// zeros; nothing else; within 64 bits.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut magnitude = 0u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        // Nineteen digits are below 10^19, which a u64 holds.
        magnitude = magnitude * 10 + u64::from(digit - b'0');
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Parses an unsigned 64-bit integer by the same strict rules, or a SCAN cursor.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Parses a double as Redis's `getDoubleFromObject` does (`strtod` that must consume everything):
/// no leading blank, `inf`, `infinity` and hexadecimal accepted, NaN refused.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.is_empty() || text.starts_with(char::is_whitespace) {
        return None;
    }
    let value = match parse_hex_float(text) {
        Some(value) => value,
        None => text.parse::<f64>().ok()?,
    };
    // strtod reports overflow (1e400) as an error of range; Rust answers infinity.
    let spelled_infinite = text.trim_start_matches(['+', '-']).starts_with(['i', 'I']);
    (!value.is_nan() && (value.is_finite() || spelled_infinite)).then_some(value)
}

/// `0x1F`, `-0xA`: what `strtod` accepts and Rust does not; integers and fractions, with an
/// optional binary exponent.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let rest = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"))?;
    let (mantissa, exponent) = match rest.find(['p', 'P']) {
        Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let scale = exponent.saturating_sub(4 * i32::try_from(fraction.len()).ok()?);
    Some(sign * value * 2f64.powi(scale))
}

/// Appends a double as Redis 7.2 replies it: an integer where it is one and within 2^62, else as
/// [`write_f64`] does, and without a sign for what is not a number.
pub fn write_reply_f64(out: &mut Vec<u8>, value: f64) {
    const LIMIT: f64 = 4_611_686_018_427_387_904.0;
    if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.trunc() == value && value.abs() <= LIMIT && value != 0.0 {
        write_i64(out, value as i64);
    } else {
        write_f64(out, value);
    }
}

/// Appends a double as Redis 7.2 prints it (`fpconv_dtoa`): the shortest digits that read back as
/// the same double, plain where that is short and in scientific form where it is not.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(if value.is_sign_negative() { b"-nan" } else { b"nan" });
        return;
    }
    if value.is_infinite() {
        out.extend_from_slice(if value < 0.0 { b"-inf" } else { b"inf" });
        return;
    }
    if value == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() { b"-0" } else { b"0" });
        return;
    }
    let (digits, count, exponent) = shortest_digits(value.abs());
    if value < 0.0 {
        out.push(b'-');
    }
    write_layout(out, &digits[..count], exponent);
}

/// The shortest digits that read back as a positive finite double, how many there are, and an
/// exponent: the number is `digits * 10^exponent`. The last digit is not 0, nor is the first.
#[inline]
pub fn shortest_digits(value: f64) -> ([u8; 24], usize, i32) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let (mantissa, mut exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(0)),
        None => (text, 0i32),
    };
    let mut digits = [0u8; 24];
    let mut count = 0;
    let mut after_point = false;
    for byte in mantissa.bytes() {
        if byte == b'.' {
            after_point = true;
            continue;
        }
        exponent -= i32::from(after_point);
        if (count > 0 || byte != b'0') && count < digits.len() {
            digits[count] = byte;
            count += 1;
        }
    }
    while count > 1 && digits[count - 1] == b'0' {
        count -= 1;
        exponent += 1;
    }
    (digits, count, exponent)
}

/// The layout rules of `fpconv_dtoa` (deps/fpconv in Redis), with K the exponent of the last digit.
fn write_layout(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let count = digits.len() as i32;
    let scientific = exponent + count - 1;
    if exponent >= 0 && scientific.abs() < count + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + exponent as usize, b'0');
    } else if exponent < 0 && (exponent > -7 || scientific.abs() < 4) {
        let point = count + exponent;
        if point <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-point) as usize, b'0');
            out.extend_from_slice(digits);
        } else {
            out.extend_from_slice(&digits[..point as usize]);
            out.push(b'.');
            out.extend_from_slice(&digits[point as usize..]);
        }
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if scientific < 0 { b"e-" } else { b"e+" });
        write_i64(out, i64::from(scientific.abs()));
    }
}

/// Appends an integer in decimal.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_strict() {
        assert_eq!(parse_i64(b"0"), Some(0));
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        for text in ["", "-", "-0", "+1", " 1", "1 ", "01", "1.0", "9223372036854775808", "1e3"] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn doubles_are_read_as_strtod_does() {
        assert_eq!(parse_f64(b"3.5e2"), Some(350.0));
        assert_eq!(parse_f64(b"-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_f64(b"+1"), Some(1.0));
        assert_eq!(parse_f64(b"0x1F"), Some(31.0));
        for text in ["", " 1", "1 ", "nan", "1e400", "abc", "1x"] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn doubles_are_printed_as_fpconv_does() {
        let vectors = [
            (0.1, "0.1"),
            (3.0, "3"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-5, "0.00001"),
            (1e-7, "1e-7"),
            (1e-10, "1e-10"),
            (1e19, "1e+19"),
            (1e20, "1e+20"),
            (5e-324, "5e-324"),
            (100.0 / 3.0, "33.333333333333336"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (9223372036854775808.0, "9223372036854776000"),
            (-9223372036854775808.0, "-9223372036854776000"),
            (12345678901234567890.0, "12345678901234567000"),
            (f64::INFINITY, "inf"),
        ];
        for (value, text) in vectors {
            let mut out = Vec::new();
            write_f64(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    proptest! {
        #[test]
        fn printed_doubles_read_back_equal(value in any::<f64>().prop_filter("number", |v| v.is_finite())) {
            let mut out = Vec::new();
            write_f64(&mut out, value);
            prop_assert_eq!(parse_f64(&out), Some(value));
        }

        #[test]
        fn integers_round_trip(value in any::<i64>()) {
            prop_assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
        }
    }
}
