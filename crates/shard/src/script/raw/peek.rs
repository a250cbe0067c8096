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

use super::{Kind, Stack};

/// What a host function is given.
pub(in crate::script) enum Argument<'a> {
    Text(&'a [u8]),
    Number(f64),
    Other,
}

/// What the arguments of a host function are handed to, in order.
pub(in crate::script) trait TakeArgument {
    fn text(&mut self, bytes: &[u8]);
    fn number(&mut self, number: f64);
}

/// The head of `lua_State`.
#[repr(C)]
struct State {
    /// Link and marks of the collector, the global state.
    head: [u64; 4],
    /// The first value of the function that runs.
    base: *mut u64,
    /// Behind its last value.
    top: *mut u64,
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
pub(super) const TAG_NIL: u32 = 0x1_ffff;
pub(super) const TAG_FALSE: u32 = !1 & 0x1_ffff;
const TAG_TRUE: u32 = !2 & 0x1_ffff;
const TAG_TEXT: u32 = !4 & 0x1_ffff;
pub(super) const TAG_THREAD: u32 = !6 & 0x1_ffff;
pub(super) const TAG_FUNCTION: u32 = !8 & 0x1_ffff;
const TAG_TABLE: u32 = !11 & 0x1_ffff;
/// Numbers are below.
const TAGS_FROM: u32 = !13 & 0x1_ffff;

/// [`verify`] has been passed by the first VM, and failed by none.
static VERIFIED: AtomicBool = AtomicBool::new(false);

/// Whether values may be looked at.
#[inline]
pub(super) fn is_verified() -> bool {
    VERIFIED.load(Ordering::Relaxed)
}

/// What kind of value bits are.
#[inline]
pub(super) fn kind(bits: u64) -> Kind {
    match tag(bits) {
        TAG_NIL => Kind::Nil,
        TAG_TRUE | TAG_FALSE => Kind::Boolean,
        TAG_TEXT => Kind::String,
        TAG_TABLE => Kind::Table,
        _ if is_number(bits) => Kind::Number,
        _ => Kind::Other,
    }
}

#[inline]
fn is_number(bits: u64) -> bool {
    tag(bits) < TAGS_FROM
}

/// The bits that say of what kind a value is.
#[inline]
pub(super) fn tag(bits: u64) -> u32 {
    (bits >> ADDRESS_BITS) as u32
}

/// Where the object is that bits are.
#[inline]
pub(super) fn address(bits: u64) -> usize {
    (bits & ((1 << ADDRESS_BITS) - 1)) as usize
}

/// The bits of the table at an address.
#[inline]
pub(super) fn table_bits(address: usize) -> u64 {
    u64::from(TAG_TABLE) << ADDRESS_BITS | address as u64
}

/// Pushes the value that bits are.
///
/// # Safety
/// As of [`count`]; the stack has room (S3), and the bits are those of a value that lives.
#[inline]
pub(super) unsafe fn push(state: *mut ffi::lua_State, bits: u64) {
    // SAFETY: by the caller.
    unsafe {
        let state = &mut *state.cast::<State>();
        state.top.write(bits);
        state.top = state.top.add(1);
    }
}

/// Replaces a value on the stack by that which bits are; `at` counts from 0. The collector looks at all of
/// the stack, so it needs no notice.
///
/// # Safety
/// As of [`count`], which is above `at`; the bits are those of a value that lives.
#[inline]
pub(super) unsafe fn put(state: *mut ffi::lua_State, at: usize, bits: u64) {
    // SAFETY: by the caller.
    unsafe { (*state.cast::<State>()).base.add(at).write(bits) }
}

/// Whether [`push`] and [`put`] do what they should.
///
/// # Safety
/// As of [`verify`], which has been passed.
pub(super) unsafe fn pushes_agree(state: *mut ffi::lua_State) -> bool {
    // SAFETY: as in `verify`.
    unsafe {
        ffi::lua_pushlstring_(state, b"first".as_ptr().cast(), 5);
        ffi::lua_createtable(state, 0, 0);
        let (text, table) = (bits(state, 0), bits(state, 1));
        push(state, table_bits(address(table)));
        push(state, text);
        let pushed = ffi::lua_gettop(state) == 4
            && ffi::lua_rawequal(state, 3, 2) != 0
            && ffi::lua_rawequal(state, 4, 1) != 0;
        put(state, 0, table);
        let replaced = ffi::lua_gettop(state) == 4 && ffi::lua_rawequal(state, 1, 2) != 0;
        ffi::lua_settop(state, 0);
        pushed && replaced
    }
}

/// The bits of the value at an index as Lua's API counts them, other than pseudo-indices. Above the
/// top there is nil.
///
/// # Safety
/// As of [`count`]; a negative index is not below the first value.
#[inline]
pub(super) unsafe fn at_index(state: *mut ffi::lua_State, index: i32) -> u64 {
    // SAFETY: by the caller.
    unsafe {
        let state = &*state.cast::<State>();
        let place = if index > 0 {
            state.base.add(index as usize - 1)
        } else {
            state.top.offset(index as isize)
        };
        if place < state.top { *place } else { u64::MAX }
    }
}

/// The bytes of the text that bits are, if they are one.
///
/// # Safety
/// The bits are those of a value on the stack, where it stays as long as the text is used.
#[inline]
pub(super) unsafe fn text<'a>(bits: u64) -> Option<&'a [u8]> {
    if tag(bits) != TAG_TEXT {
        return None;
    }
    // SAFETY: by the caller. An object of a value on the stack lives.
    unsafe {
        let text = text_of(bits);
        let len = (*text).len as usize;
        Some(std::slice::from_raw_parts(text.add(1).cast::<u8>(), len))
    }
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
pub(super) unsafe fn bits(state: *mut ffi::lua_State, at: usize) -> u64 {
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
        match text(bits) {
            Some(text) => Argument::Text(text),
            None if is_number(bits) => Argument::Number(f64::from_bits(bits)),
            None => Argument::Other,
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
    if tag(bits) == TAG_TEXT { text_of(bits) as usize } else { 0 }
}

#[inline]
fn text_of(bits: u64) -> *const Text {
    address(bits) as *const Text
}

// SAFETY for all methods: as for the others of `Stack`; nothing is looked at before P1 holds.
#[expect(clippy::undocumented_unsafe_blocks, reason = "argued once above for all of them")]
impl Stack {
    /// Hands each argument of the host function that runs to `taker`; false at the first that is
    /// neither a string nor a number.
    #[inline(always)]
    pub(in crate::script) fn arguments(self, taker: &mut impl TakeArgument) -> bool {
        if is_verified() {
            for at in 0..unsafe { count(self.0) } {
                match unsafe { argument(self.0, at) } {
                    Argument::Text(bytes) => taker.text(bytes),
                    Argument::Number(number) => taker.number(number),
                    Argument::Other => return false,
                }
            }
            return true;
        }
        self.arguments_by_calls(taker)
    }

    /// [`Self::arguments`] where nothing can be looked at.
    #[cold]
    fn arguments_by_calls(self, taker: &mut impl TakeArgument) -> bool {
        (1..=self.top()).all(|at| match self.kind(at) {
            Kind::Number => {
                taker.number(self.number(at));
                true
            }
            Kind::String => self.with_bytes(at, |bytes| taker.text(bytes)).is_some(),
            _ => false,
        })
    }

    /// Hands the value on top of the stack to `read`, if it can be looked at, or says that it is
    /// something else.
    #[inline]
    pub(in crate::script) fn with_top<R>(self, read: impl FnOnce(Argument<'_>) -> R) -> R {
        if is_verified() {
            let count = unsafe { count(self.0) };
            if count > 0 {
                return read(unsafe { argument(self.0, count - 1) });
            }
        }
        read(Argument::Other)
    }

    /// An address that is the same for equal strings as long as one of them lives (Lua interns), of
    /// the first argument; 0 when that is no string, or has none.
    #[inline]
    pub(in crate::script) fn first_text_address(self) -> usize {
        if is_verified() {
            if unsafe { count(self.0) } == 0 {
                return 0;
            }
            return unsafe { text_address(self.0, 0) };
        }
        if self.kind(1) != Kind::String {
            return 0;
        }
        unsafe { ffi::lua_topointer(self.0, 1) as usize }
    }
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
        if !places_agree(state) || !kinds_agree(state) {
            return false;
        }
        // An integer may be a kind of its own.
        ffi::lua_pushinteger(state, 7);
        let is_seven = bits(state, 0) == 7.0f64.to_bits();
        ffi::lua_settop(state, 0);
        let numbers = [0.0, -1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -0.0, 5e-324];
        let texts = [&b""[..], b"x", b"a text of some length, longer than any key", &[0, 255, 0]];
        is_seven
            && numbers.iter().all(|&number| number_agrees(state, number))
            && texts.iter().all(|text| text_agrees(state, text))
    }
}

/// Whether the first and the last place are where they should be, for several numbers of values.
unsafe fn places_agree(state: *mut ffi::lua_State) -> bool {
    // SAFETY: as in `verify`.
    unsafe {
        for number in 0..9 {
            if count(state) != number || ffi::lua_gettop(state) != number as i32 {
                return false;
            }
            ffi::lua_pushboolean(state, 1);
        }
        ffi::lua_settop(state, 0);
        true
    }
}

/// Whether values of all kinds are seen to be what they are.
unsafe fn kinds_agree(state: *mut ffi::lua_State) -> bool {
    // SAFETY: as in `verify`.
    unsafe {
        ffi::lua_pushnil(state);
        ffi::lua_pushboolean(state, 1);
        ffi::lua_pushboolean(state, 0);
        ffi::lua_pushlightuserdata(state, state.cast());
        ffi::lua_pushlightuserdata(state, std::ptr::null_mut());
        ffi::lua_createtable(state, 0, 0);
        ffi::lua_pushthread(state);
        ffi::lua_newuserdata(state, 8);
        ffi::lua_pushcclosure(state, super::entry::trampoline, 0);
        ffi::lua_pushnumber(state, 1.0);
        let count = count(state) as i32;
        // One above the top is nil.
        let agree = (1..=count + 1).all(|index| {
            let expected = match ffi::lua_type(state, index) {
                ffi::LUA_TNIL | ffi::LUA_TNONE => Kind::Nil,
                ffi::LUA_TBOOLEAN => Kind::Boolean,
                ffi::LUA_TNUMBER => Kind::Number,
                ffi::LUA_TTABLE => Kind::Table,
                _ => Kind::Other,
            };
            let from_top = if index > count { index } else { index - count - 1 };
            kind(at_index(state, index)) == expected && kind(at_index(state, from_top)) == expected
        });
        ffi::lua_settop(state, 0);
        agree && count == 10
    }
}

unsafe fn number_agrees(state: *mut ffi::lua_State, number: f64) -> bool {
    // SAFETY: as in `verify`.
    unsafe {
        ffi::lua_pushnumber(state, number);
        let read = argument(state, 0);
        ffi::lua_settop(state, 0);
        match read {
            Argument::Number(read) => read.to_bits() == number.to_bits() || read.is_nan(),
            Argument::Text(_) | Argument::Other => false,
        }
    }
}

unsafe fn text_agrees(state: *mut ffi::lua_State, written: &[u8]) -> bool {
    // SAFETY: as in `verify`.
    unsafe {
        ffi::lua_pushlstring_(state, written.as_ptr().cast(), written.len());
        let start = ffi::lua_tolstring(state, 1, std::ptr::null_mut()).cast::<u8>();
        let bits = bits(state, 0);
        // Its address is compared before what it should point to is read (P2).
        let agrees = kind(bits) == Kind::String
            && text_of(bits).wrapping_add(1).cast::<u8>() == start
            && text(bits) == Some(written);
        ffi::lua_settop(state, 0);
        agrees
    }
}
