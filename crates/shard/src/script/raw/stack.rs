//! What the host does with values: safe operations on a VM's stack.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use mlua::ffi;

use super::entry::{call_command, message_handler, pcall_command, trampoline};
use super::peek;
use super::vm::hook;
use super::{HostFunction, Kind};
use crate::script::host::Host;
use crate::script::interrupt::Control;

/// The stack of a running Lua function: how the host reads arguments and pushes results.
#[derive(Clone, Copy)]
pub(in crate::script) struct Stack(pub(super) *mut ffi::lua_State);

// SAFETY for all methods: the state lives and belongs to this thread (S4), places that are read
// are within the stack or read as nil, pushes have room (S3), raw access only (S2).
#[expect(clippy::undocumented_unsafe_blocks, reason = "argued once above for all of them")]
impl Stack {
    /// Pushes a closure that calls `function` with `host`.
    pub(in crate::script) fn push_function(self, host: *mut Host, function: HostFunction) {
        unsafe {
            ffi::lua_pushlightuserdata(self.0, host.cast());
            ffi::lua_pushlightuserdata(self.0, function as *mut c_void);
            ffi::lua_pushcclosure(self.0, trampoline, 2);
        }
    }

    /// Pushes `redis.call`, or `redis.pcall`.
    pub(in crate::script) fn push_command_function(self, is_protected: bool) {
        let function = if is_protected { pcall_command } else { call_command };
        unsafe { ffi::lua_pushcclosure(self.0, function, 0) };
    }

    /// Pushes the message handler of scripts.
    pub(in crate::script) fn push_message_handler(self, host: *mut Host) {
        unsafe {
            ffi::lua_pushlightuserdata(self.0, host.cast());
            ffi::lua_pushcclosure(self.0, message_handler, 1);
        }
    }

    /// Makes room for `count` more values; false when the stack cannot grow that much.
    pub(in crate::script) fn ensure(self, count: usize) -> bool {
        let Ok(count) = c_int::try_from(count) else { return false };
        unsafe { ffi::lua_checkstack(self.0, count) != 0 }
    }

    #[inline]
    pub(in crate::script) fn top(self) -> c_int {
        if peek::is_verified() {
            return unsafe { peek::count(self.0) } as c_int;
        }
        unsafe { ffi::lua_gettop(self.0) }
    }

    /// The bits of the value at a place, if they can be looked at.
    #[inline]
    fn peek(self, index: c_int) -> Option<u64> {
        (peek::is_verified() && index > ffi::LUA_REGISTRYINDEX)
            .then(|| unsafe { peek::at_index(self.0, index) })
    }

    pub(in crate::script) fn set_top(self, top: c_int) {
        unsafe { ffi::lua_settop(self.0, top) };
    }

    pub(in crate::script) fn pop(self, count: c_int) {
        self.set_top(-count - 1);
    }

    pub(in crate::script) fn push_nil(self) {
        unsafe { ffi::lua_pushnil(self.0) };
    }

    pub(in crate::script) fn push_boolean(self, value: bool) {
        unsafe { ffi::lua_pushboolean(self.0, c_int::from(value)) };
    }

    #[inline]
    pub(in crate::script) fn push_number(self, value: f64) {
        unsafe { ffi::lua_pushnumber(self.0, value) };
    }

    #[inline]
    pub(in crate::script) fn push_bytes(self, bytes: &[u8]) {
        unsafe { ffi::lua_pushlstring_(self.0, bytes.as_ptr().cast(), bytes.len()) };
    }

    /// Pushes the null that libraries use (`cjson.null`): a light userdata of address 0.
    pub(in crate::script) fn push_null(self) {
        unsafe { ffi::lua_pushlightuserdata(self.0, ptr::null_mut()) };
    }

    /// Whether the value is [`Self::push_null`]'s.
    pub(in crate::script) fn is_null(self, index: c_int) -> bool {
        unsafe {
            ffi::lua_type(self.0, index) == ffi::LUA_TLIGHTUSERDATA
                && ffi::lua_touserdata(self.0, index).is_null()
        }
    }

    #[inline]
    pub(in crate::script) fn push_table(self, items: usize, fields: usize) {
        let size = |count: usize| count.min(1 << 24) as c_int;
        unsafe { ffi::lua_createtable(self.0, size(items), size(fields)) };
    }

    pub(in crate::script) fn push_value(self, index: c_int) {
        unsafe { ffi::lua_pushvalue(self.0, index) };
    }

    pub(in crate::script) fn insert(self, index: c_int) {
        unsafe { ffi::lua_insert(self.0, index) };
    }

    /// The place counted from the bottom.
    pub(in crate::script) fn absolute(self, index: c_int) -> c_int {
        if index > 0 { index } else { self.top() + index + 1 }
    }

    #[inline]
    pub(in crate::script) fn kind(self, index: c_int) -> Kind {
        if let Some(bits) = self.peek(index) {
            return peek::kind(bits);
        }
        match unsafe { ffi::lua_type(self.0, index) } {
            ffi::LUA_TNIL | ffi::LUA_TNONE => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            _ => Kind::Other,
        }
    }

    /// Whether the value can be called without metamethods.
    pub(in crate::script) fn is_function(self, index: c_int) -> bool {
        unsafe { ffi::lua_type(self.0, index) == ffi::LUA_TFUNCTION }
    }

    /// Puts the value on top of the stack, which it takes off, in place of another.
    pub(in crate::script) fn replace(self, index: c_int) {
        unsafe { ffi::lua_replace(self.0, index) };
    }

    /// Lua's name of the kind of value at a place.
    pub(in crate::script) fn kind_name(self, index: c_int) -> &'static str {
        let name =
            unsafe { CStr::from_ptr(ffi::lua_typename(self.0, ffi::lua_type(self.0, index))) };
        name.to_str().unwrap_or("value")
    }

    pub(in crate::script) fn boolean(self, index: c_int) -> bool {
        unsafe { ffi::lua_toboolean(self.0, index) != 0 }
    }

    /// The number at a place; strings that read as numbers count, anything else is 0.
    #[inline]
    pub(in crate::script) fn number(self, index: c_int) -> f64 {
        if let Some(bits) = self.peek(index)
            && peek::kind(bits) == Kind::Number
        {
            return f64::from_bits(bits);
        }
        unsafe { ffi::lua_tonumber(self.0, index) }
    }

    /// Whether the value is a number or a string that reads as one.
    pub(in crate::script) fn is_numeric(self, index: c_int) -> bool {
        unsafe { ffi::lua_isnumber(self.0, index) != 0 }
    }

    /// Calls `read` with the bytes of the string at a place; `None` when there is no string (a
    /// number is none). The bytes do not outlive the call: the value might leave the stack.
    #[inline]
    pub(in crate::script) fn with_bytes<R>(
        self,
        index: c_int,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        if let Some(bits) = self.peek(index) {
            return unsafe { peek::text(bits) }.map(read);
        }
        (self.kind(index) == Kind::String).then(|| self.with_string(index, read))
    }

    /// [`Self::with_bytes`] of a place that is known to have a string.
    #[inline]
    pub(in crate::script) fn with_string<R>(
        self,
        index: c_int,
        read: impl FnOnce(&[u8]) -> R,
    ) -> R {
        debug_assert_eq!(self.kind(index), Kind::String);
        let mut len = 0;
        let start = unsafe { ffi::lua_tolstring(self.0, index, &raw mut len) };
        if start.is_null() {
            return read(&[]);
        }
        read(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) })
    }

    /// The text of the string or number at a place, numbers as Lua prints them (`%.14g`).
    pub(in crate::script) fn text(self, index: c_int) -> Option<Vec<u8>> {
        if self.kind(index) != Kind::Number {
            return self.with_bytes(index, <[u8]>::to_vec);
        }
        // `lua_tolstring` would turn the number on the stack into a string: use a copy of it.
        self.push_value(index);
        let mut len = 0;
        let text = unsafe {
            let start = ffi::lua_tolstring(self.0, -1, &raw mut len);
            std::slice::from_raw_parts(start.cast::<u8>(), len).to_vec()
        };
        self.pop(1);
        Some(text)
    }

    /// Pushes `table[n]`, raw.
    #[inline]
    pub(in crate::script) fn raw_get_index(self, table: c_int, n: usize) {
        if self.kind(table) == Kind::Table {
            self.raw_get_item(table, n);
        } else {
            self.push_nil();
        }
    }

    /// [`Self::raw_get_index`] of a place that is known to have a table.
    #[inline]
    pub(in crate::script) fn raw_get_item(self, table: c_int, n: usize) {
        debug_assert_eq!(self.kind(table), Kind::Table);
        unsafe { ffi::lua_rawgeti_(self.0, table, n as c_int) };
    }

    /// Pushes `table[name]`, raw.
    pub(in crate::script) fn raw_get_name(self, table: c_int, name: &[u8]) {
        let table = self.absolute(table);
        self.push_bytes(name);
        if self.kind(table) == Kind::Table {
            unsafe { ffi::lua_rawget_(self.0, table) };
        } else {
            self.pop(1);
            self.push_nil();
        }
    }

    /// Replaces the key on top of the stack by its value in the table, raw.
    pub(in crate::script) fn raw_get(self, table: c_int) {
        debug_assert_eq!(self.kind(table), Kind::Table);
        unsafe { ffi::lua_rawget_(self.0, table) };
    }

    /// Whether the value at a place has a metatable.
    pub(in crate::script) fn has_metatable(self, index: c_int) -> bool {
        let has = unsafe { ffi::lua_getmetatable(self.0, index) } != 0;
        if has {
            self.pop(1);
        }
        has
    }

    /// Whether the value is a table whose field `name` is true.
    pub(in crate::script) fn flag(self, index: c_int, name: &[u8]) -> bool {
        self.raw_get_name(index, name);
        let set = self.boolean(-1);
        self.pop(1);
        set
    }

    /// Whether the value is a table whose field `name` is a string.
    pub(in crate::script) fn has_text_field(self, index: c_int, name: &[u8]) -> bool {
        if self.kind(index) != Kind::Table {
            return false;
        }
        self.raw_get_name(index, name);
        let found = self.kind(-1) == Kind::String;
        self.pop(1);
        found
    }

    /// `table[n] = top`, raw; takes the value off the stack.
    #[inline]
    pub(in crate::script) fn raw_set_index(self, table: c_int, n: usize) {
        debug_assert_eq!(self.kind(table), Kind::Table);
        unsafe { ffi::lua_rawseti_(self.0, table, n as c_int) };
    }

    /// `table[below top] = top`, raw; takes both off the stack. A key of nil or NaN sets nothing.
    pub(in crate::script) fn raw_set(self, table: c_int) {
        let key = self.kind(-2);
        if key == Kind::Nil || (key == Kind::Number && self.number(-2).is_nan()) {
            self.pop(2);
            return;
        }
        debug_assert_eq!(self.kind(table), Kind::Table);
        unsafe { ffi::lua_rawset(self.0, table) };
    }

    /// [`Self::raw_set`] of a key that is known to be a string.
    #[inline]
    pub(in crate::script) fn raw_set_named(self, table: c_int) {
        debug_assert!(self.kind(table) == Kind::Table && self.kind(-2) == Kind::String);
        unsafe { ffi::lua_rawset(self.0, table) };
    }

    /// `table[name] = top`, raw; takes the value off the stack.
    pub(in crate::script) fn raw_set_name(self, table: c_int, name: &[u8]) {
        let table = self.absolute(table);
        self.push_bytes(name);
        self.insert(-2);
        self.raw_set(table);
    }

    /// `table[name] = what push pushes`, raw, of the table on top of the stack. It is one value, and
    /// the table stays.
    #[inline]
    pub(in crate::script) fn raw_set_field(self, name: &[u8], push: impl FnOnce(Self)) {
        debug_assert_eq!(self.kind(-1), Kind::Table);
        self.push_bytes(name);
        push(self);
        unsafe { ffi::lua_rawset(self.0, -3) };
    }

    /// Replaces the key on top of the stack by the next key of the table and its value; at the
    /// end takes the key off and says false. Begin with nil on top. The key must be one that this
    /// gave, and the table unchanged meanwhile.
    pub(in crate::script) fn next(self, table: c_int) -> bool {
        unsafe { ffi::lua_next(self.0, table) != 0 }
    }

    /// Whether the table has nothing but the items 1 to `len`, and no metatable.
    pub(in crate::script) fn is_plain_list(self, table: c_int, len: usize) -> bool {
        let table = self.absolute(table);
        // SAFETY: see above; `lua_next` is given a key of the table, or nil for an empty one.
        unsafe {
            if ffi::lua_getmetatable(self.0, table) != 0 {
                self.pop(1);
                return false;
            }
            // LuaJIT keeps item 0 before item 1, where `next` from the last item does not see it.
            ffi::lua_rawgeti_(self.0, table, 0);
            let has_zero = self.kind(-1) != Kind::Nil;
            self.pop(1);
            if has_zero {
                return false;
            }
            if len == 0 {
                self.push_nil();
            } else {
                ffi::lua_rawgeti_(self.0, table, len as c_int);
                let missing = self.kind(-1) == Kind::Nil;
                self.pop(1);
                if missing {
                    return false;
                }
                self.push_number(len as f64);
            }
            if ffi::lua_next(self.0, table) != 0 {
                self.pop(2);
                return false;
            }
            true
        }
    }

    /// An anchor in the registry for the value on top of the stack, which it takes off.
    pub(in crate::script) fn anchor(self) -> c_int {
        unsafe { ffi::luaL_ref(self.0, ffi::LUA_REGISTRYINDEX) }
    }

    /// Pushes an anchored value.
    #[inline]
    pub(in crate::script) fn push_anchored(self, anchor: c_int) {
        unsafe { ffi::lua_rawgeti_(self.0, ffi::LUA_REGISTRYINDEX, anchor) };
    }

    /// Gives an anchor up.
    pub(in crate::script) fn release(self, anchor: c_int) {
        unsafe { ffi::luaL_unref(self.0, ffi::LUA_REGISTRYINDEX, anchor) };
    }

    /// Makes the table on top of the stack, which it takes off, the globals of new chunks.
    pub(in crate::script) fn set_globals(self) {
        debug_assert_eq!(self.kind(-1), Kind::Table);
        unsafe { ffi::lua_replace(self.0, ffi::LUA_GLOBALSINDEX) };
    }

    /// Compiles source text, never bytecode, and pushes the function.
    ///
    /// # Errors
    /// Lua's message.
    pub(in crate::script) fn load(self, source: &[u8], chunk_name: &CStr) -> Result<(), Vec<u8>> {
        let status = unsafe {
            ffi::luaL_loadbufferx(
                self.0,
                source.as_ptr().cast::<c_char>(),
                source.len(),
                chunk_name.as_ptr(),
                c"t".as_ptr(),
            )
        };
        if status == ffi::LUA_OK {
            return Ok(());
        }
        let message = self.text(-1).unwrap_or_default();
        self.pop(1);
        Err(message)
    }

    /// Calls the function below `arguments` values, without limits: for the host's own Lua code.
    /// One result is on top of the stack then.
    ///
    /// # Errors
    /// Lua's message.
    pub(in crate::script) fn call_trusted(self, arguments: c_int) -> Result<(), Vec<u8>> {
        if unsafe { ffi::lua_pcall(self.0, arguments, 1, 0) } == ffi::LUA_OK {
            return Ok(());
        }
        let message = self.text(-1).unwrap_or_default();
        self.pop(1);
        Err(message)
    }

    /// Whether the function that runs was called as a method of this name: `value:name()`.
    pub(in crate::script) fn is_method_call(self, name: &str) -> bool {
        // SAFETY: all zeros is a valid lua_Debug; what "n" sets are static strings and names that
        // the calling function holds, or null.
        unsafe {
            let mut frame = std::mem::zeroed::<ffi::lua_Debug>();
            if ffi::lua_getstack(self.0, 0, &raw mut frame) == 0 {
                return false;
            }
            ffi::lua_getinfo(self.0, c"n".as_ptr(), &raw mut frame);
            let is = |text: *const c_char, other: &str| {
                !text.is_null() && CStr::from_ptr(text).to_bytes() == other.as_bytes()
            };
            is(frame.namewhat, "method") && is(frame.name, name)
        }
    }

    /// The first and the last line of the Lua function on top of the stack; `None` for one of C.
    pub(in crate::script) fn lines(self) -> Option<(i64, i64)> {
        if !self.is_function(-1) {
            return None;
        }
        // SAFETY: all zeros is a valid lua_Debug; `>` takes a function off the stack, here a copy.
        let frame = unsafe {
            let mut frame = std::mem::zeroed::<ffi::lua_Debug>();
            ffi::lua_pushvalue(self.0, -1);
            ffi::lua_getinfo(self.0, c">S".as_ptr(), &raw mut frame);
            frame
        };
        let lines = (i64::from(frame.linedefined), i64::from(frame.lastlinedefined));
        (lines.0 > 0).then_some(lines)
    }

    /// Where script code stands: chunk name and line of the innermost frame that is neither C nor
    /// the sandbox's own.
    pub(in crate::script) fn position(self) -> Option<(Vec<u8>, i64)> {
        let mut level = 0;
        loop {
            // SAFETY: all zeros is a valid lua_Debug (integers, pointers, a char array).
            let mut frame = unsafe { std::mem::zeroed::<ffi::lua_Debug>() };
            if level > 200 || unsafe { ffi::lua_getstack(self.0, level, &raw mut frame) } == 0 {
                return None;
            }
            unsafe { ffi::lua_getinfo(self.0, c"Sl".as_ptr(), &raw mut frame) };
            // SAFETY: `lua_getinfo` with "S" sets the source to a string that the function holds.
            let source = unsafe { CStr::from_ptr(frame.source) }.to_bytes();
            // LuaJIT's own functions in Lua have no lines.
            if frame.currentline > 0 && source != b"=atoll" && source != b"=[C]" {
                return Some((source.to_vec(), i64::from(frame.currentline)));
            }
            level += 1;
        }
    }
}

impl Stack {
    /// Makes the script end at its next instruction, for the reason left in the control block.
    pub(in crate::script) fn stop_soon(self, control: &Control) {
        control.note_hook();
        // SAFETY: the state lives and is this thread's; hooks may be set at any time.
        unsafe { ffi::lua_sethook(self.0, Some(hook), ffi::LUA_MASKCOUNT, 1) };
    }
}
