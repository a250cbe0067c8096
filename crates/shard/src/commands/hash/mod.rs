//! Commands of the family *hash*.

mod field_args;
mod hdel;
mod hexists;
mod hexpire;
mod hget;
mod hgetall;
mod hgetdel;
mod hgetex;
mod hincrby;
mod hincrbyfloat;
mod hlen;
mod hmget;
mod hpersist;
mod hrandfield;
mod hscan;
mod hset;
mod hsetex;
mod hsetnx;
mod hstrlen;
mod httl;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &hdel::COMMAND,
    &hexists::COMMAND,
    &hexpire::HEXPIRE,
    &hexpire::HEXPIREAT,
    &httl::HEXPIRETIME,
    &hget::COMMAND,
    &hgetall::HGETALL,
    &hgetdel::COMMAND,
    &hgetex::COMMAND,
    &hincrby::COMMAND,
    &hincrbyfloat::COMMAND,
    &hgetall::HKEYS,
    &hlen::COMMAND,
    &hmget::COMMAND,
    &hset::HMSET,
    &hpersist::COMMAND,
    &hexpire::HPEXPIRE,
    &hexpire::HPEXPIREAT,
    &httl::HPEXPIRETIME,
    &httl::HPTTL,
    &hrandfield::COMMAND,
    &hscan::COMMAND,
    &hset::HSET,
    &hsetex::COMMAND,
    &hsetnx::COMMAND,
    &hstrlen::COMMAND,
    &httl::HTTL,
    &hgetall::HVALS,
];
