//! Commands of the family *set*.

mod combine;
mod places;
mod sadd;
mod scard;
mod sdiff;
mod sinter;
mod sintercard;
mod sismember;
mod smembers;
mod smove;
mod spop;
mod srandmember;
mod srem;
mod sscan;
mod sunion;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &sadd::COMMAND,
    &scard::COMMAND,
    &sdiff::SDIFF,
    &sdiff::SDIFFSTORE,
    &sinter::SINTER,
    &sintercard::COMMAND,
    &sinter::SINTERSTORE,
    &sismember::SISMEMBER,
    &smembers::COMMAND,
    &sismember::SMISMEMBER,
    &smove::COMMAND,
    &spop::COMMAND,
    &srandmember::COMMAND,
    &srem::COMMAND,
    &sscan::COMMAND,
    &sunion::SUNION,
    &sunion::SUNIONSTORE,
];
