//! Keys whose last change is not yet as durable as it is to be: who reads one of them waits for it,
//! for otherwise it could tell of something that a crash undoes (replication rule R4).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use shard::effect::{Effect, Subject};

/// Keys by their hash. Two keys with one hash wait for each other, which costs time and nothing else.
#[derive(Debug, Default)]
pub(super) struct Hazards {
    /// The index of the last change.
    last: HashMap<u64, u64, BuildHasherDefault<Identity>>,
    /// What is in `last`, oldest first.
    order: VecDeque<(u64, u64)>,
    /// The index of the last change of all keys at once.
    all: u64,
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

fn hash(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

impl Hazards {
    /// Notes what an entry changes that has this index.
    pub(super) fn add(&mut self, effects: &[u8], index: u64) {
        for effect in Effect::decode_all(effects).map_while(Result::ok) {
            match effect.subject() {
                Subject::AllKeys => self.all = index,
                // Who is told a kept reply waits for all that its shard has done.
                Subject::NoKey => {}
                Subject::Key(key) => {
                    let hash = hash(key);
                    if self.last.insert(hash, index) != Some(index) {
                        self.order.push_back((index, hash));
                    }
                }
            }
        }
    }

    /// The index that a reader of this key waits for; 0 for none.
    pub(super) fn of(&self, key: &[u8]) -> u64 {
        if self.last.is_empty() {
            return self.all;
        }
        self.last.get(&hash(key)).copied().unwrap_or_default().max(self.all)
    }

    /// How many changes are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Forgets what is durable.
    pub(super) fn forget_through(&mut self, index: u64) {
        while let Some(&(at, hash)) = self.order.front().filter(|(at, _)| *at <= index) {
            self.order.pop_front();
            if self.last.get(&hash) == Some(&at) {
                self.last.remove(&hash);
            }
        }
        if self.all <= index {
            self.all = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remove(key: &[u8]) -> Vec<u8> {
        let mut effects = Vec::new();
        Effect::Remove { key }.encode(&mut effects);
        effects
    }

    #[test]
    fn a_key_is_waited_for_until_its_last_change_is_durable() {
        let mut hazards = Hazards::default();
        hazards.add(&remove(b"a"), 1);
        hazards.add(&remove(b"b"), 2);
        hazards.add(&remove(b"a"), 3);
        assert_eq!((hazards.of(b"a"), hazards.of(b"b"), hazards.of(b"c")), (3, 2, 0));
        hazards.forget_through(2);
        assert_eq!((hazards.of(b"a"), hazards.of(b"b")), (3, 0));
        hazards.forget_through(3);
        assert_eq!(hazards.of(b"a"), 0);
        assert!(hazards.last.is_empty() && hazards.order.is_empty());
    }

    #[test]
    fn a_flush_concerns_all_keys() {
        let mut hazards = Hazards::default();
        let mut effects = remove(b"a");
        Effect::Flush.encode(&mut effects);
        hazards.add(&effects, 4);
        assert_eq!(hazards.of(b"other"), 4);
        hazards.forget_through(4);
        assert_eq!(hazards.of(b"other"), 0);
    }
}
