//! The allocator of a VM: it counts, and refuses what is over the script's limit.

use std::alloc::Layout;
use std::ffi::c_void;
use std::ptr;

use mlua::ffi;

use super::vm::hook;
use crate::script::host::Host;
use crate::script::interrupt::{Control, Request};

/// What LuaJIT's own allocator gives, too. More would make blocks larger and slower to get.
const ALIGNMENT: usize = 8;

/// What the allocator of a VM counts.
pub(in crate::script) struct Memory {
    pub(super) used: usize,
    pub(super) limit: usize,
    /// Host code runs: allocation must not fail (S2).
    pub(super) in_host: bool,
    /// A script runs: the limit counts. Building and compiling are not limited.
    pub(super) limited: bool,
    pub(super) exceeded: bool,
    /// The largest block that the script has asked for.
    pub(super) largest: usize,
    pub(super) control: *const Control,
    pub(super) state: *mut ffi::lua_State,
    /// Whose commands scripts call; null until there is one.
    pub(super) host: *mut Host,
}

/// Lua's allocator: counts, and refuses what is over the limit while script code runs.
pub(super) unsafe extern "C" fn allocate(
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
                std::alloc::dealloc(
                    block.cast(),
                    Layout::from_size_align_unchecked(old_size, ALIGNMENT),
                );
            }
            return ptr::null_mut();
        }
        if new_size > old_size && memory.limited {
            memory.largest = memory.largest.max(new_size);
            if memory.used + (new_size - old_size) > memory.limit {
                memory.over_limit();
                if !memory.in_host {
                    return ptr::null_mut();
                }
            }
        }
        let Ok(layout) = Layout::from_size_align(new_size, ALIGNMENT) else {
            return ptr::null_mut();
        };
        let new = if block.is_null() {
            std::alloc::alloc(layout)
        } else {
            let old = Layout::from_size_align_unchecked(old_size, ALIGNMENT);
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

/// Bytes that the script that runs may still allocate.
pub(in crate::script) fn memory_left(host: &Host) -> usize {
    // SAFETY: the counters live as long as the VM whose host this is, and the allocator, which
    // writes them, does not run meanwhile.
    let memory = unsafe { &*host.memory };
    if memory.limited { memory.limit.saturating_sub(memory.used) } else { usize::MAX }
}

/// Notes that the script would have used more than it may, for one that is ended before it does.
pub(in crate::script) fn note_memory_exceeded(host: &Host) {
    // SAFETY: as above.
    unsafe { (*host.memory).exceeded = true };
}
