//! The one audited module that talks to the Lua VM through its C API.
//!
//! Everything unsafe of this crate is in here; the rest of `script` sees a [`Stack`] whose
//! operations are safe, and functions that return a `Result`. The hot path costs a few
//! nanoseconds a value because nothing in between checks, boxes or counts references.
//!
//! # Why it is sound
//! - S1. A Lua error unwinds through the frames between the raise and the `pcall`. In this module
//!   the only raises are the last act of [`trampoline`] and of [`hook`], when nothing that has a
//!   destructor is alive in those frames.
//! - S2. Functions of Lua that could raise by themselves are not used, or not with arguments that
//!   make them raise: raw access only, with tables checked to be tables and keys that are neither
//!   nil nor NaN. Running out of memory is the remaining cause; while host code runs
//!   (`Memory::in_host`) the allocator never refuses, and what is over the limit stops the
//!   script at its next instruction instead.
//! - S3. Before values are pushed, [`Stack::ensure`] has made room; Lua itself guarantees 20 places
//!   to each function it calls.
//! - S4. A [`Stack`] lives only as long as the call that it was handed to; it is not stored beyond
//!   (the reply sink keeps one while a command runs, and only then).
//! - S5. The [`Host`] is reached by pointer from Lua. It is never borrowed while Lua runs: the
//!   engine gives up its borrow before `pcall`, and host functions do not call back into Lua.

#![expect(unsafe_code, reason = "the one module that may: the C API of the Lua VM")]

use mlua::ffi;
use std::alloc::Layout;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::host::{Host, Stop};
use super::interrupt::{Control, Request};

thread_local! {
    /// The control block of the VM that this thread runs, for the signal handler. Constant
    /// initialisation and no destructor: reading it in a signal handler touches nothing else.
    static CURRENT: Cell<*const Control> = const { Cell::new(ptr::null()) };
}

/// What the allocator of a VM counts.
pub(super) struct Memory {
    used: usize,
    limit: usize,
    /// Host code runs: allocation must not fail (S2).
    in_host: bool,
    /// A script runs: the limit counts. Building and compiling are not limited.
    limited: bool,
    exceeded: bool,
    control: *const Control,
    state: *mut ffi::lua_State,
}

/// A Lua VM with its allocator.
pub(super) struct Vm {
    state: NonNull<ffi::lua_State>,
    memory: *mut Memory,
}

/// Why a VM could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the Lua VM could not be made: {0}")]
pub struct VmError(pub(super) String);

/// What kind of value lies at a place of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nil,
    Boolean,
    Number,
    String,
    Table,
    Other,
}

/// What a host function raises instead of returning.
pub(super) enum Raise {
    /// The value on top of the stack.
    Top,
    /// This text, with the position of the caller in front (`luaL_error`).
    At(Vec<u8>),
}

/// A function of the host that scripts can call: returns how many results it has pushed.
pub(super) type HostFunction = fn(&mut Host, Stack) -> Result<c_int, Raise>;

impl Vm {
    /// A VM with all of Lua's own libraries, which the sandbox then picks from.
    pub(super) fn new(control: &Arc<Control>, limit: usize) -> Result<Self, VmError> {
        let memory = Box::into_raw(Box::new(Memory {
            used: 0,
            limit,
            in_host: false,
            limited: false,
            exceeded: false,
            control: Arc::as_ptr(control),
            state: ptr::null_mut(),
        }));
        // SAFETY: `allocate` follows Lua's contract for allocators; `memory` lives until `drop`,
        // which closes the state first.
        let state = unsafe { ffi::lua_newstate(allocate, memory.cast()) };
        let Some(state) = NonNull::new(state) else {
            // SAFETY: it came from `Box::into_raw` and nothing else has it.
            drop(unsafe { Box::from_raw(memory) });
            return Err(VmError("out of memory".into()));
        };
        // SAFETY: the state is new and its memory lives; opening libraries on a fresh state with
        // an allocator that does not refuse does not raise.
        unsafe {
            (*memory).state = state.as_ptr();
            ffi::luaL_openlibs(state.as_ptr());
        }
        control.set_state(state.as_ptr());
        Ok(Self { state, memory })
    }

    pub(super) fn stack(&self) -> Stack {
        Stack(self.state.as_ptr())
    }

    pub(super) fn set_memory_limit(&mut self, bytes: usize) {
        // SAFETY: `memory` lives as long as `self`; the allocator is not running.
        unsafe { (*self.memory).limit = bytes };
    }

    /// Bytes that the VM has allocated.
    pub(super) fn memory_used(&self) -> usize {
        // SAFETY: as above.
        unsafe { (*self.memory).used }
    }

    /// Collects all garbage.
    pub(super) fn collect_garbage(&mut self) {
        // SAFETY: the state lives; a full collection runs no script code, for tables have no
        // finalisers in Lua 5.1 and scripts cannot make userdata.
        unsafe { ffi::lua_gc(self.state.as_ptr(), ffi::LUA_GCCOLLECT, 0) };
    }

    /// Switches the JIT compiler off: what is left to do where compiled loops cannot be stopped.
    pub(super) fn switch_jit_off(&mut self) {
        self.stack().run_trusted("jit.off() jit.flush()");
    }

    /// Calls the function below `arguments` values with the script's limits in force. On success
    /// its one result is on top of the stack, else the error value.
    pub(super) fn call_script(&mut self, control: &Control, handler: c_int) -> Result<(), ()> {
        CURRENT.set(control);
        // SAFETY: `memory` lives as long as `self`.
        unsafe {
            (*self.memory).limited = true;
            (*self.memory).exceeded = false;
        }
        control.begin_run();
        // SAFETY: a function lies on top of the stack and the handler at its place. Errors stop
        // here. The engine holds no borrow of the host (S5).
        let status = unsafe { ffi::lua_pcall(self.state.as_ptr(), 0, 1, handler) };
        if control.end_run() {
            // SAFETY: as documented, hooks may be set at any time.
            unsafe { ffi::lua_sethook(self.state.as_ptr(), None, 0, 0) };
        }
        // SAFETY: as above.
        unsafe { (*self.memory).limited = false };
        if status == ffi::LUA_OK { Ok(()) } else { Err(()) }
    }

    /// Whether the last script ran over the memory limit.
    pub(super) fn memory_exceeded(&self) -> bool {
        // SAFETY: `memory` lives as long as `self`.
        unsafe { (*self.memory).exceeded }
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // SAFETY: the state is ours and is not used afterwards; its memory outlives it. A full
        // collection before the close keeps finalisers from seeing half-closed tables
        // (CVE-2024-46981).
        unsafe {
            if CURRENT.get() == (*self.memory).control {
                CURRENT.set(ptr::null());
            }
            ffi::lua_gc(self.state.as_ptr(), ffi::LUA_GCCOLLECT, 0);
            ffi::lua_close(self.state.as_ptr());
            drop(Box::from_raw(self.memory));
        }
    }
}

/// Lua's allocator: counts, and refuses what is over the limit while script code runs.
unsafe extern "C" fn allocate(
    memory: *mut c_void,
    block: *mut c_void,
    old_size: usize,
    new_size: usize,
) -> *mut c_void {
    // SAFETY: Lua hands back the pointer that it was made with, and blocks with the sizes that
    // they were allocated with; sizes are below isize::MAX or refused.
    unsafe {
        let memory = &mut *memory.cast::<Memory>();
        let old_size = if block.is_null() { 0 } else { old_size };
        if new_size == 0 {
            if !block.is_null() {
                memory.used -= old_size;
                std::alloc::dealloc(block.cast(), Layout::from_size_align_unchecked(old_size, 16));
            }
            return ptr::null_mut();
        }
        if new_size > old_size
            && memory.limited
            && memory.used + (new_size - old_size) > memory.limit
        {
            memory.over_limit();
            if !memory.in_host {
                return ptr::null_mut();
            }
        }
        let Ok(layout) = Layout::from_size_align(new_size, 16) else { return ptr::null_mut() };
        let new = if block.is_null() {
            std::alloc::alloc(layout)
        } else {
            let old = Layout::from_size_align_unchecked(old_size, 16);
            std::alloc::realloc(block.cast(), old, new_size)
        };
        if !new.is_null() {
            memory.used = memory.used - old_size + new_size;
        }
        new.cast()
    }
}

impl Memory {
    /// Sees to it that the script ends, even if it catches the error of this allocation.
    #[cold]
    fn over_limit(&mut self) {
        if !self.exceeded {
            self.exceeded = true;
            // SAFETY: the control block outlives the VM; the state is this thread's.
            unsafe {
                (*self.control).request_now(Request::Memory);
                ffi::lua_sethook(self.state, Some(hook), ffi::LUA_MASKCOUNT, 1);
                (*self.control).note_hook();
            }
        }
    }
}

/// Acts on the request that another thread has left in the control block of this thread's VM.
/// The body of the signal handler: async-signal-safe (it reads atomics and sets a hook, which
/// Lua documents as allowed in signal handlers).
///
/// Where a script is not running any more, or another one is, it does nothing.
pub fn on_interrupt_signal() {
    let control = CURRENT.get();
    if control.is_null() {
        return;
    }
    // SAFETY: the control block of this thread's VM lives until the VM is dropped, which resets
    // CURRENT; the handler runs on the thread that owns the VM.
    unsafe {
        let control = &*control;
        let state = control.state();
        if control.request_for_running() != Request::None && !state.is_null() {
            control.note_hook();
            ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, 1);
        }
    }
}

/// The count hook: looks after the sockets once and goes away again, so that the script goes on at
/// full speed, or ends the script.
unsafe extern "C-unwind" fn hook(state: *mut ffi::lua_State, _: *mut ffi::lua_Debug) {
    let control = CURRENT.get();
    if control.is_null() {
        return;
    }
    // SAFETY: as in `on_interrupt_signal`. The host is not borrowed while Lua code runs (S5).
    // Nothing with a destructor is alive at the raise (S1).
    unsafe {
        let host = (*control).host().cast::<Host>();
        let mut request = (*control).request_for_running();
        if request == Request::Attend {
            (*control).note_attended();
            (*host).attend();
            request = (*control).request_for_running();
        }
        let stop = match request {
            Request::None | Request::Attend => {
                ffi::lua_sethook(state, None, 0, 0);
                return;
            }
            Request::Kill => Stop::Killed,
            Request::Timeout => Stop::Timeout,
            Request::Memory => Stop::Memory,
            Request::Leave => Stop::Leave,
        };
        ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, 1);
        (*host).note_stop(stop, Stack(state).position());
        ffi::lua_pushnil(state);
        ffi::lua_error(state)
    }
}

/// What Lua calls for each host function: the host and the function are its upvalues.
unsafe extern "C-unwind" fn trampoline(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: the closure was made by `push_function` with these upvalues. S1, S2, S5.
    unsafe {
        let host = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Host>();
        let function = ffi::lua_touserdata(state, ffi::lua_upvalueindex(2));
        let function = std::mem::transmute::<*mut c_void, HostFunction>(function);
        let memory = (*host).memory;
        (*memory).in_host = true;
        match function(&mut *host, Stack(state)) {
            Ok(results) => {
                (*memory).in_host = false;
                return results;
            }
            Err(Raise::Top) => {}
            Err(Raise::At(text)) => {
                ffi::lua_checkstack(state, 3);
                ffi::luaL_where(state, 1);
                (*host).frame_lost = ffi::lua_objlen(state, -1) == 0;
                ffi::lua_pushlstring(state, text.as_ptr().cast(), text.len());
                ffi::lua_concat(state, 2);
                drop(text);
            }
        }
        (*memory).in_host = false;
        ffi::lua_error(state)
    }
}

/// Bytes that the script that runs may still allocate.
pub(super) fn memory_left(host: &Host) -> usize {
    // SAFETY: the counters live as long as the VM whose host this is, and the allocator, which
    // writes them, does not run meanwhile.
    let memory = unsafe { &*host.memory };
    if memory.limited { memory.limit.saturating_sub(memory.used) } else { usize::MAX }
}

/// The message handler of scripts: makes an error table of whatever was raised and notes where.
unsafe extern "C-unwind" fn message_handler(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: as in `trampoline`.
    unsafe {
        let host = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Host>();
        let memory = (*host).memory;
        (*memory).in_host = true;
        (*host).describe_error(Stack(state));
        (*memory).in_host = false;
        1
    }
}

/// The stack of a running Lua function: how the host reads arguments and pushes results.
#[derive(Clone, Copy)]
pub(super) struct Stack(*mut ffi::lua_State);

// SAFETY for all methods: the state lives and belongs to this thread (S4), places that are read
// are within the stack or read as nil, pushes have room (S3), raw access only (S2).
#[expect(clippy::undocumented_unsafe_blocks, reason = "argued once above for all of them")]
impl Stack {
    /// Pushes a closure that calls `function` with `host`.
    pub(super) fn push_function(self, host: *mut Host, function: HostFunction) {
        unsafe {
            ffi::lua_pushlightuserdata(self.0, host.cast());
            ffi::lua_pushlightuserdata(self.0, function as *mut c_void);
            ffi::lua_pushcclosure(self.0, trampoline, 2);
        }
    }

    /// Pushes the message handler of scripts.
    pub(super) fn push_message_handler(self, host: *mut Host) {
        unsafe {
            ffi::lua_pushlightuserdata(self.0, host.cast());
            ffi::lua_pushcclosure(self.0, message_handler, 1);
        }
    }

    /// Makes room for `count` more values; false when the stack cannot grow that much.
    pub(super) fn ensure(self, count: usize) -> bool {
        let Ok(count) = c_int::try_from(count) else { return false };
        unsafe { ffi::lua_checkstack(self.0, count) != 0 }
    }

    pub(super) fn top(self) -> c_int {
        unsafe { ffi::lua_gettop(self.0) }
    }

    pub(super) fn set_top(self, top: c_int) {
        unsafe { ffi::lua_settop(self.0, top) };
    }

    pub(super) fn pop(self, count: c_int) {
        self.set_top(-count - 1);
    }

    pub(super) fn push_nil(self) {
        unsafe { ffi::lua_pushnil(self.0) };
    }

    pub(super) fn push_boolean(self, value: bool) {
        unsafe { ffi::lua_pushboolean(self.0, c_int::from(value)) };
    }

    #[inline]
    pub(super) fn push_number(self, value: f64) {
        unsafe { ffi::lua_pushnumber(self.0, value) };
    }

    #[inline]
    pub(super) fn push_bytes(self, bytes: &[u8]) {
        unsafe { ffi::lua_pushlstring(self.0, bytes.as_ptr().cast(), bytes.len()) };
    }

    /// Pushes the null that libraries use (`cjson.null`): a light userdata of address 0.
    pub(super) fn push_null(self) {
        unsafe { ffi::lua_pushlightuserdata(self.0, ptr::null_mut()) };
    }

    /// Whether the value is [`Self::push_null`]'s.
    pub(super) fn is_null(self, index: c_int) -> bool {
        unsafe {
            ffi::lua_type(self.0, index) == ffi::LUA_TLIGHTUSERDATA
                && ffi::lua_touserdata(self.0, index).is_null()
        }
    }

    #[inline]
    pub(super) fn push_table(self, items: usize, fields: usize) {
        let size = |count: usize| count.min(1 << 24) as c_int;
        unsafe { ffi::lua_createtable(self.0, size(items), size(fields)) };
    }

    pub(super) fn push_value(self, index: c_int) {
        unsafe { ffi::lua_pushvalue(self.0, index) };
    }

    pub(super) fn insert(self, index: c_int) {
        unsafe { ffi::lua_insert(self.0, index) };
    }

    /// The place counted from the bottom.
    pub(super) fn absolute(self, index: c_int) -> c_int {
        if index > 0 { index } else { self.top() + index + 1 }
    }

    #[inline]
    pub(super) fn kind(self, index: c_int) -> Kind {
        match unsafe { ffi::lua_type(self.0, index) } {
            ffi::LUA_TNIL | ffi::LUA_TNONE => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            _ => Kind::Other,
        }
    }

    /// Lua's name of the kind of value at a place.
    pub(super) fn kind_name(self, index: c_int) -> &'static str {
        let name =
            unsafe { CStr::from_ptr(ffi::lua_typename(self.0, ffi::lua_type(self.0, index))) };
        name.to_str().unwrap_or("value")
    }

    pub(super) fn boolean(self, index: c_int) -> bool {
        unsafe { ffi::lua_toboolean(self.0, index) != 0 }
    }

    /// The number at a place; strings that read as numbers count, anything else is 0.
    #[inline]
    pub(super) fn number(self, index: c_int) -> f64 {
        unsafe { ffi::lua_tonumber(self.0, index) }
    }

    /// Whether the value is a number or a string that reads as one.
    pub(super) fn is_numeric(self, index: c_int) -> bool {
        unsafe { ffi::lua_isnumber(self.0, index) != 0 }
    }

    /// Calls `read` with the bytes of the string at a place; `None` when there is no string (a
    /// number is none). The bytes do not outlive the call: the value might leave the stack.
    #[inline]
    pub(super) fn with_bytes<R>(self, index: c_int, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        if self.kind(index) != Kind::String {
            return None;
        }
        let mut len = 0;
        let bytes = unsafe {
            let start = ffi::lua_tolstring(self.0, index, &raw mut len);
            std::slice::from_raw_parts(start.cast::<u8>(), len)
        };
        Some(read(bytes))
    }

    /// The text of the string or number at a place, numbers as Lua prints them (`%.14g`).
    pub(super) fn text(self, index: c_int) -> Option<Vec<u8>> {
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
    pub(super) fn raw_get_index(self, table: c_int, n: usize) {
        if self.kind(table) == Kind::Table {
            unsafe { ffi::lua_rawgeti(self.0, table, n as ffi::lua_Integer) };
        } else {
            self.push_nil();
        }
    }

    /// Pushes `table[name]`, raw.
    pub(super) fn raw_get_name(self, table: c_int, name: &[u8]) {
        let table = self.absolute(table);
        self.push_bytes(name);
        if self.kind(table) == Kind::Table {
            unsafe { ffi::lua_rawget(self.0, table) };
        } else {
            self.pop(1);
            self.push_nil();
        }
    }

    /// Whether the value is a table whose field `name` is true.
    pub(super) fn flag(self, index: c_int, name: &[u8]) -> bool {
        self.raw_get_name(index, name);
        let set = self.boolean(-1);
        self.pop(1);
        set
    }

    /// `table[n] = top`, raw; takes the value off the stack.
    #[inline]
    pub(super) fn raw_set_index(self, table: c_int, n: usize) {
        debug_assert_eq!(self.kind(table), Kind::Table);
        unsafe { ffi::lua_rawseti(self.0, table, n as ffi::lua_Integer) };
    }

    /// `table[below top] = top`, raw; takes both off the stack. A key of nil or NaN sets nothing.
    pub(super) fn raw_set(self, table: c_int) {
        let key = self.kind(-2);
        if key == Kind::Nil || (key == Kind::Number && self.number(-2).is_nan()) {
            self.pop(2);
            return;
        }
        debug_assert_eq!(self.kind(table), Kind::Table);
        unsafe { ffi::lua_rawset(self.0, table) };
    }

    /// `table[name] = top`, raw; takes the value off the stack.
    pub(super) fn raw_set_name(self, table: c_int, name: &[u8]) {
        let table = self.absolute(table);
        self.push_bytes(name);
        self.insert(-2);
        self.raw_set(table);
    }

    /// Replaces the key on top of the stack by the next key of the table and its value; at the
    /// end takes the key off and says false. Begin with nil on top. The key must be one that this
    /// gave, and the table unchanged meanwhile.
    pub(super) fn next(self, table: c_int) -> bool {
        unsafe { ffi::lua_next(self.0, table) != 0 }
    }

    /// Whether the table has nothing but the items 1 to `len`, and no metatable.
    pub(super) fn is_plain_list(self, table: c_int, len: usize) -> bool {
        let table = self.absolute(table);
        // SAFETY: see above; `lua_next` is given a key of the table, or nil for an empty one.
        unsafe {
            if ffi::lua_getmetatable(self.0, table) != 0 {
                self.pop(1);
                return false;
            }
            // LuaJIT keeps item 0 before item 1, where `next` from the last item does not see it.
            ffi::lua_rawgeti(self.0, table, 0);
            let has_zero = self.kind(-1) != Kind::Nil;
            self.pop(1);
            if has_zero {
                return false;
            }
            if len == 0 {
                self.push_nil();
            } else {
                ffi::lua_rawgeti(self.0, table, len as ffi::lua_Integer);
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

    /// An address that is the same for equal strings as long as one of them lives (Lua interns).
    #[inline]
    pub(super) fn string_address(self, index: c_int) -> usize {
        unsafe { ffi::lua_topointer(self.0, index) as usize }
    }

    /// An anchor in the registry for the value on top of the stack, which it takes off.
    pub(super) fn anchor(self) -> c_int {
        unsafe { ffi::luaL_ref(self.0, ffi::LUA_REGISTRYINDEX) }
    }

    /// Pushes an anchored value.
    #[inline]
    pub(super) fn push_anchored(self, anchor: c_int) {
        unsafe { ffi::lua_rawgeti(self.0, ffi::LUA_REGISTRYINDEX, ffi::lua_Integer::from(anchor)) };
    }

    /// Gives an anchor up.
    pub(super) fn release(self, anchor: c_int) {
        unsafe { ffi::luaL_unref(self.0, ffi::LUA_REGISTRYINDEX, anchor) };
    }

    /// Makes the table on top of the stack, which it takes off, the globals of new chunks.
    pub(super) fn set_globals(self) {
        debug_assert_eq!(self.kind(-1), Kind::Table);
        unsafe { ffi::lua_replace(self.0, ffi::LUA_GLOBALSINDEX) };
    }

    /// Compiles source text, never bytecode, and pushes the function.
    ///
    /// # Errors
    /// Lua's message.
    pub(super) fn load(self, source: &[u8], chunk_name: &CStr) -> Result<(), Vec<u8>> {
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
    pub(super) fn call_trusted(self, arguments: c_int) -> Result<(), Vec<u8>> {
        if unsafe { ffi::lua_pcall(self.0, arguments, 1, 0) } == ffi::LUA_OK {
            return Ok(());
        }
        let message = self.text(-1).unwrap_or_default();
        self.pop(1);
        Err(message)
    }

    /// Runs a line of the host's own Lua code; what it returns or raises is dropped.
    fn run_trusted(self, source: &str) {
        if self.load(source.as_bytes(), c"=atoll").is_ok() && self.call_trusted(0).is_ok() {
            self.pop(1);
        }
    }

    /// Where script code stands: chunk name and line of the innermost frame that is neither C nor
    /// the sandbox's own.
    pub(super) fn position(self) -> Option<(Vec<u8>, i64)> {
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
            if frame.currentline >= 0 && source != b"=atoll" && source != b"=[C]" {
                return Some((source.to_vec(), i64::from(frame.currentline)));
            }
            level += 1;
        }
    }
}

/// A borrow that is lent to the host for the length of one script.
pub(super) struct Lent<T>(*mut T);

impl<T> Default for Lent<T> {
    fn default() -> Self {
        Self(ptr::null_mut())
    }
}

impl<T> Lent<T> {
    /// Lends `value` until [`Self::take_back`]; whoever lends does not touch it meanwhile.
    pub(super) fn lend(&mut self, value: &mut T) {
        self.0 = value;
    }

    /// Ends the loan.
    pub(super) fn take_back(&mut self) {
        self.0 = ptr::null_mut();
    }

    /// The borrow, while it is lent.
    pub(super) fn get(&mut self) -> Option<&mut T> {
        // SAFETY: `lend` was given an exclusive borrow that its caller (the engine's `run`) keeps
        // alive and leaves alone until `take_back`; the result borrows `self`, so there is one.
        unsafe { self.0.as_mut() }
    }
}

/// The host at a fixed address, which closures of the VM know.
pub(super) struct HostCell(*mut Host);

impl HostCell {
    pub(super) fn new(host: Host) -> Self {
        Self(Box::into_raw(Box::new(host)))
    }

    pub(super) fn address(&self) -> *mut Host {
        self.0
    }

    /// Borrows the host; never across a call into Lua (S5).
    pub(super) fn with<R>(&mut self, use_it: impl FnOnce(&mut Host) -> R) -> R {
        // SAFETY: the pointer is ours until `drop`; `&mut self` and S5 make the borrow unique.
        use_it(unsafe { &mut *self.0 })
    }
}

impl Drop for HostCell {
    fn drop(&mut self) {
        // SAFETY: it came from `Box::into_raw`; the VM whose closures know it is dropped before.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl Vm {
    /// The allocator's counters, for the host.
    pub(super) fn memory(&self) -> *mut Memory {
        self.memory
    }
}

impl Stack {
    /// Makes the script end at its next instruction, for the reason left in the control block.
    pub(super) fn stop_soon(self, control: &Control) {
        control.note_hook();
        // SAFETY: the state lives and is this thread's; hooks may be set at any time.
        unsafe { ffi::lua_sethook(self.0, Some(hook), ffi::LUA_MASKCOUNT, 1) };
    }
}
