//! Lists: reading, and their mutators.

use super::Inverse;
use crate::effect::{Effect, ListEffect};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::keyspace::value::{Value, ValueMut, ValueView};
use crate::types::list::{Change, End, List, ListLimit};

/// How to take back one change inside a list.
pub(in crate::keyspace) struct ListInverse {
    change: Change,
    /// Whether it was a quicklist.
    quick: bool,
    limit: ListLimit,
}

impl ListInverse {
    /// Bytes of memory outside of this struct.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        self.change.memory()
    }

    pub(super) fn apply(self, list: &mut List) {
        list.take_back(self.change, self.quick, self.limit);
    }
}

/// Appends the effects that make the list at a key.
pub(super) fn effects_of_whole(key: &[u8], list: &List, out: &mut Vec<u8>) {
    for element in list.iter_from(0) {
        element.with_text(|element| {
            Effect::List(key, ListEffect::PushTail { element }).encode(out);
        });
    }
}

/// The indexes, ascending, of elements that equal a text: the first `count`, the last for a
/// negative one, or all for 0. `beat` is asked at each element whether to go on.
///
/// # Errors
/// That of `beat`.
pub(crate) fn indexes_of<E>(
    list: &List,
    element: &[u8],
    count: i64,
    mut beat: impl FnMut() -> Result<(), E>,
) -> Result<Vec<usize>, E> {
    let most = if count == 0 { u64::MAX } else { count.unsigned_abs() };
    let mut found = Vec::new();
    list.search(element, if count < 0 { End::Tail } else { End::Head }, |index, equal| {
        beat()?;
        if equal {
            found.push(index);
        }
        Ok((found.len() as u64) < most)
    })?;
    if count < 0 {
        found.reverse();
    }
    Ok(found)
}

impl Keyspace {
    /// The list at a key; `None` when the key is missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`] when the key holds something else.
    pub fn list(&mut self, key: &[u8]) -> Result<Option<&List>, CommandError> {
        let Some(handle) = self.read(key) else { return Ok(None) };
        match self.tables.entries.at(handle).value() {
            ValueView::List(list) => Ok(Some(list)),
            _ => Err(CommandError::WrongType),
        }
    }

    /// The list of an entry.
    fn list_at(&mut self, handle: u32) -> Result<&mut List, CommandError> {
        match self.tables.entries.at_mut(handle).value_mut() {
            ValueMut::List(list) => Ok(list),
            _ => Err(CommandError::WrongType),
        }
    }

    /// Puts elements at an end of the list at a key, one after the other; the list is made when it
    /// is missing. Returns its new length.
    ///
    /// # Errors
    /// [`CommandError::WrongType`]; nothing has changed.
    pub fn list_push<'e>(
        &mut self,
        key: &[u8],
        end: End,
        elements: impl ExactSizeIterator<Item = &'e [u8]> + Clone,
    ) -> Result<usize, CommandError> {
        let limit = self.settings.list_limit;
        let count = elements.len();
        let handle = match self.live(key) {
            Some(handle) => handle,
            None if count == 0 => return Ok(0),
            None => self.insert(key, Value::List(Box::default()), None),
        };
        let bytes = elements.clone().map(<[u8]>::len).sum();
        let list = self.list_at(handle)?;
        let quick = list.is_quick();
        list.grow(bytes, count, limit);
        elements.clone().for_each(|element| list.push(end, element, limit));
        let len = list.len();
        self.list_changed(handle, key, quick, Change::Pushed(end, count));
        for element in elements {
            let effect = match end {
                End::Head => ListEffect::PushHead { element },
                End::Tail => ListEffect::PushTail { element },
            };
            self.record(key, Effect::List(key, effect));
        }
        Ok(len)
    }

    /// Removes elements, at most all, at an end of the list at a key, and the key with its last
    /// element. Returns how many.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn list_pop(&mut self, key: &[u8], end: End, count: usize) -> Result<usize, CommandError> {
        let limit = self.settings.list_limit;
        let kept = self.undo.is_open();
        let Some(handle) = self.live(key) else { return Ok(0) };
        let list = self.list_at(handle)?;
        let count = count.min(list.len());
        if count == 0 {
            return Ok(0);
        }
        let quick = list.is_quick();
        // What nobody can take back is not kept.
        let change = if kept {
            Change::Cut(end, list.cut(end, count))
        } else {
            list.drop_end(end, count);
            Change::Pushed(end, 0)
        };
        list.shrink(limit);
        let empty = list.is_empty();
        self.list_changed(handle, key, quick, change);
        let (removed, count) = (count, count as u64);
        let effect = match end {
            End::Head => ListEffect::PopHead { count },
            End::Tail => ListEffect::PopTail { count },
        };
        self.record(key, Effect::List(key, effect));
        if empty {
            self.drop_emptied(handle, key);
        }
        Ok(removed)
    }

    /// Puts an element in the place of the one at an index of the list at a key. Says whether
    /// there is one.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn list_set(
        &mut self,
        key: &[u8],
        index: usize,
        element: &[u8],
    ) -> Result<bool, CommandError> {
        let limit = self.settings.list_limit;
        let Some(handle) = self.live(key) else { return Ok(false) };
        let list = self.list_at(handle)?;
        if index >= list.len() {
            return Ok(false);
        }
        let quick = list.is_quick();
        list.grow(element.len(), 1, limit);
        let Some(old) = list.set(index, element, limit) else { return Ok(false) };
        list.shrink(limit);
        self.list_changed(handle, key, quick, Change::Replaced(index, old));
        let effect = ListEffect::Set { index: index as u64, element };
        self.record(key, Effect::List(key, effect));
        Ok(true)
    }

    /// Puts an element before the one at an index of the list at a key, or at the end. Returns the
    /// new length, 0 when the key is missing.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub fn list_insert(
        &mut self,
        key: &[u8],
        index: usize,
        element: &[u8],
    ) -> Result<usize, CommandError> {
        let limit = self.settings.list_limit;
        let Some(handle) = self.live(key) else { return Ok(0) };
        let list = self.list_at(handle)?;
        let quick = list.is_quick();
        let index = index.min(list.len());
        list.grow(element.len(), 1, limit);
        list.insert(index, element, limit);
        let len = list.len();
        self.list_changed(handle, key, quick, Change::Inserted(index));
        let effect = ListEffect::Insert { index: index as u64, element };
        self.record(key, Effect::List(key, effect));
        Ok(len)
    }

    /// Removes the elements at `indexes`, which are what [`indexes_of`] gives for this element and
    /// count, from the list at a key, and the key with its last element.
    ///
    /// # Errors
    /// [`CommandError::WrongType`].
    pub(crate) fn list_remove_equal(
        &mut self,
        key: &[u8],
        element: &[u8],
        count: i64,
        indexes: Vec<usize>,
    ) -> Result<(), CommandError> {
        let limit = self.settings.list_limit;
        let Some(handle) = self.live(key).filter(|_| !indexes.is_empty()) else { return Ok(()) };
        let list = self.list_at(handle)?;
        let quick = list.is_quick();
        list.remove(&indexes);
        list.shrink(limit);
        let empty = list.is_empty();
        let change = Change::Removed(indexes, element.to_vec());
        self.list_changed(handle, key, quick, change);
        self.record(key, Effect::List(key, ListEffect::RemoveEqual { count, element }));
        if empty {
            self.drop_emptied(handle, key);
        }
        Ok(())
    }

    /// Has a key hold this list, whatever it held before; an empty one removes the key. Says
    /// whether the key was there.
    pub fn list_store<'e>(
        &mut self,
        key: &[u8],
        elements: impl ExactSizeIterator<Item = &'e [u8]> + Clone,
    ) -> bool {
        let existed = self.remove(key);
        // The key is not there, so it is of no other type.
        drop(self.list_push(key, End::Tail, elements));
        existed
    }

    /// Records the use of the key and the inverse of a change; the effect is the caller's.
    fn list_changed(&mut self, handle: u32, key: &[u8], quick: bool, change: Change) {
        let limit = self.settings.list_limit;
        self.prepare_inverse(handle, key, || Inverse::List(ListInverse { change, quick, limit }));
    }

    /// Applies a recorded effect.
    pub(super) fn apply_to_list(&mut self, key: &[u8], effect: ListEffect<'_>) {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        match effect {
            ListEffect::PushHead { element } => {
                drop(self.list_push(key, End::Head, std::iter::once(element)));
            }
            ListEffect::PushTail { element } => {
                drop(self.list_push(key, End::Tail, std::iter::once(element)));
            }
            ListEffect::PopHead { count } => drop(self.list_pop(key, End::Head, size(count))),
            ListEffect::PopTail { count } => drop(self.list_pop(key, End::Tail, size(count))),
            ListEffect::Set { index, element } => drop(self.list_set(key, size(index), element)),
            ListEffect::Insert { index, element } => {
                drop(self.list_insert(key, size(index), element));
            }
            ListEffect::RemoveEqual { count, element } => {
                let Ok(Some(list)) = self.list(key) else { return };
                let go_on = || Ok::<(), std::convert::Infallible>(());
                let Ok(indexes) = indexes_of(list, element, count, go_on);
                drop(self.list_remove_equal(key, element, count, indexes));
            }
        }
    }
}
