//! Looking over many keys: SCAN, KEYS, RANDOMKEY, the keys of a slot, active expiry, the digest.

use foldhash::fast::FixedState;
use protocol::slot::Slot;
use std::hash::{BuildHasher, Hasher};

use super::{Entry, Keyspace, Kind};

/// Where a scan of the keyspace goes on: a slot and a position in its index. As a number it is
/// the cursor that clients see: 0 is the beginning, and never a place in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanCursor {
    /// The slot.
    pub slot: u16,
    /// Position in the slot's index.
    pub position: u32,
}

impl ScanCursor {
    /// The cursor of this number, or `None` when no scan ever gave it.
    pub fn from_number(number: u64) -> Option<Self> {
        let slot = u16::try_from(number >> 32).ok()?;
        Slot::new(slot).map(|_| Self { slot, position: number as u32 })
    }

    /// The number that clients see.
    pub fn number(self) -> u64 {
        u64::from(self.slot) << 32 | u64::from(self.position)
    }
}

/// What the digest of an empty keyspace is.
pub const EMPTY_DIGEST: u64 = 0;

/// What a key takes in the index of its slot, in bytes.
const PLACE: usize = 9;

/// How a key is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// What OBJECT ENCODING replies.
    pub encoding: &'static str,
    /// How long ago it was used.
    pub idle_seconds: u32,
    /// About how many bytes the key and its value take.
    pub memory: usize,
}

fn memory_of(entry: &Entry) -> usize {
    size_of::<Entry>() + PLACE + entry.memory()
}

fn entry_digest(entry: &Entry, key: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    let put = |hasher: &mut foldhash::fast::FoldHasher<'_>, bytes: &[u8]| {
        hasher.write_u64(bytes.len() as u64);
        hasher.write(bytes);
    };
    put(&mut hasher, key);
    put(&mut hasher, entry.value().kind().name().as_bytes());
    hasher.write_i64(entry.expiry().map_or(-1, |at| at.0));
    entry.value().for_digest(&mut |bytes| put(&mut hasher, bytes));
    hasher.finish() | 1
}

impl Keyspace {
    /// The slots that this keyspace has tables for: first, and one past the last.
    pub fn slot_range(&self) -> (u16, u16) {
        let first = self.tables.first as u16;
        (first, first + self.tables.slots.len() as u16)
    }

    /// Tells whether a place in an index means the same here as where it was given: the hash of keys is
    /// another one in each process.
    pub fn scan_fingerprint(&self) -> u32 {
        self.hasher.fingerprint()
    }

    /// One step of SCAN: visits at least `count` keys if there are so many below the slot `end`, expired
    /// ones left out, and returns where to go on; `None` at the end, or at that of this keyspace.
    ///
    /// A key that is there from the first step to the last is visited, whatever else changes.
    pub fn scan(
        &self,
        mut cursor: ScanCursor,
        end: u16,
        count: usize,
        mut visit: impl FnMut(&[u8], Kind),
    ) -> Option<ScanCursor> {
        let end = end.min(self.slot_range().1);
        let mut seen = 0;
        loop {
            let at = usize::from(cursor.slot).checked_sub(self.tables.first)?;
            if cursor.slot >= end {
                return None;
            }
            let next = self.tables.slot(at).and_then(|slot| {
                slot.scan(cursor.position, |handle| {
                    let entry = self.tables.entries.at(handle);
                    seen += 1;
                    if !self.gone(entry) {
                        visit(entry.key(), entry.value().kind());
                    }
                })
            });
            cursor = match next {
                Some(position) => ScanCursor { position, ..cursor },
                None => ScanCursor { slot: cursor.slot + 1, position: 0 },
            };
            if cursor.slot >= end {
                return None;
            }
            // Empty slots cost a nanosecond or two each, so there is no need to come back for them.
            if seen >= count {
                return Some(cursor);
            }
        }
    }

    /// Visits all keys that are not expired, until `visit` fails.
    ///
    /// # Errors
    /// That of `visit`.
    pub fn try_for_each_key<E>(
        &self,
        mut visit: impl FnMut(&[u8], Kind) -> Result<(), E>,
    ) -> Result<(), E> {
        for (_, entry) in self.tables.entries.iter() {
            if !self.gone(entry) {
                visit(entry.key(), entry.value().kind())?;
            }
        }
        Ok(())
    }

    /// A key picked at random; `None` when there are none.
    pub fn random_key(&mut self) -> Option<Vec<u8>> {
        let mut rng = self.rng.fork();
        for _ in 0..100 {
            let (_, entry) = self.tables.entries.random(&mut rng)?;
            if !self.gone(entry) {
                return Some(entry.key().to_vec());
            }
        }
        // Nearly all keys have expired and wait to be removed: take the first that has not.
        let mut entries = self.tables.entries.iter();
        entries.find(|(_, entry)| !self.gone(entry)).map(|(_, entry)| entry.key().to_vec())
    }

    /// How many keys a slot has; 0 for a slot of another shard.
    pub fn slot_len(&self, slot: Slot) -> usize {
        let at = slot.index().wrapping_sub(self.tables.first);
        self.tables.slot(at).map_or(0, |slot| slot.len())
    }

    /// Up to `count` keys of a slot.
    pub fn slot_keys(&self, slot: Slot, count: usize) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        self.visit_slot(slot, count, |entry| keys.push(entry.key().to_vec()));
        keys.truncate(count);
        keys
    }

    /// The same, with how each key is stored.
    pub fn slot_storage(&self, slot: Slot, count: usize) -> Vec<(Vec<u8>, Storage)> {
        let mut keys = Vec::new();
        self.visit_slot(slot, count, |entry| {
            if keys.len() < count {
                keys.push((entry.key().to_vec(), self.storage(entry)));
            }
        });
        keys
    }

    /// Visits keys of a slot until there were at least `count`, expired ones included.
    fn visit_slot(&self, slot: Slot, count: usize, mut visit: impl FnMut(&Entry)) {
        let at = slot.index().wrapping_sub(self.tables.first);
        let Some(slot) = self.tables.slot(at) else { return };
        let (mut seen, mut position) = (0, Some(0));
        while let Some(from) = position.filter(|_| seen < count) {
            position = slot.scan(from, |handle| {
                seen += 1;
                visit(self.tables.entries.at(handle));
            });
        }
    }

    /// Whether the time of an entry is over, or that of all that is in it.
    #[inline]
    pub(super) fn gone(&self, entry: &Entry) -> bool {
        let now = self.now();
        entry.expired(now)
            || (self.tables.field_expiries.any_due(now) && entry.value().all_fields_due(now))
    }

    /// A number that is equal for equal keyspaces and, but for chance, different for different
    /// ones: keys, types, values and expiries count; order and encoding do not. Equal on every
    /// machine and in every process.
    pub fn digest(&self) -> u64 {
        let entries = self.tables.entries.iter();
        entries.fold(EMPTY_DIGEST, |digest, (_, entry)| {
            digest.wrapping_add(entry_digest(entry, entry.key()))
        })
    }

    /// The same for the value and the expiry of one key, expired or not; `None` when it is missing.
    pub fn digest_of(&self, key: &[u8]) -> Option<u64> {
        Some(entry_digest(self.tables.entries.at(self.find(key)?), b""))
    }

    /// How a key is stored, expired or not, without touching it; `None` when it is missing.
    pub fn storage_of(&self, key: &[u8]) -> Option<Storage> {
        Some(self.storage(self.tables.entries.at(self.find(key)?)))
    }

    fn storage(&self, entry: &Entry) -> Storage {
        Storage {
            encoding: entry.value().encoding(),
            idle_seconds: self.idle_of(entry),
            memory: memory_of(entry),
        }
    }

    /// About how many bytes a key and its value take; `None` when it is missing.
    pub fn memory_of(&mut self, key: &[u8]) -> Option<usize> {
        let handle = self.seen(key)?;
        Some(memory_of(self.tables.entries.at(handle)))
    }

    /// A digest that order and encoding of values count in too: what must be equal after a roll
    /// back, since a client could tell the difference.
    pub fn exact_digest(&self) -> u64 {
        let mut digest = self.digest();
        for (_, entry) in self.tables.entries.iter() {
            let mut hasher = FixedState::with_seed(1).build_hasher();
            hasher.write(entry.key());
            hasher.write(entry.value().encoding().as_bytes());
            entry.value().for_exact_digest(&mut |bytes| hasher.write(bytes));
            digest = digest.wrapping_add(hasher.finish());
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rig;

    #[test]
    fn some_keys_of_a_slot_are_listed_with_how_they_are_stored() {
        let mut rig = Rig::new();
        for number in 0..30 {
            rig.check(&format!("SET {{t}}{number} {number}"), "+OK");
        }
        rig.check("SET other 1", "+OK");
        let keyspace = rig.shard().keyspace();
        let slot = Slot::of_key(b"{t}");
        assert_eq!(keyspace.slot_keys(slot, 7).len(), 7);
        assert_eq!(keyspace.slot_keys(slot, 99).len(), 30);
        let stored = keyspace.slot_storage(slot, 7);
        let names: Vec<Vec<u8>> = stored.iter().map(|(key, _)| key.clone()).collect();
        assert_eq!(names, keyspace.slot_keys(slot, 7));
        assert!(stored.iter().all(|(_, storage)| storage.encoding == "int"));
        assert!(keyspace.slot_storage(Slot::of_key(b"none"), 7).is_empty());
    }
}
