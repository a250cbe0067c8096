//! Writing what values are made of: lengths, strings, numbers.

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

/// Bytes of a format that are written one after the other.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) out: Vec<u8>,
    compressor: Compressor,
}

impl Writer {
    pub(super) fn len(&mut self, len: usize) {
        put_len(&mut self.out, len as u64);
    }

    pub(super) fn number(&mut self, number: u64) {
        put_len(&mut self.out, number);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn millis(&mut self, millis: i64) {
        self.bytes(&millis.to_le_bytes());
    }

    /// Appends a string in the form that Redis gives it. `beat` says whether to go on.
    ///
    /// # Errors
    /// That of `beat`.
    pub(super) fn string<E>(
        &mut self,
        text: &[u8],
        beat: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        if text.len() <= INT_LEN_MAX
            && let Some(number) = parse_i64(text)
            && put_int(&mut self.out, number)
        {
            return Ok(());
        }
        if text.len() > PLAIN_LEN_MAX
            && let Some(compressed) =
                self.compressor.compress(text, text.len() - SAVING_MIN, beat)?
        {
            self.out.push(0xC3);
            self.len(compressed.len());
            self.len(text.len());
            self.bytes(&compressed);
            return Ok(());
        }
        self.len(text.len());
        self.bytes(text);
        Ok(())
    }

    /// Appends a string that is short.
    pub(super) fn short_string(&mut self, text: &[u8]) {
        let written = self.string(text, || Ok::<(), std::convert::Infallible>(()));
        let Ok(()) = written;
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
            let mut writer = Writer::default();
            writer.short_string(&text);
            let mut rest = &writer.out[..];
            assert_eq!(Reader::new(&mut rest).string().unwrap(), text);
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn the_shortest_form_is_taken() {
        let form = |text: &[u8]| {
            let mut writer = Writer::default();
            writer.short_string(text);
            writer.out
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
