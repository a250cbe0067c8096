//! Ids of stream entries: milliseconds and a sequence number.

use std::fmt;

/// The id of an entry. Ids of a stream only ever grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Milliseconds since the epoch, or whatever the client took for that.
    pub ms: u64,
    /// Tells entries of one millisecond apart.
    pub seq: u64,
}

impl StreamId {
    /// `0-0`: before all entries.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// After which no entry can come.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// The id of these two parts.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The id right after this one; `None` after the last.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| Self { ms, seq: 0 }),
        }
    }

    /// The id right before this one; `None` before the first.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_sub(1).map(|ms| Self { ms, seq: u64::MAX }),
        }
    }

    /// The text of the id, without an allocation.
    pub fn with_text<T>(self, use_text: impl FnOnce(&[u8]) -> T) -> T {
        // Two numbers of twenty digits and the hyphen.
        let mut text = [0; 41];
        let after = digits(&mut text, 41, self.seq) - 1;
        text[after] = b'-';
        let start = digits(&mut text, after, self.ms);
        use_text(&text[start..])
    }
}

/// Writes a number so that it ends before `end`, and returns where it begins.
fn digits(text: &mut [u8; 41], end: usize, mut value: u64) -> usize {
    let mut at = end;
    loop {
        at -= 1;
        text[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return at;
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours() {
        assert_eq!(StreamId::new(1, 2).next(), Some(StreamId::new(1, 3)));
        assert_eq!(StreamId::new(1, u64::MAX).next(), Some(StreamId::new(2, 0)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::new(2, 0).previous(), Some(StreamId::new(1, u64::MAX)));
        assert_eq!(StreamId::MIN.previous(), None);
    }

    #[test]
    fn texts() {
        for id in [StreamId::MIN, StreamId::MAX, StreamId::new(1_700_000_000_000, 12)] {
            id.with_text(|text| assert_eq!(text, id.to_string().as_bytes()));
        }
    }
}
