//! A list of byte strings in one allocation: the small form of collections.
//!
//! A collection of a few short strings costs less as one block that is searched from its start
//! than as a table with a node for each. Each string is its length (one byte, or 255 and four
//! bytes) and its text.

/// A length of this or more takes four further bytes.
const LONG: u8 = 255;

/// A packed list of byte strings.
#[derive(Clone, Default)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    count: u32,
}

impl Packed {
    /// How many strings there are.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// The strings in order.
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { bytes: &self.bytes, position: 0 }
    }

    /// Puts strings at `position`, a byte offset that [`Iter::position`] gave, or at the end.
    pub(crate) fn insert(&mut self, position: usize, texts: &[&[u8]]) {
        let mut encoded = Vec::new();
        for text in texts {
            match u8::try_from(text.len()) {
                Ok(len) if len < LONG => encoded.push(len),
                _ => {
                    encoded.push(LONG);
                    encoded.extend_from_slice(&(text.len() as u32).to_le_bytes());
                }
            }
            encoded.extend_from_slice(text);
        }
        self.count += texts.len() as u32;
        self.bytes.reserve_exact(encoded.len());
        self.bytes.splice(position..position, encoded);
    }

    /// Puts strings at the end.
    pub(crate) fn push(&mut self, texts: &[&[u8]]) {
        self.insert(self.bytes.len(), texts);
    }

    /// Takes out `count` strings that lie between two byte offsets.
    pub(crate) fn remove(&mut self, start: usize, end: usize, count: usize) {
        self.bytes.drain(start..end);
        self.count -= count as u32;
    }
}

/// The strings of a packed list, and where they lie.
pub(crate) struct Iter<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Iter<'_> {
    /// Byte offset of the string that comes next.
    pub(crate) fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&first, rest) = self.bytes.get(self.position..)?.split_first()?;
        let (len, header) = match first {
            LONG => {
                let (len, _) = rest.split_first_chunk::<4>()?;
                (u32::from_le_bytes(*len) as usize, 5)
            }
            len => (usize::from(len), 1),
        };
        let start = self.position + header;
        self.position = start + len;
        self.bytes.get(start..start + len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_any_length_read_back_in_order() {
        let long = vec![b'x'; 300];
        let mut packed = Packed::default();
        packed.push(&[b"a", &long]);
        packed.insert(0, &[b"first"]);
        assert_eq!(packed.iter().collect::<Vec<_>>(), [&b"first"[..], b"a", &long]);
        packed.remove(0, 6, 1);
        assert_eq!(packed.len(), 2);
        assert_eq!(packed.iter().next(), Some(&b"a"[..]));
    }
}
