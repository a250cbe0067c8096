//! LZF, the compression of long strings.
//!
//! Compressed is a run of parts. The first byte of each says what it is: below 32 one more than that
//! many bytes follow as they are; otherwise its three high bits are a length, 7 meaning that another
//! byte is to be added, and its five low bits with the byte after that a distance: two bytes more
//! than the length are to be copied from one more than the distance before.
//!
//! There are many ways to compress a string. This one finds what Redis finds: it looks at one earlier
//! place for each hash of three bytes, the last one, and takes what fits there.

/// Bits of a hash.
const HASH_BITS: u32 = 16;
/// Farthest distance, plus one.
const DISTANCE_MAX: usize = 1 << 13;
/// Longest copy, in bytes.
const COPY_MAX: usize = (1 << 8) + (1 << 3);
/// Longest run of bytes as they are.
const RUN_MAX: usize = 1 << 5;
/// A compressed string is at least so many times shorter, at best: three bytes stand for 264.
const RATIO_MAX: usize = 88;
/// How many bytes are compressed before somebody is asked whether to go on.
const BEAT: usize = 4096;

/// The string of that length that was compressed; `None` when there is none.
pub(super) fn decompress(compressed: &[u8], len: usize) -> Option<Vec<u8>> {
    // Nobody gets a large buffer for a few bytes.
    if len == 0 || len > compressed.len().saturating_mul(RATIO_MAX) {
        return None;
    }
    lzf::decompress(compressed, len).ok().filter(|text| text.len() == len)
}

/// Compresses strings, one after the other.
#[derive(Default)]
pub(super) struct Compressor {
    /// For each hash the place where it was seen last, `base` added; below `base` it is of an earlier
    /// string.
    places: Vec<u32>,
    base: u32,
    /// The base of the next string.
    next: u32,
}

/// What is written so far: parts, of which the last is a run that may go on.
struct Output {
    bytes: Vec<u8>,
    /// Bytes of the run.
    run: usize,
    len_max: usize,
}

impl Output {
    fn has_room(&self, count: usize) -> bool {
        self.bytes.len() + count <= self.len_max
    }

    fn plain(&mut self, byte: u8) -> bool {
        if !self.has_room(1) {
            return false;
        }
        self.push(byte);
        true
    }

    fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
        self.run += 1;
        if self.run == RUN_MAX {
            self.end_run();
            self.bytes.push(0);
        }
    }

    /// Writes the length of the run in front of it. The byte for it is there.
    fn end_run(&mut self) {
        let at = self.bytes.len() - self.run - 1;
        if self.run == 0 {
            self.bytes.pop();
        } else {
            self.bytes[at] = (self.run - 1) as u8;
        }
        self.run = 0;
    }

    fn copy(&mut self, distance: usize, len: usize) -> bool {
        // The byte for the length of a run that has none is not needed.
        if self.bytes.len() - usize::from(self.run == 0) + 4 >= self.len_max {
            return false;
        }
        self.end_run();
        let high = (distance >> 8) as u8;
        if len < 9 {
            self.bytes.push(high | ((len - 2) as u8) << 5);
        } else {
            self.bytes.extend_from_slice(&[high | 7 << 5, (len - 9) as u8]);
        }
        self.bytes.extend_from_slice(&[distance as u8, 0]);
        true
    }
}

fn hash(text: &[u8], at: usize) -> usize {
    let three = u32::from(text[at]) << 16 | u32::from(text[at + 1]) << 8 | u32::from(text[at + 2]);
    ((three >> (24 - HASH_BITS)).wrapping_sub(three.wrapping_mul(5)) & ((1 << HASH_BITS) - 1))
        as usize
}

impl Compressor {
    /// A string compressed to at most `len_max` bytes; `Ok(None)` when that cannot be. `beat` says
    /// whether to go on.
    ///
    /// # Errors
    /// That of `beat`.
    pub(super) fn compress<E>(
        &mut self,
        text: &[u8],
        len_max: usize,
        mut beat: impl FnMut() -> Result<(), E>,
    ) -> Result<Option<Vec<u8>>, E> {
        if text.len() < 4 || u32::try_from(text.len()).is_err() {
            return Ok(None);
        }
        self.begin(text.len() as u32);
        let mut out = Output { bytes: Vec::with_capacity(64), run: 0, len_max };
        out.bytes.push(0);
        let (mut at, mut beat_at) = (0, BEAT);
        while at < text.len() - 2 {
            if at >= beat_at {
                beat()?;
                beat_at = at + BEAT;
            }
            let written = match self.find(text, at) {
                None => {
                    at += 1;
                    out.plain(text[at - 1])
                }
                Some((distance, len)) => {
                    at += len;
                    self.note_end_of_copy(text, at);
                    out.copy(distance, len)
                }
            };
            if !written {
                return Ok(None);
            }
        }
        if !out.has_room(3) {
            return Ok(None);
        }
        text[at..].iter().for_each(|&byte| out.push(byte));
        out.end_run();
        Ok(Some(out.bytes))
    }

    fn begin(&mut self, len: u32) {
        self.places.resize(1 << HASH_BITS, 0);
        // What is left of earlier strings lies below the base.
        self.base = self.next.max(1);
        self.next = self.base.checked_add(len).unwrap_or_else(|| {
            self.places.fill(0);
            self.base = 1;
            len.saturating_add(1)
        });
    }

    fn find(&mut self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let place = &mut self.places[hash(text, at)];
        let earlier = place.checked_sub(self.base);
        *place = self.base + at as u32;
        // The very first place does not count: Redis takes it for none.
        let from = earlier.filter(|&from| from > 0)? as usize;
        let distance = at - from - 1;
        if distance >= DISTANCE_MAX || text[from..from + 3] != text[at..at + 3] {
            return None;
        }
        // Redis stops two bytes before the end, unless that is between 17 and 19 bytes away, for it
        // compares 16 at a time.
        let len_max = (text.len() - at - 2).min(COPY_MAX);
        let len_max = len_max.max(if len_max > 16 { 19 } else { 3 });
        let mut len = 3;
        while len < len_max && text[from + len] == text[at + len] {
            len += 1;
        }
        Some((distance, len))
    }

    /// The last two places of what has been copied may be copied from.
    fn note_end_of_copy(&mut self, text: &[u8], end: usize) {
        if end < text.len() - 2 {
            for at in [end - 2, end - 1] {
                self.places[hash(text, at)] = self.base + at as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use proptest::prelude::*;

    fn compress(compressor: &mut Compressor, text: &[u8], len_max: usize) -> Option<Vec<u8>> {
        let result = compressor.compress(text, len_max, || Ok::<(), Infallible>(()));
        let Ok(compressed) = result;
        compressed
    }

    #[test]
    fn repetition_is_short() {
        let mut compressor = Compressor::default();
        let text = [b'a'; 1000];
        let compressed = compress(&mut compressor, &text, 996).unwrap();
        assert!(compressed.len() < 20, "{}", compressed.len());
        assert_eq!(decompress(&compressed, 1000).unwrap(), text);
        assert_eq!(compress(&mut compressor, b"abcdefghijklmnopqrstuvwxyz", 22), None);
    }

    #[test]
    fn claims_are_checked() {
        assert_eq!(decompress(b"", 0), None);
        assert_eq!(decompress(b"\x00x", 2), None);
        assert_eq!(decompress(b"\x20\x00", 3), None);
        assert_eq!(decompress(b"\x00x", 1 << 40), None);
    }

    proptest! {
        #[test]
        fn what_is_compressed_reads_back(
            texts in proptest::collection::vec("[ab]{4,80}|[a-f]{4,400}|(xyz){2,200}", 1..8),
            start in prop_oneof![Just(0), Just(u32::MAX - 700)],
        ) {
            let mut compressor = Compressor { next: start, ..Compressor::default() };
            for text in &texts {
                let text = text.as_bytes();
                let fresh = compress(&mut Compressor::default(), text, text.len() + 9);
                let compressed = compress(&mut compressor, text, text.len() + 9);
                prop_assert_eq!(&compressed, &fresh);
                if let Some(compressed) = compressed {
                    prop_assert_eq!(decompress(&compressed, text.len()), Some(text.to_vec()));
                }
            }
        }

        #[test]
        fn any_bytes_are_decompressed_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            len in 0usize..400,
        ) {
            let _ = decompress(&bytes, len);
        }
    }
}
