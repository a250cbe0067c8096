//! Sorted sets: packed while small; a hash index and a counted tree when large.
//!
//! Members are ordered by score, and among equal scores by their bytes. A range of any kind (of
//! ranks, of scores, of members) is two ranks, see [`ZSet::rank_where`], and then a walk.
//!
//! # Invariants
//! - I1. No score is NaN. 0 and -0 are equal scores. As in Redis, the large form keeps the sign and
//!   the small form does not.
//! - I2. The small form holds member, score, member, score, … in order.
//! - I3. The index and the tree of the large form name the same members, each once.

mod large;
mod range;
mod tree;
mod tree_range;
#[cfg(test)]
mod tree_test;
#[cfg(test)]
mod zset_test;

use std::cmp::Ordering;

use super::packed::Packed;
use large::Large;
pub use range::Range;

/// Up to where a sorted set stays packed (`zset-max-listpack-entries`,
/// `zset-max-listpack-value`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZSetLimits {
    /// Most members.
    pub entries: usize,
    /// Longest member, in bytes.
    pub value: usize,
}

impl Default for ZSetLimits {
    fn default() -> Self {
        Self { entries: 128, value: 64 }
    }
}

/// A sorted set. Never empty while it is the value of a key.
pub struct ZSet(Repr);

enum Repr {
    Small(Packed),
    Large(Box<Large>),
}

/// A member and its score.
pub type Pair<'a> = (&'a [u8], f64);

/// A score as the small form stores it: 0 has no sign there (see I1).
fn bytes_of(score: f64) -> [u8; 8] {
    (score + 0.0).to_le_bytes()
}

fn score_of(bytes: &[u8]) -> f64 {
    f64::from_le_bytes(bytes.try_into().unwrap_or_default())
}

/// Whether a member comes before another one.
fn precedes((member, score): Pair<'_>, (other, other_score): Pair<'_>) -> bool {
    match score.partial_cmp(&other_score) {
        Some(Ordering::Less) => true,
        Some(Ordering::Greater) => false,
        _ => member < other,
    }
}

impl Default for ZSet {
    fn default() -> Self {
        Self(Repr::Small(Packed::default()))
    }
}

impl ZSet {
    /// A set in its large form: what results are gathered in.
    pub(crate) fn large() -> Self {
        Self(Repr::Large(Box::default()))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Small(packed) => packed.len() / 2,
            Repr::Large(large) => large.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Small(_) => "listpack",
            Repr::Large(_) => "skiplist",
        }
    }

    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Repr::Small(packed) => packed.memory(),
            Repr::Large(large) => size_of::<Large>() + large.memory(),
        }
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Repr::Small(packed) => find(packed, member).map(|(_, _, score)| score),
            Repr::Large(large) => large.score(member),
        }
    }

    /// Where a member may be; see `keyspace::warm`.
    #[inline]
    pub(crate) fn first_candidate(&self, member: &[u8]) -> Option<u32> {
        match &self.0 {
            Repr::Small(_) => Some(0),
            Repr::Large(large) => large.first_candidate(member),
        }
    }

    /// Loads some of it; what that is means nothing.
    #[inline]
    pub(crate) fn look_at(&self, candidate: u32) -> u64 {
        match &self.0 {
            Repr::Small(packed) => packed.look(),
            Repr::Large(large) => large.look_at(candidate),
        }
    }

    /// How many members come before a member, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Repr::Small(packed) => {
                let mut pairs = pairs(packed);
                let rank = pairs.position(|(other, _)| other == member)?;
                Some((rank, self.score(member)?))
            }
            Repr::Large(large) => {
                let score = large.score(member)?;
                Some((large.rank_where(|other| precedes(other, (member, score))), score))
            }
        }
    }

    /// How many members come before a place; `before` says of any member whether it does, and must
    /// say yes of all that precede one of which it says yes.
    pub fn rank_where(&self, before: impl Fn(Pair<'_>) -> bool) -> usize {
        match &self.0 {
            Repr::Small(packed) => pairs(packed).take_while(|pair| before(*pair)).count(),
            Repr::Large(large) => large.rank_where(before),
        }
    }

    /// The members from one rank to before another one, in order.
    pub fn range(&self, start: usize, end: usize) -> Range<'_> {
        match &self.0 {
            Repr::Small(packed) => Range::of_small(packed, start, end),
            Repr::Large(large) => large.range(start, end),
        }
    }

    /// All members in order.
    pub fn iter(&self) -> Range<'_> {
        self.range(0, self.len())
    }

    /// A member picked at random; `None` when there are none.
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<Pair<'_>> {
        let len = self.len();
        if len == 0 {
            return None;
        }
        let rank = rng.usize(..len);
        self.range(rank, rank + 1).next()
    }

    /// One step of ZSCAN: visits some members from `position` (0 at first) and returns the next
    /// position, or `None` at the end. Small sets are visited at once.
    pub fn scan<'a>(&'a self, position: u32, mut visit: impl FnMut(Pair<'a>)) -> Option<u32> {
        match &self.0 {
            Repr::Small(packed) => {
                pairs(packed).for_each(visit);
                None
            }
            Repr::Large(large) => large.scan(position, &mut visit),
        }
    }

    /// Whether adding this member, which is not there, would turn the packed form into the large
    /// one.
    pub(crate) fn outgrows(&self, member: &[u8], limits: ZSetLimits) -> bool {
        match &self.0 {
            Repr::Small(packed) => {
                packed.len() / 2 >= limits.entries || member.len() > limits.value
            }
            Repr::Large(_) => false,
        }
    }

    /// The same members in the large form.
    pub(crate) fn to_large(&self) -> Self {
        let mut large = Self::large();
        for (member, score) in self.iter() {
            large.set(member, score);
        }
        large
    }

    /// The form that a new value of these members has.
    pub(crate) fn compact(self, limits: ZSetLimits) -> Self {
        let fits = self.len() <= limits.entries
            && self.iter().all(|(member, _)| member.len() <= limits.value);
        if !fits {
            return self;
        }
        let mut packed = Packed::default();
        for (member, score) in self.iter() {
            packed.push(&[member, &bytes_of(score)]);
        }
        Self(Repr::Small(packed))
    }

    /// Sets the score of a member and returns the one that it had. The caller has seen to
    /// [`Self::outgrows`], and that the score is a number.
    pub(crate) fn set(&mut self, member: &[u8], score: f64) -> Option<f64> {
        debug_assert!(!score.is_nan(), "I1");
        match &mut self.0 {
            Repr::Small(packed) => {
                let previous = take(packed, member);
                let place = place(packed, (member, score));
                packed.insert(place, &[member, &bytes_of(score)]);
                previous
            }
            Repr::Large(large) => large.set(member, score),
        }
    }

    /// Removes a member and returns its score.
    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Repr::Small(packed) => take(packed, member),
            Repr::Large(large) => large.remove(member),
        }
    }

    /// Frees some of a set that is used no more; says whether there was anything large.
    pub(crate) fn free_part(&mut self) -> bool {
        match &mut self.0 {
            Repr::Small(_) => false,
            Repr::Large(large) => large.free_part(),
        }
    }

    /// Removes the members from one rank to before another one, and gives each to `visit`.
    pub(crate) fn remove_range(
        &mut self,
        start: usize,
        end: usize,
        mut visit: impl FnMut(Pair<'_>),
    ) {
        match &mut self.0 {
            Repr::Small(packed) => {
                let (mut strings, mut from) = (packed.iter(), 0);
                for at in 0..end.min(packed.len() / 2) {
                    if at == start {
                        from = strings.position();
                    }
                    let (Some(member), Some(score)) = (strings.next(), strings.next()) else {
                        break;
                    };
                    if at >= start {
                        visit((member, score_of(score)));
                    }
                }
                let to = strings.position();
                let count = end.min(packed.len() / 2).saturating_sub(start);
                if count > 0 {
                    packed.remove(from, to, count * 2);
                }
            }
            Repr::Large(large) => large.remove_range(start, end, &mut visit),
        }
    }
}

impl Clone for ZSet {
    fn clone(&self) -> Self {
        match &self.0 {
            Repr::Small(packed) => Self(Repr::Small(packed.clone())),
            Repr::Large(_) => self.to_large(),
        }
    }
}

/// The members of the small form in order.
fn pairs(packed: &Packed) -> impl Iterator<Item = Pair<'_>> {
    let mut strings = packed.iter();
    std::iter::from_fn(move || Some((strings.next()?, score_of(strings.next()?))))
}

/// Where a member of the small form begins and ends, and its score.
fn find(packed: &Packed, member: &[u8]) -> Option<(usize, usize, f64)> {
    let mut strings = packed.iter();
    loop {
        let start = strings.position();
        let other = strings.next()?;
        let score = strings.next()?;
        if other == member {
            return Some((start, strings.position(), score_of(score)));
        }
    }
}

/// Where a member that is not in the small form belongs.
fn place(packed: &Packed, pair: Pair<'_>) -> usize {
    let mut strings = packed.iter();
    loop {
        let start = strings.position();
        let (Some(other), Some(score)) = (strings.next(), strings.next()) else { return start };
        if precedes(pair, (other, score_of(score))) {
            return start;
        }
    }
}

fn take(packed: &mut Packed, member: &[u8]) -> Option<f64> {
    let (start, end, score) = find(packed, member)?;
    packed.remove(start, end, 2);
    Some(score)
}
