//! Clients that keep copies of what they read (CLIENT TRACKING), and how they are told of changes.
//!
//! Which client has read which key is remembered by the shard of the key, beside its watched keys;
//! clients in broadcasting mode are told by prefix and need no such memory. A change is told when it
//! is kept.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use protocol::encode;
use router::session::Tracking;
use shard::channels::Subscriber;

use crate::delivery::Payload;
use crate::executor::Executor;

/// A client that tracks.
#[derive(Debug, Clone)]
struct Tracker {
    executor: u16,
    /// Who is told in its place; 0: itself.
    redirect: u64,
    /// It is not told of its own changes.
    noloop: bool,
    /// It is told of all keys that begin with one of these.
    prefixes: Option<Vec<Vec<u8>>>,
}

/// All clients of the node that track.
#[derive(Debug, Default)]
pub(crate) struct Trackers {
    clients: RwLock<HashMap<u64, Tracker>>,
    broadcasting: AtomicUsize,
}

impl Trackers {
    /// A client begins to track, or changes how it does; `None`: it stops. Says whether shards must
    /// be told that clients in broadcasting mode have come, or that the last has gone.
    pub(crate) fn set(&self, client: u64, executor: u16, tracking: Option<&Tracking>) -> bool {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        match tracking {
            None => drop(clients.remove(&client)),
            Some(tracking) => {
                let tracker = Tracker {
                    executor,
                    redirect: tracking.redirect,
                    noloop: tracking.noloop,
                    prefixes: tracking.broadcast.then(|| tracking.prefixes.clone()),
                };
                clients.insert(client, tracker);
            }
        }
        let count = clients.values().filter(|tracker| tracker.prefixes.is_some()).count();
        let before = self.broadcasting.swap(count, Ordering::Relaxed);
        (before == 0) != (count == 0)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<u64, Tracker>> {
        self.clients.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether some are in broadcasting mode.
    pub(crate) fn broadcasts(&self) -> bool {
        self.broadcasting.load(Ordering::Relaxed) > 0
    }

    /// How many clients track, and how many prefixes they have.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let clients = self.read();
        let prefixes = clients.values().filter_map(|tracker| tracker.prefixes.as_ref());
        (clients.len(), prefixes.map(Vec::len).sum())
    }
}

impl Executor {
    /// Tells the clients that have read a key that it has been changed, by a request of client `by`.
    pub(crate) fn tell_readers(&self, key: &[u8], readers: &[u64], by: u64) {
        if readers.is_empty() {
            return;
        }
        let keys = array_of(&[key]);
        let clients = self.node.trackers.read();
        let mut told = Vec::new();
        for client in readers {
            let Some(tracker) = clients.get(client) else { continue };
            // Who has gone over to broadcasting mode is told by prefix only.
            if tracker.prefixes.is_none() && !(tracker.noloop && *client == by) {
                let to = self.target(*client, tracker);
                told.extend(to.map(|to| (to, Payload::Keys(keys.clone()))));
            }
        }
        drop(clients);
        self.push_all(told);
    }

    /// Tells the clients in broadcasting mode which keys of theirs a request, transaction or script
    /// of client `by` has changed, all at once.
    pub(crate) fn tell_by_prefix(&self, changed: &[Vec<u8>], by: u64) {
        if changed.is_empty() || !self.node.trackers.broadcasts() {
            return;
        }
        let clients = self.node.trackers.read();
        let mut told = Vec::new();
        for (client, tracker) in clients.iter() {
            let Some(prefixes) = &tracker.prefixes else { continue };
            if tracker.noloop && *client == by {
                continue;
            }
            // One message for each prefix, as Redis sends them. Prefixes do not overlap.
            for prefix in prefixes {
                let mut seen = HashSet::new();
                let keys: Vec<&[u8]> = changed
                    .iter()
                    .filter(|key| key.starts_with(prefix) && seen.insert(*key))
                    .map(Vec::as_slice)
                    .collect();
                if !keys.is_empty() {
                    let to = self.target(*client, tracker);
                    told.extend(to.map(|to| (to, Payload::Keys(array_of(&keys)))));
                }
            }
        }
        drop(clients);
        self.push_all(told);
    }

    /// Tells all who track that everything has gone.
    pub(crate) fn tell_flushed(&self) {
        let clients = self.node.trackers.read();
        if clients.is_empty() {
            return;
        }
        let mut told = Vec::new();
        for (client, tracker) in clients.iter() {
            told.extend(self.target(*client, tracker).map(|to| (to, Payload::AllKeys)));
        }
        drop(clients);
        self.push_all(told);
    }

    /// Who is told in the place of a client; nobody when that one has gone, which the client is
    /// told.
    fn target(&self, client: u64, tracker: &Tracker) -> Option<Subscriber> {
        let myself = Subscriber { executor: tracker.executor, client };
        if tracker.redirect == 0 {
            return Some(myself);
        }
        if let Some(other) = self.node.clients.find(tracker.redirect) {
            return Some(Subscriber { executor: other.executor, client: other.id });
        }
        if let Some(client) = self.node.clients.find(client) {
            client.redirect_broken.store(true, Ordering::Relaxed);
        }
        let mut bytes = Vec::new();
        encode::push(&mut bytes, protocol::encode::Version::Resp3, 2);
        encode::bulk(&mut bytes, b"tracking-redir-broken");
        encode::header(&mut bytes, b':', tracker.redirect as i64);
        self.push_all(vec![(myself, Payload::OnlyResp3(bytes.into()))]);
        None
    }

    /// A connection tracks from now on as its session says.
    pub(crate) fn follow_tracking(&self, client: u64, tracking: Option<&Tracking>) {
        if !self.node.trackers.set(client, self.index, tracking) {
            return;
        }
        for shard in 0..self.node.topology.shards() {
            self.tell(shard, |executor| {
                if let Ok(mut shard) = executor.shard.try_borrow_mut() {
                    let broadcasts = executor.node.trackers.broadcasts();
                    shard.keyspace_mut().tell_all_changes(broadcasts);
                }
            });
        }
    }
}

/// Keys as an array of the protocol.
fn array_of(keys: &[&[u8]]) -> Arc<[u8]> {
    let mut out = Vec::new();
    encode::header(&mut out, b'*', keys.len() as i64);
    keys.iter().for_each(|key| encode::bulk(&mut out, key));
    out.into()
}
