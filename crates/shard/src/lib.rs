//! The state of one shard and everything that happens to it.
//!
//! A shard is a pure function of (state, request, time, seed) to (state, reply, effects): no
//! socket, no file, no clock and no thread. That is what lets tests replay it, simulations drive
//! it, and an executor call it in place without a queue in between.
//!
//! | module | holds |
//! |---|---|
//! | [`shard`] | the shard: execute a request, a transaction; replay effects |
//! | [`keyspace`] | the keys, and the one door through which they change |
//! | [`types`] | structures of values |
//! | [`commands`] | one file for each command; the command table |
//! | [`script`] | the Lua host |
//! | [`acl`] | what the user of a request may do |
//! | [`effect`] | one change, as the log carries it |
//! | [`rdb`] | Redis's format of values and snapshots |
//! | [`reply`] | where a handler puts its reply |
//! | [`error`] | why a command did not run |
//! | [`testing`] | a shard to try commands on |
//!
//! # Invariants
//! - I1. No value changes but through a mutator of the keyspace, which records undo and effect.
//! - I2. A handler that returns an error has changed nothing and replied nothing.
//! - I3. Replaying the effects of any requests into an empty shard gives an equal digest.
//! - I4. A script that does not reach its end leaves everything as it was.

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod acl;
pub mod channels;
pub mod commands;
pub mod effect;
pub mod entry;
pub mod error;
pub mod gauge;
pub mod glob;
pub mod keyspace;
pub mod needs;
pub mod once;
pub mod rdb;
pub mod reply;
pub mod script;
pub mod shard;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod types;

pub use shard::Shard;
