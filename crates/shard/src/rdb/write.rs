//! Writing what values are made of: lengths, strings, numbers.

use std::convert::Infallible;

use protocol::number::parse_i64;

use super::lzf::Compressor;

/// Up to that many bytes a string may be the text of a number that is written as one.
const INT_LEN_MAX: usize = 11;
/// Strings of more bytes are compressed, where that saves at least [`SAVING_MIN`] bytes.
const PLAIN_LEN_MAX: usize = 20;
const SAVING_MIN: usize = 4;

/// Appends a length.
pub(crate) fn put_len(out: &mut Vec<u8>, len: u64) {
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend_from_slice(&(len as u16 | 0x4000).to_be_bytes()),
        0x4000..=0xFFFF_FFFF => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}

/// Appends an integer that has a short form; says whether it has one.
fn put_int(out: &mut Vec<u8>, number: i64) -> bool {
    if let Ok(number) = i8::try_from(number) {
        out.push(0xC0);
        out.extend_from_slice(&number.to_le_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        out.push(0xC1);
        out.extend_from_slice(&number.to_le_bytes());
    } else if let Ok(number) = i32::try_from(number) {
        out.push(0xC2);
        out.extend_from_slice(&number.to_le_bytes());
    } else {
        return false;
    }
    true
}

/// What has been written and not gone anywhere yet.
#[derive(Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    compressor: Compressor,
}

impl Output {
    pub(super) fn number(&mut self, number: u64) {
        put_len(&mut self.bytes, number);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn millis(&mut self, millis: i64) {
        self.bytes(&millis.to_le_bytes());
    }

    /// Appends a string in the form that Redis gives it.
    pub(super) fn string(&mut self, text: &[u8]) {
        let written = Writer::new(self, &mut |_| Ok::<(), Infallible>(())).string(text);
        let Ok(()) = written;
    }
}

/// Is called every few elements with what has been written, which it may take away; says whether to
/// go on.
pub(super) type Pulse<'p, E> = &'p mut dyn FnMut(&mut Vec<u8>) -> Result<(), E>;

/// Writes what may be large.
pub(super) struct Writer<'p, E> {
    output: &'p mut Output,
    pulse: Pulse<'p, E>,
}

impl<'p, E> Writer<'p, E> {
    pub(super) fn new(output: &'p mut Output, pulse: Pulse<'p, E>) -> Self {
        Self { output, pulse }
    }

    /// To be called for each element.
    ///
    /// # Errors
    /// That of the pulse: nothing more is to be written.
    pub(super) fn beat(&mut self) -> Result<(), E> {
        (self.pulse)(&mut self.output.bytes)
    }

    pub(super) fn len(&mut self, len: usize) {
        self.number(len as u64);
    }

    pub(super) fn number(&mut self, number: u64) {
        self.output.number(number);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.output.bytes(bytes);
    }

    pub(super) fn millis(&mut self, millis: i64) {
        self.output.millis(millis);
    }

    /// Appends a string in the form that Redis gives it.
    ///
    /// # Errors
    /// As [`Self::beat`].
    pub(super) fn string(&mut self, text: &[u8]) -> Result<(), E> {
        let Self { output: Output { bytes, compressor }, pulse } = self;
        if text.len() <= INT_LEN_MAX
            && let Some(number) = parse_i64(text)
            && put_int(bytes, number)
        {
            return Ok(());
        }
        let len_max = text.len().saturating_sub(SAVING_MIN);
        if text.len() > PLAIN_LEN_MAX
            && let Some(compressed) = compressor.compress(text, len_max, || pulse(bytes))?
        {
            bytes.push(0xC3);
            put_len(bytes, compressed.len() as u64);
            put_len(bytes, text.len() as u64);
            bytes.extend_from_slice(&compressed);
            return Ok(());
        }
        put_len(bytes, text.len() as u64);
        bytes.extend_from_slice(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::Reader;

    #[test]
    fn strings_read_back() {
        let numbers = [0i64, -1, 127, 128, -129, 40_000, -3_000_000_000, 99_999_999_999, i64::MIN];
        let mut texts: Vec<Vec<u8>> = numbers.map(|n| n.to_string().into_bytes()).into();
        texts.extend([0, 1, 20, 21, 63, 64, 16_383, 16_384, 70_000].map(|len| vec![b'x'; len]));
        texts.push((0..=255).collect());
        for text in texts {
            let mut output = Output::default();
            output.string(&text);
            let mut rest = &output.bytes[..];
            assert_eq!(Reader::new(&mut rest).string().unwrap(), text);
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn the_shortest_form_is_taken() {
        let form = |text: &[u8]| {
            let mut output = Output::default();
            output.string(text);
            output.bytes
        };
        assert_eq!(form(b"-128"), b"\xc0\x80");
        assert_eq!(form(b"200"), b"\xc1\xc8\x00");
        assert_eq!(form(b"2147483647"), b"\xc2\xff\xff\xff\x7f");
        assert_eq!(form(b"2147483648"), b"\x0a2147483648");
        assert_eq!(form(b"007"), b"\x03007");
        assert_eq!(form(&[b'a'; 20]), [&b"\x14"[..], &[b'a'; 20]].concat());
        // As Redis compresses it.
        assert_eq!(form(&[b'a'; 21]), b"\xc3\x06\x15\x01aa\xe0\x0a\x00");
    }

    #[test]
    fn lengths_take_what_they_need() {
        let len = |len: u64| {
            let mut out = Vec::new();
            put_len(&mut out, len);
            out
        };
        assert_eq!(len(63), [63]);
        assert_eq!(len(64), [0x40, 64]);
        assert_eq!(len(16_383), [0x7F, 0xFF]);
        assert_eq!(len(16_384), [0x80, 0, 0, 0x40, 0]);
        assert_eq!(len(u64::MAX), [&[0x81][..], &[0xFF; 8]].concat());
    }
}
