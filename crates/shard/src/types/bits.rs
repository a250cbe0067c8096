//! Bits of byte strings: bit 0 is the highest bit of the first byte.
//!
//! Loops go word by word, so that what they cost is that of reading the memory.

/// How many bits are set.
pub(crate) fn count_ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let ones = |word: &[u8; 8]| u64::from(u64::from_ne_bytes(*word).count_ones());
    let in_rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    words.iter().map(ones).sum::<u64>() + u64::from(in_rest)
}

/// The first bit that is `wanted`.
pub(crate) fn find(bytes: &[u8], wanted: bool) -> Option<usize> {
    let skip = if wanted { 0u8 } else { 0xff };
    let (words, rest) = bytes.as_chunks::<8>();
    let full = words.iter().take_while(|word| **word == [skip; 8]).count();
    let tail = words.get(full).map_or(rest, |word| &word[..]);
    let at = tail.iter().position(|byte| *byte != skip)?;
    Some((full * 8 + at) * 8 + (tail[at] ^ skip).leading_zeros() as usize)
}

/// The bytes that `width` bits from bit `offset` on lie in: at most nine.
pub(crate) fn window(offset: usize, width: u32) -> std::ops::Range<usize> {
    offset >> 3..(offset + width as usize + 7) >> 3
}

/// `width` bits (at most 64) from bit `offset` on, as a number. `byte` gives each byte.
pub(crate) fn read(offset: usize, width: u32, byte: impl Fn(usize) -> u8) -> u64 {
    let window = window(offset, width);
    let behind = window.end * 8 - (offset + width as usize);
    let all = window.fold(0u128, |all, at| all << 8 | u128::from(byte(at)));
    (all >> behind) as u64 & mask(width)
}

/// Sets `width` bits (at most 64) from bit `offset` on. `byte` gives each byte that they lie in,
/// and `put` takes it as it becomes.
pub(crate) fn write(
    offset: usize,
    width: u32,
    value: u64,
    byte: impl Fn(usize) -> u8,
    mut put: impl FnMut(usize, u8),
) {
    let window = window(offset, width);
    let behind = window.end * 8 - (offset + width as usize);
    let (mask, value) = (u128::from(mask(width)) << behind, u128::from(value) << behind);
    for at in window.clone() {
        let shift = (window.end - 1 - at) * 8;
        let (mask, value) = ((mask >> shift) as u8, (value >> shift) as u8);
        put(at, byte(at) & !mask | value & mask);
    }
}

/// The lowest `width` bits.
fn mask(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(bytes: &[u8]) -> Vec<bool> {
        bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0)).collect()
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![3 => Just(0u8), 3 => Just(0xff), 1 => any::<u8>()];
        proptest::collection::vec(byte, 0..60)
    }

    proptest! {
        #[test]
        fn counting_and_finding_agree_with_a_naive_loop(bytes in bytes()) {
            let bits = naive(&bytes);
            prop_assert_eq!(count_ones(&bytes), bits.iter().filter(|bit| **bit).count() as u64);
            for wanted in [false, true] {
                prop_assert_eq!(find(&bytes, wanted), bits.iter().position(|bit| *bit == wanted));
            }
        }

        #[test]
        fn fields_are_written_and_read_bit_by_bit(
            mut bytes in proptest::collection::vec(any::<u8>(), 20),
            offset in 0usize..90,
            width in 1u32..=64,
            value in any::<u64>(),
        ) {
            let mut bits = naive(&bytes);
            for (at, bit) in bits[offset..offset + width as usize].iter_mut().rev().enumerate() {
                *bit = value >> at & 1 == 1;
            }
            let before = bytes.clone();
            write(offset, width, value, |at| before[at], |at, byte| bytes[at] = byte);
            prop_assert_eq!(naive(&bytes), bits);
            prop_assert_eq!(read(offset, width, |at| bytes[at]), value & mask(width));
        }
    }
}
