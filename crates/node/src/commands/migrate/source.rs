//! The keys on their shard: dumped, watched, and removed once the target has them.

use std::rc::Rc;

use protocol::args::Request;
use protocol::encode::{self, Version};
use protocol::slot::Slot;
use shard::Shard;
use shard::keyspace::{Caller, WatchFlag};
use shard::rdb::payload;
use shard::reply::Reply;
use shard::time::Millis;

use super::request::Migration;
use crate::executor::Executor;

/// A key that has been dumped.
#[derive(Clone)]
struct Dumped {
    key: Vec<u8>,
    expiry: Option<Millis>,
    /// Set when it changes.
    changed: WatchFlag,
}

/// The keys of one migration. Nothing is watched any more when it is dropped.
pub(super) struct Source {
    executor: Rc<Executor>,
    shard: u16,
    slot: Slot,
    caller: Caller,
    dumped: Vec<Dumped>,
    watches: bool,
}

impl Source {
    pub(super) fn new(executor: Rc<Executor>, shard: u16, slot: Slot, caller: Caller) -> Self {
        let dumped = Vec::new();
        Self { executor, shard, slot, caller, dumped, watches: false }
    }

    /// How many keys have been dumped.
    pub(super) fn len(&self) -> usize {
        self.dumped.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.dumped.is_empty()
    }

    /// Dumps the keys that there are and watches those that are to be removed. Returns the requests
    /// that restore them; `None` when the shard is gone.
    pub(super) async fn dump(&mut self, migration: &Migration) -> Option<Vec<u8>> {
        let (keys, slot, caller) = (migration.keys.clone(), self.slot, self.caller);
        let (replace, watches) = (migration.replace, !migration.copy);
        let dump = move |executor: &Executor| {
            let mut shard = executor.shard.try_borrow_mut().ok()?;
            shard.keyspace_mut().set_caller(caller);
            shard.keyspace_mut().enter(executor.clock.now(), Some(slot));
            let mut requests = Vec::new();
            let mut all = Vec::new();
            for key in keys {
                let Some((payload, expiry)) = payload::of_key(shard.keyspace_mut(), &key) else {
                    continue;
                };
                let ttl = expiry.map_or(0, |at| (at.0 - shard.keyspace().now().0).max(1));
                write_restore(&mut requests, &key, ttl, &payload, replace);
                let changed = WatchFlag::default();
                if watches {
                    shard.keyspace_mut().watch(&key, &changed);
                }
                all.push(Dumped { key, expiry, changed });
            }
            // What has been found expired.
            shard.keyspace_mut().commit_command();
            executor.release(&mut shard);
            Some((all, requests))
        };
        let (dumped, requests) = self.executor.ask(self.shard, dump).await??;
        self.dumped = dumped;
        self.watches = watches;
        Some(requests)
    }

    /// Removes the keys that the target has taken, of which `taken` speaks in their order, unless
    /// they have changed. Returns how many have.
    ///
    /// # Errors
    /// Why some could not be removed.
    pub(super) async fn remove(&mut self, taken: &[bool]) -> Result<usize, String> {
        let of_all = self.dumped.iter().zip(taken);
        let keys: Vec<Dumped> =
            of_all.filter(|(_, taken)| **taken).map(|(dumped, _)| dumped.clone()).collect();
        let (slot, caller) = (self.slot, self.caller);
        let remove = move |executor: &Executor| {
            let mut shard = executor.shard.try_borrow_mut().ok()?;
            shard.keyspace_mut().set_caller(caller);
            let kept = remove_unchanged(executor, &mut shard, slot, &keys);
            executor.release(&mut shard);
            Some(kept)
        };
        let removed = self.executor.ask(self.shard, remove).await.flatten();
        removed.unwrap_or_else(|| {
            Err("ERR the shard of this key did not answer; the keys are on the target".into())
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if !self.watches {
            return;
        }
        let dumped = std::mem::take(&mut self.dumped);
        self.executor.tell(self.shard, move |executor| {
            if let Ok(mut shard) = executor.shard.try_borrow_mut() {
                for Dumped { key, changed, .. } in dumped {
                    shard.keyspace_mut().unwatch(&key, &changed);
                }
            }
        });
    }
}

/// The request that restores a key. A node of a cluster takes it whoever has the slot.
fn write_restore(out: &mut Vec<u8>, key: &[u8], ttl: i64, payload: &[u8], replace: bool) {
    encode::header(out, b'*', if replace { 5 } else { 4 });
    let ttl = ttl.to_string();
    for part in [b"RESTORE-ASKING", key, ttl.as_bytes(), payload] {
        encode::bulk(out, part);
    }
    if replace {
        encode::bulk(out, b"REPLACE");
    }
}

/// Removes keys as DEL does. Returns how many were kept because they have changed.
fn remove_unchanged(
    executor: &Executor,
    shard: &mut Shard,
    slot: Slot,
    keys: &[Dumped],
) -> Result<usize, String> {
    let now = executor.clock.now();
    shard.keyspace_mut().enter(now, Some(slot));
    // One that comes twice is changed by its own removal.
    let changed: Vec<bool> = keys.iter().map(|dumped| has_changed(shard, dumped)).collect();
    let Some(delete) = shard.table().lookup(b"del") else { return Ok(0) };
    let mut reply = Vec::new();
    for (dumped, _) in keys.iter().zip(&changed).filter(|(_, changed)| !**changed) {
        let request = Request::of([b"DEL".as_slice(), &dumped.key]);
        reply.clear();
        let mut into = Reply::resp(&mut reply, Version::Resp2);
        shard.execute(delete, request.args(), Some(slot), now, &mut into);
        if let Some(error) = reply.strip_prefix(b"-") {
            return Err(String::from_utf8_lossy(error).trim_end().to_owned());
        }
    }
    Ok(changed.iter().filter(|changed| **changed).count())
}

/// Whether a key is not what was dumped. To have expired is no change: so it has on the target.
fn has_changed(shard: &mut Shard, dumped: &Dumped) -> bool {
    let now = shard.keyspace().now();
    let is_over = dumped.expiry.is_some_and(|at| at <= now);
    let has_expired = is_over && !shard.keyspace_mut().contains(&dumped.key);
    dumped.changed.spoiled() && !has_expired
}
