//! Values of keys: a string or one of the collections.

use protocol::args::Args;

use crate::time::Millis;
use crate::types::hash::Hash;
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::Stream;
use crate::types::string::{StringValue, StringView};
use crate::types::zset::ZSet;

/// A value that belongs to no key: one that is on its way to a key, or that a key has had. The keys
/// themselves keep values with the key in one place, see [`super::entry`].
#[derive(Clone)]
pub(crate) enum Value {
    String(StringValue),
    Hash(Box<Hash>),
    List(Box<List>),
    Set(Box<Set>),
    Stream(Box<Stream>),
    ZSet(Box<ZSet>),
}

const _: () = assert!(size_of::<Value>() == 32);

/// The value of a key, to be read.
#[derive(Clone, Copy)]
pub(crate) enum ValueView<'a> {
    String(StringView<'a>),
    Hash(&'a Hash),
    List(&'a List),
    Set(&'a Set),
    Stream(&'a Stream),
    ZSet(&'a ZSet),
}

/// The value of a key, to be changed. Strings are changed by what [`super::entry`] has for them.
pub(crate) enum ValueMut<'a> {
    String,
    Hash(&'a mut Box<Hash>),
    List(&'a mut Box<List>),
    Set(&'a mut Box<Set>),
    Stream(&'a mut Box<Stream>),
    ZSet(&'a mut Box<ZSet>),
}

/// What kind of value a key holds: the reply of TYPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    String,
    /// A hash.
    Hash,
    /// A list.
    List,
    /// A set.
    Set,
    /// A stream.
    Stream,
    /// A sorted set.
    ZSet,
}

impl Kind {
    /// The name that TYPE replies and `SCAN … TYPE` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Set => "set",
            Self::Stream => "stream",
            Self::ZSet => "zset",
        }
    }

    /// The kind of this name, in whatever case.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        const ALL: [Kind; 6] =
            [Kind::String, Kind::Hash, Kind::List, Kind::Set, Kind::Stream, Kind::ZSet];
        ALL.into_iter().find(|kind| name.eq_ignore_ascii_case(kind.name().as_bytes()))
    }
}

impl Value {
    /// The value, to be read.
    pub(crate) fn view(&self) -> ValueView<'_> {
        match self {
            Self::String(string) => ValueView::String(string.view()),
            Self::Hash(hash) => ValueView::Hash(hash),
            Self::List(list) => ValueView::List(list),
            Self::Set(set) => ValueView::Set(set),
            Self::Stream(stream) => ValueView::Stream(stream),
            Self::ZSet(zset) => ValueView::ZSet(zset),
        }
    }

    /// Bytes allocated outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::String(string) => string.memory(),
            _ => self.view().memory(),
        }
    }
}

impl ValueView<'_> {
    /// The value as one of its own.
    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::String(string) => Value::String(string.to_value()),
            Self::Hash(hash) => Value::Hash(Box::new(hash.clone())),
            Self::List(list) => Value::List(Box::new(list.clone())),
            Self::Set(set) => Value::Set(Box::new(set.clone())),
            Self::Stream(stream) => Value::Stream(Box::new(stream.clone())),
            Self::ZSet(zset) => Value::ZSet(Box::new(zset.clone())),
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::Hash(_) => Kind::Hash,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Stream(_) => Kind::Stream,
            Self::ZSet(_) => Kind::ZSet,
        }
    }

    /// What OBJECT ENCODING replies.
    pub(crate) fn encoding(self) -> &'static str {
        match self {
            Self::String(string) => string.encoding(),
            Self::Hash(hash) => hash.encoding(),
            Self::List(list) => list.encoding(),
            Self::Set(set) => set.encoding(),
            Self::Stream(_) => "stream",
            Self::ZSet(zset) => zset.encoding(),
        }
    }

    /// Bytes that a collection has allocated. Of strings their entry knows more.
    pub(crate) fn memory(self) -> usize {
        match self {
            Self::String(_) => 0,
            Self::Hash(hash) => size_of::<Hash>() + hash.memory(),
            Self::List(list) => size_of::<List>() + list.memory(),
            Self::Set(set) => size_of::<Set>() + set.memory(),
            Self::Stream(stream) => size_of::<Stream>() + stream.memory(),
            Self::ZSet(zset) => size_of::<ZSet>() + zset.memory(),
        }
    }

    /// How many elements a collection has.
    #[inline]
    pub(super) fn len(self) -> usize {
        match self {
            Self::String(_) => 0,
            Self::Hash(hash) => hash.len(),
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::Stream(stream) => stream.len(),
            Self::ZSet(zset) => zset.len(),
        }
    }

    /// Where the element may be that a request asks for, which says `rest` besides the key: for
    /// [`super::warm`]. Most requests have it first, or last (ZADD).
    #[inline]
    pub(super) fn first_candidate(self, rest: Args<'_>) -> Option<u32> {
        let first = rest.get(0)?;
        match self {
            Self::Hash(hash) => hash.first_candidate(first),
            Self::Set(set) => set.first_candidate(first),
            Self::ZSet(zset) => zset.first_candidate(rest.at(rest.len() - 1)),
            Self::List(_) | Self::Stream(_) | Self::String(_) => None,
        }
    }

    /// Loads some of what there is; what that is means nothing.
    #[inline]
    pub(super) fn look_at(self, candidate: u32) -> u64 {
        match self {
            Self::Hash(hash) => hash.look_at(candidate),
            Self::Set(set) => set.look_at(candidate),
            Self::ZSet(zset) => zset.look_at(candidate),
            Self::List(_) | Self::Stream(_) | Self::String(_) => 0,
        }
    }

    /// When the first field of a hash expires; `None` when none does.
    #[inline]
    pub(crate) fn next_field_expiry(self) -> Option<Millis> {
        match self {
            Self::Hash(hash) => hash.next_expiry(),
            _ => None,
        }
    }

    /// Whether it is a hash whose fields have all expired at `now`.
    pub(crate) fn all_fields_due(self, now: Millis) -> bool {
        match self {
            Self::Hash(hash) => hash.all_due(now),
            _ => false,
        }
    }

    /// Gives `put` what the value is, in an order that is the same for equal values however they
    /// came about.
    pub(crate) fn for_digest(self, put: &mut dyn FnMut(&[u8])) {
        match self {
            Self::String(string) => string.with_text(put),
            Self::Hash(hash) => hash.for_digest(put),
            Self::List(list) => list.iter_from(0).for_each(|element| element.with_text(&mut *put)),
            Self::Set(set) => {
                let mut members = Vec::with_capacity(set.len());
                set.for_each(|member| members.push(member.to_vec()));
                members.sort_unstable();
                members.iter().for_each(|member| put(member));
            }
            Self::Stream(stream) => stream.for_digest(put),
            Self::ZSet(zset) => {
                for (member, score) in zset.iter() {
                    put(member);
                    // The small form does not keep the sign of zero.
                    put(&(score + 0.0).to_le_bytes());
                }
            }
        }
    }

    /// Gives `put` what a client can see of the value besides that: an order that it keeps.
    pub(crate) fn for_exact_digest(self, put: &mut dyn FnMut(&[u8])) {
        match self {
            Self::String(_) => {}
            Self::Hash(hash) if hash.keeps_order() => hash.for_each(|field, value| {
                put(field);
                put(value);
            }),
            // The order of lists and sorted sets is in the digest of every value.
            Self::List(_) | Self::ZSet(_) => {}
            Self::Set(set) if set.encoding() == "listpack" => set.for_each(put),
            Self::Hash(_) | Self::Set(_) => {}
            Self::Stream(stream) => stream.for_exact_digest(put),
        }
    }
}
