//! CLUSTER and its relatives: what clients are told of the cluster, and how they behave in it.
//!
//! Subcommands that look at keys or change the cluster are not here: shards and the node answer
//! them.

mod asking;
mod container;
mod help;
mod info;
mod keyslot;
mod links;
mod myid;
mod myshardid;
mod nodes;
mod readonly;
mod readwrite;
mod shards;
mod slots;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &asking::COMMAND,
    &container::COMMAND,
    &help::COMMAND,
    &info::COMMAND,
    &keyslot::COMMAND,
    &links::COMMAND,
    &myid::COMMAND,
    &myshardid::COMMAND,
    &nodes::COMMAND,
    &shards::COMMAND,
    &slots::COMMAND,
    &readonly::COMMAND,
    &readwrite::COMMAND,
];
