//! A hash as a request sees it: without the fields whose time is over.
//!
//! Fields that have expired are removed when their hash is looked at, but only so many at a time,
//! so that no request waits for a million of them. What is left of them is hidden here.

use super::Hash;
use super::expiries::Expiries;
use crate::time::Millis;

/// A hash at a point in time. See the module.
#[derive(Clone, Copy)]
pub struct HashView<'a> {
    hash: &'a Hash,
    /// Fields to hide; `None` when there are none, as nearly always.
    hidden: Option<Hidden<'a>>,
}

#[derive(Clone, Copy)]
struct Hidden<'a> {
    expiries: &'a Expiries,
    now: Millis,
}

impl Hidden<'_> {
    fn hides(self, name: &[u8]) -> bool {
        self.expiries.time(name).is_some_and(|time| time < self.now)
    }
}

impl<'a> HashView<'a> {
    pub(super) fn new(hash: &'a Hash, now: Millis) -> Self {
        let expiries = hash.expiries().filter(|_| hash.has_due(now));
        Self { hash, hidden: expiries.map(|expiries| Hidden { expiries, now }) }
    }

    fn hides(self, name: &[u8]) -> bool {
        self.hidden.is_some_and(|hidden| hidden.hides(name))
    }

    /// Whether there are fields that must not be seen, which makes random picks dear.
    pub fn hides_some(self) -> bool {
        self.hidden.is_some()
    }

    /// How many fields there are: O(1), or O(n) of those that are hidden.
    pub fn len(self) -> usize {
        let hidden = self.hidden.map_or(0, |hidden| hidden.expiries.count_due(hidden.now));
        self.hash.len() - hidden
    }

    /// Whether there are no fields.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of a field.
    pub fn value(self, name: &[u8]) -> Option<&'a [u8]> {
        self.hash.value(name).filter(|_| !self.hides(name))
    }

    /// When a field expires: `None` when it is missing, `Some(None)` when it never does.
    pub fn expiry(self, name: &[u8]) -> Option<Option<Millis>> {
        self.value(name).map(|_| self.hash.expiry(name))
    }

    /// Calls `visit` with each field and its value.
    pub fn for_each(self, mut visit: impl FnMut(&'a [u8], &'a [u8])) {
        self.hash.for_each(|field, value| {
            if !self.hides(field) {
                visit(field, value);
            }
        });
    }

    /// All fields with their values.
    pub fn pairs(self) -> Vec<(&'a [u8], &'a [u8])> {
        let mut pairs = Vec::with_capacity(self.len());
        self.for_each(|field, value| pairs.push((field, value)));
        pairs
    }

    /// A field picked at random, with its value; `None` when there are none.
    pub fn random(self, rng: &mut fastrand::Rng) -> Option<(&'a [u8], &'a [u8])> {
        for _ in 0..64 {
            let (field, value) = self.hash.random(rng)?;
            if !self.hides(field) {
                return Some((field, value));
            }
        }
        // Nearly all are hidden: it must be one of the others.
        let pairs = self.pairs();
        (!pairs.is_empty()).then(|| pairs[rng.usize(..pairs.len())])
    }

    /// One step of HSCAN: visits some fields from `position` (0 at first) and returns the next
    /// position, or `None` at the end. Small hashes are visited at once.
    pub fn scan(self, position: u32, mut visit: impl FnMut(&'a [u8], &'a [u8])) -> Option<u32> {
        self.hash.scan(position, |field, value| {
            if !self.hides(field) {
                visit(field, value);
            }
        })
    }
}
