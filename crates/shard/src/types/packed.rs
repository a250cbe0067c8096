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

/// Bytes that say how long a string is.
#[inline]
fn header_len(text: &[u8]) -> usize {
    if text.len() < usize::from(LONG) { 1 } else { 5 }
}

impl Packed {
    /// How many strings there are.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Loads the first few lines of the strings; what is in them means nothing. See
    /// `keyspace::warm`.
    #[inline]
    pub(crate) fn look(&self) -> u64 {
        const LINE: usize = 64;
        const LINES: usize = 5;
        self.bytes.iter().step_by(LINE).take(LINES).map(|byte| u64::from(*byte)).sum()
    }

    /// The strings in order.
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { bytes: &self.bytes, position: 0 }
    }

    /// Puts strings at `position`, a byte offset that [`Iter::position`] gave, or at the end.
    pub(crate) fn insert(&mut self, position: usize, texts: &[&[u8]]) {
        self.put(position, position, texts);
        self.count += texts.len() as u32;
    }

    /// Puts another string in place of the one between two byte offsets.
    pub(crate) fn replace(&mut self, start: usize, end: usize, text: &[u8]) {
        self.put(start, end, &[text]);
    }

    /// Writes strings where there is something between two byte offsets.
    fn put(&mut self, start: usize, end: usize, texts: &[&[u8]]) {
        let len = texts.iter().map(|text| header_len(text) + text.len()).sum();
        self.resize(start, end, len);
        let mut at = start;
        for text in texts {
            let header = header_len(text);
            if header == 1 {
                self.bytes[at] = text.len() as u8;
            } else {
                self.bytes[at] = LONG;
                self.bytes[at + 1..at + header].copy_from_slice(&(text.len() as u32).to_le_bytes());
            }
            at += header;
            self.bytes[at..at + text.len()].copy_from_slice(text);
            at += text.len();
        }
    }

    /// Makes what is between two byte offsets `len` bytes long and moves what is behind.
    fn resize(&mut self, start: usize, end: usize, len: usize) {
        let (old, behind) = (end - start, self.bytes.len());
        if len > old {
            self.bytes.reserve_exact(len - old);
            self.bytes.resize(behind + len - old, 0);
            self.bytes.copy_within(end..behind, start + len);
        } else if len < old {
            self.bytes.copy_within(end.., start + len);
            self.bytes.truncate(behind + len - old);
        }
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
        for text in [&b"shrt"[..], b"same!", b"", &long, b"longer than it was"] {
            let end = {
                let mut strings = packed.iter();
                strings.next();
                strings.position()
            };
            packed.replace(0, end, text);
            assert_eq!(packed.iter().collect::<Vec<_>>(), [text, b"a", &long]);
        }
        packed.replace(0, 19, b"first");
        packed.remove(0, 6, 1);
        assert_eq!(packed.len(), 2);
        assert_eq!(packed.iter().next(), Some(&b"a"[..]));
    }
}
