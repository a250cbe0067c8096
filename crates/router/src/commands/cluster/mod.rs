//! CLUSTER and its relatives: what clients are told of the cluster, and how they behave in it.
//!
//! Subcommands that look at keys or change the cluster are not here: shards and the node answer
//! them.

mod asking;
mod container;
mod fixed;
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
    &fixed::ADDSLOTS,
    &fixed::ADDSLOTSRANGE,
    &fixed::BUMPEPOCH,
    &fixed::CANCELSLOTMIGRATIONS,
    &fixed::COUNT_FAILURE_REPORTS,
    &fixed::DELSLOTS,
    &fixed::DELSLOTSRANGE,
    &fixed::FAILOVER,
    &fixed::FLUSHSLOTS,
    &fixed::FORGET,
    &fixed::GETSLOTMIGRATIONS,
    &help::COMMAND,
    &info::COMMAND,
    &keyslot::COMMAND,
    &links::COMMAND,
    &fixed::MEET,
    &fixed::MIGRATESLOTS,
    &myid::COMMAND,
    &myshardid::COMMAND,
    &nodes::COMMAND,
    &fixed::REPLICAS,
    &fixed::REPLICATE,
    &fixed::RESET,
    &fixed::SAVECONFIG,
    &fixed::SET_CONFIG_EPOCH,
    &fixed::SETSLOT,
    &shards::COMMAND,
    &fixed::SLAVES,
    &slots::COMMAND,
    &readonly::COMMAND,
    &readwrite::COMMAND,
];
