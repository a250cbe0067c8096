//! Members of a large set: dense in chunks, with an index.
//!
//! A removed member's place is taken by the last one, so there are no holes: a random place is a
//! random member, and what has been removed is memory given back. A slab keeps its handles and so
//! its holes; sets need no handles that stay.
//!
//! # Invariants
//! - I1. All chunks but the last are full, and no chunk is empty.
//! - I2. The index has exactly the handles below `len`: the place of the member, chunk by chunk.

use crate::keyspace::hasher::KeyHasher;
use crate::keyspace::index::Index;
use crate::keyspace::short_bytes::ShortBytes;

/// Members in one chunk.
const CHUNK: usize = 64;

#[derive(Default)]
pub(super) struct Table {
    index: Index,
    chunks: Vec<Vec<ShortBytes>>,
    hasher: KeyHasher,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn memory(&self) -> usize {
        let chunk = |chunk: &Vec<ShortBytes>| {
            let texts: usize = chunk.iter().map(ShortBytes::memory).sum();
            chunk.capacity() * size_of::<ShortBytes>() + texts
        };
        let chunks: usize = self.chunks.iter().map(chunk).sum();
        self.index.memory() + self.chunks.capacity() * size_of::<Vec<ShortBytes>>() + chunks
    }

    /// The member at a place below `len`.
    pub(super) fn at(&self, place: usize) -> &[u8] {
        self.chunks[place / CHUNK][place % CHUNK].as_bytes()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.chunks.iter().flatten().map(ShortBytes::as_bytes)
    }

    fn find(&self, hash: u64, member: &[u8]) -> Option<u32> {
        self.index.find(hash, |handle| self.at(handle as usize) == member)
    }

    #[inline]
    pub(super) fn first_candidate(&self, member: &[u8]) -> Option<u32> {
        self.index.first_candidate(self.hasher.hash(member))
    }

    /// Loads the member at a place, both lines of it where it lies in two.
    #[inline]
    pub(super) fn look_at(&self, place: u32) -> u64 {
        self.at(place as usize).last().map_or(0, |byte| u64::from(*byte))
    }

    pub(super) fn contains(&self, member: &[u8]) -> bool {
        self.find(self.hasher.hash(member), member).is_some()
    }

    /// Adds a member; says whether it is new.
    pub(super) fn insert(&mut self, member: &[u8]) -> bool {
        let hash = self.hasher.hash(member);
        if self.find(hash, member).is_some() {
            return false;
        }
        let place = self.len();
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(ShortBytes::new(member)),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(ShortBytes::new(member));
                self.chunks.push(chunk);
            }
        }
        let Self { index, chunks, hasher } = self;
        index.insert(hash, place as u32, hash_of(chunks, hasher));
        true
    }

    /// Removes a member; says whether it was there.
    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let hash = self.hasher.hash(member);
        let Some(handle) = self.find(hash, member) else { return false };
        let last = self.len() as u32 - 1;
        let Self { index, chunks, hasher } = self;
        let last_hash = hash_of(chunks, hasher)(last);
        index.remove(hash, handle, hash_of(chunks, hasher));
        if handle != last {
            // The last member moves into the place (I1, I2).
            index.rename(last_hash, last, handle);
        }
        let Some(moved) = chunks.last_mut().and_then(Vec::pop) else { return true };
        if chunks.last().is_some_and(Vec::is_empty) {
            chunks.pop();
        }
        if handle != last {
            chunks[handle as usize / CHUNK][handle as usize % CHUNK] = moved;
        }
        true
    }

    /// Frees some of a table that is used no more; says whether there was anything left.
    pub(super) fn free_part(&mut self) -> bool {
        self.chunks.pop().is_some() || self.index.free_one()
    }

    /// Visits one bucket, see [`Index::scan`].
    pub(super) fn scan<'a>(
        &'a self,
        position: u32,
        mut visit: impl FnMut(&'a [u8]),
    ) -> Option<u32> {
        self.index.scan(position, |handle| visit(self.at(handle as usize)))
    }
}

/// Tells the hash of the member at a place.
fn hash_of(chunks: &[Vec<ShortBytes>], hasher: &KeyHasher) -> impl Fn(u32) -> u64 {
    |handle| {
        let place = handle as usize;
        hasher.hash(chunks[place / CHUNK][place % CHUNK].as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_places_are_filled() {
        let mut table = Table::default();
        for n in 0..1000 {
            assert!(table.insert(n.to_string().as_bytes()));
        }
        for n in (0..1000).filter(|n| n % 10 != 3) {
            assert!(table.remove(n.to_string().as_bytes()));
        }
        assert_eq!((table.len(), table.chunks.len()), (100, 2));
        let mut left: Vec<&[u8]> = table.iter().collect();
        left.sort_unstable();
        let mut expected: Vec<String> = (0..100).map(|n| (n * 10 + 3).to_string()).collect();
        expected.sort_unstable();
        assert!(left.into_iter().eq(expected.iter().map(String::as_bytes)));
    }

    #[test]
    fn a_member_of_16_bytes_costs_less_than_39() {
        for count in [1_000usize, 10_000, 100_000] {
            let mut table = Table::default();
            for n in 0..count {
                table.insert(format!("member:{n:09}").as_bytes());
            }
            let each = table.memory() as f64 / count as f64;
            assert!(each < 39.0, "{count}: {each}");
        }
    }
}
