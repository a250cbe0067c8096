//! What is used no more and too large to be freed at once.
//!
//! Freeing a set of five million members takes as long as a few thousand requests. So a large value
//! that is removed, overwritten or forgotten by the undo log only comes here, and is taken apart
//! between requests, some of it at a time. DEL is as quick as UNLINK for that.

use super::value::{Value, ValueView};
use super::{Keyspace, Tables};

/// Elements from which on a value is large (Redis's threshold for freeing lazily).
const LARGE: usize = 64;
/// Slots of a table that has been flushed that count as one part.
const SLOTS_TOGETHER: usize = 64;

/// One thing to be freed.
enum Piece {
    Value(Value),
    Tables(Box<Tables>),
}

/// What waits to be freed. See the module.
#[derive(Default)]
pub(super) struct Garbage {
    pieces: Vec<Piece>,
    /// How many values and keys that is.
    pending: usize,
    /// How many values have been freed in parts since the start or CONFIG RESETSTAT.
    freed: u64,
}

fn is_large(value: &Value) -> bool {
    elements(value) > LARGE
}

/// How many elements a value has, as far as freeing it goes.
fn elements(value: &Value) -> usize {
    match value.view() {
        ValueView::String(_) => 0,
        ValueView::Hash(hash) => hash.len(),
        ValueView::List(list) => list.len(),
        ValueView::Set(set) => set.len(),
        ValueView::Stream(stream) => stream.weight(),
        ValueView::ZSet(zset) => zset.len(),
    }
}

/// About how many bytes a value that is used no more takes; of a large one this is not looked at
/// element by element.
#[inline]
pub(super) fn about_memory(value: &Value) -> usize {
    /// What an element takes, about, with what holds it.
    const ELEMENT: usize = 64;
    if !matches!(value, Value::String(_)) {
        let elements = elements(value);
        if elements > LARGE {
            return elements * ELEMENT;
        }
    }
    value.memory()
}

fn free_part(value: &mut Value) -> bool {
    match value {
        Value::String(_) => false,
        Value::Hash(hash) => hash.free_part(),
        Value::List(list) => list.free_part(),
        Value::Set(set) => set.free_part(),
        Value::Stream(stream) => stream.free_part(),
        Value::ZSet(zset) => zset.free_part(),
    }
}

impl Garbage {
    /// Frees a value, or keeps it to be freed in parts.
    #[inline]
    pub(super) fn add(&mut self, value: Value) {
        if !matches!(value, Value::String(_)) && is_large(&value) {
            self.pending += 1;
            self.pieces.push(Piece::Value(value));
        }
    }

    /// Keeps all keys of a shard to be freed in parts.
    pub(super) fn add_tables(&mut self, tables: Box<Tables>) {
        if tables.len > 0 {
            self.pending += tables.len;
            self.pieces.push(Piece::Tables(tables));
        }
    }

    /// Frees about `most` parts; returns how many.
    fn free(&mut self, most: usize) -> usize {
        for freed in 0..most {
            let Some(piece) = self.pieces.last_mut() else { return freed };
            let more = match piece {
                Piece::Value(value) => free_part(value),
                Piece::Tables(tables) => {
                    let len = tables.len;
                    let more = tables.free_part();
                    self.pending -= len - tables.len;
                    more
                }
            };
            if more {
                continue;
            }
            match self.pieces.pop() {
                Some(Piece::Tables(mut tables)) => {
                    // What was large in there comes next.
                    self.pending += tables.large.len();
                    self.pieces.extend(tables.large.drain(..).map(Piece::Value));
                }
                Some(Piece::Value(_)) => {
                    self.pending -= 1;
                    self.freed += 1;
                }
                None => {}
            }
        }
        most
    }
}

impl Tables {
    /// Frees some of the tables, which are used no more, but for large values, which are put aside.
    /// Says whether there was anything left.
    fn free_part(&mut self) -> bool {
        let Self { entries, large, len, .. } = self;
        let more = entries.take_chunk(|entry| {
            *len -= 1;
            let value = entry.into_value();
            if is_large(&value) {
                large.push(value);
            }
        });
        if more {
            return true;
        }
        let from = self.freed;
        let to = self.slots.len().min(from + SLOTS_TOGETHER);
        self.freed = to;
        self.slots[from..to].fill_with(|| None);
        from < to || self.pool.free_one()
    }
}

impl Keyspace {
    /// Frees about `most` parts of what is used no more, each a few microseconds' work; returns how
    /// many there were.
    #[inline]
    pub fn free_some(&mut self, most: usize) -> usize {
        if self.garbage.pieces.is_empty() {
            return 0;
        }
        self.garbage.free(most)
    }

    /// How many values wait to be freed.
    pub fn garbage(&self) -> usize {
        self.garbage.pending
    }

    /// How many values have been freed in parts since the start or the last reset.
    pub fn lazily_freed(&self) -> u64 {
        self.garbage.freed
    }

    pub(super) fn reset_lazily_freed(&mut self) {
        self.garbage.freed = 0;
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    /// A key of each type that has so many elements. Returns how many values have been freed in
    /// parts by then: forms that others have grown out of.
    fn fill(rig: &mut Rig, count: usize) -> u64 {
        let words = |word: fn(usize) -> String| (0..count).map(word).collect::<String>();
        let fields = words(|n| format!(" field{n} some-value-that-is-not-short-{n}"));
        rig.run(&format!("HSET hash{fields}"));
        rig.run(&format!("SADD set{}", words(|n| format!(" member{n}"))));
        rig.run(&format!("ZADD zset{}", words(|n| format!(" {n} member{n}"))));
        rig.run(&format!("RPUSH list{}", words(|n| format!(" element-with-some-text-{n}"))));
        for n in 0..count.min(150) {
            rig.run(&format!("XADD stream 1-{} field value{n}", n + 1));
        }
        rig.run("HPEXPIRE hash 100000 FIELDS 2 field1 field2");
        rig.run("XGROUP CREATE stream group 0");
        rig.run("XREADGROUP GROUP group me COUNT 1000 STREAMS stream >");
        free_all(rig);
        rig.shard().keyspace().lazily_freed()
    }

    fn free_all(rig: &mut Rig) -> usize {
        let keyspace = rig.shard().keyspace_mut();
        let mut parts = 0;
        while keyspace.free_some(1) > 0 {
            parts += 1;
        }
        parts
    }

    #[test]
    fn large_values_are_freed_in_parts() {
        let mut rig = Rig::new().once();
        let before = fill(&mut rig, 2000);
        rig.check("DEL hash", ":1");
        rig.check("UNLINK set", ":1");
        rig.check("SET zset x", "+OK");
        rig.check("PEXPIRE list 1", ":1");
        rig.advance_ms(5);
        rig.check("EXISTS list", ":0");
        rig.check("EVAL \"return redis.call('DEL', KEYS[1])\" 1 stream", ":1");
        assert_eq!(rig.shard().keyspace().garbage(), 5);
        assert!(free_all(&mut rig) > 40);
        let keyspace = rig.shard().keyspace();
        assert_eq!((keyspace.garbage(), keyspace.lazily_freed() - before), (0, 5));
        rig.shard().reset_statistics();
        assert_eq!(rig.shard().keyspace().lazily_freed(), 0);
    }

    #[test]
    fn small_values_are_freed_at_once() {
        let mut rig = Rig::new().once();
        fill(&mut rig, 40);
        for key in ["hash", "set", "zset", "list"] {
            rig.check(&format!("DEL {key}"), ":1");
        }
        assert_eq!(rig.shard().keyspace().garbage(), 0);
    }

    #[test]
    fn what_is_rolled_back_was_not_freed() {
        let mut rig = Rig::new().once();
        fill(&mut rig, 1000);
        let before = rig.shard().keyspace().exact_digest();
        let script = "redis.call('DEL', 'hash') redis.call('SET', 'set', 1) \
                      redis.call('FLUSHALL') error('no')";
        rig.run(&format!("EVAL \"{script}\" 0"));
        assert_eq!(rig.shard().keyspace().garbage(), 0);
        assert_eq!(rig.shard().keyspace().exact_digest(), before);
    }

    #[test]
    fn all_keys_are_freed_in_parts() {
        let mut rig = Rig::new().once();
        let before = fill(&mut rig, 1000);
        (0..200).for_each(|n| rig.check(&format!("SET key{n} v"), "+OK"));
        rig.check("FLUSHALL", "+OK");
        rig.check("DBSIZE", ":0");
        rig.check("SET key1 new", "+OK");
        assert_eq!(rig.shard().keyspace().garbage(), 205);
        assert!(free_all(&mut rig) > 100);
        let keyspace = rig.shard().keyspace();
        assert_eq!((keyspace.garbage(), keyspace.lazily_freed() - before), (0, 5));
        assert_eq!(keyspace.len(), 1);
    }
}
