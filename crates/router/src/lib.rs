//! Where a request runs, and everything about a connection that needs no socket to know.
//!
//! The router decides and the node does: all of this is pure functions and plain state, so it can
//! be tested without a server and called without waiting.
//!
//! | module | holds |
//! |---|---|
//! | [`topology`] | which node and shard owns which slot |
//! | [`plan`] | where a request runs |
//! | [`view`] | what the clients of one listener are told of the cluster |
//! | [`session`] | the state of a connection |
//! | [`acl`] | users, and what they may do |
//! | [`subscriptions`] | what a connection has subscribed to |
//! | [`registry`] | all commands of the server, and who answers each |
//! | [`commands`] | commands that are answered without a shard |
//!
//! # Invariants
//! - I1. Nothing here waits, reads a clock, or touches a socket or a file.
//! - I2. No request makes a function of this crate panic.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod acl;
pub mod commands;
pub mod plan;
pub mod registry;
pub mod session;
pub mod subscriptions;
#[cfg(test)]
mod testing;
pub mod topology;
pub mod view;
