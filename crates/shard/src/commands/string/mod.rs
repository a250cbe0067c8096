//! Commands of the family *string*.

mod append;
mod compare;
mod delex;
mod digest;
mod expiry;
mod get;
mod getdel;
mod getex;
mod getrange;
mod getset;
mod incr;
mod incrbyfloat;
mod lcs;
mod mget;
mod mset;
mod msetex;
mod set;
#[cfg(test)]
mod set_compare_test;
mod setex;
mod setnx;
mod setrange;
mod strlen;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &append::COMMAND,
    &incr::DECR,
    &incr::DECRBY,
    &delex::DELEX,
    &delex::DELIFEQ,
    &digest::COMMAND,
    &get::COMMAND,
    &getdel::COMMAND,
    &getex::COMMAND,
    &getrange::GETRANGE,
    &getset::COMMAND,
    &incr::INCR,
    &incr::INCRBY,
    &incrbyfloat::COMMAND,
    &lcs::COMMAND,
    &mget::COMMAND,
    &mset::MSET,
    &msetex::COMMAND,
    &mset::MSETNX,
    &setex::PSETEX,
    &set::COMMAND,
    &setex::SETEX,
    &setnx::COMMAND,
    &setrange::COMMAND,
    &strlen::COMMAND,
    &getrange::SUBSTR,
];
