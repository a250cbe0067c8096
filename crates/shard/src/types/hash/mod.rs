//! Hashes: fields with their values, and when they expire.
//!
//! A hash is plain until a field gets an expiry, and plain again when no field has one; a plain
//! hash pays nothing for what it does not use.
//!
//! # Invariants
//! - I1. What expires is a field of the hash.
//! - I2. An expiring hash has at least one field that expires.

mod expiries;
mod field;
mod fields;
#[cfg(test)]
mod hash_test;
mod view;

pub use view::HashView;

use crate::keyspace::short_bytes::ShortBytes;
use crate::time::Millis;
use expiries::Expiries;
use fields::{Fields, Taken};

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

/// A hash value. Never empty while it is the value of a key.
#[derive(Clone)]
pub struct Hash(Form);

#[derive(Clone)]
enum Form {
    Plain(Fields),
    Expiring(Box<Expiring>),
}

#[derive(Clone)]
struct Expiring {
    fields: Fields,
    expiries: Expiries,
}

// That fields can expire costs those that do not nothing.
const _: () = assert!(size_of::<Hash>() == size_of::<Fields>());

/// What `remove` took away: the value, the expiry, and the place of the field in the packed form.
#[derive(Debug)]
pub(crate) struct Removed {
    taken: Taken,
    expiry: Option<Millis>,
}

impl Removed {
    /// Bytes of memory outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        self.taken.value.capacity()
    }
}

impl Hash {
    pub(crate) fn new() -> Self {
        Self(Form::Plain(Fields::new()))
    }

    fn fields(&self) -> &Fields {
        match &self.0 {
            Form::Plain(fields) => fields,
            Form::Expiring(expiring) => &expiring.fields,
        }
    }

    fn fields_mut(&mut self) -> &mut Fields {
        match &mut self.0 {
            Form::Plain(fields) => fields,
            Form::Expiring(expiring) => &mut expiring.fields,
        }
    }

    fn expiries(&self) -> Option<&Expiries> {
        match &self.0 {
            Form::Plain(_) => None,
            Form::Expiring(expiring) => Some(&expiring.expiries),
        }
    }

    /// The hash as a request at `now` sees it.
    pub(crate) fn view(&self, now: Millis) -> HashView<'_> {
        HashView::new(self, now)
    }

    /// How many fields there are, expired ones that nobody has removed included.
    pub(crate) fn len(&self) -> usize {
        self.fields().len()
    }

    /// Whether there are no fields.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING replies.
    pub(crate) fn encoding(&self) -> &'static str {
        match (self.keeps_order(), &self.0) {
            (true, Form::Plain(_)) => "listpack",
            (true, Form::Expiring(_)) => "listpackex",
            (false, _) => "hashtable",
        }
    }

    /// Whether the fields are in order of insertion.
    pub(crate) fn keeps_order(&self) -> bool {
        self.fields().is_small()
    }

    pub(crate) fn memory(&self) -> usize {
        let expiries = self.expiries();
        self.fields().memory()
            + expiries.map_or(0, |expiries| size_of::<Expiring>() + expiries.memory())
    }

    /// The value of a field, expired or not.
    pub(crate) fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields().value(name)
    }

    /// Where a field may be; see `keyspace::warm`.
    #[inline]
    pub(crate) fn first_candidate(&self, name: &[u8]) -> Option<u32> {
        self.fields().first_candidate(name)
    }

    /// Loads some of it; what that is means nothing.
    #[inline]
    pub(crate) fn look_at(&self, candidate: u32) -> u64 {
        self.fields().look_at(candidate)
    }

    /// Calls `visit` with each field and its value.
    pub(crate) fn for_each<'a>(&'a self, visit: impl FnMut(&'a [u8], &'a [u8])) {
        self.fields().for_each(visit);
    }

    /// A field picked at random, with its value; `None` when there are none.
    fn random(&self, rng: &mut fastrand::Rng) -> Option<(&[u8], &[u8])> {
        self.fields().random(rng)
    }

    /// See [`HashView::scan`].
    fn scan<'a>(&'a self, position: u32, visit: impl FnMut(&'a [u8], &'a [u8])) -> Option<u32> {
        self.fields().scan(position, visit)
    }

    /// Gives `put` what the hash is, in an order that is the same for equal hashes however they
    /// came about. Expiries are one string at the end, so that they cannot be taken for a field.
    pub(crate) fn for_digest(&self, put: &mut dyn FnMut(&[u8])) {
        let mut pairs = Vec::with_capacity(self.len());
        self.for_each(|field, value| pairs.push((field, value)));
        pairs.sort_unstable();
        for (field, value) in &pairs {
            put(field);
            put(value);
        }
        if self.expiries().is_some() {
            let time = |(field, _): &(&[u8], &[u8])| self.expiry(field).map_or(-1, |at| at.0);
            let times: Vec<u8> = pairs.iter().flat_map(|pair| time(pair).to_le_bytes()).collect();
            put(&times);
        }
    }

    /// Whether setting this field would turn the packed form into a table.
    pub(crate) fn outgrows(&self, name: &[u8], value: &[u8], limits: HashLimits) -> bool {
        self.fields().outgrows(name, value, limits)
    }

    /// The same hash as a table.
    pub(crate) fn to_large(&self) -> Self {
        let fields = self.fields().to_large();
        Self(match &self.0 {
            Form::Plain(_) => Form::Plain(fields),
            Form::Expiring(expiring) => {
                let expiries = expiring.expiries.clone();
                Form::Expiring(Box::new(Expiring { fields, expiries }))
            }
        })
    }

    /// Sets a field, which keeps its expiry, and returns the value that it had. The caller has
    /// seen to [`Self::outgrows`].
    pub(crate) fn set(&mut self, name: &[u8], value: &[u8]) -> Option<ShortBytes> {
        self.fields_mut().set(name, value)
    }

    /// Removes a field.
    pub(crate) fn remove(&mut self, name: &[u8]) -> Option<Removed> {
        let taken = self.fields_mut().remove(name)?;
        Some(Removed { taken, expiry: self.set_expiry(name, None) })
    }

    /// Frees some of a hash that is used no more; says whether there was anything large.
    pub(crate) fn free_part(&mut self) -> bool {
        if let Form::Expiring(expiring) = &mut self.0
            && expiring.expiries.free_part()
        {
            return true;
        }
        self.fields_mut().free_part()
    }

    /// Puts a removed field back where it was.
    pub(crate) fn restore(&mut self, name: &[u8], removed: &Removed) {
        self.fields_mut().restore(name, &removed.taken);
        self.set_expiry(name, removed.expiry);
    }

    /// When a field expires.
    pub(crate) fn expiry(&self, name: &[u8]) -> Option<Millis> {
        self.expiries()?.time(name)
    }

    /// Sets or removes the expiry of a field, which is there, and returns what it was.
    pub(crate) fn set_expiry(&mut self, name: &[u8], expiry: Option<Millis>) -> Option<Millis> {
        match &mut self.0 {
            Form::Plain(_) if expiry.is_none() => None,
            Form::Plain(fields) => {
                let fields = std::mem::replace(fields, Fields::new());
                let mut expiries = Expiries::default();
                expiries.set(name, expiry);
                self.0 = Form::Expiring(Box::new(Expiring { fields, expiries }));
                None
            }
            Form::Expiring(expiring) => {
                let previous = expiring.expiries.set(name, expiry);
                if expiring.expiries.is_empty() {
                    let fields = std::mem::replace(&mut expiring.fields, Fields::new());
                    self.0 = Form::Plain(fields);
                }
                previous
            }
        }
    }

    /// When the first field expires; `None` when none ever does.
    pub(crate) fn next_expiry(&self) -> Option<Millis> {
        Some(self.expiries()?.first()?.0)
    }

    /// The field that has been expired longest at `now`.
    pub(crate) fn first_due(&self, now: Millis) -> Option<&[u8]> {
        let (time, name) = self.expiries()?.first()?;
        (time < now).then_some(name)
    }

    /// Whether a field has expired at `now`.
    pub(crate) fn has_due(&self, now: Millis) -> bool {
        self.first_due(now).is_some()
    }

    /// Whether all fields have.
    pub(crate) fn all_due(&self, now: Millis) -> bool {
        self.expiries().is_some_and(|expiries| {
            expiries.len() == self.len() && expiries.last().is_some_and(|last| last < now)
        })
    }
}
