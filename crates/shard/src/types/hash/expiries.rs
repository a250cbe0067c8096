//! When the fields of a hash expire: by field, and in order of time.
//!
//! Kept apart from the fields, because hardly any hash has it.
//!
//! # Invariants
//! - I1. `order` has exactly the pairs of `times`, the other way round.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::keyspace::short_bytes::ShortBytes;
use crate::time::Millis;

/// The fields that expire. A field's time is over when the clock has passed it, as that of a key.
#[derive(Clone, Default)]
pub(super) struct Expiries {
    times: BTreeMap<Name, Millis>,
    order: BTreeSet<(Millis, Name)>,
}

/// The name of a field, ordered as its bytes are.
#[derive(Clone)]
struct Name(ShortBytes);

impl Expiries {
    /// How many fields expire.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// About how many bytes outside of this struct: nodes of the trees are two thirds full.
    pub(super) fn memory(&self) -> usize {
        let pair = size_of::<(Millis, Name)>();
        let texts: usize = self.times.keys().map(|name| name.0.memory()).sum();
        2 * (self.len() * pair * 3 / 2 + texts)
    }

    /// When a field expires.
    pub(super) fn time(&self, name: &[u8]) -> Option<Millis> {
        self.times.get(name).copied()
    }

    /// Sets or removes the expiry of a field and returns what it was.
    pub(super) fn set(&mut self, name: &[u8], time: Option<Millis>) -> Option<Millis> {
        let previous = match time {
            Some(time) => self.times.insert(Name::new(name), time),
            None => self.times.remove(name),
        };
        if let Some(previous) = previous {
            self.order.remove(&(previous, Name::new(name)));
        }
        if let Some(time) = time {
            self.order.insert((time, Name::new(name)));
        }
        previous
    }

    /// The field that expires first, and when.
    pub(super) fn first(&self) -> Option<(Millis, &[u8])> {
        self.order.first().map(|(time, name)| (*time, name.0.as_bytes()))
    }

    /// When the last of them has expired.
    pub(super) fn last(&self) -> Option<Millis> {
        self.order.last().map(|(time, _)| *time)
    }

    /// Forgets some of them; says whether there were any.
    pub(super) fn free_part(&mut self) -> bool {
        const TOGETHER: usize = 32;
        (0..TOGETHER).for_each(|_| {
            self.times.pop_first();
            self.order.pop_first();
        });
        !self.times.is_empty()
    }

    /// How many are over at `now`: O(what it returns).
    pub(super) fn count_due(&self, now: Millis) -> usize {
        self.order.range(..(now, Name::new(b""))).count()
    }
}

impl Name {
    fn new(name: &[u8]) -> Self {
        Self(ShortBytes::new(name))
    }
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_bytes().cmp(other.0.as_bytes())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes() == other.0.as_bytes()
    }
}

impl Eq for Name {}
