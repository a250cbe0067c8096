//! SCRIPT KILL: stop the scripts of this node that have been running for a while. What they have
//! written is rolled back, so there is none that cannot be killed.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall};

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "script|kill",
    family: Family::Scripting,
    arity: Arity::exactly(2),
    flags: Flags::NOSCRIPT.union(Flags::ALLOW_BUSY),
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    since: "2.6.0",
    summary: "Terminates a server-side Lua script during execution.",
    ..CommandSpec::NEW
};

pub(crate) fn run(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    if !call.executor.node.kill_scripts() {
        return Err(CommandError::Text("NOTBUSY No scripts in execution right now."));
    }
    call.reply.ok();
    Ok(Done::Replied)
}
