//! Tests of numbers as C writes, reads and casts them.

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
    fn numbers_with_a_few_places_are_written_as_all_others_are(
        digits in any::<u64>(), places in 0usize..=15, precision in 1usize..=15, near in -2i64..=2
    ) {
        for digits in [digits, digits >> (digits & 63), digits % 100_000_000] {
            let decimal: f64 = format!("{digits}e-{places}").parse().unwrap();
            let number = f64::from_bits(decimal.to_bits().wrapping_add_signed(near));
            if !number.is_normal() || number < 0.0 {
                continue;
            }
            let mut rounded = Vec::new();
            write_rounded(&mut rounded, number, precision);
            prop_assert_eq!(g(number, precision).into_bytes(), rounded, "{:e} {}", number, precision);
        }
    }

    #[test]
    fn short_numbers_are_read_as_all_others_are(
        text in "-?[0-9]{0,17}(\\.[0-9]{0,16})?[eEx.,\\]0-9 -]?[0-9]?"
    ) {
        if let Some((number, len)) = read_short(text.as_bytes()) {
            prop_assert_eq!((number.to_bits(), len), {
                let (number, len) = read_prefix(text.as_bytes());
                (number.to_bits(), len)
            });
        }
    }

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
fn only_plain_numbers_are_short() {
    for (text, number, len) in [
        ("0", 0.0, 1),
        ("12]", 12.0, 2),
        ("-7,", -7.0, 2),
        ("999999999999999 ", 999_999_999_999_999.0, 15),
        ("-99999999999999.9}", -99_999_999_999_999.9, 17),
        ("0.00000000000001", 1e-14, 16),
        ("0.1", 0.1, 3),
        ("1.25.5", 1.25, 4),
    ] {
        assert_eq!(read_short(text.as_bytes()), Some((number, len)), "{text}");
    }
    assert_eq!(read_short(b"-0").map(|(number, _)| number.to_bits()), Some(1 << 63));
    for text in [
        "",
        "-",
        ".5",
        "-.5",
        "5.",
        "01",
        "-01",
        "00.5",
        "0x1",
        "0X1",
        "1e5",
        "1E5",
        "1.5e1",
        "+1",
        "inf",
        "1234567890123456",
        "0.000000000000001",
        "123456789012345678901234567890",
    ] {
        assert_eq!(read_short(text.as_bytes()), None, "{text}");
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
