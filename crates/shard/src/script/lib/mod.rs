//! Libraries: those that Redis adds to Lua (cjson, cmsgpack, struct, its own `math.random`), and
//! what of Lua's own could not be stopped.
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | arguments of library functions, and the errors about them |
//! | `number` | `%.14g`, `strtod`, and casts as x86-64 makes them |
//! | `cjson` | JSON |
//! | `cmsgpack` | MessagePack |
//! | `struct_lib` | C structures |
//! | `random` | the generator behind `math.random` |
//! | `string_lib` | the functions of `string` that work for long |
//! | `pattern` | the patterns of Lua |
//! | `sandbox` | what the sandbox needs of the host, and scripts do not see; `redis.sha1hex` |
//!
//! The functions are written on top of [`Stack`], in safe code. Results and errors are those of
//! the C libraries in Redis, oddities included: scripts may depend on them.
//!
//! # Invariants
//! - I1. Nothing recurses as deep as its input: what nests is followed by iteration, and its depth
//!   is bounded by [`Stack::ensure`].
//! - I2. Whatever grows is bounded by the script's memory limit while it grows, and a script that
//!   is to end does not wait for a library function to end: see [`Watch`].
//!
//! # Adding a function
//! A row in the `LIBRARY` of its file; a new library also a row in [`LIBRARIES`].

mod arguments;
mod cjson;
mod cmsgpack;
mod number;
mod pattern;
mod random;
mod sandbox;
mod string_lib;
mod struct_lib;

use super::host::Host;
use super::interrupt::{Control, Request};
use super::pulse::Pulse;
use super::raw::{HostFunction, Raise, Stack, memory_left};

/// Numbers as `%g` shows them, for the debugger too.
pub(super) use number::write_g;
/// The generator's state of one shard. It outlives SCRIPT FLUSH, and with that the VM.
pub(super) use random::Generator;
pub(super) use sandbox::{sha1hex, stack_place};

/// Most bytes of a result: what LuaJIT takes for a string, with room for what comes around it.
const RESULT_MAX: usize = 1 << 30;

/// Most values of a table: LuaJIT raises beyond 2^26.
const TABLE_MAX: usize = 1 << 25;

/// Values between two looks at whether the script is to end.
const LOOK_EVERY: u32 = 256;

/// The largest buffer that is kept for the next call.
const KEPT_BUFFER_MAX: usize = 256 * 1024;

/// What the libraries keep between two calls.
#[derive(Default)]
pub(super) struct Libraries {
    /// Settings of `cjson` itself; copies made by `new` have their own.
    cjson: cjson::Settings,
    /// How large the tables of the last text that `cjson` has decoded were.
    sizes: cjson::Sizes,
    /// Shared with the engine.
    pub(super) random: Generator,
    /// Room for a result under construction, reused.
    buffer: Vec<u8>,
}

impl Libraries {
    fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    fn put_buffer(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_BUFFER_MAX {
            buffer.clear();
            self.buffer = buffer;
        }
    }
}

/// A library: the name of its table and what is in there.
struct Library {
    name: &'static str,
    functions: &'static [(&'static str, HostFunction)],
    texts: &'static [(&'static str, &'static str)],
}

/// What the sandbox gets. `cjson_copy` has functions that take settings as their first argument,
/// of which the sandbox makes the copies that `cjson.new()` returns.
const LIBRARIES: &[Library] = &[
    cjson::LIBRARY,
    cjson::COPY,
    cmsgpack::LIBRARY,
    random::LIBRARY,
    string_lib::LIBRARY,
    sandbox::LIBRARY,
    struct_lib::LIBRARY,
];

/// Pushes a table of the libraries by name.
pub(super) fn push(stack: Stack, host: *mut Host) {
    stack.push_table(0, LIBRARIES.len());
    for library in LIBRARIES {
        stack.push_table(0, library.functions.len() + library.texts.len() + 1);
        for (name, function) in library.functions {
            stack.push_function(host, *function);
            stack.raw_set_name(-2, name.as_bytes());
        }
        for (name, text) in library.texts {
            stack.push_bytes(text.as_bytes());
            stack.raw_set_name(-2, name.as_bytes());
        }
        if library.name == cjson::LIBRARY.name {
            stack.push_null();
            stack.raw_set_name(-2, b"null");
        }
        stack.raw_set_name(-2, library.name.as_bytes());
    }
}

/// An error with the position of the caller in front.
fn raise(text: impl Into<String>) -> Raise {
    Raise::At(text.into().into_bytes())
}

/// Looks, while a library function works, at whether it had better stop, and has the sockets looked
/// after meanwhile. What it returns goes through [`watched`].
struct Watch<'a> {
    control: &'a Control,
    pulse: Pulse<'a>,
    /// Most bytes of the result.
    budget: usize,
    left: u32,
}

impl<'a> Watch<'a> {
    fn new(host: &'a Host) -> Self {
        let budget = memory_left(host).min(RESULT_MAX);
        let pulse = Pulse::new(&host.control, host.services.as_deref(), host.invoked_by.get());
        Self { control: &host.control, pulse, budget, left: LOOK_EVERY }
    }

    /// To be called for each value, with the bytes of the result so far.
    ///
    /// # Errors
    /// The script is to end, or the result is over the memory limit: then it is to end now.
    #[inline]
    fn tick(&mut self, result_len: usize) -> Result<(), Raise> {
        self.left -= 1;
        if self.left == 0 {
            self.left = LOOK_EVERY;
            self.look()?;
        }
        self.fits(result_len)
    }

    /// Whether a result of so many bytes is within the limit.
    #[inline]
    fn fits(&self, result_len: usize) -> Result<(), Raise> {
        if result_len <= self.budget { Ok(()) } else { Err(self.over_limit()) }
    }

    /// Does what the hook does between two instructions.
    ///
    /// # Errors
    /// The script is to end.
    #[cold]
    fn look(&self) -> Result<(), Raise> {
        self.pulse.beat().map_err(|_| raise("the script is to end"))
    }

    /// Asks for the end of the script, as an allocation by Lua does that is over the limit.
    #[cold]
    fn over_limit(&self) -> Raise {
        self.control.request_now(Request::Memory);
        raise("not enough memory")
    }
}

/// What a library function ends with that has a [`Watch`]. Where that is an error and the script is
/// to end, sees to it that it does even if it catches the error, and that the reason is known.
fn watched<T>(host: &mut Host, stack: Stack, result: Result<T, Raise>) -> Result<T, Raise> {
    if result.is_err() {
        host.stop_as_asked(stack);
    }
    result
}

#[cfg(test)]
#[path = "lib_test.rs"]
mod tests;
