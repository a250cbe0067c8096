//! Commands of the family *hash*.

mod hdel;
mod hexists;
mod hget;
mod hgetall;
mod hincrby;
mod hincrbyfloat;
mod hlen;
mod hmget;
mod hrandfield;
mod hscan;
mod hset;
mod hsetnx;
mod hstrlen;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &hdel::COMMAND,
    &hexists::COMMAND,
    &hget::COMMAND,
    &hgetall::HGETALL,
    &hincrby::COMMAND,
    &hincrbyfloat::COMMAND,
    &hgetall::HKEYS,
    &hlen::COMMAND,
    &hmget::COMMAND,
    &hset::HMSET,
    &hrandfield::COMMAND,
    &hscan::COMMAND,
    &hset::HSET,
    &hsetnx::COMMAND,
    &hstrlen::COMMAND,
    &hgetall::HVALS,
];
