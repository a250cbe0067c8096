//! Sixteen bytes looked at together: two words, of which the first byte is the lowest of the first.
//!
//! What is found is a mask: its lowest bit stands for the first byte.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
    _mm_set1_epi8,
};

/// Where bytes are that are one of `bytes`.
#[inline]
pub(in crate::script) fn find_any<const N: usize>(words: [u64; 2], bytes: [u8; N]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has SSE2. Nothing is read through a pointer.
    return unsafe { any_of(words, bytes) };
    #[cfg(not(target_arch = "x86_64"))]
    find_each(words, |byte| bytes.contains(&byte))
}

/// Where bytes are that are less than 0x20 or one of `bytes`.
#[inline]
pub(in crate::script) fn find_control_or_any<const N: usize>(
    words: [u64; 2],
    bytes: [u8; N],
) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above.
    return unsafe { control_or_any_of(words, bytes) };
    #[cfg(not(target_arch = "x86_64"))]
    find_each(words, |byte| byte < 0x20 || bytes.contains(&byte))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn any_of<const N: usize>(words: [u64; 2], bytes: [u8; N]) -> u32 {
    let all = _mm_set_epi64x(words[1] as i64, words[0] as i64);
    _mm_movemask_epi8(equal(all, _mm_set1_epi8(0), bytes)) as u32
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn control_or_any_of<const N: usize>(words: [u64; 2], bytes: [u8; N]) -> u32 {
    let all = _mm_set_epi64x(words[1] as i64, words[0] as i64);
    let control = _mm_cmpeq_epi8(_mm_min_epu8(all, _mm_set1_epi8(0x1f)), all);
    _mm_movemask_epi8(equal(all, control, bytes)) as u32
}

/// `found`, and what is one of `bytes`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn equal<const N: usize>(all: __m128i, mut found: __m128i, bytes: [u8; N]) -> __m128i {
    for byte in bytes {
        found = _mm_or_si128(found, _mm_cmpeq_epi8(all, _mm_set1_epi8(byte as i8)));
    }
    found
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn find_each(words: [u64; 2], is_it: impl Fn(u8) -> bool) -> u32 {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes());
    bytes.enumerate().fold(0, |mask, (at, byte)| mask | u32::from(is_it(byte)) << at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_processors_find_the_same(words: [u64; 2], bytes: [u8; 3], at in 0usize..16) {
            let among = words.map(u64::to_le_bytes).as_flattened()[at];
            let bytes = [bytes[0], bytes[1], bytes[2], among];
            let found = find_each(words, |byte| bytes.contains(&byte));
            prop_assert_eq!(find_any(words, bytes), found);
            let all = find_each(words, |byte| byte < 0x20 || bytes.contains(&byte));
            prop_assert_eq!(find_control_or_any(words, bytes), all);
        }
    }
}
