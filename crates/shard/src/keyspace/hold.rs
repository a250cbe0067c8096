//! While clients are paused nothing is deleted because its time has come: readers see an expired key
//! as missing, and it stays until the pause is over, as on a replica of Redis. Nor is anything evicted.
//!
//! Who changes a key whose time has come removes it first all the same, pause or not: what the change
//! is made to must be gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::Keyspace;
use crate::time::Micros;

/// Until when nothing expires or is evicted; one for the node, shared by its shards.
#[derive(Debug, Default)]
pub struct Hold {
    /// Microseconds since the epoch.
    until: AtomicI64,
}

impl Hold {
    /// Nothing goes before `end`.
    pub fn set(&self, end: Micros) {
        self.until.store(end.0, Ordering::Relaxed);
    }

    /// The hold is over.
    pub fn end(&self) {
        self.set(Micros(0));
    }

    /// Whether nothing may go at `now`.
    pub fn stands(&self, now: Micros) -> bool {
        now.0 < self.until.load(Ordering::Relaxed)
    }
}

impl Keyspace {
    /// Has the keyspace look at this hold of the node.
    pub fn set_hold(&mut self, hold: Arc<Hold>) {
        self.hold = hold;
    }

    /// Whether nothing may go now.
    pub fn is_held(&self) -> bool {
        self.hold.stands(self.now)
    }

    /// The entry of a key that is not expired, for who only reads. As [`Self::live`], but for a hold.
    #[inline]
    pub(super) fn seen(&mut self, key: &[u8]) -> Option<u32> {
        let handle = self.find(key)?;
        let now = self.now();
        if self.tables.entries.at(handle).expired(now) {
            self.expire_unless_held(handle, key);
            return None;
        }
        if self.tables.field_expiries.any_due(now) && !self.fields_seen(handle, key) {
            return None;
        }
        Some(handle)
    }

    #[cold]
    fn expire_unless_held(&mut self, handle: u32, key: &[u8]) {
        if !self.is_held() {
            self.expire(handle, key);
        }
    }

    #[cold]
    fn fields_seen(&mut self, handle: u32, key: &[u8]) -> bool {
        if self.is_held() {
            return !self.tables.entries.at(handle).value().all_fields_due(self.now());
        }
        self.expire_fields(handle, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rig;

    #[test]
    fn what_is_read_while_held_is_missing_and_stays() {
        let mut rig = Rig::new();
        rig.check("SET k v PX 10", "+OK");
        rig.check("HSET h a 1 b 2", ":2");
        rig.check("HPEXPIRE h 10 FIELDS 1 a", "[:1]");
        let hold = Arc::new(Hold::default());
        rig.shard().keyspace_mut().set_hold(hold.clone());
        rig.advance_ms(20);
        let now = rig.shard().keyspace().now_micros();
        hold.set(Micros(now.0 + 1_000_000_000));
        rig.check("GET k", "_");
        rig.check("EXISTS k", ":0");
        rig.check("TTL k", ":-2");
        rig.check("HGETALL h", "[$b $2]");
        assert_eq!(rig.shard().keyspace().len(), 2);
        assert_eq!(rig.shard().keyspace().counters().expired, 0);
        assert_eq!(rig.shard().keyspace().counters().expired_fields, 0);
        // Who writes does not write to what is over.
        rig.check("APPEND k x", ":1");
        rig.check("TTL k", ":-1");
        hold.end();
        rig.check("HLEN h", ":1");
        assert_eq!(rig.shard().keyspace().counters().expired_fields, 1);
    }
}
