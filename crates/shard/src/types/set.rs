//! Sets: sorted integers or packed while small, a table when large.
//!
//! The three forms and when one becomes the next are Redis's, since OBJECT ENCODING shows them. A
//! set never goes back to a smaller form by itself.

mod ints;
mod table;

use ints::Ints;
use protocol::number::parse_i64;
use table::Table;

use super::packed::Packed;

/// Up to where a set stays in its small forms (`set-max-intset-entries`,
/// `set-max-listpack-entries`, `set-max-listpack-value`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetLimits {
    /// Most members of a set of integers alone.
    pub ints: usize,
    /// Most members of a packed set.
    pub entries: usize,
    /// Longest member of a packed set, in bytes.
    pub value: usize,
}

impl Default for SetLimits {
    fn default() -> Self {
        Self { ints: 512, entries: 128, value: 64 }
    }
}

/// A set of byte strings. Never empty while it is the value of a key.
pub struct Set(Repr);

enum Repr {
    /// Integers in their canonical form alone.
    Ints(Ints),
    /// In order of insertion.
    Small(Packed),
    Large(Box<Table>),
}

const _: () = assert!(size_of::<Set>() <= 40);

/// The forms a set can be in, smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Ints,
    Small,
    Large,
}

/// Gives `read` the text of an integer.
fn with_number<R>(number: i64, read: impl FnOnce(&[u8]) -> R) -> R {
    read(itoa::Buffer::new().format(number).as_bytes())
}

impl Set {
    /// An empty set that expects `count` members of which `first` is one.
    pub(crate) fn new(first: &[u8], count: usize, limits: SetLimits) -> Self {
        if parse_i64(first).is_some() && count <= limits.ints {
            Self(Repr::Ints(Ints::default()))
        } else if count <= limits.entries {
            Self(Repr::Small(Packed::default()))
        } else {
            Self(Repr::Large(Box::default()))
        }
    }

    /// An empty set in a form.
    pub(crate) fn empty(form: Form) -> Self {
        Self(match form {
            Form::Ints => Repr::Ints(Ints::default()),
            Form::Small => Repr::Small(Packed::default()),
            Form::Large => Repr::Large(Box::default()),
        })
    }

    /// The members of a set of integers, ascending, and in how many bytes each fits.
    pub(crate) fn ints(&self) -> Option<(usize, impl ExactSizeIterator<Item = i64>)> {
        match &self.0 {
            Repr::Ints(ints) => Some((ints.width(), ints.iter())),
            Repr::Small(_) | Repr::Large(_) => None,
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Ints(ints) => ints.len(),
            Repr::Small(packed) => packed.len(),
            Repr::Large(table) => table.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn form(&self) -> Form {
        match &self.0 {
            Repr::Ints(_) => Form::Ints,
            Repr::Small(_) => Form::Small,
            Repr::Large(_) => Form::Large,
        }
    }

    /// What OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match self.form() {
            Form::Ints => "intset",
            Form::Small => "listpack",
            Form::Large => "hashtable",
        }
    }

    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Repr::Ints(ints) => ints.memory(),
            Repr::Small(packed) => packed.memory(),
            Repr::Large(table) => size_of::<Table>() + table.memory(),
        }
    }

    /// Whether this is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Repr::Ints(ints) => parse_i64(member).is_some_and(|number| ints.contains(number)),
            Repr::Small(packed) => packed.iter().any(|known| known == member),
            Repr::Large(table) => table.contains(member),
        }
    }

    /// Where a member may be; see `keyspace::warm`.
    #[inline]
    pub(crate) fn first_candidate(&self, member: &[u8]) -> Option<u32> {
        match &self.0 {
            Repr::Ints(_) => None,
            Repr::Small(_) => Some(0),
            Repr::Large(table) => table.first_candidate(member),
        }
    }

    /// Loads some of it; what that is means nothing.
    #[inline]
    pub(crate) fn look_at(&self, candidate: u32) -> u64 {
        match &self.0 {
            Repr::Ints(_) => 0,
            Repr::Small(packed) => packed.look(),
            Repr::Large(table) => table.look_at(candidate),
        }
    }

    /// Calls `visit` with each member until it fails.
    ///
    /// # Errors
    /// That of `visit`.
    pub fn try_for_each<E>(&self, mut visit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match &self.0 {
            Repr::Ints(ints) => ints.iter().try_for_each(|number| with_number(number, &mut visit)),
            Repr::Small(packed) => packed.iter().try_for_each(visit),
            Repr::Large(table) => table.iter().try_for_each(visit),
        }
    }

    /// Calls `visit` with each member.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        let each = |member: &[u8]| -> Result<(), std::convert::Infallible> {
            visit(member);
            Ok(())
        };
        let Ok(()) = self.try_for_each(each);
    }

    /// Gives `read` the member at a place below [`Self::len`]. Places are in no order that means
    /// anything, and change with the set.
    pub(crate) fn with_member<R>(&self, place: usize, read: impl FnOnce(&[u8]) -> R) -> R {
        match &self.0 {
            Repr::Ints(ints) => with_number(ints.at(place), read),
            Repr::Small(packed) => read(packed.iter().nth(place).unwrap_or_default()),
            Repr::Large(table) => read(table.at(place)),
        }
    }

    /// One step of SSCAN: visits some members from `position` (0 at first) and returns the next
    /// position, or `None` at the end. Small sets are visited at once.
    pub fn scan(&self, position: u32, visit: impl FnMut(&[u8])) -> Option<u32> {
        match &self.0 {
            Repr::Ints(_) | Repr::Small(_) => {
                self.for_each(visit);
                None
            }
            Repr::Large(table) => table.scan(position, visit),
        }
    }

    /// The form that the set is in once `member` has been added to it.
    pub(crate) fn form_with(&self, member: &[u8], limits: SetLimits) -> Form {
        let fits_packed = |longest: usize| {
            let fits = member.len().max(longest) <= limits.value && self.len() < limits.entries;
            if fits { Form::Small } else { Form::Large }
        };
        match &self.0 {
            Repr::Ints(ints) => match parse_i64(member) {
                Some(number) if ints.len() < limits.ints || ints.contains(number) => Form::Ints,
                Some(_) => Form::Large,
                None => fits_packed(longest_text(ints)),
            },
            Repr::Small(_) if self.contains(member) => Form::Small,
            Repr::Small(_) => fits_packed(0),
            Repr::Large(_) => Form::Large,
        }
    }

    /// The form that the set goes into when `count` members are about to be added.
    pub(crate) fn form_for_many(&self, count: usize, limits: SetLimits) -> Form {
        match self.form() {
            Form::Ints if count > limits.ints => Form::Large,
            Form::Small if count > limits.entries => Form::Large,
            form => form,
        }
    }

    /// The same members in another form, which must be able to hold them.
    pub(crate) fn to_form(&self, form: Form) -> Self {
        let mut copy = Self::empty(form);
        self.for_each(|member| {
            copy.insert(member);
        });
        copy
    }

    /// Adds a member; says whether it is new. The caller has seen to [`Self::form_with`].
    pub(crate) fn insert(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Ints(ints) => parse_i64(member).is_some_and(|number| ints.insert(number)),
            Repr::Small(packed) => {
                let is_new = packed.iter().all(|known| known != member);
                if is_new {
                    packed.push(&[member]);
                }
                is_new
            }
            Repr::Large(table) => table.insert(member),
        }
    }

    /// Adds a member, in a larger form where that is due; says whether it is new.
    pub(crate) fn insert_growing(&mut self, member: &[u8], limits: SetLimits) -> bool {
        let form = self.form_with(member, limits);
        if form != self.form() {
            *self = self.to_form(form);
        }
        self.insert(member)
    }

    /// Removes a member and says where it was in the packed form; `None` when it was not there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<usize> {
        match &mut self.0 {
            Repr::Ints(ints) => ints.remove(parse_i64(member)?).then_some(0),
            Repr::Small(packed) => {
                let mut members = packed.iter();
                loop {
                    let start = members.position();
                    if members.next()? == member {
                        let end = members.position();
                        packed.remove(start, end, 1);
                        return Some(start);
                    }
                }
            }
            Repr::Large(table) => table.remove(member).then_some(0),
        }
    }

    /// Frees some of a set that is used no more; says whether there was anything large.
    pub(crate) fn free_part(&mut self) -> bool {
        match &mut self.0 {
            Repr::Ints(_) | Repr::Small(_) => false,
            Repr::Large(table) => table.free_part(),
        }
    }

    /// Puts a removed member back where it was.
    pub(crate) fn restore(&mut self, member: &[u8], place: usize) {
        match &mut self.0 {
            Repr::Small(packed) => packed.insert(place, &[member]),
            Repr::Ints(_) | Repr::Large(_) => {
                self.insert(member);
            }
        }
    }
}

/// Length of the longest text of a number in there, in bytes.
fn longest_text(ints: &Ints) -> usize {
    let Some(last) = ints.len().checked_sub(1) else { return 0 };
    [0, last].map(|place| with_number(ints.at(place), <[u8]>::len)).into_iter().max().unwrap_or(0)
}

impl Clone for Set {
    fn clone(&self) -> Self {
        match &self.0 {
            Repr::Ints(ints) => Self(Repr::Ints(ints.clone())),
            Repr::Small(packed) => Self(Repr::Small(packed.clone())),
            Repr::Large(_) => self.to_form(Form::Large),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn members(set: &Set) -> Vec<Vec<u8>> {
        let mut members = Vec::new();
        set.for_each(|member| members.push(member.to_vec()));
        members
    }

    proptest! {
        /// All forms behave as a set while they grow into one another, and a removal is taken back
        /// exactly.
        #[test]
        fn behaves_as_a_set(
            operations in proptest::collection::vec(
                (0u8..4, prop_oneof!["[0-9]{1,2}", "-[1-9]", "[a-z]{1,3}", "[a-z]{9,12}"]),
                1..300,
            ),
        ) {
            let limits = SetLimits { ints: 20, entries: 25, value: 8 };
            let mut set = Set::new(b"1", 1, limits);
            let mut model: BTreeSet<Vec<u8>> = BTreeSet::new();
            for (operation, member) in operations {
                let member = member.into_bytes();
                if operation == 0 {
                    let before = members(&set);
                    let removed = set.remove(&member);
                    if let Some(place) = removed {
                        set.restore(&member, place);
                        if set.form() != Form::Large {
                            prop_assert_eq!(members(&set), before);
                        }
                        set.remove(&member);
                    }
                    prop_assert_eq!(removed.is_some(), model.remove(&member));
                } else {
                    let is_new = model.insert(member.clone());
                    prop_assert_eq!(set.insert_growing(&member, limits), is_new);
                }
                prop_assert_eq!(set.contains(&member), model.contains(&member));
                prop_assert_eq!(set.len(), model.len());
            }
            let mut found = members(&set);
            found.sort_unstable();
            prop_assert!(found.iter().eq(model.iter()));
            for place in 0..set.len() {
                prop_assert!(set.with_member(place, |member| model.contains(member)));
            }
        }
    }

    #[test]
    fn forms_follow_one_another_as_in_redis() {
        let limits = SetLimits::default();
        let mut set = Set::new(b"1", 1, limits);
        for n in 0..100 {
            set.insert_growing(n.to_string().as_bytes(), limits);
        }
        assert_eq!(set.encoding(), "intset");
        set.insert_growing(b"007", limits);
        assert_eq!((set.encoding(), set.len()), ("listpack", 101));
        set.insert_growing(&[b'x'; 65], limits);
        assert_eq!((set.encoding(), set.len()), ("hashtable", 102));
        let mut numbers = Set::new(b"0", 1, limits);
        for n in 0..512 {
            numbers.insert_growing(n.to_string().as_bytes(), limits);
        }
        assert_eq!(numbers.encoding(), "intset");
        numbers.insert_growing(b"5", limits);
        assert_eq!(numbers.encoding(), "intset");
        numbers.insert_growing(b"512", limits);
        assert_eq!((numbers.encoding(), numbers.len()), ("hashtable", 513));
    }
}
