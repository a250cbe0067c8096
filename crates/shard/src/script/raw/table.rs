//! Tables read without a call of Lua's C API.
//!
//! A library that writes a table out asks the API for each key and each value, and `lua_next` looks
//! the last key up again for each. What `peek` does with values on the stack, this does with those
//! in tables.
//!
//! # Why it is sound
//! - P1 and P2 of `peek` hold here, too: [`verify`] compares a walk over tables of all sorts with
//!   that of `lua_next`, and reads only what lies within blocks whose sizes the allocator has
//!   counted.
//! - P3. What [`Stack::look`] hands out lives as long as the value that it begins with is on the
//!   stack, as long as no table is changed: what is in a table is alive, and no object of LuaJIT
//!   moves. Lua code does not run meanwhile (S5), and those who look change nothing.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

use mlua::ffi;

use super::memory::Memory;
use super::{Kind, Stack, peek};

/// A value that is looked at: on the stack, or in a table that is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::script) struct Value<'a> {
    bits: u64,
    lives: PhantomData<&'a ()>,
}

/// A table that is looked at.
#[derive(Clone, Copy)]
pub(in crate::script) struct Table<'a> {
    head: *const Head,
    lives: PhantomData<&'a ()>,
}

/// What `lua_next` gives, and where it goes on.
pub(in crate::script) struct Entry<'a> {
    pub(in crate::script) key: Value<'a>,
    pub(in crate::script) value: Value<'a>,
    /// The place after it.
    pub(in crate::script) next: usize,
}

/// A table object.
#[repr(C)]
struct Head {
    /// Link and marks of the collector.
    marks: [u64; 2],
    /// The values of the numbers from 0.
    items: *const u64,
    /// Links of the collector, the metatable.
    links: [u64; 2],
    nodes: *const Node,
    items_len: u32,
    /// One less than the number of nodes. 0: there are none.
    node_mask: u32,
    /// Free nodes are below.
    free: *const Node,
}

/// A place for a key with its value.
#[repr(C)]
struct Node {
    value: u64,
    key: u64,
    chain: u64,
}

const NIL: u64 = u64::MAX;

/// [`verify`] has been passed by the last VM that was made: all are alike.
static VERIFIED: AtomicBool = AtomicBool::new(false);

#[cfg(test)]
thread_local! {
    /// No values may be looked at on this thread.
    pub(in crate::script) static BLIND: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl<'a> Value<'a> {
    fn of(bits: u64) -> Self {
        Self { bits, lives: PhantomData }
    }

    #[inline]
    pub(in crate::script) fn kind(self) -> Kind {
        peek::kind(self.bits)
    }

    /// The number that it is; anything for other kinds.
    #[inline]
    pub(in crate::script) fn number(self) -> f64 {
        f64::from_bits(self.bits)
    }

    /// Whether it is true as a condition.
    #[inline]
    pub(in crate::script) fn is_true(self) -> bool {
        !matches!(peek::tag(self.bits), peek::TAG_FALSE | peek::TAG_NIL)
    }

    #[inline]
    pub(in crate::script) fn text(self) -> Option<&'a [u8]> {
        // SAFETY: P3.
        unsafe { peek::text(self.bits) }
    }

    #[inline]
    pub(in crate::script) fn table(self) -> Option<Table<'a>> {
        (self.kind() == Kind::Table)
            .then(|| Table { head: peek::address(self.bits) as *const Head, lives: PhantomData })
    }

    /// Lua's name of its kind.
    pub(in crate::script) fn kind_name(self) -> &'static str {
        match self.kind() {
            Kind::Nil => "nil",
            Kind::Boolean => "boolean",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Table => "table",
            Kind::Other => match peek::tag(self.bits) {
                peek::TAG_THREAD => "thread",
                peek::TAG_FUNCTION => "function",
                _ => "userdata",
            },
        }
    }
}

// SAFETY for all methods: P1 to P3.
#[expect(clippy::undocumented_unsafe_blocks, reason = "argued once above for all of them")]
impl<'a> Table<'a> {
    /// The first entry from a place on, which is 0 or was given by an entry, in the order of
    /// `lua_next`.
    #[inline]
    pub(in crate::script) fn entry(self, place: usize) -> Option<Entry<'a>> {
        let head = unsafe { &*self.head };
        let len = head.items_len as usize;
        let mut at = place;
        while at < len {
            let value = unsafe { *head.items.add(at) };
            if value != NIL {
                let key = Value::of((at as f64).to_bits());
                return Some(Entry { key, value: Value::of(value), next: at + 1 });
            }
            at += 1;
        }
        if head.node_mask != 0 {
            let end = len + head.node_mask as usize;
            while at <= end {
                let node = unsafe { &*head.nodes.add(at - len) };
                at += 1;
                if node.value != NIL {
                    return Some(Entry {
                        key: Value::of(node.key),
                        value: Value::of(node.value),
                        next: at,
                    });
                }
            }
        }
        None
    }

    /// The value of a number, nil included; `None` where it has to be searched for.
    #[inline]
    pub(in crate::script) fn item(self, n: usize) -> Option<Value<'a>> {
        let head = unsafe { &*self.head };
        (n < head.items_len as usize).then(|| Value::of(unsafe { *head.items.add(n) }))
    }

    /// How many places there are for the values of the numbers from 0, if there are no others.
    #[inline]
    pub(in crate::script) fn items_only(self) -> Option<usize> {
        let head = unsafe { &*self.head };
        (head.node_mask == 0).then_some(head.items_len as usize)
    }
}

// SAFETY for all methods: as for the others of `Stack`; P1 to P3.
#[expect(clippy::undocumented_unsafe_blocks, reason = "argued once above for all of them")]
impl Stack {
    /// Whether values may be looked at.
    #[inline]
    pub(in crate::script) fn can_look(self) -> bool {
        #[cfg(test)]
        if BLIND.get() {
            return false;
        }
        VERIFIED.load(Ordering::Relaxed)
    }

    /// Hands `read` the value on top of the stack, which it leaves there; it changes no table (P3).
    /// Values may be looked at.
    #[inline]
    pub(in crate::script) fn look<R>(self, read: impl FnOnce(Value<'_>) -> R) -> R {
        assert!(self.can_look() && self.top() > 0, "P1");
        read(Value::of(unsafe { peek::at_index(self.0, -1) }))
    }

    /// [`Self::push_null`]'s value, if values may be looked at.
    pub(in crate::script) fn null(self) -> Option<Value<'static>> {
        if !self.can_look() {
            return None;
        }
        self.push_null();
        // No object: it lives for ever.
        let null = Value::of(unsafe { peek::at_index(self.0, -1) });
        self.pop(1);
        Some(null)
    }

    /// The value of a number in a table that is looked at.
    pub(in crate::script) fn look_up<'a>(self, table: Table<'a>, n: usize) -> Value<'a> {
        if let Some(value) = table.item(n) {
            return value;
        }
        unsafe {
            peek::push(self.0, peek::table_bits(table.head as usize));
            ffi::lua_rawgeti_(self.0, -1, n as i32);
            let value = Value::of(peek::at_index(self.0, -1));
            self.pop(2);
            value
        }
    }

    /// Pushes a copy of the value at a place, counted from the bottom. Values may be looked at.
    #[inline]
    pub(in crate::script) fn push_copy(self, place: usize) {
        debug_assert!(self.can_look() && (1..=self.top()).contains(&(place as i32)));
        unsafe { peek::push(self.0, peek::bits(self.0, place - 1)) }
    }

    /// Puts a copy of the value on top of the stack at a place, counted from the bottom. Values may
    /// be looked at.
    #[inline]
    pub(in crate::script) fn copy_top(self, place: usize) {
        debug_assert!(self.can_look() && (1..=self.top()).contains(&(place as i32)));
        unsafe { peek::put(self.0, place - 1, peek::at_index(self.0, -1)) }
    }
}

/// Sees whether tables are what they are taken for. The state is new, and nothing runs in it.
///
/// # Safety
/// The state is this thread's and made with the counters that it is handed; `peek` has been
/// verified, and nothing is on the stack.
pub(super) unsafe fn verify(state: *mut ffi::lua_State, memory: *const Memory) {
    // SAFETY: by the caller; P2. So few values have room on any stack. That the collector waits
    // keeps what is counted from what it frees.
    unsafe {
        ffi::lua_gc(state, ffi::LUA_GCSTOP, 0);
        let agrees =
            peek::is_verified() && peek::pushes_agree(state) && shapes_agree(state, memory) && {
                let walks = [walk_agrees(state, 0), walk_agrees(state, 1), walk_agrees(state, 40)];
                walks == [true; 3] && names_agree(state)
            };
        ffi::lua_settop(state, 0);
        ffi::lua_gc(state, ffi::LUA_GCRESTART, -1);
        VERIFIED.store(agrees, Ordering::Relaxed);
    }
}

/// Whether new tables are of the size that they are taken to be of, and so are their parts.
unsafe fn shapes_agree(state: *mut ffi::lua_State, memory: *const Memory) -> bool {
    // SAFETY: as in `verify`. The head is read once its size and address are known, which is that
    // of the block: what comes behind it is where its items are said to be.
    unsafe {
        let created = |items: i32, nodes: i32| {
            let before = (*memory).used;
            ffi::lua_createtable(state, items, nodes);
            let bits = peek::at_index(state, -1);
            let head = peek::address(bits) as *const Head;
            let is_known = ffi::lua_topointer(state, -1) == head.cast() && !head.is_null();
            (is_known && peek::kind(bits) == Kind::Table, (*memory).used - before, head)
        };
        let (known, size, empty) = created(0, 0);
        if !known || size != size_of::<Head>() {
            return false;
        }
        let is_empty = (*empty).items_len == 0 && (*empty).node_mask == 0;

        let (known, size, list) = created(4, 0);
        if !known || size != size_of::<Head>() + 5 * size_of::<u64>() {
            return false;
        }
        let is_list = (*list).items_len == 5
            && (*list).node_mask == 0
            && (*list).items == list.add(1).cast::<u64>();

        let (known, size, object) = created(0, 4);
        if !known || size != size_of::<Head>() + 4 * size_of::<Node>() {
            return false;
        }
        let is_object = (*object).items_len == 0
            && (*object).node_mask == 3
            && !(*object).nodes.is_null()
            && (*object).nodes.wrapping_add(4) == (*object).free;

        ffi::lua_settop(state, 0);
        is_empty && is_list && is_object
    }
}

/// Whether a table of keys of many kinds, with gaps, of which `items` are in a row, is walked as
/// `lua_next` walks it.
unsafe fn walk_agrees(state: *mut ffi::lua_State, items: i32) -> bool {
    // SAFETY: as in `verify`; the keys are neither nil nor NaN.
    unsafe {
        ffi::lua_createtable(state, items, 0);
        for item in 1..=items {
            ffi::lua_pushnumber(state, f64::from(item) * 1.5);
            ffi::lua_rawseti_(state, 1, item);
        }
        for (at, name) in [&b"a"[..], b"b", b"gone", b"", b"another", b"c"].iter().enumerate() {
            ffi::lua_pushlstring_(state, name.as_ptr().cast(), name.len());
            ffi::lua_pushboolean(state, at as i32 % 2);
            ffi::lua_rawset(state, 1);
        }
        for number in [0.0, -1.0, 0.5, 1e10, f64::INFINITY, 30.0, 90.0] {
            ffi::lua_pushnumber(state, number);
            ffi::lua_createtable(state, 0, 0);
            ffi::lua_rawset(state, 1);
        }
        ffi::lua_pushboolean(state, 1);
        ffi::lua_pushlightuserdata(state, state.cast());
        ffi::lua_rawset(state, 1);
        ffi::lua_pushlstring_(state, b"gone".as_ptr().cast(), 4);
        ffi::lua_pushnil(state);
        ffi::lua_rawset(state, 1);
        ffi::lua_pushnil(state);
        ffi::lua_rawseti_(state, 1, 30);

        let Some(table) = Value::of(peek::at_index(state, 1)).table() else { return false };
        let mut place = 0;
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, 1) != 0 {
            let (key, value) = (peek::at_index(state, -2), peek::at_index(state, -1));
            match table.entry(place) {
                Some(entry) if (entry.key.bits, entry.value.bits) == (key, value) => {
                    place = entry.next;
                }
                _ => return false,
            }
            ffi::lua_settop(state, 2);
        }
        let stack = Stack(state);
        let items_agree = (0..100).all(|n| {
            ffi::lua_rawgeti_(state, 1, n);
            let item = peek::at_index(state, -1);
            ffi::lua_settop(state, 1);
            stack.look_up(table, n as usize).bits == item
        });
        let is_end = table.entry(place).is_none();
        ffi::lua_settop(state, 0);
        items_agree && is_end
    }
}

/// Whether values of all kinds have the names that Lua gives them.
unsafe fn names_agree(state: *mut ffi::lua_State) -> bool {
    // SAFETY: as in `verify`.
    unsafe {
        ffi::lua_pushnil(state);
        ffi::lua_pushboolean(state, 1);
        ffi::lua_pushboolean(state, 0);
        ffi::lua_pushlightuserdata(state, state.cast());
        ffi::lua_createtable(state, 0, 0);
        ffi::lua_pushthread(state);
        ffi::lua_newuserdata(state, 8);
        ffi::lua_pushcclosure(state, super::entry::trampoline, 0);
        ffi::lua_pushnumber(state, 1.0);
        ffi::lua_pushlstring_(state, b"x".as_ptr().cast(), 1);
        let stack = Stack(state);
        (1..=stack.top()).all(|index| {
            let value = Value::of(peek::at_index(state, index));
            value.kind_name() == stack.kind_name(index) && value.is_true() == stack.boolean(index)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Rig;

    #[test]
    fn this_build_lets_tables_be_looked_at() {
        Rig::new().check("EVAL 'return 1' 0", ":1");
        assert!(VERIFIED.load(Ordering::Relaxed));
    }
}
