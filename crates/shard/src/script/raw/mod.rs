//! The one audited module that talks to the Lua VM through its C API.
//!
//! Everything unsafe of this crate is in here; the rest of `script` sees a [`Stack`] whose
//! operations are safe, and functions that return a `Result`. The hot path costs a few
//! nanoseconds a value because nothing in between checks, boxes or counts references.
//!
//! # Why it is sound
//! - S1. A Lua error unwinds through the frames between the raise and the `pcall`. In this module
//!   the only raises are the last act of `trampoline`, of `hook` and of `line_hook` (whose yield is
//!   one), when nothing that has a destructor is alive in those frames.
//! - S2. Functions of Lua that could raise by themselves are not used, or not with arguments that
//!   make them raise: raw access only, with tables checked to be tables and keys that are neither
//!   nil nor NaN. Running out of memory is the remaining cause; while host code runs
//!   (`Memory::in_host`) the allocator never refuses, and what is over the limit stops the
//!   script at its next instruction instead. The same holds while a hook has garbage collected.
//! - S3. Before values are pushed, [`Stack::ensure`] has made room; Lua itself guarantees 20 places
//!   to each function it calls.
//! - S4. A [`Stack`] lives only as long as the call that it was handed to; it is not stored beyond
//!   (the reply sink keeps one while a command runs, and only then; a session of the debugger that
//!   of its coroutine, which is anchored as long).
//! - S5. The [`Host`] is reached by pointer from Lua. It is never borrowed while Lua runs: the
//!   engine gives up its borrow before `pcall`, and host functions do not call back into Lua.
//! - S6. A hook may collect garbage: LuaJIT has saved where the frame's values end, no host code is
//!   under way, and no script code runs, for only userdata has finalisers and scripts can make none.
//! - S7. What is looked at without the API is alive and stays where it is: see `peek` and `table`.
//!
//! | file | holds |
//! |---|---|
//! | `vm` | the VM: its life, its calls, and how it is interrupted |
//! | `memory` | its allocator, which counts |
//! | `pool` | small blocks that are kept for it |
//! | `stack` | what the host does with values |
//! | `peek` | values read without a call |
//! | `table` | tables read without a call |
//! | `vector` | sixteen bytes looked at together |
//! | `entry` | how Lua calls the host |
//! | `debug` | what the debugger needs: a hook at every line, frames, local variables |

#![expect(unsafe_code, reason = "the one module that may: the C API of the Lua VM")]

mod debug;
mod entry;
mod memory;
mod peek;
mod pool;
mod stack;
mod table;
mod vector;
mod vm;

use std::ffi::c_int;

use super::host::Host;

pub(super) use debug::{Halt, Place, Progress, Thread};
pub(super) use entry::{HostCell, Lent, LentRequest};
pub(super) use memory::{Memory, memory_left, note_memory_exceeded};
pub(super) use peek::{Argument, TakeArgument};
pub(super) use stack::Stack;
#[cfg(test)]
pub(super) use table::BLIND;
pub(super) use table::{Table, Value};
pub(super) use vector::{find_any, find_control_or_any};
pub(super) use vm::{Vm, script_is_to_end};
pub use vm::{VmError, on_interrupt_signal};

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
