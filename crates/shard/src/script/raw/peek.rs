//! Arguments of a host function read without a call of Lua's C API.
//!
//! The API costs a call, a check of the index and a switch for each question asked of a value, and a
//! host function asks three of each argument. Where a value lies and what its bits mean is fixed by the
//! version of LuaJIT that is built in, so it can just as well be looked at.
//!
//! # Why it is sound
//! - P1. Nothing is read this way before [`verify`] has seen, on this build's own VM, that what is read
//!   agrees with what the API says of values of every kind. Until then, and if that ever fails, callers
//!   use the API.
//! - P2. `verify` itself reads only memory that it knows to be there: the head of the state, which is
//!   longer than what is read on any 64-bit platform; then stack places whose addresses agree with
//!   the number of values on the stack, for several numbers; then a string object whose address agrees
//!   with that of its text.

use std::sync::atomic::{AtomicBool, Ordering};

use mlua::ffi;

/// What a host function is given.
pub(in crate::script) enum Argument<'a> {
    Text(&'a [u8]),
    Number(f64),
    Other,
}

/// The head of `lua_State`.
#[repr(C)]
struct State {
    /// Link and marks of the collector, the global state.
    head: [u64; 4],
    /// The first value of the function that runs.
    base: *const u64,
    /// Behind its last value.
    top: *const u64,
}

/// The head of a string object; its bytes follow.
#[repr(C)]
struct Text {
    /// Link and marks of the collector, number, hash.
    head: [u32; 5],
    len: u32,
}

/// Bits of a value that are an address; those above say of what kind it is.
const ADDRESS_BITS: u32 = 47;
const KIND_TEXT: u64 = (!4u32 as u64) & 0x1_ffff;
/// Numbers are below.
const KINDS_FROM: u64 = (!13u32 as u64) & 0x1_ffff;

/// [`verify`] has been passed by the first VM, and failed by none.
static VERIFIED: AtomicBool = AtomicBool::new(false);

/// Whether values may be looked at.
#[inline]
pub(super) fn is_verified() -> bool {
    VERIFIED.load(Ordering::Relaxed)
}

/// How many values the function that runs has.
///
/// # Safety
/// The state is this thread's, and P1 holds.
#[inline]
pub(super) unsafe fn count(state: *mut ffi::lua_State) -> usize {
    // SAFETY: by the caller; both point into the same stack.
    unsafe {
        let state = &*state.cast::<State>();
        (state.top as usize - state.base as usize) / size_of::<u64>()
    }
}

/// The bits of a value; `at` counts from 0.
///
/// # Safety
/// As of [`count`], which is above `at`.
#[inline]
unsafe fn bits(state: *mut ffi::lua_State, at: usize) -> u64 {
    // SAFETY: by the caller.
    unsafe { *(*state.cast::<State>()).base.add(at) }
}

/// What the value is; `at` counts from 0. The text lives as long as the value is on the stack.
///
/// # Safety
/// As of [`count`], which is above `at`. The value stays on the stack as long as the text is used.
#[inline]
pub(super) unsafe fn argument<'a>(state: *mut ffi::lua_State, at: usize) -> Argument<'a> {
    // SAFETY: by the caller. An object of a value on the stack lives.
    unsafe {
        let bits = bits(state, at);
        let kind = bits >> ADDRESS_BITS;
        if kind == KIND_TEXT {
            let text = text_of(bits);
            let len = (*text).len as usize;
            Argument::Text(std::slice::from_raw_parts(text.add(1).cast::<u8>(), len))
        } else if kind < KINDS_FROM {
            Argument::Number(f64::from_bits(bits))
        } else {
            Argument::Other
        }
    }
}

/// The address of a text: the same for equal texts as long as one lives. 0 for any other value.
///
/// # Safety
/// As of [`argument`].
#[inline]
pub(super) unsafe fn text_address(state: *mut ffi::lua_State, at: usize) -> usize {
    // SAFETY: by the caller.
    let bits = unsafe { bits(state, at) };
    if bits >> ADDRESS_BITS == KIND_TEXT { text_of(bits) as usize } else { 0 }
}

#[inline]
fn text_of(bits: u64) -> *const Text {
    (bits & ((1 << ADDRESS_BITS) - 1)) as *const Text
}

/// Sees whether values lie where they are looked for, and are what they are taken for. The state is
/// new: nothing runs in it.
///
/// # Safety
/// The state is this thread's, and nothing is on its stack.
pub(super) unsafe fn verify(state: *mut ffi::lua_State) {
    // SAFETY: by the caller; P2. Ten values have room on any stack.
    let agrees = unsafe { agrees(state) };
    // SAFETY: as above.
    unsafe { ffi::lua_settop(state, 0) };
    VERIFIED.store(agrees, Ordering::Relaxed);
}

unsafe fn agrees(state: *mut ffi::lua_State) -> bool {
    if size_of::<usize>() != size_of::<u64>() {
        return false;
    }
    // SAFETY: as in `verify`.
    unsafe {
        let here =
            |number: usize| count(state) == number && ffi::lua_gettop(state) == number as i32;
        if !here(0) {
            return false;
        }
        ffi::lua_pushnil(state);
        ffi::lua_pushboolean(state, 1);
        ffi::lua_pushboolean(state, 0);
        if !here(3) {
            return false;
        }
        ffi::lua_pushlightuserdata(state, state.cast());
        ffi::lua_createtable(state, 0, 0);
        ffi::lua_pushvalue(state, ffi::LUA_GLOBALSINDEX);
        if !here(6) || (0..6).any(|at| !matches!(argument(state, at), Argument::Other)) {
            return false;
        }
        ffi::lua_settop(state, 0);
        [0.0, -1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -0.0, 7.0].iter().all(|&number| {
            ffi::lua_pushnumber(state, number);
            let same = match argument(state, count(state) - 1) {
                Argument::Number(read) => read.to_bits() == number.to_bits() || read.is_nan(),
                _ => false,
            };
            ffi::lua_settop(state, 0);
            same
        }) && [&b""[..], b"x", b"a text of some length, longer than any key", &[0, 255, 0]].iter().all(
            |text| {
                ffi::lua_pushlstring_(state, text.as_ptr().cast(), text.len());
                let mut len = 0;
                let start = ffi::lua_tolstring(state, 1, &raw mut len).cast::<u8>();
                // Its address is compared before what it should point to is read (P2).
                let object = text_of(bits(state, 0));
                let same = bits(state, 0) >> ADDRESS_BITS == KIND_TEXT
                    && object.wrapping_add(1).cast::<u8>() == start
                    && matches!(argument(state, 0), Argument::Text(read) if read == *text && len == read.len());
                ffi::lua_settop(state, 0);
                same
            },
        )
    }
}
