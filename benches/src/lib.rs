//! Fair comparison of RESP servers, and what a shard costs in this process.
//!
//! The load comes from crate `load`, which `atoll bench` uses as well.
//!
//! | module | holds |
//! |---|---|
//! | [`comparison`] | what several servers show side by side |
//! | [`filling`] | what fills a server to see how much memory it takes |
//! | [`inprocess`] | a shard in this process |
//! | [`cases`] | what is measured there |
//! | [`options`] | command-line options that the programs share |
//!
//! # Not here
//! Deciding what a number means. The programs print what they saw and warn when it says little.

#![forbid(unsafe_code)]

pub mod cases;
pub mod comparison;
pub mod filling;
pub mod inprocess;
pub mod options;
