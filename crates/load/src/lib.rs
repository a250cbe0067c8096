//! Load for RESP servers: the generator behind `atoll bench` and the programs of `benches/`.
//!
//! A load generator lies in three ways: it is slower than the server and so measures itself, it
//! waits for a slow reply and so never sees the requests that would have suffered (coordinated
//! omission), or it does not look at what it is answered. So here every byte to send is built
//! beforehand, the open loop measures from the intended time of sending, and every reply is
//! counted by its structure, errors and nils apart.
//!
//! | module | holds |
//! |---|---|
//! | [`workload`] | what is asked: commands, keys, scripts |
//! | [`scripts`] | the scripts among it |
//! | [`encoder`] | the bytes of the requests |
//! | `collections` | the requests on collections among it |
//! | [`zipf`] | skewed choice of keys |
//! | [`tape`] | the prebuilt requests of one connection |
//! | [`reply`] | counting replies without keeping them |
//! | [`tally`] | what is counted of them |
//! | [`connection`] | one non-blocking connection: a batch out, its replies in |
//! | [`generator`] | the event loop over many connections, closed or open |
//! | `run` | when what is due in a run, and when it ends |
//! | `errands` | what takes long, on a thread of its own: redirects, new connections |
//! | [`fleet`] | several generators, one thread each |
//! | [`measurement`] | what a run has found |
//! | [`client`] | a blocking client for the set-up |
//! | [`topology`] | which node owns which slot |
//! | [`setup`] | loading scripts and keys before a run |
//! | [`options`] | command-line options that programs share |
//! | [`server`] | starting and surely stopping servers |
//! | [`interrupt`] | stopping them also when this program is told to stop |
//! | [`cpu`] | processor time and pinning |
//! | [`machine`] | the facts that belong beside a number |
//! | [`bench`] | `atoll bench` |
//! | [`report`] | tables as text and Markdown |

#![forbid(unsafe_code)]

pub mod bench;
pub mod client;
mod collections;
pub mod connection;
pub mod cpu;
pub mod encoder;
mod errands;
pub mod fleet;
pub mod generator;
pub mod interrupt;
pub mod machine;
pub mod measurement;
pub mod options;
pub mod reply;
pub mod report;
mod run;
pub mod scripts;
pub mod server;
pub mod setup;
pub mod tally;
pub mod tape;
pub mod topology;
pub mod workload;
pub mod zipf;
