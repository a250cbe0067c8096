//! Strings: an integer, a short text inline, or a long one on the heap.

use protocol::number::parse_i64;

/// Longest text kept inline, in bytes.
const INLINE_MAX: usize = 30;
/// Longest text that Redis reports as `embstr`.
const EMBSTR_MAX: usize = 44;

/// A string value that belongs to no key: one that is on its way to a key, or that a key has had.
#[derive(Clone)]
pub struct StringValue(Repr);

/// How a string is kept.
#[derive(Clone)]
pub(crate) enum Repr {
    /// Text that is an integer in its one canonical form.
    Int(i64),
    /// Text inline.
    Short { len: u8, bytes: [u8; INLINE_MAX] },
    /// Text in an allocation that fits it exactly.
    Long(Box<[u8]>),
    /// Text that has been changed in place, with room to grow. Redis says `raw` of it, whatever the
    /// length.
    #[expect(clippy::box_collection, reason = "as an entry has it")]
    Raw(Box<Vec<u8>>),
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
        Self::text(text)
    }

    /// The string with this text, be it that of an integer or not.
    pub(crate) fn text(text: &[u8]) -> Self {
        if text.len() <= INLINE_MAX {
            let mut bytes = [0; INLINE_MAX];
            bytes[..text.len()].copy_from_slice(text);
            return Self(Repr::Short { len: text.len() as u8, bytes });
        }
        Self(Repr::Long(text.into()))
    }

    /// The string with this text, as it is: what a command has computed byte by byte. Redis says
    /// `raw` of it, whatever it looks like.
    pub fn raw(bytes: Vec<u8>) -> Self {
        Self(Repr::Raw(Box::new(bytes)))
    }

    /// The string with the text of an integer.
    pub fn from_int(integer: i64) -> Self {
        Self(Repr::Int(integer))
    }

    pub(crate) fn from_repr(repr: Repr) -> Self {
        Self(repr)
    }

    pub(crate) fn into_repr(self) -> Repr {
        self.0
    }

    /// The string, to be read.
    pub fn view(&self) -> StringView<'_> {
        match &self.0 {
            Repr::Int(integer) => StringView::Int(*integer),
            Repr::Short { len, bytes } => StringView::Text(&bytes[..usize::from(*len)]),
            Repr::Long(bytes) => StringView::Text(bytes),
            Repr::Raw(bytes) => StringView::Raw(bytes),
        }
    }

    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Repr::Int(_) | Repr::Short { .. } => 0,
            Repr::Long(bytes) => bytes.len(),
            Repr::Raw(bytes) => size_of::<Vec<u8>>() + bytes.capacity(),
        }
    }
}

/// A string, wherever it lies, to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringView<'a> {
    /// Text that is an integer in its one canonical form.
    Int(i64),
    /// Any other text.
    Text(&'a [u8]),
    /// A text that has been changed in place.
    Raw(&'a [u8]),
}

impl StringView<'_> {
    /// The integer, if the string is one.
    #[inline]
    pub fn int(self) -> Option<i64> {
        match self {
            Self::Int(integer) => Some(integer),
            // A text that grew by APPEND may be an integer too.
            Self::Text(text) | Self::Raw(text) => parse_i64(text),
        }
    }

    /// Calls `read` with the text.
    #[inline]
    pub fn with_text<R>(self, read: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Int(integer) => read(itoa::Buffer::new().format(integer).as_bytes()),
            Self::Text(text) | Self::Raw(text) => read(text),
        }
    }

    /// The text as a copy.
    pub fn to_vec(self) -> Vec<u8> {
        self.with_text(<[u8]>::to_vec)
    }

    /// The string as a value of its own, of the same kind.
    pub(crate) fn to_value(self) -> StringValue {
        match self {
            Self::Int(integer) => StringValue::from_int(integer),
            Self::Text(text) => StringValue::text(text),
            Self::Raw(text) => StringValue::raw(text.to_vec()),
        }
    }

    /// Length of the text, in bytes.
    pub fn len(self) -> usize {
        match self {
            Self::Int(integer) => itoa::Buffer::new().format(integer).len(),
            Self::Text(text) | Self::Raw(text) => text.len(),
        }
    }

    /// Whether the text is empty.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING replies.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Int(_) => "int",
            Self::Text(text) if text.len() <= EMBSTR_MAX => "embstr",
            Self::Text(_) | Self::Raw(_) => "raw",
        }
    }
}

/// Writes `patch` into a text at `offset`, with zeros in between when that is past the end. Returns
/// what was there before: the bytes overwritten; the text was `offset + len` long if longer.
pub(crate) fn splice(text: &mut Vec<u8>, offset: usize, patch: &[u8]) -> Vec<u8> {
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

/// The inverse of [`splice`].
pub(crate) fn unsplice(text: &mut Vec<u8>, offset: usize, overwritten: &[u8], len_before: usize) {
    text.truncate(len_before);
    let end = offset + overwritten.len();
    if end <= text.len() {
        text[offset..end].copy_from_slice(overwritten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encodings_are_those_of_redis() {
        let encoding = |value: StringValue| value.view().encoding();
        assert_eq!(encoding(StringValue::new(b"17")), "int");
        assert_eq!(encoding(StringValue::new(b"017")), "embstr");
        assert_eq!(encoding(StringValue::new(&[b'x'; 44])), "embstr");
        assert_eq!(encoding(StringValue::new(&[b'x'; 45])), "raw");
        assert_eq!(encoding(StringValue::raw(b"abcd".to_vec())), "raw");
    }

    proptest! {
        #[test]
        fn unsplice_takes_splice_back(
            text in proptest::collection::vec(any::<u8>(), 0..60),
            offset in 0usize..80,
            patch in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut value = text.clone();
            let mut model = text.clone();
            model.resize(model.len().max(offset), 0);
            model.resize(model.len().max(offset + patch.len()), 0);
            model[offset..offset + patch.len()].copy_from_slice(&patch);

            let overwritten = splice(&mut value, offset, &patch);
            prop_assert_eq!(&value, &model);
            unsplice(&mut value, offset, &overwritten, text.len());
            prop_assert_eq!(value, text);
        }
    }
}
