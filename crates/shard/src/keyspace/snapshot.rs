//! Snapshots: a keyspace written as effects, piece by piece, between requests.
//!
//! A [`Snapshot`] walks over the slots and writes the effects that make each key. Requests run
//! between its steps. What they change of keys that are already written is written, too (by
//! [`Keyspace::follow`], after each entry), in its place between the pieces; what they change of
//! other keys is not, for the walk has yet to come to them. So when the walk has come to its end, all
//! effects that were written, replayed in their order, make the keyspace as it is at that moment:
//! a snapshot needs no second copy of anything, no process of its own, and no log beside it.
//!
//! # Large values
//! They are written in parts, with requests in between. Once the first part is written, the effects
//! of all changes of the key are. Of sets, sorted sets, hashes and strings each effect says what an
//! element or some bytes are from now on, and parts say the same of others, so it does not matter
//! whether a change is of an element that the walk has yet to come to. Lists and streams depend on
//! order: when one is changed that is written in part, it is begun again, and ended at once.
//!
//! # Replies
//! Replies that are kept come last, in the order in which they end. One that is kept meanwhile is
//! written at once; that it may be written twice does no harm.
//!
//! # Invariants
//! - I1. A key that is there from the first step to the last is written, however the tables grow and
//!   shrink meanwhile: the walk goes by the order of hashes, as SCAN does (`index`, I3).
//! - I2. Effects of a key are written iff the walk has passed it or has written a part of it.

use protocol::slot::Slot;

use super::door::{effects_of_entries, effects_of_entry, effects_of_groups};
use super::index;
use super::kept_replies::Name;
use super::value::ValueView;
use super::{Entry, Keyspace};
use crate::effect::{
    BadEffect, Effect, HashEffect, ListEffect, SetEffect, StringEffect, Subject, ZSetEffect,
};
use crate::time::Millis;
use crate::types::stream::id::StreamId;

/// When values are written in parts, and in which.
#[derive(Debug, Clone, Copy)]
struct Parts {
    /// A value with more elements than this is.
    elements: usize,
    /// A string of more bytes is; so many are one part.
    bytes: usize,
    /// Elements of a list or stream between two looks at how much has been written.
    together: usize,
}

/// How far a snapshot of a keyspace has come. See the module.
#[derive(Debug)]
pub struct Snapshot {
    parts: Parts,
    /// Place of the slot that comes next, counted from the first of the keyspace.
    slot: usize,
    /// Where in its index (see [`super::index::Linear::scan`]).
    position: u32,
    /// Large values that the walk has passed and that are not begun.
    large: Vec<Vec<u8>>,
    /// The large value that is written in part.
    part: Option<Part>,
    /// The kept reply that was written last of those that the walk has come to.
    reply: Option<(Millis, Name)>,
    /// How many keys are written.
    keys: u64,
}

#[derive(Debug)]
struct Part {
    key: Vec<u8>,
    at: At,
}

/// Where to go on in a large value.
#[derive(Debug, Clone, Copy)]
enum At {
    /// A hash, a set, a sorted set: position of a scan.
    Elements(u32),
    /// A string: offset.
    Offset(usize),
    /// A list: index.
    Index(usize),
    /// A stream: id after the last entry that is written.
    Id(StreamId),
}

/// What has become of a part.
enum Next {
    /// There is more.
    More(At),
    /// All elements are written, and not when the key expires.
    Elements,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::in_parts(256, 64 * 1024, 16)
    }
}

impl Snapshot {
    /// A snapshot that has not begun and writes values in parts that have more than `elements`
    /// elements or strings of more than `bytes` bytes.
    pub fn in_parts(elements: usize, bytes: usize, together: usize) -> Self {
        let parts = Parts { elements, bytes, together };
        Self { parts, slot: 0, position: 0, large: Vec::new(), part: None, reply: None, keys: 0 }
    }

    /// How many keys have been written so far.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// How many slots the walk has passed.
    pub fn slots(&self) -> usize {
        self.slot
    }
}

impl Parts {
    fn apply_to(&self, value: ValueView<'_>) -> bool {
        match value {
            ValueView::String(text) => text.len() > self.bytes,
            ValueView::Hash(hash) => hash.len() > self.elements,
            ValueView::List(list) => list.len() > self.elements,
            ValueView::Set(set) => set.len() > self.elements,
            ValueView::Stream(stream) => stream.weight() > self.elements,
            ValueView::ZSet(zset) => zset.len() > self.elements,
        }
    }
}

/// Where a large value begins.
fn beginning(value: ValueView<'_>) -> At {
    match value {
        ValueView::String(_) => At::Offset(0),
        ValueView::Hash(_) | ValueView::Set(_) | ValueView::ZSet(_) => At::Elements(0),
        ValueView::List(_) => At::Index(0),
        ValueView::Stream(_) => At::Id(StreamId::MIN),
    }
}

impl Keyspace {
    /// Goes on with a snapshot until at least `most` bytes of effects are appended to `out`, or
    /// until its end; says whether there is more. Only between commands.
    pub fn snapshot_step(&self, snapshot: &mut Snapshot, out: &mut Vec<u8>, most: usize) -> bool {
        let end = out.len() + most;
        loop {
            if out.len() >= end {
                return true;
            }
            if let Some(part) = snapshot.part.take() {
                snapshot.part = self.write_part(part, snapshot.parts, out, end);
                continue;
            }
            if let Some(key) = snapshot.large.pop() {
                let found = self.find_anywhere(&key);
                // One that is gone meanwhile was not written, so its removal was not, either.
                if let Some(at) = found.map(|entry| beginning(entry.value())) {
                    snapshot.keys += 1;
                    snapshot.part = Some(Part { key, at });
                }
                continue;
            }
            if snapshot.slot >= self.tables.slots.len() {
                match self.kept_replies.next_after(snapshot.reply.as_ref()) {
                    None => return false,
                    Some((at, effect)) => {
                        Effect::KeepReply(effect).encode(out);
                        snapshot.reply = Some(at.clone());
                    }
                }
                continue;
            }
            self.write_bucket(snapshot, out);
        }
    }

    /// Writes the keys of the next bucket, but for large values.
    fn write_bucket(&self, snapshot: &mut Snapshot, out: &mut Vec<u8>) {
        let Snapshot { parts, slot, position, large, keys, .. } = snapshot;
        let next = self.tables.slot(*slot).and_then(|table| {
            table.scan(*position, |handle| {
                let entry = self.tables.entries.at(handle);
                if index::position_of(self.hasher.hash(entry.key())) < *position {
                    // A bucket that has been merged with one that is written.
                } else if parts.apply_to(entry.value()) {
                    large.push(entry.key().to_vec());
                } else {
                    *keys += 1;
                    effects_of_entry(entry.key(), entry, out);
                }
            })
        });
        match next {
            Some(next) => *position = next,
            None => (*slot, *position) = (*slot + 1, 0),
        }
    }

    /// Goes on with a large value; `None` when it is written.
    fn write_part(&self, part: Part, parts: Parts, out: &mut Vec<u8>, end: usize) -> Option<Part> {
        let Part { key, mut at } = part;
        // A value that is gone, or another one by now: the effects of that are written.
        let entry = self.find_anywhere(&key)?;
        while out.len() < end {
            match write_elements(&key, entry, at, parts, out)? {
                Next::More(next) => at = next,
                Next::Elements => {
                    let expiry = entry.expiry().map(|at| at.0);
                    if expiry.is_some() {
                        Effect::SetExpiry { key: &key, expiry }.encode(out);
                    }
                    return None;
                }
            }
        }
        Some(Part { key, at })
    }

    /// Writes what has changed of keys that the snapshot has already written. `effects` are all of
    /// those since the last step or the last time that this was called.
    ///
    /// # Errors
    /// `effects` are none.
    pub fn follow(
        &self,
        snapshot: &mut Snapshot,
        effects: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), BadEffect> {
        // A key that was written anew has all of `effects` in it.
        let mut written: Option<Vec<u8>> = None;
        for effect in Effect::decode_all(effects) {
            let effect = effect?;
            let key = match effect.subject() {
                Subject::Key(key) => key,
                Subject::AllKeys => {
                    // Nothing is left of what was to be written.
                    snapshot.part = None;
                    snapshot.large.clear();
                    effect.encode(out);
                    continue;
                }
                Subject::NoKey => {
                    effect.encode(out);
                    continue;
                }
            };
            if written.as_deref() == Some(key) {
                continue;
            }
            let in_part = snapshot.part.as_ref().filter(|part| part.key == key).map(|part| part.at);
            match in_part {
                Some(At::Index(_) | At::Id(_)) => {
                    snapshot.part = None;
                    Effect::Remove { key }.encode(out);
                    if let Some(entry) = self.find_anywhere(key) {
                        effects_of_entry(key, entry, out);
                    }
                    written = Some(key.to_vec());
                }
                Some(At::Elements(_) | At::Offset(_)) => effect.encode(out),
                None if self.has_passed(snapshot, key) => effect.encode(out),
                None => {}
            }
        }
        Ok(())
    }

    /// Whether the walk has written a key that is not written in part, or would have if it had been
    /// there.
    fn has_passed(&self, snapshot: &Snapshot, key: &[u8]) -> bool {
        let slot = Slot::of_key(key).index().wrapping_sub(self.tables.first);
        if slot != snapshot.slot {
            return slot < snapshot.slot && !snapshot.large.iter().any(|large| large == key);
        }
        index::position_of(self.hasher.hash(key)) < snapshot.position
            && !snapshot.large.iter().any(|large| large == key)
    }

    /// The entry of a key of any slot, expired or not.
    fn find_anywhere(&self, key: &[u8]) -> Option<&Entry> {
        let slot = self.tables.slot(Slot::of_key(key).index().wrapping_sub(self.tables.first))?;
        let entries = &self.tables.entries;
        let is_it = |handle: u32| entries.at(handle).key() == key;
        slot.find(self.hasher.hash(key), is_it).map(|handle| entries.at(handle))
    }
}

/// Writes some elements of a value. `None` when it is of another type than when it was begun: then
/// the effects of what it is now are written already.
fn write_elements(
    key: &[u8],
    entry: &Entry,
    at: At,
    parts: Parts,
    out: &mut Vec<u8>,
) -> Option<Next> {
    let scanned =
        |next: Option<u32>| next.map_or(Next::Elements, |at| Next::More(At::Elements(at)));
    Some(match (entry.value(), at) {
        (ValueView::Hash(hash), At::Elements(position)) => {
            let all = hash.view(Millis(i64::MIN));
            scanned(all.scan(position, |field, value| {
                Effect::Hash(key, HashEffect::Set { field, value }).encode(out);
                let expiry = hash.expiry(field).map(|at| at.0);
                if expiry.is_some() {
                    Effect::Hash(key, HashEffect::SetExpiry { field, expiry }).encode(out);
                }
            }))
        }
        (ValueView::Set(set), At::Elements(position)) => scanned(set.scan(position, |member| {
            Effect::Set(key, SetEffect::Add { member }).encode(out);
        })),
        (ValueView::ZSet(zset), At::Elements(position)) => {
            scanned(zset.scan(position, |(member, score)| {
                Effect::ZSet(key, ZSetEffect::Set { member, score }).encode(out);
            }))
        }
        (ValueView::String(text), At::Offset(offset)) => {
            text.with_text(|text| write_bytes(key, text, offset, parts.bytes, out))
        }
        (ValueView::List(list), At::Index(index)) => {
            for element in list.iter_from(index).take(parts.together) {
                element.with_text(|element| {
                    Effect::List(key, ListEffect::PushTail { element }).encode(out);
                });
            }
            let next = index + parts.together;
            if next < list.len() { Next::More(At::Index(next)) } else { Next::Elements }
        }
        (ValueView::Stream(stream), At::Id(from)) => {
            let entries = stream.range(from, StreamId::MAX).take(parts.together);
            match effects_of_entries(key, entries, out).and_then(StreamId::next) {
                Some(next) => Next::More(At::Id(next)),
                None => {
                    effects_of_groups(key, stream, out);
                    Next::Elements
                }
            }
        }
        _ => return None,
    })
}

/// Writes a part of a string.
fn write_bytes(key: &[u8], text: &[u8], offset: usize, most: usize, out: &mut Vec<u8>) -> Next {
    // It may be shorter by now: what is written of it has been cut by an effect.
    let rest = text.get(offset..).unwrap_or_default();
    let patch = &rest[..rest.len().min(most)];
    let effect = if offset == 0 {
        StringEffect::Set { value: patch, expiry: None }
    } else {
        StringEffect::Splice { offset: offset as u64, patch }
    };
    if offset == 0 || !patch.is_empty() {
        Effect::String(key, effect).encode(out);
    }
    let next = offset + patch.len();
    if patch.len() < rest.len() { Next::More(At::Offset(next)) } else { Next::Elements }
}

#[cfg(test)]
#[path = "snapshot_test.rs"]
mod tests;
