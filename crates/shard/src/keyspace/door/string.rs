//! Strings: reading, and their mutators.

use super::{Inverse, NewExpiry};
use crate::effect::{Effect, StringEffect};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::keyspace::short_bytes::ShortBytes;
use crate::keyspace::undo::Undo;
use crate::keyspace::value::{Value, ValueView};
use crate::time::Millis;
use crate::types::string::{StringValue, StringView, splice, unsplice};

/// How to take back one change inside a string.
pub(in crate::keyspace) struct StringInverse {
    offset: usize,
    overwritten: Vec<u8>,
    len_before: usize,
}

impl StringInverse {
    /// Bytes of memory outside of this struct.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        self.overwritten.capacity()
    }

    pub(super) fn apply(self, text: &mut Vec<u8>) {
        unsplice(text, self.offset, &self.overwritten, self.len_before);
    }
}

impl Keyspace {
    /// The string at a key; `None` when the key is missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when the key holds something else.
    #[inline]
    pub fn string(&mut self, key: &[u8]) -> Result<Option<StringView<'_>>, CommandError> {
        let Some(handle) = self.read(key) else { return Ok(None) };
        match self.tables.entries.at(handle).value() {
            ValueView::String(string) => Ok(Some(string)),
            _ => Err(CommandError::WrongType),
        }
    }

    /// Sets a key to a string, whatever it held before.
    pub fn set_string(&mut self, key: &[u8], value: StringValue, expiry: NewExpiry) {
        let found = self.live(key);
        let expiry = match (expiry, found) {
            (NewExpiry::Never, _) | (NewExpiry::Keep, None) => None,
            (NewExpiry::At(at), _) => Some(at),
            (NewExpiry::Keep, Some(handle)) => self.tables.entries.at(handle).expiry(),
        };
        if self.record {
            value.view().with_text(|text| {
                let expiry = expiry.map(|at| at.0);
                let effect = StringEffect::Set { value: text, expiry };
                Effect::String(key, effect).encode(&mut self.effects);
            });
        }
        self.counters.changes += 1;
        self.note_touched(key);
        self.put(key, found, Value::String(value), expiry);
    }

    /// Writes `patch` into the string at a key at `offset`, filling a gap with zeros; a missing
    /// key is an empty string. Returns the new length.
    ///
    /// # Errors
    /// [`CommandError::WrongType`], [`CommandError::StringTooLong`].
    pub fn splice_string(
        &mut self,
        key: &[u8],
        offset: usize,
        patch: &[u8],
    ) -> Result<usize, CommandError> {
        let found = self.live(key);
        let end = offset.checked_add(patch.len()).ok_or(CommandError::StringTooLong)?;
        if end > self.settings.string_len_max {
            return Err(CommandError::StringTooLong);
        }
        let found = match found {
            Some(handle) => handle,
            None => self.insert(key, Value::String(StringValue::new(b"")), None),
        };
        let entry = self.tables.entries.at_mut(found);
        let ValueView::String(string) = entry.value() else {
            return Err(CommandError::WrongType);
        };
        let len_before = string.len();
        // A short string is kept whole: that restores its encoding too.
        let whole = (len_before <= 64).then(|| string.to_value());
        let Some(text) = entry.raw_text() else { return Err(CommandError::WrongType) };
        let overwritten = splice(text, offset, patch);
        let len = text.len();
        self.note_use(found);
        let previous_expiry = self.tables.entries.at(found).expiry();
        self.undo.push(|| match whole {
            Some(string) => Undo::Entry {
                key: ShortBytes::new(key),
                previous: Some((Value::String(string), previous_expiry)),
            },
            None => {
                let inverse = StringInverse { offset, overwritten, len_before };
                Undo::Inside { key: ShortBytes::new(key), inverse: Inverse::String(inverse) }
            }
        });
        let effect = StringEffect::Splice { offset: offset as u64, patch };
        self.record(key, Effect::String(key, effect));
        Ok(len)
    }

    /// Applies a recorded effect.
    pub(super) fn apply_to_string(&mut self, key: &[u8], effect: StringEffect<'_>) {
        match effect {
            StringEffect::Set { value, expiry } => {
                let expiry = expiry.map_or(NewExpiry::Never, |at| NewExpiry::At(Millis(at)));
                self.set_string(key, StringValue::new(value), expiry);
            }
            StringEffect::Splice { offset, patch } => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                drop(self.splice_string(key, offset, patch));
            }
        }
    }
}
