//! The Redis wire protocol and everything about a request that needs no state to know.
//!
//! Bytes in, requests out; values in, bytes out. This crate knows RESP2 and RESP3, hash slots,
//! how to walk the arguments of a command, and the shape of a command's specification. It knows
//! no keyspace, no clock and no socket, so that every other crate and every test can use it.
//!
//! | module | holds |
//! |---|---|
//! | [`decode`] | bytes to requests, incremental and bounded |
//! | [`encode`] | values to RESP2 or RESP3 |
//! | [`args`] | the arguments of one request |
//! | [`number`] | integers and doubles exactly as Redis reads and prints them |
//! | [`slot`] | hash slots, hash tags, CRC16 |
//! | [`spec`] | what is known of a command without running it |
//! | [`limits`] | every bound of the wire and why it is there |
//! | [`error`] | errors of the wire and of arguments |
//!
//! # Invariants
//! - I1. Decoding never allocates per argument: a request is a list of spans over the input.
//! - I2. No input makes a function of this crate panic.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod args;
pub mod decode;
pub mod encode;
pub mod error;
pub mod limits;
pub mod number;
pub mod slot;
pub mod spec;

/// The version of Redis whose behaviour this is; clients choose by it what they may ask.
pub const REDIS_VERSION: &str = "7.2.4";
