//! Sorted sets: reading, and their mutators.

use super::Inverse;
use crate::effect::{Effect, ZSetEffect};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::keyspace::short_bytes::ShortBytes;
use crate::keyspace::undo::Undo;
use crate::keyspace::value::{Value, ValueMut, ValueView};
use crate::types::set::Set;
use crate::types::zset::{Pair, ZSet};

/// How to take back one change inside a sorted set. Members have their places by score and text,
/// so nothing else needs to be remembered of them.
pub(in crate::keyspace) enum ZSetInverse {
    /// The member had this score, or was not there.
    Member { member: ShortBytes, score: Option<f64> },
    /// These members were there.
    Removed(Vec<(ShortBytes, f64)>),
}

impl ZSetInverse {
    /// Bytes of memory outside of this struct.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Member { member, .. } => member.memory(),
            Self::Removed(members) => {
                let texts: usize = members.iter().map(|(member, _)| member.memory()).sum();
                members.capacity() * size_of::<(ShortBytes, f64)>() + texts
            }
        }
    }

    pub(super) fn apply(self, zset: &mut ZSet) {
        match self {
            Self::Member { member, score: None } => {
                zset.remove(member.as_bytes());
            }
            Self::Member { member, score: Some(score) } => {
                zset.set(member.as_bytes(), score);
            }
            Self::Removed(members) => members.iter().for_each(|(member, score)| {
                zset.set(member.as_bytes(), *score);
            }),
        }
    }
}

/// Appends the effects that make the sorted set at a key.
pub(super) fn effects_of_whole(key: &[u8], zset: &ZSet, out: &mut Vec<u8>) {
    for (member, score) in zset.iter() {
        Effect::ZSet(key, ZSetEffect::Set { member, score }).encode(out);
    }
}

/// Members with scores: what unions, intersections and differences of sorted sets are made of.
/// Types without scores give each member the score 1.
pub enum Scored<'a> {
    /// A set: each member counts 1.
    Set(&'a Set),
    /// A sorted set.
    ZSet(&'a ZSet),
}

impl Scored<'_> {
    /// How many members there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Set(set) => set.len(),
            Self::ZSet(zset) => zset.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Set(set) => set.contains(member).then_some(1.0),
            Self::ZSet(zset) => zset.score(member),
        }
    }

    /// Visits all members, until `visit` fails.
    ///
    /// # Errors
    /// That of `visit`.
    pub fn try_for_each<E>(
        &self,
        mut visit: impl FnMut(Pair<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Set(set) => set.try_for_each(|member| visit((member, 1.0))),
            Self::ZSet(zset) => zset.iter().try_for_each(&mut visit),
        }
    }
}

impl Keyspace {
    /// The sorted set at a key; `None` when the key is missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when the key holds something else.
    pub fn zset(&mut self, key: &[u8]) -> Result<Option<&ZSet>, CommandError> {
        let Some(handle) = self.read(key) else { return Ok(None) };
        match self.tables.entries.at(handle).value() {
            ValueView::ZSet(zset) => Ok(Some(zset)),
            _ => Err(CommandError::WrongType),
        }
    }

    /// The members with scores of whatever a key holds that has members; `None` when the key is
    /// missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when the key holds something else.
    pub fn scored(&mut self, key: &[u8]) -> Result<Option<Scored<'_>>, CommandError> {
        let Some(handle) = self.read(key) else { return Ok(None) };
        match self.tables.entries.at(handle).value() {
            ValueView::Set(set) => Ok(Some(Scored::Set(set))),
            ValueView::ZSet(zset) => Ok(Some(Scored::ZSet(zset))),
            _ => Err(CommandError::WrongType),
        }
    }

    /// Sets the score of a member of the sorted set at a key, which is made when it is missing.
    /// `decide` is given the score that the member has, if it is there, and says which one it gets,
    /// a number; `None` leaves everything as it is. Says whether the member is new, or `None` when
    /// nothing has changed.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn zset_update(
        &mut self,
        key: &[u8],
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Result<Option<bool>, CommandError> {
        let limits = self.settings.zset_limits;
        let found = self.live(key);
        let previous = match found.map(|handle| self.tables.entries.at(handle).value()) {
            None => None,
            Some(ValueView::ZSet(zset)) => zset.score(member),
            Some(_) => return Err(CommandError::WrongType),
        };
        let Some(score) = decide(previous) else { return Ok(None) };
        let handle = found.unwrap_or_else(|| self.insert(key, Value::ZSet(Box::default()), None));
        let entry = self.tables.entries.at_mut(handle);
        let expiry = entry.expiry();
        let ValueMut::ZSet(zset) = entry.value_mut() else { return Err(CommandError::WrongType) };
        if previous.is_none() && zset.outgrows(member, limits) {
            let large = Box::new(zset.to_large());
            let small = std::mem::replace(zset, large);
            self.undo.push(|| Undo::Entry {
                key: ShortBytes::new(key),
                previous: Some((Value::ZSet(small), expiry)),
            });
        }
        zset.set(member, score);
        let effect = Effect::ZSet(key, ZSetEffect::Set { member, score });
        self.changed_inside(handle, key, effect, || {
            let member = ShortBytes::new(member);
            Inverse::ZSet(ZSetInverse::Member { member, score: previous })
        });
        Ok(Some(previous.is_none()))
    }

    /// Removes a member of the sorted set at a key, and the key with its last member. Says whether
    /// the member was there.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn zset_remove(&mut self, key: &[u8], member: &[u8]) -> Result<bool, CommandError> {
        let Some(handle) = self.live(key) else { return Ok(false) };
        let ValueMut::ZSet(zset) = self.tables.entries.at_mut(handle).value_mut() else {
            return Err(CommandError::WrongType);
        };
        let Some(score) = zset.remove(member) else { return Ok(false) };
        let empty = zset.is_empty();
        let effect = Effect::ZSet(key, ZSetEffect::Remove { member });
        self.changed_inside(handle, key, effect, || {
            let member = ShortBytes::new(member);
            Inverse::ZSet(ZSetInverse::Member { member, score: Some(score) })
        });
        if empty {
            self.drop_emptied(handle, key);
        }
        Ok(true)
    }

    /// Removes the members of the sorted set at a key from one rank to before another one, gives
    /// each to `visit`, in order, and removes the key with its last member.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn zset_remove_range(
        &mut self,
        key: &[u8],
        start: usize,
        end: usize,
        mut visit: impl FnMut(Pair<'_>),
    ) -> Result<(), CommandError> {
        let Some(handle) = self.live(key) else { return Ok(()) };
        let (undone, recorded) = (self.undo.is_open(), self.record);
        let entry = self.tables.entries.at_mut(handle);
        let ValueMut::ZSet(zset) = entry.value_mut() else { return Err(CommandError::WrongType) };
        let len_before = zset.len();
        if start >= end.min(len_before) {
            return Ok(());
        }
        let mut removed = Vec::new();
        let effects = &mut self.effects;
        zset.remove_range(start, end, |(member, score)| {
            if recorded {
                Effect::ZSet(key, ZSetEffect::Remove { member }).encode(effects);
            }
            if undone {
                removed.push((ShortBytes::new(member), score));
            }
            visit((member, score));
        });
        self.counters.changes += (len_before - zset.len()) as u64;
        let empty = zset.is_empty();
        self.note_use(handle);
        self.undo.push(|| Undo::Inside {
            key: ShortBytes::new(key),
            inverse: Inverse::ZSet(ZSetInverse::Removed(removed)),
        });
        self.note_touched(key);
        if empty {
            self.drop_emptied(handle, key);
        }
        Ok(())
    }

    /// Gives a key the sorted set that a command has made, whatever the key held before, and no
    /// expiry; an empty one removes the key. Says whether the key was there.
    pub fn store_zset(&mut self, key: &[u8], zset: ZSet) -> bool {
        let existed = self.remove(key);
        if !zset.is_empty() {
            let zset = zset.compact(self.settings.zset_limits);
            let handle = self.insert(key, Value::ZSet(Box::new(zset)), None);
            self.record_whole(handle, key);
        }
        existed
    }

    /// Applies a recorded effect.
    pub(super) fn apply_to_zset(&mut self, key: &[u8], effect: ZSetEffect<'_>) {
        match effect {
            ZSetEffect::Set { member, score } => {
                drop(self.zset_update(key, member, |_| Some(score)));
            }
            ZSetEffect::Remove { member } => drop(self.zset_remove(key, member)),
        }
    }
}
