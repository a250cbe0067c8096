//! The fields of a hash with their values: packed while small, a table when large.
//!
//! # Not here
//! When fields expire: [`super::expiries`].

use super::HashLimits;
use super::field::Field;
use crate::keyspace::hasher::KeyHasher;
use crate::keyspace::index::Index;
use crate::keyspace::short_bytes::ShortBytes;
use crate::keyspace::slab::Slab;
use crate::types::packed::Packed;

/// Fields with their values.
pub(super) struct Fields(Repr);

enum Repr {
    /// Field, value, field, value, … in order of insertion.
    Small(Packed),
    Large(Box<Table>),
}

const _: () = assert!(size_of::<Fields>() == 32);

#[derive(Default)]
struct Table {
    index: Index,
    fields: Slab<Field, 64>,
    hasher: KeyHasher,
}

/// What `remove` took away: the value, and the place of the field in the packed form.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) value: Vec<u8>,
    pub(super) place: usize,
}

impl Fields {
    pub(super) fn new() -> Self {
        Self(Repr::Small(Packed::default()))
    }

    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        match &self.0 {
            Repr::Small(packed) => packed.len() / 2,
            Repr::Large(table) => table.index.len(),
        }
    }

    /// Whether they are packed, and so kept in order of insertion.
    pub(super) fn is_small(&self) -> bool {
        matches!(self.0, Repr::Small(_))
    }

    pub(super) fn memory(&self) -> usize {
        match &self.0 {
            Repr::Small(packed) => packed.memory(),
            Repr::Large(table) => {
                let texts: usize = table.fields.iter().map(|(_, field)| field.memory()).sum();
                size_of::<Table>() + table.index.memory() + table.fields.memory() + texts
            }
        }
    }

    /// The value of a field.
    pub(super) fn value(&self, name: &[u8]) -> Option<&[u8]> {
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
            Repr::Large(table) => table.find(name).map(|handle| table.fields.at(handle).value()),
        }
    }

    /// Where a field may be; see `keyspace::warm`.
    #[inline]
    pub(super) fn first_candidate(&self, name: &[u8]) -> Option<u32> {
        match &self.0 {
            Repr::Small(_) => Some(0),
            Repr::Large(table) => table.index.first_candidate(table.hasher.hash(name)),
        }
    }

    /// Loads some of them; what that is means nothing.
    #[inline]
    pub(super) fn look_at(&self, candidate: u32) -> u64 {
        match &self.0 {
            Repr::Small(packed) => packed.look(),
            Repr::Large(table) => {
                let field = table.fields.at(candidate);
                let texts = [field.name(), field.value()];
                texts.iter().filter_map(|text| text.last()).map(|byte| u64::from(*byte)).sum()
            }
        }
    }

    /// Calls `visit` with each field and its value.
    pub(super) fn for_each<'a>(&'a self, mut visit: impl FnMut(&'a [u8], &'a [u8])) {
        match &self.0 {
            Repr::Small(packed) => {
                let mut strings = packed.iter();
                while let (Some(field), Some(value)) = (strings.next(), strings.next()) {
                    visit(field, value);
                }
            }
            Repr::Large(table) => {
                for (_, field) in table.fields.iter() {
                    visit(field.name(), field.value());
                }
            }
        }
    }

    /// A field picked at random, with its value; `None` when there are none.
    pub(super) fn random(&self, rng: &mut fastrand::Rng) -> Option<(&[u8], &[u8])> {
        match &self.0 {
            Repr::Small(packed) if packed.len() == 0 => None,
            Repr::Small(packed) => {
                let mut strings = packed.iter().skip(rng.usize(..packed.len() / 2) * 2);
                Some((strings.next()?, strings.next()?))
            }
            Repr::Large(table) => {
                let (_, field) = table.fields.random(rng)?;
                Some((field.name(), field.value()))
            }
        }
    }

    /// One step of HSCAN: visits some fields from `position` (0 at first) and returns the next
    /// position, or `None` at the end. Small hashes are visited at once.
    pub(super) fn scan<'a>(
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
                visit(field.name(), field.value());
            }),
        }
    }

    /// Whether setting this field would turn the packed form into a table.
    pub(super) fn outgrows(&self, name: &[u8], value: &[u8], limits: HashLimits) -> bool {
        match &self.0 {
            Repr::Small(packed) => {
                name.len().max(value.len()) > limits.value
                    || (packed.len() / 2 >= limits.entries && self.value(name).is_none())
            }
            Repr::Large(_) => false,
        }
    }

    /// The same fields as a table.
    pub(super) fn to_large(&self) -> Self {
        let mut table = Box::<Table>::default();
        self.for_each(|field, value| {
            table.set(field, value);
        });
        Self(Repr::Large(table))
    }

    /// Sets a field and returns the value that it had. The caller has seen to [`Self::outgrows`].
    pub(super) fn set(&mut self, name: &[u8], value: &[u8]) -> Option<ShortBytes> {
        match &mut self.0 {
            Repr::Small(packed) => {
                let mut strings = packed.iter();
                while let Some(field) = strings.next() {
                    let start = strings.position();
                    let Some(old) = strings.next() else { break };
                    if field == name {
                        let (end, old) = (strings.position(), ShortBytes::new(old));
                        packed.replace(start, end, value);
                        return Some(old);
                    }
                }
                packed.push(&[name, value]);
                None
            }
            Repr::Large(table) => table.set(name, value),
        }
    }

    /// Removes a field.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Taken> {
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
                        return Some(Taken { value, place: start });
                    }
                }
            }
            Repr::Large(table) => table.remove(name).map(|value| Taken { value, place: 0 }),
        }
    }

    /// Frees some of what is used no more; says whether there was anything large.
    pub(super) fn free_part(&mut self) -> bool {
        match &mut self.0 {
            Repr::Small(_) => false,
            Repr::Large(table) => table.fields.free_chunk() || table.index.free_one(),
        }
    }

    /// Puts a removed field back where it was.
    pub(super) fn restore(&mut self, name: &[u8], taken: &Taken) {
        match &mut self.0 {
            Repr::Small(packed) => packed.insert(taken.place, &[name, &taken.value]),
            Repr::Large(table) => {
                table.set(name, &taken.value);
            }
        }
    }
}

impl Clone for Fields {
    fn clone(&self) -> Self {
        match &self.0 {
            Repr::Small(packed) => Self(Repr::Small(packed.clone())),
            Repr::Large(_) => self.to_large(),
        }
    }
}

impl Table {
    fn find(&self, name: &[u8]) -> Option<u32> {
        self.index.find(self.hasher.hash(name), |handle| self.fields.at(handle).name() == name)
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> Option<ShortBytes> {
        if let Some(handle) = self.find(name) {
            let field = self.fields.at_mut(handle);
            let old = ShortBytes::new(field.value());
            field.set_value(value);
            return Some(old);
        }
        let handle = self.fields.insert(Field::new(name, value));
        let Self { index, fields, hasher } = self;
        index.insert(hasher.hash(name), handle, |handle| hasher.hash(fields.at(handle).name()));
        None
    }

    fn remove(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let handle = self.find(name)?;
        let Self { index, fields, hasher } = self;
        index.remove(hasher.hash(name), handle, |handle| hasher.hash(fields.at(handle).name()));
        Some(self.fields.remove(handle).value().to_vec())
    }
}
