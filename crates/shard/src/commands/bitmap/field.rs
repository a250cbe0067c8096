//! The types of BITFIELD (`u8`, `i16`, …) and what an operation makes of a number that does not
//! fit its type.
//!
//! Not a command.

use crate::error::CommandError;

/// The type of a field: signed or not, and how many bits it has (1 to 64; unsigned to 63).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldType {
    pub(super) signed: bool,
    pub(super) width: u32,
}

/// What becomes of a number that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overflow {
    /// Its lowest bits are taken.
    Wrap,
    /// The nearest number that fits.
    Saturate,
    /// Nothing is written.
    Fail,
}

impl FieldType {
    pub(super) fn parse(text: &[u8]) -> Result<Self, CommandError> {
        const BAD_TYPE: CommandError = CommandError::Text(
            "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported \
             but i64 is.",
        );
        let (signed, digits) = match text.split_first() {
            Some((b'i', digits)) => (true, digits),
            Some((b'u', digits)) => (false, digits),
            _ => return Err(BAD_TYPE),
        };
        let max = if signed { 64 } else { 63 };
        let width = protocol::number::parse_i64(digits).filter(|width| (1..=max).contains(width));
        let width = width.and_then(|width| u32::try_from(width).ok()).ok_or(BAD_TYPE)?;
        Ok(Self { signed, width })
    }

    /// The number that the bits of a field are.
    pub(super) fn number(self, bits: u64) -> i64 {
        let shift = 64 - self.width;
        let high = (bits << shift) as i64;
        if self.signed { high >> shift } else { (high as u64 >> shift) as i64 }
    }

    fn least(self) -> i128 {
        if self.signed { -(1 << (self.width - 1)) } else { 0 }
    }

    fn most(self) -> i128 {
        if self.signed { (1 << (self.width - 1)) - 1 } else { (1 << self.width) - 1 }
    }

    /// A number as the field takes it in, or `None` if it must not.
    pub(super) fn fit(self, number: i128, overflow: Overflow) -> Option<i64> {
        let fitting = number.clamp(self.least(), self.most());
        match overflow {
            _ if fitting == number => Some(number as i64),
            Overflow::Wrap => Some(self.number(number as u64)),
            Overflow::Saturate => Some(fitting as i64),
            Overflow::Fail => None,
        }
    }

    /// The number that SET is given. Redis: one below zero is, for an unsigned type, a very large
    /// one.
    pub(super) fn given(self, number: i64) -> i128 {
        if self.signed { i128::from(number) } else { i128::from(number as u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Option<(bool, u32)> {
        FieldType::parse(text.as_bytes()).ok().map(|field| (field.signed, field.width))
    }

    #[test]
    fn types() {
        assert_eq!(parse("u1"), Some((false, 1)));
        assert_eq!(parse("u63"), Some((false, 63)));
        assert_eq!(parse("i64"), Some((true, 64)));
        for bad in ["", "u", "i", "u64", "i65", "u0", "i0", "U8", "I8", "8", "u08", "u+8", "u-8"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit() {
        let byte = FieldType { signed: true, width: 8 };
        assert_eq!(byte.fit(128, Overflow::Wrap), Some(-128));
        assert_eq!(byte.fit(-129, Overflow::Wrap), Some(127));
        assert_eq!(byte.fit(128, Overflow::Saturate), Some(127));
        assert_eq!(byte.fit(-129, Overflow::Saturate), Some(-128));
        assert_eq!(byte.fit(-129, Overflow::Fail), None);
        assert_eq!(byte.fit(-128, Overflow::Fail), Some(-128));
        let bits = FieldType { signed: false, width: 2 };
        assert_eq!(bits.fit(5, Overflow::Wrap), Some(1));
        assert_eq!(bits.fit(-1, Overflow::Saturate), Some(0));
        assert_eq!(bits.fit(bits.given(-1), Overflow::Saturate), Some(3));
    }

    proptest! {
        /// Wrapping is arithmetic modulo 2^width.
        #[test]
        fn wrapping_keeps_the_lowest_bits(
            number in any::<i64>(),
            more in any::<i64>(),
            signed in any::<bool>(),
            width in 1u32..=63,
        ) {
            let field = FieldType { signed, width };
            let sum = i128::from(number) + i128::from(more);
            let fitted = i128::from(field.fit(sum, Overflow::Wrap).expect("wrapping never fails"));
            prop_assert_eq!((fitted - sum).rem_euclid(1 << width), 0);
            prop_assert!((field.least()..=field.most()).contains(&fitted));
        }
    }
}
