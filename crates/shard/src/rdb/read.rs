//! Reading what values are made of: lengths, strings, numbers.

use protocol::number::parse_f64;

use super::{RdbError, Source, lzf};

/// Longest string that is read, in bytes, once decompressed: no string and no packed form of Redis is
/// longer.
const STRING_LEN_MAX: u64 = 1 << 30;

/// What a length says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// So many.
    Plain(u64),
    /// What follows is a string that is written in a way of its own.
    Special(u8),
}

/// Takes values off a source.
pub(crate) struct Reader<'s>(&'s mut dyn Source);

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s mut dyn Source) -> Self {
        Self(source)
    }

    /// Asks whether to go on.
    pub(super) fn beat(&mut self) -> Result<(), RdbError> {
        self.0.beat()
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, RdbError> {
        self.array().map(u8::from_le_bytes)
    }

    /// Milliseconds.
    pub(super) fn millis(&mut self) -> Result<i64, RdbError> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn double(&mut self) -> Result<f64, RdbError> {
        self.array().map(f64::from_le_bytes)
    }

    /// A double as text with its length in front: how sorted sets had it once.
    pub(super) fn text_double(&mut self) -> Result<f64, RdbError> {
        match self.byte()? {
            253 => Ok(f64::NAN),
            254 => Ok(f64::INFINITY),
            255 => Ok(f64::NEG_INFINITY),
            len => {
                let text = self.0.take(len.into())?;
                parse_f64(&text).ok_or(RdbError::Corrupt("a score is not a number"))
            }
        }
    }

    pub(super) fn length(&mut self) -> Result<Length, RdbError> {
        let first = self.byte()?;
        let low = first & 0x3F;
        Ok(Length::Plain(match first {
            0..0x40 => low.into(),
            0x40..0x80 => u64::from(low) << 8 | u64::from(self.byte()?),
            0x80 => u32::from_be_bytes(self.array()?).into(),
            0x81 => u64::from_be_bytes(self.array()?),
            0x82..0xC0 => return Err(RdbError::Corrupt("a length has an unknown form")),
            0xC0.. => return Ok(Length::Special(low)),
        }))
    }

    /// A length that counts something.
    pub(super) fn count(&mut self) -> Result<u64, RdbError> {
        match self.length()? {
            Length::Plain(count) => Ok(count),
            Length::Special(_) => Err(RdbError::Corrupt("a string stands for a number")),
        }
    }

    /// A string, be it written as a number, compressed or plain.
    pub(crate) fn string(&mut self) -> Result<Vec<u8>, RdbError> {
        let number = |value: i64| Ok(value.to_string().into_bytes());
        match self.length()? {
            Length::Plain(len) => self.plain(len),
            Length::Special(0) => number(i8::from_le_bytes(self.array()?).into()),
            Length::Special(1) => number(i16::from_le_bytes(self.array()?).into()),
            Length::Special(2) => number(i32::from_le_bytes(self.array()?).into()),
            Length::Special(3) => self.compressed(),
            Length::Special(_) => Err(RdbError::Corrupt("a string has an unknown form")),
        }
    }

    fn plain(&mut self, len: u64) -> Result<Vec<u8>, RdbError> {
        if len > STRING_LEN_MAX {
            return Err(RdbError::Corrupt("a string is too long"));
        }
        self.0.take(len)
    }

    fn compressed(&mut self) -> Result<Vec<u8>, RdbError> {
        let (short, len) = (self.count()?, self.count()?);
        if len > STRING_LEN_MAX {
            return Err(RdbError::Corrupt("a string is too long"));
        }
        let compressed = self.plain(short)?;
        lzf::decompress(&compressed, len as usize)
            .ok_or(RdbError::Corrupt("a compressed string is broken"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(mut bytes: &[u8]) -> Result<Vec<u8>, String> {
        let result = Reader::new(&mut bytes).string().map_err(|error| error.to_string());
        assert!(result.is_err() || bytes.is_empty());
        result
    }

    #[test]
    fn strings_have_six_forms() {
        assert_eq!(string(b"\x01x").unwrap(), b"x");
        assert_eq!(string(b"\x40\x01x").unwrap(), b"x");
        assert_eq!(string(b"\x80\0\0\0\x01x").unwrap(), b"x");
        assert_eq!(string(b"\x81\0\0\0\0\0\0\0\x01x").unwrap(), b"x");
        assert_eq!(string(b"\xc0\xff").unwrap(), b"-1");
        assert_eq!(string(b"\xc1\x00\x01").unwrap(), b"256");
        assert_eq!(string(b"\xc2\x00\x00\x01\x00").unwrap(), b"65536");
        assert_eq!(string(b"\xc3\x05\x0a\x00a\xe0\x00").unwrap_err(), "the data ends too early");
        assert_eq!(string(b"\xc3\x05\x0a\x00a\xe0\x00\x00").unwrap(), b"aaaaaaaaaa");
    }

    #[test]
    fn lengths_are_not_believed() {
        assert!(string(b"\x81\x7f\xff\xff\xff\xff\xff\xff\xffx").is_err());
        assert!(string(b"\x80\x3f\xff\xff\xffx").is_err());
        assert!(string(b"\xc3\x02\x80\x10\x00\x00\x00\x00x").is_err());
        assert!(string(b"\xc4").is_err());
        assert!(string(b"\x82").is_err());
    }

    #[test]
    fn doubles_as_text() {
        let double = |mut bytes: &[u8]| Reader::new(&mut bytes).text_double();
        assert_eq!(double(b"\x043.25").unwrap(), 3.25);
        assert_eq!(double(b"\xfe").unwrap(), f64::INFINITY);
        assert_eq!(double(b"\xff").unwrap(), f64::NEG_INFINITY);
        assert!(double(b"\xfd").unwrap().is_nan());
        assert!(double(b"\x01x").is_err());
    }
}
