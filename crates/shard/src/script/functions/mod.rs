//! Functions: named entry points of libraries that the node keeps (FUNCTION and FCALL).
//!
//! | file | holds |
//! |---|---|
//! | `metadata` | the first line of a library |
//! | `store` | the libraries of the node |
//! | `load` | running a library's code, so that it registers its functions |
//! | `registration` | `redis.register_function` |
//! | `endpoint` | agreeing with what other shards have been told |
//! | `engine` | the functions of one shard: its VM, kept up to date with the store |
//! | `api` | what commands ask for |
//! | `payload` | what FUNCTION DUMP writes and FUNCTION RESTORE reads |
//!
//! A library is code that runs once on each shard; what it has registered is called by name then.
//! Functions have a VM of their own on each shard, apart from that of scripts: what a library keeps
//! in its local variables stays between two calls, on each shard by itself, and rolling a function
//! back does not take it back.
//!
//! While its code is loaded, a library sees `redis` alone, and in it `register_function`, `log` and
//! constants. Afterwards it sees what scripts see, but for KEYS and ARGV, which are arguments. Both
//! are the same table of globals: what that shows is switched before and after the code is run.
//!
//! # Invariants
//! - I1. A library is loaded whole or not at all, on the node and on each shard.
//! - I2. No function is called on a shard that is behind the store.
//! - I3. What a library keeps of what it saw while it was loaded cannot register functions later.

mod api;
mod endpoint;
mod engine;
mod load;
mod metadata;
mod payload;
mod registration;
mod store;

pub(super) use engine::FunctionEngine;
pub(super) use registration::Registration;
pub use store::{Function, FunctionFigures, FunctionStore, Library, Restore};

/// Adds the trailer of a payload, for tests of commands.
#[cfg(test)]
pub(crate) fn seal(body: &[u8]) -> Vec<u8> {
    payload::seal(body.to_vec())
}
