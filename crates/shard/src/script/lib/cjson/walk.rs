//! A value with all that is in it, walked by iteration.
//!
//! There are two ways: [`Looked`] looks at tables where they lie, which costs a fraction of a call
//! of Lua's C API; [`Asked`] goes by the API, for a VM whose tables cannot be looked at. Both come
//! to the same entries in the same order, that of `lua_next`.
//!
//! A walk has *come to* a value, with its key where that is an entry's. Whoever walks enters it
//! where it is a table, or is done with it.

use std::ffi::c_int;

use crate::script::raw::{Kind, Stack, Table, Value};

/// Places that Lua has made room for in any function.
const PLACES: usize = 20;

/// The most places of a table that are looked at in one go: of a longer list [`Walk::items`] is not
/// known.
const LIST_MAX: usize = 1024;

/// What a walk has come to.
pub(super) enum Found<'a> {
    Nil,
    Boolean(bool),
    Number(f64),
    Text(&'a [u8]),
    Table,
    /// `cjson.null`.
    Null,
    /// None of these: Lua's name of its kind.
    Other(&'static str),
}

impl Found<'_> {
    /// Lua's name of its kind.
    pub(super) fn kind_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Boolean(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Table => "table",
            Self::Null => "userdata",
            Self::Other(name) => name,
        }
    }
}

/// See the module.
pub(super) trait Walk {
    /// The value that has been come to.
    fn value(&mut self) -> Found<'_>;

    /// The key of the entry that has been come to.
    fn key(&mut self) -> Found<'_>;

    /// Is done with a value that has been come to, and not entered.
    fn done(&mut self);

    /// Enters the table that has been come to; false when there is no room for what is in it.
    fn enter(&mut self) -> bool;

    /// Leaves the table that was entered last, and is done with it.
    fn leave(&mut self);

    /// How many items the table that was entered has, if it is known without looking at each that
    /// they are the numbers from 1 on and nothing else.
    fn items(&self) -> Option<usize>;

    /// Begins with the entries of the table that was entered last. That goes on until the last
    /// has been come to, or [`Self::end`].
    fn begin(&mut self);

    /// Comes to the next entry; false when there is none.
    fn next(&mut self) -> bool;

    /// Leaves the entries that are left; the value has been done with.
    fn end(&mut self);

    /// Comes to the value of a number in the table that was entered last, nil included.
    fn item(&mut self, n: usize);
}

/// The way by the API. The tables that were entered lie on the stack, each with the key that has
/// been come to, and on top the value that has been.
pub(super) struct Asked {
    stack: Stack,
    /// A copy of the text that has been come to.
    text: Vec<u8>,
}

impl Asked {
    /// A walk of the value on top of the stack.
    pub(super) fn new(stack: Stack) -> Self {
        Self { stack, text: Vec::new() }
    }

    fn found(&mut self, index: c_int) -> Found<'_> {
        let stack = self.stack;
        match stack.kind(index) {
            Kind::String => {
                self.text.clear();
                stack.with_string(index, |text| self.text.extend_from_slice(text));
                Found::Text(&self.text)
            }
            Kind::Nil => Found::Nil,
            Kind::Boolean => Found::Boolean(stack.boolean(index)),
            Kind::Number => Found::Number(stack.number(index)),
            Kind::Table => Found::Table,
            Kind::Other if stack.is_null(index) => Found::Null,
            Kind::Other => Found::Other(stack.kind_name(index)),
        }
    }
}

impl Walk for Asked {
    fn value(&mut self) -> Found<'_> {
        self.found(-1)
    }

    fn key(&mut self) -> Found<'_> {
        self.found(-2)
    }

    fn done(&mut self) {
        self.stack.pop(1);
    }

    fn enter(&mut self) -> bool {
        self.stack.ensure(3)
    }

    fn leave(&mut self) {
        self.stack.pop(1);
    }

    fn items(&self) -> Option<usize> {
        None
    }

    fn begin(&mut self) {
        self.stack.push_nil();
    }

    fn next(&mut self) -> bool {
        self.stack.next(-2)
    }

    fn end(&mut self) {
        self.stack.pop(1);
    }

    fn item(&mut self, n: usize) {
        self.stack.raw_get_index(-1, n);
    }
}

/// The way without the API. Nothing of it lies on the stack; but what would is counted, so that
/// what nests too deep for the one way does for the other.
pub(super) struct Looked<'a> {
    stack: Stack,
    key: Value<'a>,
    value: Value<'a>,
    /// The tables that were entered.
    levels: Vec<Level<'a>>,
    null: Option<Value<'a>>,
}

struct Level<'a> {
    table: Table<'a>,
    /// From where on the next entry is searched for.
    place: usize,
    /// Between [`Walk::begin`] and the end: with the API, a key lies on the stack.
    has_key: bool,
    /// How many values lie on the stack with the API when the table is entered.
    depth: usize,
}

impl<'a> Looked<'a> {
    /// A walk of the value on top of the stack.
    pub(super) fn new(stack: Stack, value: Value<'a>) -> Self {
        Self { stack, key: value, value, levels: Vec::with_capacity(8), null: None }
    }

    #[inline(always)]
    fn found(&mut self, value: Value<'a>) -> Found<'a> {
        match value.kind() {
            Kind::String => Found::Text(value.text().unwrap_or_default()),
            Kind::Nil => Found::Nil,
            Kind::Boolean => Found::Boolean(value.is_true()),
            Kind::Number => Found::Number(value.number()),
            Kind::Table => Found::Table,
            Kind::Other => {
                self.null = self.null.or_else(|| self.stack.null());
                let is_null = self.null == Some(value);
                if is_null { Found::Null } else { Found::Other(value.kind_name()) }
            }
        }
    }
}

impl Walk for Looked<'_> {
    #[inline(always)]
    fn value(&mut self) -> Found<'_> {
        self.found(self.value)
    }

    #[inline(always)]
    fn key(&mut self) -> Found<'_> {
        self.found(self.key)
    }

    #[inline]
    fn done(&mut self) {}

    fn enter(&mut self) -> bool {
        let Some(table) = self.value.table() else { return false };
        let top = self.stack.top() as usize;
        let around = self.levels.last();
        let depth = around.map_or(top, |level| level.depth + 1 + usize::from(level.has_key));
        if depth + 3 > PLACES && !self.stack.ensure(depth - top + 3) {
            return false;
        }
        self.levels.push(Level { table, place: 0, has_key: false, depth });
        true
    }

    #[inline]
    fn leave(&mut self) {
        self.levels.pop();
    }

    fn items(&self) -> Option<usize> {
        let table = self.levels.last()?.table;
        let places = table.items_only().filter(|places| (1..=LIST_MAX).contains(places))?;
        let is_nil = |n: usize| table.item(n).is_none_or(|value| value.kind() == Kind::Nil);
        let items = (1..places).take_while(|n| !is_nil(*n)).count();
        let is_list = is_nil(0) && (items + 1..places).all(is_nil);
        is_list.then_some(items)
    }

    #[inline]
    fn begin(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            (level.place, level.has_key) = (0, true);
        }
    }

    #[inline]
    fn next(&mut self) -> bool {
        let Some(level) = self.levels.last_mut() else { return false };
        let Some(entry) = level.table.entry(level.place) else {
            level.has_key = false;
            return false;
        };
        level.place = entry.next;
        (self.key, self.value) = (entry.key, entry.value);
        true
    }

    #[inline]
    fn end(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.has_key = false;
        }
    }

    #[inline]
    fn item(&mut self, n: usize) {
        if let Some(level) = self.levels.last() {
            let found = level.table.item(n);
            self.value = found.unwrap_or_else(|| self.stack.look_up(level.table, n));
        }
    }
}
