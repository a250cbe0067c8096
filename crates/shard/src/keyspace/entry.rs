//! An entry: one key with its value and its expiry, in 48 bytes.
//!
//! Most keys and many values are short. Where both together are, their texts lie in the entry, side
//! by side; otherwise a short key does, with a pointer to the value. So a key with a value of a few
//! bytes costs no allocation, and no byte is spent on what it has not.
//!
//! Which form an entry has follows from its key and its value, and shows nowhere else.

use super::value::{Value, ValueMut, ValueView};
use crate::time::Millis;
use crate::types::hash::Hash;
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::stream::Stream;
use crate::types::string::{Repr, StringValue, StringView};
use crate::types::zset::ZSet;

/// Bytes of a key and the text of a string together, up to which both are kept inline.
const BOTH_MAX: usize = 33;
/// Longest key kept inline beside a value that is elsewhere, in bytes.
const KEY_MAX: usize = 18;

/// A key in its entry.
#[derive(Clone, Copy)]
struct NearKey {
    len: u8,
    bytes: [u8; KEY_MAX],
}

impl NearKey {
    fn new(key: &[u8]) -> Self {
        let mut bytes = [0; KEY_MAX];
        bytes[..key.len()].copy_from_slice(key);
        Self { len: key.len() as u8, bytes }
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// A value that is no text of a fixed length.
enum Held {
    Int(i64),
    #[expect(clippy::box_collection, reason = "8 bytes in every entry instead of 24")]
    Raw(Box<Vec<u8>>),
    Hash(Box<Hash>),
    List(Box<List>),
    Set(Box<Set>),
    Stream(Box<Stream>),
    ZSet(Box<ZSet>),
}

/// The key and the value. Each form has the access clock: outside of them it would take eight
/// bytes.
enum Form {
    /// The key and the text of a string, one behind the other.
    Text { access: u32, key_len: u8, len: u8, bytes: [u8; BOTH_MAX] },
    /// A short key and the text of a string.
    Long { access: u32, key: NearKey, text: Box<[u8]> },
    /// A short key and any other value.
    Held { access: u32, key: NearKey, value: Held },
    /// A long key and the text of a string.
    FarLong { access: u32, key: Box<[u8]>, text: Box<[u8]> },
    /// A long key and any other value.
    FarHeld { access: u32, key: Box<[u8]>, value: Held },
}

/// One key with its value. See the module.
pub(crate) struct Entry {
    form: Form,
    /// When the key expires; `NEVER` is never.
    expiry: i64,
}

/// An expiry that means never. No clock reaches it.
const NEVER: i64 = i64::MAX;

const _: () = assert!(size_of::<Entry>() == 48);

/// What becomes of a value in an entry.
enum Part {
    Text(Box<[u8]>),
    Held(Held),
}

impl Part {
    fn of(value: Value) -> Self {
        Self::Held(match value {
            Value::String(string) => match string.into_repr() {
                Repr::Int(integer) => Held::Int(integer),
                Repr::Short { len, bytes } => return Self::Text(bytes[..usize::from(len)].into()),
                Repr::Long(text) => return Self::Text(text),
                Repr::Raw(text) => Held::Raw(text),
            },
            Value::Hash(hash) => Held::Hash(hash),
            Value::List(list) => Held::List(list),
            Value::Set(set) => Held::Set(set),
            Value::Stream(stream) => Held::Stream(stream),
            Value::ZSet(zset) => Held::ZSet(zset),
        })
    }
}

/// The text of a string that is short enough for a key of this length to lie beside it.
#[inline]
fn beside(key_len: usize, value: &Value) -> Option<&[u8]> {
    let Value::String(string) = value else { return None };
    let StringView::Text(text) = string.view() else { return None };
    (key_len + text.len() <= BOTH_MAX).then_some(text)
}

impl Form {
    fn new(key: &[u8], value: Value, access: u32) -> Self {
        if let Some(text) = beside(key.len(), &value) {
            let mut bytes = [0; BOTH_MAX];
            bytes[..key.len()].copy_from_slice(key);
            bytes[key.len()..key.len() + text.len()].copy_from_slice(text);
            return Self::Text { access, key_len: key.len() as u8, len: text.len() as u8, bytes };
        }
        let part = Part::of(value);
        if key.len() > KEY_MAX {
            return Self::far(key.into(), part, access);
        }
        let key = NearKey::new(key);
        match part {
            Part::Text(text) => Self::Long { access, key, text },
            Part::Held(value) => Self::Held { access, key, value },
        }
    }

    fn far(key: Box<[u8]>, part: Part, access: u32) -> Self {
        match part {
            Part::Text(text) => Self::FarLong { access, key, text },
            Part::Held(value) => Self::FarHeld { access, key, value },
        }
    }

    fn into_value(self) -> Value {
        let value = match self {
            Self::Text { key_len, len, bytes, .. } => {
                let start = usize::from(key_len);
                let text = &bytes[start..start + usize::from(len)];
                return Value::String(StringValue::text(text));
            }
            Self::Long { text, .. } | Self::FarLong { text, .. } => {
                return Value::String(StringValue::from_repr(Repr::Long(text)));
            }
            Self::Held { value, .. } | Self::FarHeld { value, .. } => value,
        };
        match value {
            Held::Int(integer) => Value::String(StringValue::from_int(integer)),
            Held::Raw(text) => Value::String(StringValue::from_repr(Repr::Raw(text))),
            Held::Hash(hash) => Value::Hash(hash),
            Held::List(list) => Value::List(list),
            Held::Set(set) => Value::Set(set),
            Held::Stream(stream) => Value::Stream(stream),
            Held::ZSet(zset) => Value::ZSet(zset),
        }
    }
}

impl Entry {
    pub(crate) fn new(key: &[u8], value: Value, expiry: Option<Millis>, access: u32) -> Self {
        let mut entry = Self { form: Form::new(key, value, access), expiry: NEVER };
        entry.set_expiry(expiry);
        entry
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        match &self.form {
            Form::Text { key_len, bytes, .. } => &bytes[..usize::from(*key_len)],
            Form::Long { key, .. } | Form::Held { key, .. } => key.as_bytes(),
            Form::FarLong { key, .. } | Form::FarHeld { key, .. } => key,
        }
    }

    /// The value, to be read.
    #[inline]
    pub(crate) fn value(&self) -> ValueView<'_> {
        let value = match &self.form {
            Form::Text { key_len, len, bytes, .. } => {
                let start = usize::from(*key_len);
                let text = &bytes[start..start + usize::from(*len)];
                return ValueView::String(StringView::Text(text));
            }
            Form::Long { text, .. } | Form::FarLong { text, .. } => {
                return ValueView::String(StringView::Text(text));
            }
            Form::Held { value, .. } | Form::FarHeld { value, .. } => value,
        };
        match value {
            Held::Int(integer) => ValueView::String(StringView::Int(*integer)),
            Held::Raw(text) => ValueView::String(StringView::Raw(text)),
            Held::Hash(hash) => ValueView::Hash(hash),
            Held::List(list) => ValueView::List(list),
            Held::Set(set) => ValueView::Set(set),
            Held::Stream(stream) => ValueView::Stream(stream),
            Held::ZSet(zset) => ValueView::ZSet(zset),
        }
    }

    /// The value, if it is a collection.
    #[inline]
    pub(crate) fn collection(&self) -> Option<ValueView<'_>> {
        let (Form::Held { value, .. } | Form::FarHeld { value, .. }) = &self.form else {
            return None;
        };
        match value {
            Held::Int(_) | Held::Raw(_) => None,
            Held::Hash(hash) => Some(ValueView::Hash(hash)),
            Held::List(list) => Some(ValueView::List(list)),
            Held::Set(set) => Some(ValueView::Set(set)),
            Held::Stream(stream) => Some(ValueView::Stream(stream)),
            Held::ZSet(zset) => Some(ValueView::ZSet(zset)),
        }
    }

    /// The value, to be changed.
    #[inline]
    pub(crate) fn value_mut(&mut self) -> ValueMut<'_> {
        let (Form::Held { value, .. } | Form::FarHeld { value, .. }) = &mut self.form else {
            return ValueMut::String;
        };
        match value {
            Held::Int(_) | Held::Raw(_) => ValueMut::String,
            Held::Hash(hash) => ValueMut::Hash(hash),
            Held::List(list) => ValueMut::List(list),
            Held::Set(set) => ValueMut::Set(set),
            Held::Stream(stream) => ValueMut::Stream(stream),
            Held::ZSet(zset) => ValueMut::ZSet(zset),
        }
    }

    /// The text of a string as a vector that can be changed in place; it stays one from now on.
    /// `None` when the value is no string.
    pub(crate) fn raw_text(&mut self) -> Option<&mut Vec<u8>> {
        let ValueView::String(view) = self.value() else { return None };
        if !matches!(view, StringView::Raw(_)) {
            let mut text = Vec::with_capacity(2 * view.len() + 16);
            view.with_text(|bytes| text.extend_from_slice(bytes));
            self.replace(Value::String(StringValue::raw(text)));
        }
        match &mut self.form {
            Form::Held { value: Held::Raw(text), .. }
            | Form::FarHeld { value: Held::Raw(text), .. } => Some(text),
            _ => None,
        }
    }

    /// Gives the key another value and returns the old one.
    pub(crate) fn replace(&mut self, value: Value) -> Value {
        const NOTHING: Form = Form::Text { access: 0, key_len: 0, len: 0, bytes: [0; BOTH_MAX] };
        let access = self.access();
        let old = std::mem::replace(&mut self.form, NOTHING);
        let (form, old) = match old {
            Form::FarLong { key, text, .. } if beside(key.len(), &value).is_none() => {
                let old = Value::String(StringValue::from_repr(Repr::Long(text)));
                (Form::far(key, Part::of(value), access), old)
            }
            Form::FarHeld { key, value: held, .. } if beside(key.len(), &value).is_none() => {
                let old = Form::Held { access, key: NearKey::new(b""), value: held }.into_value();
                (Form::far(key, Part::of(value), access), old)
            }
            old => {
                let entry = Self { form: old, expiry: NEVER };
                (Form::new(entry.key(), value, access), entry.form.into_value())
            }
        };
        self.form = form;
        old
    }

    /// The value, if it is one that is copied as quickly as moved: a text beside its key, an integer.
    #[inline]
    pub(crate) fn small_value(&self) -> Option<Value> {
        match &self.form {
            Form::Text { key_len, len, bytes, .. } => {
                let start = usize::from(*key_len);
                let text = &bytes[start..start + usize::from(*len)];
                Some(Value::String(StringValue::text(text)))
            }
            Form::Held { value: Held::Int(integer), .. } => {
                Some(Value::String(StringValue::from_int(*integer)))
            }
            _ => None,
        }
    }

    /// [`Self::replace`] for a text in the place of a text and an integer in that of an integer, where
    /// nothing has to move: says whether that was so. Nothing has changed otherwise.
    #[inline]
    pub(crate) fn overwrite(&mut self, new: &Value) -> bool {
        if let Form::Held { value: Held::Int(old), .. } = &mut self.form {
            let Value::String(new) = new else { return false };
            let StringView::Int(new) = new.view() else { return false };
            *old = new;
            return true;
        }
        let Form::Text { key_len, len, bytes, .. } = &mut self.form else { return false };
        let start = usize::from(*key_len);
        let Some(text) = beside(start, new) else { return false };
        bytes[start..start + text.len()].copy_from_slice(text);
        *len = text.len() as u8;
        true
    }

    /// The value alone.
    pub(crate) fn into_value(self) -> Value {
        self.form.into_value()
    }

    #[inline]
    pub(crate) fn expiry(&self) -> Option<Millis> {
        (self.expiry != NEVER).then_some(Millis(self.expiry))
    }

    pub(crate) fn set_expiry(&mut self, expiry: Option<Millis>) {
        // A time so far ahead that it equals NEVER is kept one millisecond before it.
        self.expiry = expiry.map_or(NEVER, |at| at.0.min(NEVER - 1));
    }

    /// Whether the key is over at `now`. Redis: a key whose time has come exactly is still there.
    #[inline]
    pub(crate) fn expired(&self, now: Millis) -> bool {
        now.0 > self.expiry
    }

    /// When the key was last used, in the keyspace's access clock (seconds).
    #[inline]
    pub(crate) fn access(&self) -> u32 {
        match &self.form {
            Form::Text { access, .. }
            | Form::Long { access, .. }
            | Form::Held { access, .. }
            | Form::FarLong { access, .. }
            | Form::FarHeld { access, .. } => *access,
        }
    }

    #[inline]
    pub(crate) fn set_access(&mut self, clock: u32) {
        match &mut self.form {
            // Written only when it differs, so that reading a hot key does not dirty its line.
            Form::Text { access, .. }
            | Form::Long { access, .. }
            | Form::Held { access, .. }
            | Form::FarLong { access, .. }
            | Form::FarHeld { access, .. } => {
                if *access != clock {
                    *access = clock;
                }
            }
        }
    }

    /// Bytes allocated outside of this struct.
    pub(crate) fn memory(&self) -> usize {
        let key = match &self.form {
            Form::FarLong { key, .. } | Form::FarHeld { key, .. } => key.len(),
            Form::Text { .. } | Form::Long { .. } | Form::Held { .. } => 0,
        };
        let value = match &self.form {
            Form::Text { .. } => 0,
            Form::Long { text, .. } | Form::FarLong { text, .. } => text.len(),
            Form::Held { value: Held::Raw(text), .. }
            | Form::FarHeld { value: Held::Raw(text), .. } => {
                size_of::<Vec<u8>>() + text.capacity()
            }
            Form::Held { .. } | Form::FarHeld { .. } => self.value().memory(),
        };
        key + value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a value is made of.
    #[derive(Debug, Clone)]
    enum Sample {
        Text(Vec<u8>),
        Raw(Vec<u8>),
        Int(i64),
        List,
    }

    impl Sample {
        fn value(&self) -> Value {
            match self {
                Self::Text(text) => Value::String(StringValue::text(text)),
                Self::Raw(text) => Value::String(StringValue::raw(text.clone())),
                Self::Int(integer) => Value::String(StringValue::from_int(*integer)),
                Self::List => Value::List(Box::default()),
            }
        }
    }

    fn sample() -> impl Strategy<Value = Sample> {
        let text = || proptest::collection::vec(any::<u8>(), 0..60);
        prop_oneof![
            text().prop_map(Sample::Text),
            text().prop_map(Sample::Raw),
            any::<i64>().prop_map(Sample::Int),
            Just(Sample::List),
        ]
    }

    fn same(view: ValueView<'_>, other: ValueView<'_>) -> bool {
        match (view, other) {
            (ValueView::String(one), ValueView::String(other)) => one == other,
            (one, other) => one.kind() == other.kind(),
        }
    }

    proptest! {
        /// Whatever form it has, an entry gives back what was put in.
        #[test]
        fn keeps_key_and_value(
            key in proptest::collection::vec(any::<u8>(), 0..40),
            samples in proptest::collection::vec(sample(), 1..6),
        ) {
            let values: Vec<Value> = samples.iter().map(Sample::value).collect();
            let mut entry = Entry::new(&key, values[0].clone(), Some(Millis(5)), 7);
            for pair in values.windows(2) {
                prop_assert_eq!(entry.key(), &key);
                prop_assert!(same(entry.value(), pair[0].view()));
                if !entry.overwrite(&pair[1]) {
                    let old = entry.replace(pair[1].clone());
                    prop_assert!(same(old.view(), pair[0].view()));
                }
                prop_assert_eq!((entry.access(), entry.expiry()), (7, Some(Millis(5))));
            }
            let Some(last) = values.last() else { return Ok(()) };
            prop_assert!(same(entry.value(), last.view()));
            if let ValueView::String(string) = last.view() {
                let text = string.to_vec();
                prop_assert_eq!(entry.raw_text().map(|raw| raw.clone()), Some(text));
            }
            prop_assert!(entry.key() == key && entry.into_value().view().kind() == last.view().kind());
        }
    }

    #[test]
    fn what_is_short_takes_no_allocation() {
        let of = |key: usize, value: usize| {
            let value = Value::String(StringValue::text(&vec![b'v'; value]));
            Entry::new(&vec![b'k'; key], value, None, 0).memory()
        };
        assert_eq!((of(16, 16), of(1, 30), of(33, 0)), (0, 0, 0));
        assert_eq!((of(16, 100), of(18, 31)), (100, 31));
        assert_eq!(of(19, 100), 119);
    }
}
