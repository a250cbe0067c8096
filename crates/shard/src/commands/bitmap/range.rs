//! The range of BITCOUNT and BITPOS: `start end`, in bytes or bits, both ends inclusive.
//!
//! Not a command.

use protocol::args::Args;
use protocol::error::ArgsError;

/// What `start` and `end` count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Byte,
    Bit,
}

impl Unit {
    /// Part `at`, or bytes when there is none.
    pub(super) fn read(args: Args<'_>, at: usize) -> Result<Self, ArgsError> {
        if args.len() <= at || args.is(at, "BYTE") {
            Ok(Self::Byte)
        } else if args.is(at, "BIT") {
            Ok(Self::Bit)
        } else {
            Err(ArgsError::Syntax)
        }
    }
}

/// Bits `first` to `last` (inclusive) of a text that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) first: usize,
    pub(super) last: usize,
}

impl Bits {
    /// The range in a text of `len` bytes; `None` when it is empty. Indexes below zero count from
    /// the end, and what lies outside of the text is cut off.
    pub(super) fn resolve(len: usize, start: i64, end: i64, unit: Unit) -> Option<Self> {
        let scale = if unit == Unit::Byte { 8 } else { 1 };
        let total = (len * 8 / scale) as i64;
        let absolute = |index: i64| if index < 0 { (total + index).max(0) } else { index };
        let (start, end) = (absolute(start), absolute(end).min(total - 1));
        if start > end {
            return None;
        }
        let (start, end) = (start as usize, end as usize);
        Some(Self { first: start * scale, last: end * scale + scale - 1 })
    }

    /// The bytes of the range, with the bits of the first and the last that do not belong to it
    /// set to `filler`. `visit` gets the first byte, those in between, and the last; a range within
    /// one byte has that alone. It says when it has seen enough.
    pub(super) fn visit<E>(
        self,
        text: &[u8],
        filler: bool,
        mut visit: impl FnMut(&[u8]) -> Result<bool, E>,
    ) -> Result<(), E> {
        let filled = |byte: u8, outside: u8| if filler { byte | outside } else { byte & !outside };
        let (first, last) = (self.first >> 3, self.last >> 3);
        let before = !(0xffu8 >> (self.first & 7));
        let after = !(0xffu8 << (7 - (self.last & 7)));
        if first == last {
            visit(&[filled(text[first], before | after)])?;
            return Ok(());
        }
        let ends = [filled(text[first], before), filled(text[last], after)];
        if !visit(&ends[..1])? && !visit(&text[first + 1..last])? {
            visit(&ends[1..])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(len: usize, start: i64, end: i64, unit: Unit) -> Option<(usize, usize)> {
        Bits::resolve(len, start, end, unit).map(|bits| (bits.first, bits.last))
    }

    #[test]
    fn ranges_are_cut_to_the_text() {
        assert_eq!(bits(3, 0, -1, Unit::Byte), Some((0, 23)));
        assert_eq!(bits(3, 1, 1, Unit::Byte), Some((8, 15)));
        assert_eq!(bits(3, -100, 100, Unit::Bit), Some((0, 23)));
        assert_eq!(bits(3, 5, -3, Unit::Bit), Some((5, 21)));
        assert_eq!(bits(3, i64::MIN, i64::MAX, Unit::Bit), Some((0, 23)));
        assert_eq!(bits(3, 3, 5, Unit::Byte), None);
        assert_eq!(bits(3, 2, 1, Unit::Byte), None);
        assert_eq!(bits(0, 0, -1, Unit::Byte), None);
    }
}
