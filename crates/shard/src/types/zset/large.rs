//! The large form of sorted sets: members in a slab, found by an index, ordered by a tree.

use super::range::Range;
use super::tree::Tree;
use super::{Pair, precedes};
use crate::keyspace::hasher::KeyHasher;
use crate::keyspace::index::Index;
use crate::keyspace::short_bytes::ShortBytes;
use crate::keyspace::slab::Slab;

/// One member: its text is stored here alone.
pub(super) struct Member {
    name: ShortBytes,
    score: f64,
}

/// The large form. See the module.
#[derive(Default)]
pub(super) struct Large {
    index: Index,
    members: Members,
    tree: Tree,
    hasher: KeyHasher,
    /// Bytes of the texts that have allocations of their own.
    texts: usize,
}

pub(super) type Members = Slab<Member, 64>;

/// The text of a member.
pub(super) fn name_of(members: &Members, handle: u32) -> &[u8] {
    members.at(handle).name.as_bytes()
}

impl Large {
    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    pub(super) fn memory(&self) -> usize {
        self.index.memory() + self.members.memory() + self.tree.memory() + self.texts
    }

    fn find(&self, member: &[u8]) -> Option<u32> {
        self.index.find(self.hasher.hash(member), |handle| name_of(&self.members, handle) == member)
    }

    #[inline]
    pub(super) fn first_candidate(&self, member: &[u8]) -> Option<u32> {
        self.index.first_candidate(self.hasher.hash(member))
    }

    #[inline]
    pub(super) fn look_at(&self, candidate: u32) -> u64 {
        let member = self.members.at(candidate);
        let last = member.name.as_bytes().last().map_or(0, |byte| u64::from(*byte));
        member.score.to_bits().wrapping_add(last)
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(|handle| self.members.at(handle).score)
    }

    pub(super) fn rank_where(&self, before: impl Fn(Pair<'_>) -> bool) -> usize {
        self.tree.rank(|score, handle| before((name_of(&self.members, handle), score)))
    }

    pub(super) fn range(&self, start: usize, end: usize) -> Range<'_> {
        Range::of_large(&self.members, self.tree.range(start, end))
    }

    pub(super) fn scan<'a>(
        &'a self,
        position: u32,
        visit: &mut dyn FnMut(Pair<'a>),
    ) -> Option<u32> {
        self.index.scan(position, |handle| {
            let member = self.members.at(handle);
            visit((member.name.as_bytes(), member.score));
        })
    }

    pub(super) fn set(&mut self, name: &[u8], score: f64) -> Option<f64> {
        let Some(handle) = self.find(name) else {
            let text = ShortBytes::new(name);
            self.texts += text.memory();
            let handle = self.members.insert(Member { name: text, score });
            let Self { index, members, hasher, .. } = self;
            index.insert(hasher.hash(name), handle, |handle| hasher.hash(name_of(members, handle)));
            self.order(name, score, handle);
            return None;
        };
        let previous = self.members.at(handle).score;
        // Equal scores can differ in the sign of zero, so they are written all the same.
        self.disorder(name, previous);
        self.members.at_mut(handle).score = score;
        self.order(name, score, handle);
        Some(previous)
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<f64> {
        let handle = self.find(name)?;
        let score = self.members.at(handle).score;
        self.disorder(name, score);
        self.forget(handle);
        Some(score)
    }

    pub(super) fn remove_range(
        &mut self,
        start: usize,
        end: usize,
        visit: &mut dyn FnMut(Pair<'_>),
    ) {
        for _ in start..end.min(self.len()) {
            let (score, handle) = self.tree.remove(start);
            let member = self.forget(handle);
            visit((member.name.as_bytes(), score));
        }
    }

    /// Frees some of what is used no more; says whether there was anything left.
    pub(super) fn free_part(&mut self) -> bool {
        self.tree.free_part() || self.members.free_chunk() || self.index.free_one()
    }

    /// Puts a member into the tree.
    fn order(&mut self, name: &[u8], score: f64, handle: u32) {
        let members = &self.members;
        self.tree.insert(score, handle, |other, handle| {
            // Nearly always the scores tell, and no other member's text is looked at.
            other < score || (other == score && name_of(members, handle) < name)
        });
    }

    /// Takes a member out of the tree.
    fn disorder(&mut self, name: &[u8], score: f64) {
        let rank = self.rank_where(|other| precedes(other, (name, score)));
        self.tree.remove(rank);
    }

    /// Takes a member out of the index and the slab.
    fn forget(&mut self, handle: u32) -> Member {
        let Self { index, members, hasher, .. } = self;
        let hash = hasher.hash(name_of(members, handle));
        index.remove(hash, handle, |handle| hasher.hash(name_of(members, handle)));
        let member = self.members.remove(handle);
        self.texts -= member.name.memory();
        member
    }
}
