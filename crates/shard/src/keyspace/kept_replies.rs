//! Replies that are kept for a while, for who sends a request again (CLIENT IDEMPOTENCY).
//!
//! A client whose connection breaks cannot know whether its request has run. One that has given the
//! request a name may send it again by that name: if it has run, the reply is here. It got here in the
//! entry of what the request has done, so that there are both or neither, after a crash as well.
//!
//! # Invariants
//! - I1. `by_end` has each of `replies`, once.
//! - I2. `memory` is the sum of what [`memory_of`] says of them.
//!
//! # Not here
//! Clocks: what is kept no more goes when something new is kept (so that replaying a log needs no
//! more memory than running it), or when the executor says so.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use protocol::encode::Version;
use protocol::slot::Slot;

use crate::effect::KeepReply;
use crate::time::Millis;

/// A reply that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReply {
    /// What tells the request from others.
    pub request: u64,
    /// When it ran.
    pub made: Millis,
    /// Until when the reply is kept.
    pub until: Millis,
    /// The version that the reply is in.
    pub version: Version,
    /// The reply, as it was sent.
    pub reply: Box<[u8]>,
}

/// A slot and an id, so that one lookup finds both: the slot's number, big endian, and the id.
pub(super) type Name = Box<[u8]>;

/// The kept replies of a shard. See the module.
#[derive(Debug, Default)]
pub(super) struct KeptReplies {
    replies: BTreeMap<Name, KeptReply>,
    by_end: BTreeSet<(Millis, Name)>,
    memory: usize,
}

/// The name of a request of a slot.
pub(super) fn name_of(slot: Slot, id: &[u8]) -> Name {
    let slot = (slot.index() as u16).to_be_bytes();
    [&slot[..], id].concat().into()
}

/// About how many bytes of memory are taken for an id and a reply of these lengths.
pub(super) fn memory_of(id_len: usize, reply_len: usize) -> usize {
    /// The entries of both trees, which are about three quarters full, and three allocations.
    const FIXED: usize = 200;
    FIXED + 2 * id_len + reply_len
}

impl KeptReplies {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.replies.len()
    }

    /// About how many bytes of memory they take.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// The one of this name.
    pub(super) fn find(&self, name: &[u8]) -> Option<&KeptReply> {
        self.replies.get(name)
    }

    /// Keeps one. What had its name is no longer kept.
    pub(super) fn insert(&mut self, name: Name, kept: KeptReply) {
        self.remove(&name);
        self.memory += memory_of(name.len() - 2, kept.reply.len());
        self.by_end.insert((kept.until, name.clone()));
        self.replies.insert(name, kept);
    }

    /// Keeps one no longer.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<KeptReply> {
        let (name, kept) = self.replies.remove_entry(name)?;
        self.memory -= memory_of(name.len() - 2, kept.reply.len());
        self.by_end.remove(&(kept.until, name));
        Some(kept)
    }

    /// Removes up to `most` of those whose time has come; says how many.
    pub(super) fn forget(&mut self, now: Millis, most: usize) -> usize {
        for removed in 0..most {
            let Some((until, name)) = self.by_end.first() else { return removed };
            if *until > now {
                return removed;
            }
            let name = name.clone();
            self.remove(&name);
        }
        most
    }

    /// The effect that keeps the one that is kept shortest of those that come after `last`.
    pub(super) fn next_after(
        &self,
        last: Option<&(Millis, Name)>,
    ) -> Option<(&(Millis, Name), KeepReply<'_>)> {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let at = self.by_end.range((after, Bound::Unbounded)).next()?;
        let (name, kept) = self.replies.get_key_value(&at.1)?;
        let (slot, id) = name.split_first_chunk::<2>()?;
        let effect = KeepReply {
            slot: Slot::new(u16::from_be_bytes(*slot))?,
            id,
            request: kept.request,
            made: kept.made.0,
            until: kept.until.0,
            version: kept.version,
            reply: &kept.reply,
        };
        Some((at, effect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(until: i64) -> KeptReply {
        let (made, until) = (Millis(0), Millis(until));
        KeptReply { request: 1, made, until, version: Version::Resp2, reply: [0; 10].into() }
    }

    fn name(id: &str) -> Name {
        name_of(Slot::of_key(b"k"), id.as_bytes())
    }

    #[test]
    fn those_go_first_that_end_first() {
        let mut all = KeptReplies::default();
        for (id, until) in [("late", 30), ("early", 10), ("middle", 20)] {
            all.insert(name(id), kept(until));
        }
        assert_eq!(all.forget(Millis(9), 5), 0);
        assert_eq!(all.forget(Millis(25), 1), 1);
        assert!(all.find(&name("early")).is_none());
        assert_eq!(all.forget(Millis(25), 5), 1);
        assert!(all.find(&name("late")).is_some());
        assert_eq!(all.memory(), memory_of(4, 10));
        assert_eq!(all.forget(Millis(30), 5), 1);
        assert_eq!((all.len(), all.memory(), all.by_end.len()), (0, 0, 0));
    }

    #[test]
    fn one_that_is_kept_anew_counts_once() {
        let mut all = KeptReplies::default();
        all.insert(name("a"), kept(10));
        all.insert(name("a"), kept(20));
        assert_eq!((all.len(), all.by_end.len(), all.memory()), (1, 1, memory_of(1, 10)));
    }

    #[test]
    fn all_are_walked_over_once() {
        let mut all = KeptReplies::default();
        for n in 0..50 {
            all.insert(name(&n.to_string()), kept(i64::from(n % 7)));
        }
        let mut last = None;
        let mut seen = BTreeSet::new();
        while let Some((at, effect)) = all.next_after(last.as_ref()) {
            assert_eq!(effect.slot, Slot::of_key(b"k"));
            assert!(seen.insert(effect.id.to_vec()));
            last = Some(at.clone());
        }
        assert_eq!(seen.len(), 50);
    }
}
