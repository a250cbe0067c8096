//! What an element is to a HyperLogLog: the register that it belongs to, and its rank there.

use super::REGISTERS;

const SEED: u64 = 0xadc8_3b19;
/// How many bits of the hash choose the register; the others give the rank.
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// An element, as far as registers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element {
    /// The register, below [`REGISTERS`].
    pub(crate) index: usize,
    /// The place of the lowest bit that is set in the rest of the hash: 1 to 51.
    pub(crate) rank: u8,
}

impl Element {
    /// The element with this text.
    pub(crate) fn of(text: &[u8]) -> Self {
        let hash = murmur_hash_64a(text, SEED);
        let index = hash as usize & (REGISTERS - 1);
        // The bit on top ends the search when all others are 0.
        let rest = hash >> INDEX_BITS | 1 << (64 - INDEX_BITS);
        Self { index, rank: rest.trailing_zeros() as u8 + 1 }
    }
}

/// MurmurHash2 in its 64-bit form for 64-bit machines, little-endian.
fn murmur_hash_64a(text: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let (words, rest) = text.as_chunks::<8>();
    let mut hash = seed ^ (text.len() as u64).wrapping_mul(FACTOR);
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        word ^= word >> SHIFT;
        hash = (hash ^ word.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    hash ^= hash >> SHIFT;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `PFDEBUG DECODE` shows in redis-server 7.0 after PFADD of the one element.
    #[test]
    fn elements_are_those_of_redis() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let cases: [(&[u8], usize, u8); 12] = [
            (b"", 5938, 2),
            (b"a", 12711, 2),
            (b"b", 15780, 1),
            (b"abc", 9474, 1),
            (b"hello", 9216, 1),
            (b"1234567", 10327, 3),
            (b"12345678", 10579, 3),
            (b"123456789", 9293, 2),
            (b"\x00\xff\x80", 16255, 2),
            (b"atoll", 14214, 4),
            (&[b'x'; 100], 15288, 1),
            (&every_byte, 12361, 1),
        ];
        for (text, index, rank) in cases {
            assert_eq!(Element::of(text), Element { index, rank }, "{}", text.escape_ascii());
        }
    }
}
