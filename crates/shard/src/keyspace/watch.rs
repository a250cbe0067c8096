//! Keys that somebody is interested in: transactions that a change spoils, blocked clients, and
//! clients that keep a copy.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;
use protocol::args::Args;
use protocol::spec::{CommandSpec, Family, Flags};

use super::{Keyspace, Message};

/// Set when a key that a connection watches has changed. Shared because the connection may live
/// on another thread than the shard that has the key.
#[derive(Debug, Clone, Default)]
pub struct WatchFlag(Arc<AtomicBool>);

impl WatchFlag {
    /// Whether a watched key has changed.
    pub fn spoiled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn spoil(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Who is interested in a key.
#[derive(Default)]
struct Interest {
    watchers: Vec<WatchFlag>,
    /// How many blocked clients wait for it.
    waiting: usize,
    /// Clients that have read it and are to be told of its next change.
    trackers: Vec<u64>,
}

impl Interest {
    fn is_none(&self) -> bool {
        self.watchers.is_empty() && self.waiting == 0 && self.trackers.is_empty()
    }
}

/// Whom a change of a key concerns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Concerned {
    /// Somebody waits for the key.
    pub(super) waiting: bool,
    /// Clients that have read it. They are told once.
    pub(super) trackers: Vec<u64>,
}

/// Who watches, waits for and tracks which keys of this shard.
#[derive(Default)]
pub(super) struct WatchTable {
    keys: HashMap<Box<[u8]>, Interest, RandomState>,
    /// How many keys have trackers, and how many trackers there are in all.
    tracked: usize,
    trackers: usize,
}

impl WatchTable {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn add(&mut self, key: &[u8], flag: &WatchFlag) {
        let watchers = &mut self.interest(key).watchers;
        if !watchers.iter().any(|known| known.same(flag)) {
            watchers.push(flag.clone());
        }
    }

    pub(super) fn remove(&mut self, key: &[u8], flag: &WatchFlag) {
        self.change(key, |interest| interest.watchers.retain(|known| !known.same(flag)));
    }

    /// One more waits for the key.
    pub(super) fn wait_for(&mut self, key: &[u8]) {
        self.interest(key).waiting += 1;
    }

    /// One less waits for the key.
    pub(super) fn stop_waiting(&mut self, key: &[u8]) {
        self.change(key, |interest| interest.waiting = interest.waiting.saturating_sub(1));
    }

    /// A client has read the key and is to be told of its next change.
    pub(super) fn track(&mut self, key: &[u8], client: u64) {
        let trackers = &mut self.interest(key).trackers;
        if !trackers.contains(&client) {
            let is_first = trackers.is_empty();
            trackers.push(client);
            self.tracked += usize::from(is_first);
            self.trackers += 1;
        }
    }

    /// How many keys have trackers, and how many trackers there are in all.
    pub(super) fn tracked(&self) -> (usize, usize) {
        (self.tracked, self.trackers)
    }

    /// Any key that has trackers, which are forgotten.
    pub(super) fn forget_one(&mut self) -> Option<(Vec<u8>, Vec<u64>)> {
        let found = self.keys.iter().find(|(_, interest)| !interest.trackers.is_empty());
        let key = found?.0.to_vec();
        let concerned = self.touch(&key);
        Some((key, concerned.trackers))
    }

    /// Forgets all trackers.
    pub(super) fn forget_all(&mut self) {
        self.keys.retain(|_, interest| {
            interest.trackers.clear();
            !interest.is_none()
        });
        (self.tracked, self.trackers) = (0, 0);
    }

    fn interest(&mut self, key: &[u8]) -> &mut Interest {
        if !self.keys.contains_key(key) {
            self.keys.insert(key.into(), Interest::default());
        }
        match self.keys.get_mut(key) {
            Some(interest) => interest,
            None => unreachable!("it has just been put there"),
        }
    }

    fn change(&mut self, key: &[u8], change: impl FnOnce(&mut Interest)) {
        if let Some(interest) = self.keys.get_mut(key) {
            change(interest);
            if interest.is_none() {
                self.keys.remove(key);
            }
        }
    }

    /// The key has changed: spoils transactions, and says whom else it concerns.
    pub(super) fn touch(&mut self, key: &[u8]) -> Concerned {
        let Some(interest) = self.keys.get_mut(key) else { return Concerned::default() };
        interest.watchers.iter().for_each(WatchFlag::spoil);
        let trackers = std::mem::take(&mut interest.trackers);
        let waiting = interest.waiting > 0;
        self.tracked -= usize::from(!trackers.is_empty());
        self.trackers -= trackers.len();
        if interest.is_none() {
            self.keys.remove(key);
        }
        Concerned { waiting, trackers }
    }

    /// Keys that are watched or waited for.
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let awaited = self
            .keys
            .iter()
            .filter(|(_, interest)| !interest.watchers.is_empty() || interest.waiting > 0);
        awaited.map(|(key, _)| &**key)
    }
}

impl Keyspace {
    /// Remembers what a request reads, if its client keeps copies. Of a script that is what its
    /// commands read, not what it declares.
    #[inline]
    pub fn note_read(&mut self, spec: &CommandSpec, args: Args<'_>) {
        if self.caller.tracks
            && spec.flags.contains(Flags::READONLY)
            && spec.family != Family::Scripting
        {
            // A request that contradicts its specification has read nothing.
            let _ = spec.visit_keys(args, |at, key| {
                if !key.notes.contains(&"not_key") {
                    self.track(args.at(at));
                }
            });
        }
    }

    /// Remembers that the caller has read a key, to be told of its next change.
    pub fn track(&mut self, key: &[u8]) {
        self.release_touched();
        self.watch.track(key, self.caller.client);
        self.forget_tracked_beyond_limit(1);
    }

    /// Forgets up to `most` keys that are tracked beyond the number that may be; their readers are
    /// told, as of a change.
    pub fn forget_tracked_beyond_limit(&mut self, most: usize) {
        let limit = self.settings.tracked_keys_max;
        for _ in 0..most {
            if limit == 0 || self.watch.tracked().0 <= limit {
                return;
            }
            let Some((key, trackers)) = self.watch.forget_one() else { return };
            self.outbox.push(Message::Changed { key, trackers });
        }
    }

    /// How many keys are tracked, and how many pairs of keys and clients.
    pub fn tracked(&self) -> (usize, usize) {
        self.watch.tracked()
    }

    /// Forgets who has read what: they have been told that everything has gone.
    pub fn forget_tracked(&mut self) {
        self.watch.forget_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trackers_are_told_once_and_counted() {
        let mut table = WatchTable::default();
        table.track(b"a", 1);
        table.track(b"a", 1);
        table.track(b"a", 2);
        table.track(b"b", 1);
        table.wait_for(b"b");
        assert_eq!(table.tracked(), (2, 3));
        assert_eq!(table.touch(b"a"), Concerned { waiting: false, trackers: vec![1, 2] });
        assert_eq!(table.touch(b"a"), Concerned::default());
        assert_eq!(table.tracked(), (1, 1));
        assert_eq!(table.forget_one(), Some((b"b".to_vec(), vec![1])));
        assert_eq!(table.touch(b"b"), Concerned { waiting: true, trackers: vec![] });
        table.stop_waiting(b"b");
        assert!(table.is_empty());
    }

    #[test]
    fn a_watched_key_stays_watched_when_trackers_are_forgotten() {
        let mut table = WatchTable::default();
        let flag = WatchFlag::default();
        table.add(b"a", &flag);
        table.track(b"a", 1);
        table.track(b"b", 1);
        table.forget_all();
        assert_eq!(table.tracked(), (0, 0));
        assert_eq!(table.keys().collect::<Vec<_>>(), [b"a"]);
        table.touch(b"a");
        assert!(flag.spoiled());
    }
}
