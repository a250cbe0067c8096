//! Hashes: packed while small, a table when large.

use super::packed::Packed;
use crate::keyspace::hasher::KeyHasher;
use crate::keyspace::index::Index;
use crate::keyspace::short_bytes::ShortBytes;
use crate::keyspace::slab::Slab;

/// Up to where a hash stays packed (`hash-max-listpack-entries`, `hash-max-listpack-value`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashLimits {
    /// Most fields.
    pub entries: usize,
    /// Longest field or value, in bytes.
    pub value: usize,
}

impl Default for HashLimits {
    fn default() -> Self {
        Self { entries: 512, value: 64 }
    }
}

/// A hash value: fields with their values. Never empty while it is the value of a key.
pub struct Hash(Repr);

enum Repr {
    /// Field, value, field, value, … in order of insertion.
    Small(Packed),
    Large(Table),
}

/// One field of a large hash.
struct Field {
    name: ShortBytes,
    value: ShortBytes,
}

#[derive(Default)]
struct Table {
    index: Index,
    fields: Slab<Field, 64>,
    hasher: KeyHasher,
}

/// What `set` replaced, or where: enough to take it back exactly.
#[derive(Debug)]
pub(crate) enum Replaced {
    /// The field was not there.
    Absent,
    /// The field had this value.
    Value(Vec<u8>),
}

/// What `remove` took away: the value, and the place of the field in the packed form.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) value: Vec<u8>,
    pub(crate) place: usize,
}

impl Hash {
    pub(crate) fn new() -> Self {
        Self(Repr::Small(Packed::default()))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Small(packed) => packed.len() / 2,
            Repr::Large(table) => table.index.len(),
        }
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Small(_) => "listpack",
            Repr::Large(_) => "hashtable",
        }
    }

    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Repr::Small(packed) => packed.memory(),
            Repr::Large(table) => {
                let fields = table.fields.iter();
                let texts: usize =
                    fields.map(|(_, field)| field.name.memory() + field.value.memory()).sum();
                table.index.memory() + table.fields.memory() + texts
            }
        }
    }

    /// The value of a field.
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        match &self.0 {
            Repr::Small(packed) => {
                let mut strings = packed.iter();
                while let (Some(field), Some(value)) = (strings.next(), strings.next()) {
                    if field == name {
                        return Some(value);
                    }
                }
                None
            }
            Repr::Large(table) => {
                table.find(name).map(|handle| table.fields.at(handle).value.as_bytes())
            }
        }
    }

    /// Calls `visit` with each field and its value.
    pub fn for_each<'a>(&'a self, mut visit: impl FnMut(&'a [u8], &'a [u8])) {
        match &self.0 {
            Repr::Small(packed) => {
                let mut strings = packed.iter();
                while let (Some(field), Some(value)) = (strings.next(), strings.next()) {
                    visit(field, value);
                }
            }
            Repr::Large(table) => {
                for (_, field) in table.fields.iter() {
                    visit(field.name.as_bytes(), field.value.as_bytes());
                }
            }
        }
    }

    /// All fields with their values.
    pub fn pairs(&self) -> Vec<(&[u8], &[u8])> {
        let mut pairs = Vec::with_capacity(self.len());
        self.for_each(|field, value| pairs.push((field, value)));
        pairs
    }

    /// A field picked at random, with its value; `None` when there are none.
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<(&[u8], &[u8])> {
        match &self.0 {
            Repr::Small(packed) if packed.len() == 0 => None,
            Repr::Small(packed) => {
                let mut strings = packed.iter().skip(rng.usize(..packed.len() / 2) * 2);
                Some((strings.next()?, strings.next()?))
            }
            Repr::Large(table) => {
                let (_, field) = table.fields.random(rng)?;
                Some((field.name.as_bytes(), field.value.as_bytes()))
            }
        }
    }

    /// One step of HSCAN: visits some fields from `position` (0 at first) and returns the next
    /// position, or `None` at the end. Small hashes are visited at once.
    pub fn scan<'a>(
        &'a self,
        position: u32,
        mut visit: impl FnMut(&'a [u8], &'a [u8]),
    ) -> Option<u32> {
        match &self.0 {
            Repr::Small(_) => {
                self.for_each(visit);
                None
            }
            Repr::Large(table) => table.index.scan(position, |handle| {
                let field = table.fields.at(handle);
                visit(field.name.as_bytes(), field.value.as_bytes());
            }),
        }
    }

    /// Whether setting this field would turn the packed form into a table.
    pub(crate) fn outgrows(&self, name: &[u8], value: &[u8], limits: HashLimits) -> bool {
        match &self.0 {
            Repr::Small(packed) => {
                name.len().max(value.len()) > limits.value
                    || (packed.len() / 2 >= limits.entries && self.value(name).is_none())
            }
            Repr::Large(_) => false,
        }
    }

    /// The same fields as a table.
    pub(crate) fn to_large(&self) -> Self {
        let mut table = Table::default();
        self.for_each(|field, value| {
            table.set(field, value);
        });
        Self(Repr::Large(table))
    }

    /// Sets a field and says what was there. The caller has seen to [`Self::outgrows`].
    pub(crate) fn set(&mut self, name: &[u8], value: &[u8]) -> Replaced {
        match &mut self.0 {
            Repr::Small(packed) => {
                let mut strings = packed.iter();
                while let Some(field) = strings.next() {
                    let start = strings.position();
                    let Some(old) = strings.next() else { break };
                    if field == name {
                        let (end, old) = (strings.position(), old.to_vec());
                        packed.remove(start, end, 1);
                        packed.insert(start, &[value]);
                        return Replaced::Value(old);
                    }
                }
                packed.push(&[name, value]);
                Replaced::Absent
            }
            Repr::Large(table) => table.set(name, value),
        }
    }

    /// Removes a field.
    pub(crate) fn remove(&mut self, name: &[u8]) -> Option<Removed> {
        match &mut self.0 {
            Repr::Small(packed) => {
                let mut strings = packed.iter();
                loop {
                    let start = strings.position();
                    let field = strings.next()?;
                    let value = strings.next()?;
                    if field == name {
                        let (end, value) = (strings.position(), value.to_vec());
                        packed.remove(start, end, 2);
                        return Some(Removed { value, place: start });
                    }
                }
            }
            Repr::Large(table) => table.remove(name).map(|value| Removed { value, place: 0 }),
        }
    }

    /// Puts a removed field back where it was.
    pub(crate) fn restore(&mut self, name: &[u8], removed: &Removed) {
        match &mut self.0 {
            Repr::Small(packed) => packed.insert(removed.place, &[name, &removed.value]),
            Repr::Large(table) => {
                table.set(name, &removed.value);
            }
        }
    }
}

impl Clone for Hash {
    fn clone(&self) -> Self {
        match &self.0 {
            Repr::Small(packed) => Self(Repr::Small(packed.clone())),
            Repr::Large(_) => self.to_large(),
        }
    }
}

impl Table {
    fn find(&self, name: &[u8]) -> Option<u32> {
        self.index
            .find(self.hasher.hash(name), |handle| self.fields.at(handle).name.as_bytes() == name)
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> Replaced {
        let value = ShortBytes::new(value);
        if let Some(handle) = self.find(name) {
            let old = std::mem::replace(&mut self.fields.at_mut(handle).value, value);
            return Replaced::Value(old.as_bytes().to_vec());
        }
        let handle = self.fields.insert(Field { name: ShortBytes::new(name), value });
        let Self { index, fields, hasher } = self;
        index.insert(hasher.hash(name), handle, |handle| {
            hasher.hash(fields.at(handle).name.as_bytes())
        });
        Replaced::Absent
    }

    fn remove(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let handle = self.find(name)?;
        let Self { index, fields, hasher } = self;
        index.remove(hasher.hash(name), handle, |handle| {
            hasher.hash(fields.at(handle).name.as_bytes())
        });
        Some(self.fields.remove(handle).value.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Both forms behave as a map, and the inverse of each change takes it back exactly.
        #[test]
        fn behaves_as_a_map(
            large in any::<bool>(),
            operations in proptest::collection::vec((0u8..3, 0u32..300, any::<u16>()), 1..400),
        ) {
            let mut hash = if large { Hash::new().to_large() } else { Hash::new() };
            let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
            for (operation, name, value) in operations {
                let (name, value) = (name.to_string().into_bytes(), value.to_string().into_bytes());
                if operation == 0 {
                    let removed = hash.remove(&name);
                    prop_assert_eq!(removed.map(|removed| removed.value), model.remove(&name));
                } else {
                    match (hash.set(&name, &value), model.insert(name, value)) {
                        (Replaced::Absent, None) => {}
                        (Replaced::Value(old), Some(model_old)) => prop_assert_eq!(old, model_old),
                        _ => prop_assert!(false, "one has the field and the other has not"),
                    }
                }
                prop_assert_eq!(hash.len(), model.len());
            }
            let found: BTreeMap<Vec<u8>, Vec<u8>> = hash
                .pairs()
                .into_iter()
                .map(|(field, value)| (field.to_vec(), value.to_vec()))
                .collect();
            prop_assert_eq!(found, model);
        }
    }

    #[test]
    fn a_removed_field_goes_back_to_its_place() {
        let mut hash = Hash::new();
        for field in ["a", "b", "c"] {
            hash.set(field.as_bytes(), b"1");
        }
        let removed = hash.remove(b"b").unwrap();
        hash.restore(b"b", &removed);
        let names: Vec<&[u8]> = hash.pairs().into_iter().map(|(field, _)| field).collect();
        assert_eq!(names, [b"a", b"b", b"c"]);
    }
}
