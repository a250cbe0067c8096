//! What the debugger needs of the VM: a hook at every line, a script that can be left standing, its
//! frames and its local variables.
//!
//! The script runs in a coroutine of its own. At a line where it is to stop, the hook yields, and
//! the debugger talks with its client outside of Lua, where it can run code under all limits. Where
//! the hook cannot yield (the script's own coroutines; functions that `table.sort` or `string.gsub`
//! calls) it talks with the client itself.
//!
//! The arguments of `raw` hold: the only raises are the last act of the hook (S1), of which the
//! yield is one; the host is not borrowed while Lua runs or the client is talked with (S5).

use std::ffi::{CStr, c_int};

use mlua::ffi;

use super::Stack;
use super::memory::collect_if_asked;
use super::vm::{CURRENT, Vm, hook};
use crate::script::debug::{Attached, Frame};
use crate::script::host::Host;
use crate::script::interrupt::{Control, Request};

/// A line in a running function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::script) struct Place {
    pub(in crate::script) frame: FrameId,
    pub(in crate::script) line: i64,
}

/// A call that has not returned. The numbers are for telling calls apart, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::script) struct FrameId {
    /// The coroutine.
    pub(in crate::script) thread: usize,
    /// How far up its stack: deeper calls have greater numbers.
    pub(in crate::script) base: i32,
    pub(in crate::script) function: usize,
}

/// How far a script has come that was left standing.
///
/// LuaJIT has forgotten the line then and takes the next instruction for the first of a line, even
/// if it is of the same one. Which instruction that is, is found by counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::script) enum Progress {
    /// It stands, or is at the instruction at which it stood.
    Standing(Place),
    /// It is at the next instruction.
    Next(Place),
    /// It has gone on.
    Gone,
}

/// Most frames that are looked at, those that are not the script's included: looking for one takes a
/// time that grows with the square of its depth.
const FRAMES_MAX: c_int = 250;

/// Instructions between two looks at the control block, where no new line begins.
const LOOK_EVERY: c_int = 1_000;

unsafe extern "C-unwind" {
    // Part of LuaJIT, which mlua's declarations for Lua 5.1 leave out.
    fn lua_isyieldable(state: *mut ffi::lua_State) -> c_int;
}

/// The coroutine of a debugged script, anchored.
pub(in crate::script) struct Thread {
    state: *mut ffi::lua_State,
    anchor: c_int,
    /// Values on its stack that the next resumption takes.
    pending: c_int,
}

impl Thread {
    pub(in crate::script) fn stack(&self) -> Stack {
        Stack(self.state)
    }
}

/// Why a debugged script does not run any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::script) enum Halt {
    /// It stands at a line.
    Standing,
    /// It has returned: its results are on the coroutine's stack.
    Returned,
    /// It has raised an error, which is on top of the coroutine's stack.
    Raised,
}

impl Vm {
    /// A coroutine that takes the top `count` values: a function and its arguments.
    pub(in crate::script) fn begin_debugging(&mut self, control: &Control, count: c_int) -> Thread {
        let main = self.state.as_ptr();
        CURRENT.set(control);
        control.begin_debugging();
        // SAFETY: the state lives; the stack has room for one more (S3); nothing is limited here, so
        // the allocator does not refuse. The new state lives as long as its anchor.
        unsafe {
            (*self.memory).begin();
            (*self.memory).limited = false;
            let state = ffi::lua_newthread(main);
            let anchor = ffi::luaL_ref(main, ffi::LUA_REGISTRYINDEX);
            ffi::lua_checkstack(state, count + 8);
            ffi::lua_xmove(main, state, count);
            Thread { state, anchor, pending: count - 1 }
        }
    }

    /// Lets the script run until it stops.
    pub(in crate::script) fn resume(&mut self, control: &Control, thread: &mut Thread) -> Halt {
        control.set_state(thread.state);
        let arguments = std::mem::take(&mut thread.pending);
        // SAFETY: the coroutine is new with a function and its arguments on its stack, or was left
        // standing by the hook. Errors stop here. Nobody borrows the host (S5).
        let status = unsafe {
            // The next instruction is not to be missed where it stood: see `Progress`.
            self.watch_lines(if arguments > 0 { LOOK_EVERY } else { 1 });
            (*self.memory).limited = true;
            let status = ffi::lua_resume_(thread.state, arguments);
            (*self.memory).limited = false;
            ffi::lua_sethook(self.state.as_ptr(), None, 0, 0);
            status
        };
        match status {
            ffi::LUA_OK => Halt::Returned,
            ffi::LUA_YIELD => Halt::Standing,
            _ => Halt::Raised,
        }
    }

    /// Calls the function on top of the stack under the limits of the script, which stands. On
    /// success its one result is on top of the stack, else the error value.
    pub(in crate::script) fn evaluate(&mut self, control: &Control) -> Result<(), ()> {
        let main = self.state.as_ptr();
        control.set_state(main);
        // SAFETY: as in `call_script`.
        let status = unsafe {
            self.watch_lines(LOOK_EVERY);
            (*self.memory).limited = true;
            let status = ffi::lua_pcall(main, 0, 1, 0);
            (*self.memory).limited = false;
            ffi::lua_sethook(main, None, 0, 0);
            status
        };
        if status == ffi::LUA_OK { Ok(()) } else { Err(()) }
    }

    /// Ends it, wherever it stands, and puts the last `count` values of its stack onto that of the
    /// VM.
    pub(in crate::script) fn end_debugging(
        &mut self,
        control: &Control,
        thread: Thread,
        count: c_int,
    ) {
        control.end_debugging();
        let main = self.state.as_ptr();
        // SAFETY: both states live; the caller knows what is on the coroutine's stack; there is room
        // for a few more (S3).
        unsafe {
            ffi::lua_sethook(main, None, 0, 0);
            ffi::lua_xmove(thread.state, main, count);
            ffi::luaL_unref(main, ffi::LUA_REGISTRYINDEX, thread.anchor);
        }
    }

    /// Has the hook see every line, and every so many instructions.
    fn watch_lines(&self, instructions: c_int) {
        // SAFETY: the state lives and is this thread's.
        unsafe { watch_lines(self.state.as_ptr(), instructions) };
    }
}

unsafe fn watch_lines(state: *mut ffi::lua_State, instructions: c_int) {
    let mask = ffi::LUA_MASKLINE | ffi::LUA_MASKCOUNT;
    // SAFETY: hooks may be set at any time.
    unsafe { ffi::lua_sethook(state, Some(line_hook), mask, instructions) };
}

/// The hook of a debugged script: does what was asked of it in the control block, and stops it
/// where the debugger says so.
unsafe extern "C-unwind" fn line_hook(state: *mut ffi::lua_State, event: *mut ffi::lua_Debug) {
    let control = CURRENT.get();
    if control.is_null() {
        return;
    }
    // SAFETY: as for `hook`. Nothing with a destructor is alive at the yield and at the raise (S1).
    unsafe {
        let host = (*control).host().cast::<Host>();
        if (*control).request_for_running() == Request::Attend {
            (*control).note_attended();
            (*host).attend();
        }
        collect_if_asked(state, control, host);
        let Some(attached) = (*host).debugger.as_deref_mut() else { return };
        let timed_out = match (*control).request_for_running() {
            Request::None | Request::Attend => false,
            Request::Timeout if attached.can_stop() => true,
            _ => return hook(state, event),
        };
        if (*event).event == ffi::LUA_HOOKCOUNT && attached.progress != Progress::Gone {
            attached.progress = match attached.progress {
                Progress::Standing(place) => Progress::Next(place),
                Progress::Next(_) | Progress::Gone => {
                    watch_lines(state, LOOK_EVERY);
                    Progress::Gone
                }
            };
        }
        let stack = Stack(state);
        let place = if timed_out {
            // Without a line of the script to stop at, its time is over like any other script's.
            let Some(place) = stack.place() else { return hook(state, event) };
            (*control).take_timeout();
            place
        } else {
            let begun = (*event).event == ffi::LUA_HOOKLINE && attached.can_stop();
            if !begun || !begins_line(attached, state, event) {
                return;
            }
            place(state, event)
        };
        if !attached.arrives(place.line, timed_out) {
            return;
        }
        if state == (*control).state() && lua_isyieldable(state) != 0 {
            attached.progress = Progress::Standing(place);
            // Of a coroutine that its hook has left standing, LuaJIT takes the instruction before
            // for the current one, and with that the wrong local variables.
            attached.note_locals(stack.local_names());
            ffi::lua_yield(state, 0);
            return;
        }
        if !talk_in_hook(host, stack, &*control) {
            hook(state, event);
        }
    }
}

/// Talks with the client inside of the hook; false when the script is to end.
unsafe fn talk_in_hook(host: *mut Host, stack: Stack, control: &Control) -> bool {
    // SAFETY: the host lives as long as its VM, and is borrowed only between the calls (S5). What
    // is allocated meanwhile is the debugger's.
    unsafe {
        let memory = (*host).memory;
        let Some(session) = (*host).debugger.as_deref_mut().and_then(Attached::take) else {
            return true;
        };
        (*memory).limited = false;
        let (session, words) = session.talk_in_hook(stack, control);
        (*memory).limited = true;
        if let Some(attached) = (*host).debugger.as_deref_mut() {
            attached.put_back(session);
        }
        match words {
            None => !control.is_ending(),
            Some(words) => {
                (*host).give_up(stack, words);
                false
            }
        }
    }
}

/// Whether a line of the script itself begins. The hook is called for more than that.
unsafe fn begins_line(
    attached: &mut Attached,
    state: *mut ffi::lua_State,
    event: *mut ffi::lua_Debug,
) -> bool {
    // SAFETY: the event is Lua's own, of a frame that is active.
    unsafe {
        let place = place(state, event);
        if !attached.follow(place) || attached.progress == Progress::Next(place) {
            return false;
        }
        ffi::lua_getinfo(state, c"S".as_ptr(), event);
        is_script(&*event)
    }
}

/// Where a frame is, which is active.
unsafe fn place(state: *mut ffi::lua_State, frame: *mut ffi::lua_Debug) -> Place {
    // SAFETY: "f" pushes the function, for which Lua leaves room (S3).
    unsafe {
        ffi::lua_getinfo(state, c"lf".as_ptr(), frame);
        let function = ffi::lua_topointer(state, -1) as usize;
        ffi::lua_pop(state, 1);
        // The last field, `i_ci`, which mlua does not show: LuaJIT's place of the frame.
        let end = frame.cast::<u8>().add(size_of::<ffi::lua_Debug>());
        let base = end.cast::<i32>().sub(1).read();
        let frame_id = FrameId { thread: state as usize, base: base & 0xffff, function };
        Place { frame: frame_id, line: i64::from((*frame).currentline) }
    }
}

/// Whether a frame is one of the script itself. Its source has been asked for.
unsafe fn is_script(frame: &ffi::lua_Debug) -> bool {
    // SAFETY: `lua_getinfo` with "S" sets the source to a string that the function holds.
    unsafe { CStr::from_ptr(frame.source) }.to_bytes() == b"@user_script"
}

// SAFETY for all methods: as for the others of `Stack`; frames are asked for by level each time, so
// none outlives its function.
#[expect(clippy::undocumented_unsafe_blocks, reason = "argued once above for all of them")]
impl Stack {
    /// Where the script is: its own innermost frame.
    fn place(self) -> Option<Place> {
        let (mut frame, _) = self.find_frame(0)?;
        self.ensure(1).then(|| unsafe { place(self.0, &raw mut frame) })
    }

    /// Frame `level` of the script's own, from the innermost on.
    pub(in crate::script) fn script_frame(self, level: usize) -> Option<Frame> {
        let (mut frame, at) = self.find_frame(level)?;
        unsafe {
            ffi::lua_getinfo(self.0, c"nl".as_ptr(), &raw mut frame);
            // What the sandbox calls it is no name that the script knows.
            let named = !frame.name.is_null() && !self.is_sandbox(at + 1);
            let name = named.then(|| CStr::from_ptr(frame.name).to_bytes().to_vec());
            Some(Frame { name, line: i64::from(frame.currentline) })
        }
    }

    fn is_sandbox(self, at: c_int) -> bool {
        unsafe {
            let mut frame = std::mem::zeroed::<ffi::lua_Debug>();
            if ffi::lua_getstack(self.0, at, &raw mut frame) == 0 {
                return false;
            }
            ffi::lua_getinfo(self.0, c"S".as_ptr(), &raw mut frame);
            CStr::from_ptr(frame.source).to_bytes() == b"=atoll"
        }
    }

    /// The names of the local variables of the innermost frame of the script.
    fn local_names(self) -> Vec<Vec<u8>> {
        let name = |index| {
            let name = self.push_local(0, index)?;
            self.pop(1);
            Some(name)
        };
        (1..).map_while(name).take_while(|name| !name.starts_with(b"(*")).collect()
    }

    /// Whether there are frames that nobody looks at.
    pub(in crate::script) fn has_more_frames(self) -> bool {
        // SAFETY: as in `find_frame`.
        let mut frame = unsafe { std::mem::zeroed::<ffi::lua_Debug>() };
        unsafe { ffi::lua_getstack(self.0, FRAMES_MAX, &raw mut frame) != 0 }
    }

    /// Pushes local variable `index` of such a frame and says its name.
    pub(in crate::script) fn push_local(self, level: usize, index: usize) -> Option<Vec<u8>> {
        let (frame, _) = self.find_frame(level)?;
        let index = c_int::try_from(index).ok()?;
        if !self.ensure(4) {
            return None;
        }
        unsafe {
            let name = ffi::lua_getlocal(self.0, &raw const frame, index);
            (!name.is_null()).then(|| CStr::from_ptr(name).to_bytes().to_vec())
        }
    }

    /// A frame of the script's own, and its place among all frames.
    fn find_frame(self, level: usize) -> Option<(ffi::lua_Debug, c_int)> {
        let mut left = level;
        for at in 0..FRAMES_MAX {
            // SAFETY: all zeros is a valid lua_Debug (integers, pointers, a char array).
            let mut frame = unsafe { std::mem::zeroed::<ffi::lua_Debug>() };
            if unsafe { ffi::lua_getstack(self.0, at, &raw mut frame) } == 0 {
                return None;
            }
            unsafe { ffi::lua_getinfo(self.0, c"S".as_ptr(), &raw mut frame) };
            if unsafe { !is_script(&frame) } {
                continue;
            }
            if left == 0 {
                return Some((frame, at));
            }
            left -= 1;
        }
        None
    }

    /// Pushes Lua's own `xpcall`.
    pub(in crate::script) fn push_lua_xpcall(self) {
        unsafe { ffi::lua_pushvalue(self.0, ffi::LUA_REGISTRYINDEX) };
        // Where `luaL_openlibs` notes the libraries, the globals it was given among them.
        for name in [&b"_LOADED"[..], b"_G", b"xpcall"] {
            self.raw_get_name(-1, name);
            unsafe { ffi::lua_remove(self.0, -2) };
        }
    }

    /// The address of what a value refers to; 0 for a null, and for what refers to nothing.
    pub(in crate::script) fn address(self, index: c_int) -> usize {
        unsafe { ffi::lua_topointer(self.0, index) as usize }
    }
}
