//! A bucket of an index: handles with their tags, in one line of the cache.

/// Handles per bucket: what fits one cache line together with tags and the chain.
pub(super) const PLACES: usize = 12;
/// No overflow bucket.
pub(super) const NO_CHAIN: u32 = u32::MAX;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Bucket {
    pub(super) handles: [u32; PLACES],
    /// A tag of 0 marks a free place; tags of handles are never 0 (I2 of the index).
    pub(super) tags: [u8; PLACES],
    /// The overflow bucket that goes on, or `NO_CHAIN`.
    pub(super) chain: u32,
}

/// Bytes of a bucket.
pub(crate) const BUCKET: usize = size_of::<Bucket>();

const _: () = assert!(BUCKET == 64);

pub(super) const EMPTY: Bucket =
    Bucket { handles: [0; PLACES], tags: [0; PLACES], chain: NO_CHAIN };

/// The tag of a hash: its top byte, which addressing does not use, and never 0.
#[inline]
pub(super) fn tag_of(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

/// Places whose tag may equal `tag`, as one set bit each; a false positive is possible, a miss is
/// not (the classic zero-byte test on eight and four bytes at once).
#[inline]
pub(super) fn candidates(tags: &[u8; PLACES], tag: u8) -> u16 {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *tags;
    let low =
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ (u64::from(tag) * 0x0101_0101_0101_0101);
    let high = u32::from_le_bytes([i, j, k, l]) ^ (u32::from(tag) * 0x0101_0101);
    let low = low.wrapping_sub(0x0101_0101_0101_0101) & !low & 0x8080_8080_8080_8080;
    let high = high.wrapping_sub(0x0101_0101) & !high & 0x8080_8080;
    // Gather the top bit of each byte.
    let low = (low >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let high = (high >> 7).wrapping_mul(0x1020_4080) >> 28;
    low as u16 | (high as u16) << 8
}

impl Bucket {
    /// Puts a handle into a free place, if there is one.
    #[inline]
    pub(super) fn put(&mut self, tag: u8, handle: u32) -> bool {
        let Some(place) = self.tags.iter().position(|&tag| tag == 0) else { return false };
        self.tags[place] = tag;
        self.handles[place] = handle;
        true
    }

    /// Takes a handle out, if it is there.
    #[inline]
    pub(super) fn take(&mut self, tag: u8, handle: u32) -> bool {
        let is_it = |place: &usize| self.tags[*place] == tag && self.handles[*place] == handle;
        let Some(place) = (0..PLACES).find(is_it) else { return false };
        self.tags[place] = 0;
        true
    }

    /// The handles in it.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..PLACES).filter(|&place| self.tags[place] != 0).map(|place| self.handles[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_find_every_equal_tag() {
        for tag in [1u8, 2, 127, 128, 255] {
            for place in 0..PLACES {
                let mut tags = [0u8; PLACES];
                tags[place] = tag;
                assert!(candidates(&tags, tag) & (1 << place) != 0, "{tag} at {place}");
                assert!(candidates(&[tag; PLACES], tag) == 0xfff);
            }
        }
    }
}
