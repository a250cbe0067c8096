//! Commands of the family *geo*: positions on earth, kept as scores of sorted sets.

mod cell;
mod distance;
mod geoadd;
mod geodist;
mod geohash;
mod geopos;
mod georadius;
mod geosearch;
mod geosearchstore;
mod options;
mod search;
mod shape;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &geoadd::COMMAND,
    &geodist::COMMAND,
    &geohash::COMMAND,
    &geopos::COMMAND,
    &georadius::GEORADIUS,
    &georadius::GEORADIUS_RO,
    &georadius::GEORADIUSBYMEMBER,
    &georadius::GEORADIUSBYMEMBER_RO,
    &geosearch::COMMAND,
    &geosearchstore::COMMAND,
];
