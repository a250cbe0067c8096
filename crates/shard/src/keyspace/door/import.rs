//! Values as a whole: those that come from outside, and reading them to go there.

use protocol::slot::Slot;

use crate::keyspace::Keyspace;
use crate::keyspace::value::ValueView;
use crate::rdb::Loaded;
use crate::time::Millis;

/// What is known of the use of a value that comes from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// How long ago it was used, in seconds.
    pub idle_seconds: Option<u64>,
    /// How often, on Redis's scale of 0 to 255.
    pub frequency: Option<u8>,
}

impl Keyspace {
    /// The value of a key, as a read.
    pub(crate) fn whole(&mut self, key: &[u8]) -> Option<ValueView<'_>> {
        let handle = self.read(key)?;
        Some(self.tables.entries.at(handle).value())
    }

    /// Gives a key a value that comes from outside, and its expiry, whatever the key held before.
    /// The key is of the entered slot.
    pub fn import(&mut self, key: &[u8], value: Loaded, expiry: Option<Millis>, usage: Usage) {
        // Its time may have come; then it is not in the way, but it must go.
        self.remove_found(key);
        let access = self.access_of(usage);
        let handle = self.insert(key, value.0, expiry);
        if let Some(access) = access {
            self.tables.entries.at_mut(handle).set_access(access);
        }
        self.record_whole(handle, key);
    }

    /// The same for a key of any slot of this keyspace, outside of requests. Says whether the slot
    /// is one.
    pub fn load(
        &mut self,
        key: &[u8],
        value: Loaded,
        expiry: Option<Millis>,
        usage: Usage,
    ) -> bool {
        let slot = Slot::of_key(key);
        if slot.index().wrapping_sub(self.tables.first) >= self.tables.slots.len() {
            return false;
        }
        let entered = std::mem::replace(&mut self.slot, slot);
        self.import(key, value, expiry, usage);
        self.slot = entered;
        true
    }

    /// Visits all keys that have not expired with what there is to write of them, until `visit` fails.
    /// Of the use of a key that is told by which the policy of eviction goes.
    pub(crate) fn try_for_each_whole<E>(
        &self,
        mut visit: impl FnMut(&[u8], ValueView<'_>, Option<Millis>, Usage) -> Result<(), E>,
    ) -> Result<(), E> {
        let policy = self.settings.eviction;
        for (_, entry) in self.tables.entries.iter() {
            if self.gone(entry) {
                continue;
            }
            let usage = Usage {
                idle_seconds: policy.is_lru().then(|| self.idle_of(entry).into()),
                frequency: policy.is_lfu().then(|| self.frequency_of(entry) as u8),
            };
            visit(entry.key(), entry.value(), entry.expiry(), usage)?;
        }
        Ok(())
    }
}
