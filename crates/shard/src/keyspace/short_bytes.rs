//! Byte strings that need no allocation when they are short.

/// Longest string kept inline, in bytes.
const INLINE_MAX: usize = 22;

/// An immutable byte string of 24 bytes, of which up to 22 hold the text itself.
#[derive(Clone)]
pub(crate) enum ShortBytes {
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Heap(Box<[u8]>),
}

const _: () = assert!(size_of::<ShortBytes>() == 24);

impl ShortBytes {
    #[inline]
    pub(crate) fn new(text: &[u8]) -> Self {
        if text.len() <= INLINE_MAX {
            let mut bytes = [0; INLINE_MAX];
            bytes[..text.len()].copy_from_slice(text);
            Self::Inline { len: text.len() as u8, bytes }
        } else {
            Self::Heap(text.into())
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Heap(bytes) => bytes,
        }
    }

    /// Whether nothing is allocated outside of this struct.
    #[inline]
    pub(crate) fn is_inline(&self) -> bool {
        matches!(self, Self::Inline { .. })
    }

    /// Bytes allocated outside of this struct.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Inline { .. } => 0,
            Self::Heap(bytes) => bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_reads_back() {
        for len in [0, 1, 21, 22, 23, 1000] {
            let text = vec![b'x'; len];
            assert_eq!(ShortBytes::new(&text).as_bytes(), text);
        }
    }
}
