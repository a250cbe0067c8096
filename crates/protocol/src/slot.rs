//! Hash slots: which of the 16384 parts of the keyspace a key lives in.
//!
//! The slot is CRC16-XMODEM of the key's hash tag modulo 16384, exactly as cluster clients
//! compute it (Redis Cluster specification, "Key distribution model").

use memchr::memchr;

/// How many hash slots there are.
pub const SLOT_COUNT: u16 = 16384;

/// A hash slot, `0..SLOT_COUNT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The slot with this number, or `None` when there is no such slot.
    pub const fn new(number: u16) -> Option<Self> {
        if number < SLOT_COUNT { Some(Self(number)) } else { None }
    }

    /// The slot of a key (or of a shard channel).
    #[inline]
    pub fn of_key(key: &[u8]) -> Self {
        Self(crc16(hash_tag(key)) % SLOT_COUNT)
    }

    /// The slot's number.
    #[inline]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The slot's number as an index into a table of all slots.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// All slots in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        (0..SLOT_COUNT).map(Self)
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A hash tag of the slot, without braces: letters and digits, always the same.
pub fn tag_of(slot: Slot) -> [u8; 3] {
    const WORDS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let pairs = WORDS.iter().flat_map(|a| WORDS.iter().map(move |b| [*a, *b]));
    for [a, b] in pairs {
        // The third letter is worked out: the low byte of the result is that of one entry of the
        // table, so there is one byte that leads to it, and it may be a letter.
        let [high, low] = crc16(&[a, b]).to_be_bytes();
        let entry = BY_LOW_BYTE[usize::from(slot.0 as u8)];
        let c = entry ^ high;
        let crc = TABLES[0][usize::from(entry)] ^ u16::from_be_bytes([low, 0]);
        if c.is_ascii_alphanumeric() && crc % SLOT_COUNT == slot.0 {
            return [a, b, c];
        }
    }
    unreachable!("a test has looked at every slot")
}

/// The part of a key that decides its slot: what stands between the first `{` and the first `}`
/// after it, if that is not empty; else the whole key.
#[inline]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    tag(key).map_or(key, |(open, close)| &key[open + 1..close])
}

/// Where the brace that closes the hash tag of a key ends; `None` when the whole key decides. Keys
/// that are equal up to there have the same tag.
#[inline]
pub fn tag_end(key: &[u8]) -> Option<usize> {
    tag(key).map(|(_, close)| close + 1)
}

/// Where the braces around the hash tag are.
#[inline]
fn tag(key: &[u8]) -> Option<(usize, usize)> {
    let open = position(b'{', key)?;
    let len = position(b'}', &key[open + 1..])?;
    (len > 0).then_some((open, open + 1 + len))
}

/// Where a byte is first. Keys are short, so that a call costs more than looking in place.
#[inline]
fn position(byte: u8, key: &[u8]) -> Option<usize> {
    const SHORT: usize = 32;
    const ONES: u64 = 0x0101_0101_0101_0101;
    if key.len() > SHORT {
        return memchr(byte, key);
    }
    let (chunks, rest) = key.as_chunks::<8>();
    for (at, &chunk) in chunks.iter().enumerate() {
        // The classic test for a byte of zero. What it finds besides lies above the first one.
        let differences = u64::from_le_bytes(chunk) ^ (ONES * u64::from(byte));
        let found = differences.wrapping_sub(ONES) & !differences & (ONES << 7);
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let in_rest = rest.iter().position(|&other| other == byte)?;
    Some(chunks.len() * 8 + in_rest)
}

/// CRC16-XMODEM: polynomial 0x1021, initial value 0, not reflected.
///
/// Four bytes at a time from four tables: keys are short and this runs once for each of them, so
/// it is worth more than the byte-wise table of the `crc16` crate, against which a test checks it.
#[inline]
pub fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0u16;
    let (chunks, rest) = bytes.as_chunks::<4>();
    for &[a, b, c, d] in chunks {
        let [high, low] = crc.to_be_bytes();
        crc = TABLES[3][usize::from(high ^ a)]
            ^ TABLES[2][usize::from(low ^ b)]
            ^ TABLES[1][usize::from(c)]
            ^ TABLES[0][usize::from(d)];
    }
    for &byte in rest {
        let [high, low] = crc.to_be_bytes();
        crc = TABLES[0][usize::from(high ^ byte)] ^ u16::from_be_bytes([low, 0]);
    }
    crc
}

/// `TABLES[n][b]` is the CRC of byte `b` followed by `n` zero bytes.
static TABLES: [[u16; 256]; 4] = tables();

/// The number of the entry of the first table whose low byte is this.
static BY_LOW_BYTE: [u8; 256] = by_low_byte();

const fn by_low_byte() -> [u8; 256] {
    let tables = tables();
    let mut numbers = [0; 256];
    let mut number = 0;
    while number < 256 {
        numbers[(tables[0][number] & 0xFF) as usize] = number as u8;
        number += 1;
    }
    numbers
}

const fn tables() -> [[u16; 256]; 4] {
    let mut tables = [[0u16; 256]; 4];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut level = 1;
    while level < 4 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[level - 1][byte];
            tables[level][byte] = (before << 8) ^ tables[0][(before >> 8) as usize];
            byte += 1;
        }
        level += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_slot_has_a_tag() {
        for slot in Slot::all() {
            let tag = tag_of(slot);
            assert!(tag.iter().all(u8::is_ascii_alphanumeric), "{slot}");
            assert_eq!(Slot::of_key(&tag), slot);
        }
    }

    #[test]
    fn check_value_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
    }

    #[test]
    fn slots_observed_on_real_servers() {
        let vectors: &[(&[u8], u16)] = &[
            (b"foo", 12182),
            (b"bar", 5061),
            (b"foo{bar}{zap}", 5061),
            (b"foo{{bar}}zap", 4015),
            (b"{bar", 4015),
            (b"{{a}}", 10276),
            (b"{a", 10276),
            (b"foo{}{bar}", 8363),
            (b"{}x", 10595),
            (b"", 0),
        ];
        for (key, slot) in vectors {
            assert_eq!(Slot::of_key(key).number(), *slot, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn keys_that_begin_alike_up_to_the_tag_have_one_slot() {
        assert_eq!(tag_end(b"a{b}c"), Some(4));
        assert_eq!(tag_end(b"}{b}"), Some(4));
        for key in [&b"abc"[..], b"a{}{b}", b"a}b", b"{a", b""] {
            assert_eq!(tag_end(key), None, "{}", key.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn a_tag_ends_behind_what_decides(key in "[a{}]{0,8}", rest in "[a{}]{0,4}") {
            let end = tag_end(key.as_bytes());
            let other = [&key.as_bytes()[..end.unwrap_or(0)], rest.as_bytes()].concat();
            if end.is_some() {
                prop_assert_eq!(Slot::of_key(&other), Slot::of_key(key.as_bytes()));
            }
        }

        #[test]
        fn a_byte_is_found_where_it_is_first(
            key in proptest::collection::vec(prop_oneof![Just(b'{'), Just(b'z'), Just(b'|'), any::<u8>()], 0..40)
        ) {
            prop_assert_eq!(position(b'{', &key), key.iter().position(|&byte| byte == b'{'));
        }

        #[test]
        fn agrees_with_the_crc16_crate(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(crc16(&bytes), crc16::State::<crc16::XMODEM>::calculate(&bytes));
        }
    }
}
