//! The 80-bit `long double` that Redis adds floating point increments in.
//!
//! INCRBYFLOAT and HINCRBYFLOAT reply, store and replicate the text of the sum, so clients see
//! each of its bits. A double would give other digits (0.1 + 0.2 is 0.3 here), hence the same
//! format: 64 bits of significand, ties to even, the exponents of x87. `strtold` reads the numbers
//! and `%.17Lf` prints them.
//!
//! # Invariants
//! - I1. The significand has at most 64 bits.
//! - I2. A finite value is below 2^16384.
//!
//! # Not here
//! Subnormals keep more bits than they would on x87. They lie below 10^-4931, where neither a sum
//! nor the 17 decimals that are printed can tell.

use dashu_float::round::mode::HalfEven;
use dashu_float::{Context, FBig, Repr};

/// Bits of the significand.
const PRECISION: usize = 64;
/// Finite values lie below two to the power of this.
const EXPONENT_MAX: isize = 16_384;
/// Two to the power of this is half of the smallest subnormal: it and all below read as zero.
const EXPONENT_MIN: isize = -16_446;
/// Decimal exponents of leading digits beyond which a number is surely too large.
const DECIMAL_EXPONENT_MAX: i64 = 4_932;
/// Decimal exponents of leading digits beyond which a number is surely too small.
const DECIMAL_EXPONENT_MIN: i64 = -4_952;
/// Texts of this length and more are refused (Redis: `MAX_LONG_DOUBLE_CHARS`).
const TEXT_LEN_MAX: usize = 5 * 1024;
/// Digits printed after the point, and ten to the power of that.
const DECIMALS: usize = 17;
const DECIMALS_SCALE: u128 = 10u128.pow(DECIMALS as u32);

// The scaled significand of `to_text` fits 128 bits.
const _: () = assert!(DECIMALS_SCALE < 1 << (127 - PRECISION));

/// A long double that is not NaN. See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LongDouble(Repr<2>);

impl LongDouble {
    /// Reads what Redis's `string2ld` accepts: decimal or hexadecimal with an optional exponent,
    /// or infinity, and nothing around it. Numbers out of range are refused.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= TEXT_LEN_MAX {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let magnitude = text.strip_prefix(['-', '+']).unwrap_or(text);
        let hexadecimal = magnitude.strip_prefix("0x").or_else(|| magnitude.strip_prefix("0X"));
        let value = match hexadecimal {
            Some(digits) => read_hexadecimal(digits)?,
            None if magnitude.eq_ignore_ascii_case("inf") => Repr::infinity(),
            None if magnitude.eq_ignore_ascii_case("infinity") => Repr::infinity(),
            None => read_decimal(magnitude)?,
        };
        Some(Self(if text.starts_with('-') { -value } else { value }))
    }

    /// The sum, rounded to the nearest long double; `None` when it is infinite or NaN.
    pub(crate) fn add(&self, other: &Self) -> Option<Self> {
        // Exact first: at a limited precision dashu keeps one bit too many after a cancellation.
        let exact = Context::<HalfEven>::new(0).add(&self.0, &other.0).ok()?;
        let sum = round(exact.value().into_repr());
        (top(&sum) <= EXPONENT_MAX).then_some(Self(sum))
    }

    /// The text that Redis stores: 17 decimals, ties to even, without trailing zeros.
    pub(crate) fn to_text(&self) -> Vec<u8> {
        let negative = self.0 < Repr::zero();
        if self.0.is_infinite() {
            return if negative { b"-inf".to_vec() } else { b"inf".to_vec() };
        }
        let (significand, exponent) = self.0.clone().into_parts();
        if exponent >= 0 {
            return (significand << exponent.unsigned_abs()).to_string().into_bytes();
        }
        let magnitude = i128::try_from(&significand).expect("I1").unsigned_abs();
        let scaled = shift_right_to_even(magnitude * DECIMALS_SCALE, exponent.unsigned_abs());
        let (whole, decimals) = (scaled / DECIMALS_SCALE, scaled % DECIMALS_SCALE);
        let text = format!("{whole}.{decimals:0DECIMALS$}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        // Redis prints no minus zero.
        let sign = if negative && scaled != 0 { "-" } else { "" };
        format!("{sign}{text}").into_bytes()
    }
}

/// `value / 2^shift`, rounded to the nearest integer, ties to even. `value` is below 2^127, and
/// `shift` is not zero.
fn shift_right_to_even(value: u128, shift: usize) -> u128 {
    // Less than a half.
    if shift >= 128 {
        return 0;
    }
    let (quotient, half) = (value >> shift, 1u128 << (shift - 1));
    let rest = value & (half | (half - 1));
    let up = rest > half || (rest == half && quotient & 1 == 1);
    quotient + u128::from(up)
}

/// The least exponent such that the magnitude is below two to its power.
fn top(value: &Repr<2>) -> isize {
    value.digits() as isize + value.exponent()
}

/// A number as written: digits without leading zeros, of which `fraction` stand after the point.
struct Scanned {
    digits: String,
    fraction: i64,
    exponent: i64,
}

/// Takes a number apart: digits of `radix` with at most one point, then perhaps `marker` (in
/// either case) and a decimal exponent.
fn scan(text: &str, radix: u32, marker: char) -> Option<Scanned> {
    let (mantissa, exponent) = match text.find([marker, marker.to_ascii_uppercase()]) {
        Some(at) => (&text[..at], read_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = String::with_capacity(mantissa.len());
    digits.push_str(whole);
    digits.push_str(fraction);
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let digits = digits.trim_start_matches('0').to_owned();
    Some(Scanned { digits, fraction: fraction.len() as i64, exponent })
}

/// A decimal exponent. One that is larger than any exponent that matters is cut to 10^9.
fn read_exponent(text: &str) -> Option<i64> {
    const LIMIT: i64 = 1_000_000_000;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse::<i64>().map_or(LIMIT, |exponent| exponent.min(LIMIT));
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

fn read_decimal(text: &str) -> Option<Repr<2>> {
    let Scanned { digits, fraction, exponent } = scan(text, 10, 'e')?;
    if digits.is_empty() {
        return Some(Repr::zero());
    }
    let exponent = exponent - fraction;
    // Keeps the integers below at some thousand digits.
    let leading = exponent + digits.len() as i64 - 1;
    if !(DECIMAL_EXPONENT_MIN..=DECIMAL_EXPONENT_MAX).contains(&leading) {
        return None;
    }
    if exponent >= 0 {
        return in_range(round(integer(&format!("{digits}e{exponent}"))));
    }
    let (numerator, denominator) = (integer(&digits), integer(&format!("1e{}", -exponent)));
    let quotient = Context::<HalfEven>::new(PRECISION).div(&numerator, &denominator).ok()?;
    in_range(quotient.value().into_repr())
}

fn read_hexadecimal(text: &str) -> Option<Repr<2>> {
    let Scanned { digits, fraction, exponent } = scan(text, 16, 'p')?;
    if digits.is_empty() {
        return Some(Repr::zero());
    }
    let value: FBig<HalfEven, 2> = format!("0x{digits}").parse().expect("digits, as scanned");
    let (significand, shift) = value.into_repr().into_parts();
    let exponent = isize::try_from(exponent - 4 * fraction).ok()?;
    in_range(round(Repr::new(significand, shift + exponent)))
}

/// An integer in decimal, perhaps with trailing zeros as an exponent, without any rounding.
fn integer(text: &str) -> Repr<2> {
    let value: FBig<HalfEven, 10> = text.parse().expect("digits, as scanned");
    // Precision 0 is unlimited, which integers allow.
    value.with_base_and_precision::<2>(0).value().into_repr()
}

fn round(exact: Repr<2>) -> Repr<2> {
    let exact = FBig::<HalfEven, 2>::from_repr(exact, Context::new(0));
    exact.with_precision(PRECISION).value().into_repr()
}

/// What `strtold` answers without an error of range.
fn in_range(value: Repr<2>) -> Option<Repr<2>> {
    let (top, power_of_two) = (top(&value), value.digits() == 1);
    let vanishes = top <= EXPONENT_MIN || (top == EXPONENT_MIN + 1 && power_of_two);
    (top <= EXPONENT_MAX && !vanishes).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Stored text, increment and sum, as redis-server 7.0 on x86-64 answers INCRBYFLOAT.
    #[rustfmt::skip]
    const VECTORS: &[(&str, &str, &str)] = &[
        ("0.1", "0.2", "0.3"),
        ("3e3", "1.1", "3001.10000000000000009"),
        ("1e17", "0.5", "100000000000000000.5"),
        ("-1.23e-10", "0", "-0.000000000123"),
        ("1", "2", "3"),
        ("10.50", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("3.0", "1.000000000000000005", "4.00000000000000001"),
        ("1.5", "1.5", "3"),
        ("-1.1", "1.1", "0"),
        ("0", "-0.0", "0"),
        ("-0", "-0", "0"),
        ("1e-17", "0", "0.00000000000000001"),
        ("5e-18", "0", "0"),
        ("4.9e-18", "0", "0"),
        ("-4e-18", "0", "0"),
        ("1e-18", "9e-18", "0.00000000000000001"),
        ("0.000003814697265625", "0", "0.00000381469726562"),
        ("0.000011444091796875", "0", "0.00001144409179688"),
        ("-0.000003814697265625", "0", "-0.00000381469726562"),
        ("17179869184", "0.5", "17179869184.5"),
        ("9223372036854775807", "0", "9223372036854775807"),
        ("-9223372036854775808", "0", "-9223372036854775808"),
        ("9223372036854775807", "1", "9223372036854775808"),
        ("9223372036854775807", "0.5", "9223372036854775807.5"),
        ("9223372036854775806", "0.5", "9223372036854775806.5"),
        ("18446744073709551615", "0", "18446744073709551615"),
        ("18446744073709551616", "1", "18446744073709551616"),
        ("18446744073709551616", "3", "18446744073709551620"),
        ("36893488147419103233", "0", "36893488147419103232"),
        ("1e18", "0.1", "1000000000000000000.125"),
        ("1e15", "0.1", "1000000000000000.0999755859375"),
        ("123456789.123456789", "0.000000001", "123456789.12345678999554366"),
        ("0.3", "-0.1", "0.2"),
        ("100.3", "-100.2", "0.10000000000000001"),
        ("1e20", "-1e20", "0"),
        ("1e20", "1", "100000000000000000000"),
        ("3.14159265358979323846264338327950288", "0", "3.14159265358979324"),
        ("2.718281828459045", "1e-5", "2.718291828459045"),
        ("99999999999999999.99", "0.01", "100000000000000000"),
        ("0x1p3", "0", "8"),
        ("0X1.8p-1", "0x.8", "1.25"),
        ("0xff", "0x1P+4", "271"),
        ("0xffffffffffffffff8", "0", "295147905179352825856"),
        ("-0x10", "+5", "-11"),
        (".5", "5.", "5.5"),
        ("+7", "-2", "5"),
        ("1E2", "1e+2", "200"),
        ("1e-2", "1e-3", "0.011"),
        ("000012.50", "1", "13.5"),
        ("1e25", "1e-25", "10000000000000000000000000"),
        ("1e40", "1", "9999999999999999999783686092270256259072"),
        ("123e30", "7e28", "123069999999999999999775856394240"),
        ("-1e30", "1", "-1000000000000000000024696061952"),
        ("0e99999999999999999999", "1", "1"),
        ("-47261518.888909472219", "5542267619244908", "5542267571983389.111328125"),
        ("4.9096846090497734", "-18446745251000763389", "-18446745251000763384"),
        ("-80961159997.978", "209.0188", "-80961159788.95920000225305557"),
        ("-679.10", "36893488147419103229.50000000000000000001", "36893488147419102550"),
        ("73603656324", "-.13347292373", "73603656323.86652707308530807"),
        ("1e-4950", "1", "1"),
        ("1.83e-4951", "0", "0"),
        ("0.1234567890123456789012345", "0.9876543210987654321", "1.11111111011111111"),
        ("1e300", "1",
            "100000000000000000000899732407955919387052394427329074793826008232126564659618093575\
             584915208375049719035037250861427483590359255618467298391309626052074864628732713564\
             184365329408425510760601678972665293237003055138294762099454029477278188962060617926\
             7611627097410650567187386105690089424915104006144"),
        ("1e100", "1e84",
            "100000000000000009994608634960347062665264577073230896344944424992496043137259450396\
             55851183031975936"),
    ];

    fn parse(text: &str) -> Option<LongDouble> {
        LongDouble::parse(text.as_bytes())
    }

    fn sum(left: &str, right: &str) -> Option<String> {
        let sum = parse(left)?.add(&parse(right)?)?;
        Some(String::from_utf8(sum.to_text()).unwrap())
    }

    #[test]
    fn sums_are_those_of_redis() {
        for (left, right, expected) in VECTORS {
            assert_eq!(sum(left, right).as_deref(), Some(*expected), "{left} + {right}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let texts = [
            "", " 1", "1 ", "abc", "nan", "NAN", "nan(1)", "infin", "-", "+", "+-1", "--1", ".",
            "-.", "1e", "1e+", "e5", ".e5", "1.2.3", "1e5e5", "1e1.5", "1_0", "1@5", "0x", "0x.",
            "0xg", "0x1p", "0x1p0x1", "1\0", "\u{b2}",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(LongDouble::parse(b"\xff"), None);
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let texts = [
            "1e4933",
            "1e5000",
            "1e99999999999999999999",
            "-1e5000",
            "0x1p16384",
            "1.1897314953572317650857593266280071e4932",
            "1e-5000",
            "1.82e-4951",
            "1e-99999999999999999999",
            "0x1p-16446",
            "0x1p99999999999999999999",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text:?}");
        }
        let texts = [
            "1.189731495357231765021263853030970205169063322294624200e4932",
            "0x1.fffffffffffffffep16383",
            "1.83e-4951",
            "0x1p-16445",
            "0x1.8p-16446",
        ];
        for text in texts {
            assert!(parse(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn a_text_has_at_most_5119_bytes() {
        assert!(parse(&"0".repeat(5119)).is_some());
        assert!(parse(&"0".repeat(5120)).is_none());
        assert_eq!(sum(&format!("0.{}", "1".repeat(5117)), "0").unwrap(), "0.11111111111111111");
    }

    #[test]
    fn infinite_sums_are_none() {
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("-Infinity", "INF"), None);
        assert_eq!(sum("1.18e4932", "1.18e4932"), None);
        assert_eq!(sum("-1.18e4932", "-1.18e4932"), None);
        assert_eq!(parse("-iNf").unwrap().to_text(), b"-inf");
    }

    proptest! {
        /// Integers of 64 bits are exact, so their sum is that of the integers, if it fits.
        #[test]
        fn integers_add_exactly(left in any::<i64>(), right in any::<i64>()) {
            let exact = i128::from(left) + i128::from(right);
            prop_assert_eq!(sum(&left.to_string(), &right.to_string()).unwrap(), exact.to_string());
        }

        #[test]
        fn any_bytes_parse_or_not(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(value) = LongDouble::parse(&text) {
                value.to_text();
            }
        }

        /// What is printed reads back, and prints the same again.
        #[test]
        fn texts_are_stable(text in "-?[0-9]{1,20}\\.[0-9]{0,20}(e-?[0-9]{1,2})?") {
            let printed = parse(&text).unwrap().to_text();
            prop_assert_eq!(LongDouble::parse(&printed).unwrap().to_text(), printed);
        }
    }
}
