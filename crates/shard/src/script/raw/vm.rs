//! The VM: its life, its calls, and how it is interrupted.

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use mlua::ffi;

use super::Stack;
use super::entry::HostCell;
use super::memory::{Memory, allocate, collect_if_asked};
use super::{peek, table};
use crate::script::host::{Host, Stop};
use crate::script::interrupt::{Control, Debugging, Request};

thread_local! {
    /// The control block of the VM that this thread runs, for the signal handler. Constant
    /// initialisation and no destructor: reading it in a signal handler touches nothing else.
    pub(super) static CURRENT: Cell<*const Control> = const { Cell::new(ptr::null()) };
}

/// A Lua VM with its allocator.
pub(in crate::script) struct Vm {
    pub(super) state: NonNull<ffi::lua_State>,
    pub(super) memory: *mut Memory,
}

/// Why a VM could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the Lua VM could not be made: {0}")]
pub struct VmError(pub(in crate::script) String);

impl Vm {
    /// A VM with all of Lua's own libraries, which the sandbox then picks from.
    pub(in crate::script) fn new(control: &Arc<Control>, limit: usize) -> Result<Self, VmError> {
        let memory = Box::into_raw(Box::new(Memory::new(Arc::as_ptr(control), limit)));
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
            peek::verify(state.as_ptr());
            table::verify(state.as_ptr(), memory);
        }
        Ok(Self { state, memory })
    }

    /// Says whose commands scripts call: to be done before any script runs.
    pub(in crate::script) fn set_host(&mut self, host: &HostCell) {
        // SAFETY: `memory` lives as long as `self`; the allocator is not running. The host is
        // dropped after the VM (`Machine`).
        unsafe { (*self.memory).host = host.address() };
    }

    /// The allocator's counters, for the host.
    pub(in crate::script) fn memory(&self) -> *mut Memory {
        self.memory
    }

    pub(in crate::script) fn stack(&self) -> Stack {
        Stack(self.state.as_ptr())
    }

    /// Limits what is in use while a script runs to so many bytes.
    pub(in crate::script) fn set_memory_limit(&mut self, bytes: usize) {
        // SAFETY: `memory` lives as long as `self`; the allocator is not running.
        unsafe { (*self.memory).set_limit(bytes, bytes) };
    }

    /// Limits what is in use while the next script runs to so many bytes more than now, if that is
    /// less than `most`.
    pub(in crate::script) fn limit_growth(&mut self, bytes: usize, most: usize) {
        let limit = most.min(self.memory_used().saturating_add(bytes));
        // SAFETY: as above.
        unsafe { (*self.memory).set_limit(limit, bytes) };
    }

    /// Bytes that the VM has allocated.
    pub(in crate::script) fn memory_used(&self) -> usize {
        // SAFETY: as above.
        unsafe { (*self.memory).used }
    }

    /// Bytes that it may allocate.
    pub(in crate::script) fn memory_limit(&self) -> usize {
        // SAFETY: as above.
        unsafe { (*self.memory).limit }
    }

    /// The largest block that the last script has asked for, in bytes.
    pub(in crate::script) fn largest_block(&self) -> usize {
        // SAFETY: as above.
        unsafe { (*self.memory).largest }
    }

    /// Collects all garbage.
    pub(in crate::script) fn collect_garbage(&mut self) {
        // SAFETY: the state lives; a full collection runs no script code, for tables have no
        // finalisers in Lua 5.1 and scripts cannot make userdata.
        unsafe { ffi::lua_gc(self.state.as_ptr(), ffi::LUA_GCCOLLECT, 0) };
    }

    /// Calls the function below `arguments` values with the script's limits in force. On success
    /// its one result is on top of the stack, else the error value.
    pub(in crate::script) fn call_script(
        &mut self,
        control: &Control,
        arguments: c_int,
    ) -> Result<(), ()> {
        control.set_state(self.state.as_ptr());
        CURRENT.set(control);
        // SAFETY: `memory` lives as long as `self`; the allocator is not running.
        unsafe { (*self.memory).begin() };
        control.begin_run();
        // SAFETY: a function lies on top of the stack and the handler at its place. Errors stop
        // here. The engine holds no borrow of the host (S5).
        let status = unsafe { ffi::lua_pcall(self.state.as_ptr(), arguments, 1, -arguments - 2) };
        if control.end_run() {
            // SAFETY: as documented, hooks may be set at any time.
            unsafe { ffi::lua_sethook(self.state.as_ptr(), None, 0, 0) };
        }
        // SAFETY: as above.
        unsafe { (*self.memory).limited = false };
        if status == ffi::LUA_OK { Ok(()) } else { Err(()) }
    }

    /// Whether the last script ran over the memory limit.
    pub(in crate::script) fn memory_exceeded(&self) -> bool {
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

/// Whether the script that runs on this thread is to end. For host code, which no hook interrupts.
pub(in crate::script) fn script_is_to_end() -> bool {
    let control = CURRENT.get();
    if control.is_null() {
        return false;
    }
    // SAFETY: the control block of this thread's VM lives until the VM is dropped, which resets
    // CURRENT.
    let request = unsafe { (*control).request_for_running() };
    !matches!(request, Request::None | Request::Attend)
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
        if control.debugging() != Debugging::No {
            // The hook that sees every line looks by itself.
            return;
        }
        let state = control.state();
        if control.request_for_running() != Request::None && !state.is_null() {
            control.note_hook();
            ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, 1);
        }
    }
}

/// The count hook: looks after the sockets once, or collects garbage, and goes away again, so that the
/// script goes on at full speed; or it ends the script.
pub(super) unsafe extern "C-unwind" fn hook(state: *mut ffi::lua_State, _: *mut ffi::lua_Debug) {
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
        if matches!(request, Request::None | Request::Attend) {
            request = collect_if_asked(state, control, host);
        }
        let stop = match request {
            Request::None | Request::Attend => {
                ffi::lua_sethook(state, None, 0, 0);
                return;
            }
            Request::Kill => Stop::Killed,
            Request::Timeout => Stop::Timeout,
            Request::Memory => Stop::Memory,
            Request::End => (*host).stop.unwrap_or(Stop::GaveUp),
        };
        ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT, 1);
        (*host).note_stop(stop, Stack(state).position());
        ffi::lua_pushnil(state);
        ffi::lua_error(state)
    }
}
