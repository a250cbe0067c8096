//! Structures of values. They know neither keys nor commands; only the keyspace changes them.
//!
//! To add one: a file here, a variant in `keyspace::value::Value`, mutators in the keyspace with
//! their undo and effect.

pub(crate) mod bits;
pub mod hash;
pub(crate) mod hyperloglog;
pub mod list;
pub(crate) mod long_double;
mod packed;
pub(crate) mod patch;
pub mod set;
pub mod stream;
pub mod string;
pub mod zset;
