//! The allocator of a VM: it counts, and refuses what is over the script's limit.
//!
//! LuaJIT collects no garbage when an allocation fails, and lets garbage grow as large as what is
//! alive. So that garbage does not end a script, the limit itself is soft: what is over it is granted
//! up to a quarter more, and the hook, which then comes before the next instruction, collects
//! garbage. Only when what is left is over the limit, or the quarter is used up before, the script
//! ends.

use std::alloc::Layout;
use std::ffi::c_void;
use std::ptr;

use mlua::ffi;

use super::pool::{ALIGNMENT, Pool, SMALL, class_of};
use super::vm::hook;
use crate::script::host::Host;
use crate::script::interrupt::{Control, Debugging, Request};

/// What the allocator of a VM counts.
pub(in crate::script) struct Memory {
    pub(super) used: usize,
    pub(super) limit: usize,
    /// So much over the limit is granted until garbage has been collected.
    pub(super) slack: usize,
    /// Host code runs: allocation must not fail (S2).
    pub(super) in_host: bool,
    /// A script runs: the limit counts. Building and compiling are not limited.
    pub(super) limited: bool,
    pub(super) exceeded: bool,
    /// With more bytes than these in use garbage is to be collected.
    pub(super) collect_at: usize,
    /// Garbage is to be collected before the next instruction.
    pub(super) to_collect: bool,
    /// The largest block that the script has asked for, or less than [`SMALL`].
    pub(super) largest: usize,
    pub(super) control: *const Control,
    pub(super) state: *mut ffi::lua_State,
    /// Whose commands scripts call; null until there is one.
    pub(super) host: *mut Host,
    pool: Pool,
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
        // Nearly all calls are these two.
        if new_size == 0 {
            if !block.is_null() {
                memory.used -= old_size;
                memory.free(block.cast(), old_size);
            }
            return ptr::null_mut();
        }
        if block.is_null() && new_size <= SMALL && memory.used + new_size <= memory.collect_at {
            let new = memory.pool.take(class_of(new_size));
            if !new.is_null() {
                memory.used += new_size;
            }
            return new.cast();
        }
        memory.reallocate(block.cast(), old_size, new_size).cast()
    }
}

impl Memory {
    /// A VM of which nothing has run. Nothing is limited yet.
    pub(super) fn new(control: *const Control, limit: usize) -> Self {
        Self {
            used: 0,
            limit,
            slack: limit / 4,
            in_host: false,
            limited: false,
            exceeded: false,
            collect_at: limit,
            to_collect: false,
            largest: 0,
            control,
            state: ptr::null_mut(),
            host: ptr::null_mut(),
            pool: Pool::default(),
        }
    }

    /// What [`allocate`] does for blocks that are large or grow, and near the limit.
    ///
    /// # Safety
    /// As of [`Self::resize`]; the block may be null.
    #[inline(never)]
    unsafe fn reallocate(&mut self, block: *mut u8, old_size: usize, new_size: usize) -> *mut u8 {
        let old_size = if block.is_null() { 0 } else { old_size };
        if new_size > old_size && self.limited {
            self.largest = self.largest.max(new_size);
            let wanted = self.used + (new_size - old_size);
            if wanted > self.collect_at && !self.grants(wanted) {
                return ptr::null_mut();
            }
        }
        let new = if block.is_null() {
            self.make(new_size)
        } else {
            // SAFETY: by the caller.
            unsafe { self.resize(block, old_size, new_size) }
        };
        if !new.is_null() {
            self.used = self.used - old_size + new_size;
        }
        new
    }

    /// A new block of some bytes, not 0; null when there is no memory.
    #[inline]
    fn make(&mut self, size: usize) -> *mut u8 {
        if size <= SMALL {
            return self.pool.take(class_of(size));
        }
        let Ok(layout) = Layout::from_size_align(size, ALIGNMENT) else { return ptr::null_mut() };
        // SAFETY: the size is not 0.
        unsafe { std::alloc::alloc(layout) }
    }

    /// Frees a block.
    ///
    /// # Safety
    /// The block came from `make` or `resize` with this size, and nobody uses it any more.
    #[inline]
    unsafe fn free(&mut self, block: *mut u8, size: usize) {
        // SAFETY: by the caller.
        unsafe {
            if size <= SMALL {
                self.pool.give(block, class_of(size));
            } else {
                std::alloc::dealloc(block, Layout::from_size_align_unchecked(size, ALIGNMENT));
            }
        }
    }

    /// Gives a block another size; null when there is no memory, and then nothing has changed.
    ///
    /// # Safety
    /// As of [`Self::free`]; the new size is not 0.
    unsafe fn resize(&mut self, block: *mut u8, old: usize, new: usize) -> *mut u8 {
        if old <= SMALL && new <= SMALL && class_of(old) == class_of(new) {
            return block;
        }
        // SAFETY: by the caller; the two blocks do not overlap.
        unsafe {
            if old > SMALL && new > SMALL {
                if Layout::from_size_align(new, ALIGNMENT).is_err() {
                    return ptr::null_mut();
                }
                let layout = Layout::from_size_align_unchecked(old, ALIGNMENT);
                return std::alloc::realloc(block, layout, new);
            }
            let moved = self.make(new);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, old.min(new));
                self.free(block, old);
            }
            moved
        }
    }

    /// Puts the limit in force for a script.
    pub(super) fn begin(&mut self) {
        (self.limited, self.exceeded, self.largest) = (true, false, 0);
        (self.collect_at, self.to_collect) = (self.limit, false);
    }

    /// Limits scripts to so many bytes, of which `allowance` are for what the next one allocates.
    pub(super) fn set_limit(&mut self, bytes: usize, allowance: usize) {
        (self.limit, self.collect_at, self.slack) = (bytes, bytes, allowance / 4);
    }

    /// What is granted at most.
    fn most(&self) -> usize {
        self.limit.saturating_add(self.slack)
    }

    /// Whether so many bytes may be in use, which is over the limit.
    #[cold]
    fn grants(&mut self, wanted: usize) -> bool {
        if wanted > self.most() {
            self.exceed();
            return self.in_host;
        }
        if !self.to_collect && !self.exceeded {
            self.to_collect = true;
            // SAFETY: the control block outlives the VM. The hook of a debugger looks by itself.
            if unsafe { &*self.control }.debugging() == Debugging::No {
                self.install_hook();
            }
        }
        true
    }

    /// Sees to it that the script ends, even if it catches the error of this allocation.
    #[cold]
    fn exceed(&mut self) {
        if !self.exceeded {
            self.exceeded = true;
            // SAFETY: the control block outlives the VM.
            unsafe { &*self.control }.request_now(Request::Memory);
            self.install_hook();
        }
    }

    fn install_hook(&self) {
        // SAFETY: the control block outlives the VM; the state is this thread's, and hooks may be set
        // at any time.
        unsafe {
            (*self.control).note_hook();
            ffi::lua_sethook(self.state, Some(hook), ffi::LUA_MASKCOUNT, 1);
        }
    }

    /// What is in use after garbage was collected is what is alive: the script ends if that is too
    /// much. Else garbage may grow by half of the slack, so that collecting it costs the script
    /// no more than a few times what it has allocated.
    fn note_collected(&mut self) {
        self.to_collect = false;
        self.collect_at = self.limit.max(self.used.saturating_add(self.slack / 2));
        if self.used > self.limit {
            self.exceed();
        }
    }
}

/// Collects garbage, if that is to be done, and returns what is to happen to the script. For hooks.
///
/// LuaJIT lets hooks call all of its API: it has saved where the frame's values end and is not on a
/// compiled trace. Step by step, so that the script can be ended meanwhile, and the sockets are
/// looked after.
///
/// # Safety
/// `state`, `control` and `host` are those of the VM whose hook this is called from, and nobody
/// borrows the host (S5).
pub(super) unsafe fn collect_if_asked(
    state: *mut ffi::lua_State,
    control: *const Control,
    host: *mut Host,
) -> Request {
    // SAFETY: see above. Nothing raises: tables have no finalisers, and while `in_host` is set the
    // allocator does not refuse what the collector needs (S2).
    unsafe {
        let memory = (*host).memory;
        if !(*memory).to_collect {
            return (*control).request_for_running();
        }
        (*memory).in_host = true;
        // The cycle that is under way spares what was alive when it began.
        let enough = (*memory).limit.saturating_sub((*memory).slack);
        let is_done = collect_cycle(state, control, host)
            && ((*memory).used <= enough || collect_cycle(state, control, host));
        (*memory).in_host = false;
        if is_done {
            (*memory).note_collected();
        }
        (*control).request_for_running()
    }
}

/// Comes to the end of a cycle of the collector; false when the script is to end before.
///
/// # Safety
/// As for [`collect_if_asked`].
unsafe fn collect_cycle(
    state: *mut ffi::lua_State,
    control: *const Control,
    host: *mut Host,
) -> bool {
    // SAFETY: as there.
    unsafe {
        while ffi::lua_gc(state, ffi::LUA_GCSTEP, 0) == 0 {
            match (*control).request_for_running() {
                Request::None => {}
                Request::Attend => {
                    (*control).note_attended();
                    (*host).attend();
                }
                _ => return false,
            }
        }
    }
    true
}

/// Bytes that the script that runs may still allocate, if garbage is collected afterwards.
pub(in crate::script) fn memory_left(host: &Host) -> usize {
    // SAFETY: the counters live as long as the VM whose host this is, and the allocator, which
    // writes them, does not run meanwhile.
    let memory = unsafe { &*host.memory };
    if memory.limited { memory.most().saturating_sub(memory.used) } else { usize::MAX }
}

/// Notes that the script would have used more than it may, for one that is ended before it does.
pub(in crate::script) fn note_memory_exceeded(host: &Host) {
    // SAFETY: as above.
    unsafe { (*host.memory).exceeded = true };
}
