//! The script host: one Lua VM for each shard.
//!
//! | file | holds |
//! |---|---|
//! | `compile` | from source text to a function |
//! | `engine` | the scripts of one shard: compiling them, running them all or nothing |
//! | `machine` | one VM with its host |
//! | `raw` | the one audited module: the Lua C API |
//! | `host` | `redis.call` and the rest of the `redis` table |
//! | `program`, `run` | a compiled script or function, and one run of it |
//! | `functions` | libraries and their functions |
//! | `tail_calls` | keeps the line of errors in what a script returns |
//! | `list` | KEYS and ARGV |
//! | `pulse` | how long commands notice that their script is to end |
//! | `limits`, `outcome` | what scripts may not, and what is replied then |
//! | `stats` | what is known of a script |
//! | `lib` | cjson, cmsgpack, struct, `math.random` |
//! | `sink`, `convert` | replies to Lua, Lua to replies |
//! | `interrupt` | how other threads stop a script |
//! | `proof` | that they can |
//! | `store`, `sha` | the scripts of a node |
//! | `shebang` | what a script declares of itself |
//! | `debug` | the debugger |
//! | `sandbox.lua` | what script code sees |
//!
//! A script runs between [`crate::keyspace::Keyspace::begin`] and `keep` or `roll_back`: an error, the time limit,
//! a kill or the memory limit leaves nothing behind. A script that *returns* `{err=…}` has ended
//! normally and keeps what it wrote, as in Redis.
//!
//! # Invariants
//! - I1. After a script nothing is left over for the next one: no hook, no loan, no globals that
//!   it made.
//! - I2. What ends a script (kill, time, memory) cannot be survived: the run is rolled back even
//!   if script code caught the error and returned.

mod compile;
mod compiled;
mod convert;
pub mod debug;
mod engine;
pub mod functions;
mod host;
pub mod interrupt;
mod lib;
mod limits;
mod list;
mod machine;
mod outcome;
mod program;
mod proof;
mod pulse;
mod raw;
mod run;
mod setting;
pub mod sha;
pub mod shebang;
pub(crate) mod sink;
mod stats;
pub mod store;
mod tail_calls;

#[cfg(test)]
mod cve_test;
#[cfg(test)]
mod direct_test;
#[cfg(test)]
mod leftover_test;
#[cfg(test)]
mod luajit_test;
#[cfg(test)]
mod sandbox_test;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod vm_test;

pub use engine::ScriptEngine;
pub use host::{Services, SlotOwner, Touched};
pub use limits::Limits;
pub use outcome::{Reason, ScriptCounters};
pub use pulse::{Pulse, beat};
pub use raw::{VmError, on_interrupt_signal};
pub use run::{Invocation, Rehearsal};
pub use stats::ScriptStats;
