//! Strings: an integer, a short text inline, or a long one on the heap.

use protocol::number::parse_i64;

/// Longest text kept inline, in bytes.
const INLINE_MAX: usize = 30;
/// Longest text that Redis reports as `embstr`.
const EMBSTR_MAX: usize = 44;

/// A string value.
#[derive(Clone)]
pub struct StringValue(Repr);

#[derive(Clone)]
enum Repr {
    /// Text that is an integer in its one canonical form.
    Int(i64),
    Short {
        len: u8,
        bytes: [u8; INLINE_MAX],
    },
    /// Once it has been changed in place, Redis says `raw` whatever the length.
    Long {
        bytes: Vec<u8>,
        patched: bool,
    },
}

const _: () = assert!(size_of::<StringValue>() == 32);

impl StringValue {
    /// The string with this text.
    #[inline]
    pub fn new(text: &[u8]) -> Self {
        if text.len() <= 20
            && let Some(integer) = parse_i64(text)
        {
            return Self(Repr::Int(integer));
        }
        if text.len() <= INLINE_MAX {
            let mut bytes = [0; INLINE_MAX];
            bytes[..text.len()].copy_from_slice(text);
            return Self(Repr::Short { len: text.len() as u8, bytes });
        }
        Self(Repr::Long { bytes: text.to_vec(), patched: false })
    }

    /// The string with this text, as it is: what a command has computed byte by byte. Redis says
    /// `raw` of it, whatever it looks like.
    pub fn raw(bytes: Vec<u8>) -> Self {
        Self(Repr::Long { bytes, patched: true })
    }

    /// The string with the text of an integer.
    pub fn from_int(integer: i64) -> Self {
        Self(Repr::Int(integer))
    }

    /// The integer, if the string is one.
    #[inline]
    pub fn int(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int(integer) => Some(*integer),
            // A text that grew by APPEND may be an integer too.
            Repr::Short { .. } | Repr::Long { .. } => parse_i64(self.text()),
        }
    }

    /// Calls `read` with the text.
    #[inline]
    pub fn with_text<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        match &self.0 {
            Repr::Int(integer) => read(itoa::Buffer::new().format(*integer).as_bytes()),
            Repr::Short { .. } | Repr::Long { .. } => read(self.text()),
        }
    }

    /// The text as a copy.
    pub fn to_vec(&self) -> Vec<u8> {
        self.with_text(<[u8]>::to_vec)
    }

    /// Length of the text, in bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Int(integer) => itoa::Buffer::new().format(*integer).len(),
            Repr::Short { .. } | Repr::Long { .. } => self.text().len(),
        }
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn text(&self) -> &[u8] {
        match &self.0 {
            Repr::Int(_) => &[],
            Repr::Short { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Long { bytes, .. } => bytes,
        }
    }

    /// What OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Int(_) => "int",
            Repr::Short { .. } => "embstr",
            Repr::Long { bytes, patched } if bytes.len() <= EMBSTR_MAX && !patched => "embstr",
            Repr::Long { .. } => "raw",
        }
    }

    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Repr::Int(_) | Repr::Short { .. } => 0,
            Repr::Long { bytes, .. } => bytes.capacity(),
        }
    }

    /// The text as a vector that can be changed in place; it stays one from now on.
    fn long(&mut self) -> &mut Vec<u8> {
        if !matches!(self.0, Repr::Long { .. }) {
            let mut bytes = self.to_vec();
            // Room to grow.
            bytes.reserve_exact(bytes.len() + 16);
            self.0 = Repr::Long { bytes, patched: true };
        }
        match &mut self.0 {
            Repr::Long { bytes, patched } => {
                *patched = true;
                bytes
            }
            Repr::Int(_) | Repr::Short { .. } => unreachable!("made long just above"),
        }
    }

    /// Writes `patch` at `offset`, with zeros in between when that is past the end. Returns what
    /// was there before: the bytes overwritten; the text was `offset + len` long if longer.
    pub(crate) fn splice(&mut self, offset: usize, patch: &[u8]) -> Vec<u8> {
        let text = self.long();
        let end = offset + patch.len();
        let kept_to = text.len().min(end);
        let overwritten = text.get(offset..kept_to).unwrap_or_default().to_vec();
        if text.len() < offset {
            text.resize(offset, 0);
        }
        let inside = text.len().min(end) - offset;
        text[offset..offset + inside].copy_from_slice(&patch[..inside]);
        text.extend_from_slice(&patch[inside..]);
        overwritten
    }

    /// The inverse of [`Self::splice`].
    pub(crate) fn unsplice(&mut self, offset: usize, overwritten: &[u8], len_before: usize) {
        let text = self.long();
        text.truncate(len_before);
        let end = offset + overwritten.len();
        if end <= text.len() {
            text[offset..end].copy_from_slice(overwritten);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encodings_are_those_of_redis() {
        assert_eq!(StringValue::new(b"17").encoding(), "int");
        assert_eq!(StringValue::new(b"017").encoding(), "embstr");
        assert_eq!(StringValue::new(&[b'x'; 44]).encoding(), "embstr");
        assert_eq!(StringValue::new(&[b'x'; 45]).encoding(), "raw");
        let mut grown = StringValue::new(b"abc");
        grown.splice(3, b"d");
        assert_eq!(grown.encoding(), "raw");
    }

    proptest! {
        #[test]
        fn unsplice_takes_splice_back(
            text in proptest::collection::vec(any::<u8>(), 0..60),
            offset in 0usize..80,
            patch in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut value = StringValue::new(&text);
            let mut model = text.clone();
            model.resize(model.len().max(offset), 0);
            model.resize(model.len().max(offset + patch.len()), 0);
            model[offset..offset + patch.len()].copy_from_slice(&patch);

            let overwritten = value.splice(offset, &patch);
            prop_assert_eq!(value.to_vec(), model);
            value.unsplice(offset, &overwritten, text.len());
            prop_assert_eq!(value.to_vec(), text);
        }
    }
}
