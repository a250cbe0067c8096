//! QUIT: reply OK and end the connection.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall};

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "quit",
    family: Family::Connection,
    arity: Arity::at_least(1),
    flags: Flags::ALLOW_BUSY
        .union(Flags::NOSCRIPT)
        .union(Flags::LOADING)
        .union(Flags::STALE)
        .union(Flags::FAST)
        .union(Flags::NO_AUTH),
    summary: "Closes the connection.",
    ..CommandSpec::NEW
};

pub(crate) fn run(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    call.reply.ok();
    Ok(Done::Close)
}
