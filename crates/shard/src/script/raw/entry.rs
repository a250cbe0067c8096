//! How Lua calls the host, and what the host is lent meanwhile.

use std::ffi::{c_int, c_void};
use std::ptr;

use mlua::ffi;
use protocol::args::Args;

use super::memory::Memory;
use super::{HostFunction, Raise, Stack};
use crate::script::host::Host;

/// What Lua calls for each host function: the host and the function are its upvalues.
pub(super) unsafe extern "C-unwind" fn trampoline(state: *mut ffi::lua_State) -> c_int {
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

/// `redis.call`: as [`trampoline`], but for one function. It finds its host by the allocator's counters,
/// which takes less than by an upvalue.
pub(super) unsafe extern "C-unwind" fn call_command(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: as in `run_command`.
    unsafe { run_command(state, Host::call) }
}

/// `redis.pcall`.
pub(super) unsafe extern "C-unwind" fn pcall_command(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: as in `run_command`.
    unsafe { run_command(state, Host::pcall) }
}

/// # Safety
/// Lua calls it in a state of a [`super::Vm`].
#[inline(always)]
unsafe fn run_command(
    state: *mut ffi::lua_State,
    command: impl FnOnce(&mut Host, Stack) -> bool,
) -> c_int {
    // SAFETY: the state was made with these counters, which know the host since before any script
    // ran. S1, S2, S5.
    unsafe {
        let mut memory = ptr::null_mut();
        ffi::lua_getallocf(state, &raw mut memory);
        let memory = memory.cast::<Memory>();
        (*memory).in_host = true;
        let is_good = command(&mut *(*memory).host, Stack(state));
        (*memory).in_host = false;
        if is_good { 1 } else { ffi::lua_error(state) }
    }
}

/// The message handler of scripts: makes an error table of whatever was raised and notes where.
pub(super) unsafe extern "C-unwind" fn message_handler(state: *mut ffi::lua_State) -> c_int {
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

/// A borrow that is lent to the host for the length of one script.
pub(in crate::script) struct Lent<T>(*mut T);

impl<T> Default for Lent<T> {
    fn default() -> Self {
        Self(ptr::null_mut())
    }
}

impl<T> Lent<T> {
    /// Lends `value` until [`Self::take_back`]; whoever lends does not touch it meanwhile.
    pub(in crate::script) fn lend(&mut self, value: &mut T) {
        self.0 = value;
    }

    /// Ends the loan.
    pub(in crate::script) fn take_back(&mut self) {
        self.0 = ptr::null_mut();
    }

    /// The borrow, while it is lent.
    pub(in crate::script) fn get(&mut self) -> Option<&mut T> {
        // SAFETY: `lend` was given an exclusive borrow that its caller (the engine's `run`) keeps
        // alive and leaves alone until `take_back`; the result borrows `self`, so there is one.
        unsafe { self.0.as_mut() }
    }
}

/// The parts of a request that are lent to the host for the length of one script.
#[derive(Default)]
pub(in crate::script) struct LentRequest(Option<Args<'static>>);

impl LentRequest {
    /// Lends the parts until [`Self::take_back`]; whoever lends keeps them alive meanwhile.
    pub(in crate::script) fn lend(&mut self, args: Args<'_>) {
        // SAFETY: the engine's `run`, which lends, holds a borrow of what the parts refer to
        // beyond `take_back`; `get` gives them out for no longer than a borrow of `self`, which
        // ends before that.
        self.0 = Some(unsafe { std::mem::transmute::<Args<'_>, Args<'static>>(args) });
    }

    /// Ends the loan.
    pub(in crate::script) fn take_back(&mut self) {
        self.0 = None;
    }

    /// The parts, while they are lent.
    pub(in crate::script) fn get(&self) -> Option<Args<'_>> {
        self.0
    }
}

/// The host at a fixed address, which closures of the VM know.
pub(in crate::script) struct HostCell(*mut Host);

impl HostCell {
    pub(in crate::script) fn new(host: Host) -> Self {
        Self(Box::into_raw(Box::new(host)))
    }

    pub(in crate::script) fn address(&self) -> *mut Host {
        self.0
    }

    /// Borrows the host; never across a call into Lua (S5).
    pub(in crate::script) fn with<R>(&mut self, use_it: impl FnOnce(&mut Host) -> R) -> R {
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
