//! FUNCTION KILL: stop the functions of this node that have been running for a while. What they
//! have written is rolled back, so there is none that cannot be killed.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall};
use crate::executor::BUSY_SCRIPT;
use crate::node::{KillTarget, Killed};

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "function|kill",
    family: Family::Scripting,
    arity: Arity::exactly(2),
    flags: Flags::NOSCRIPT.union(Flags::ALLOW_BUSY),
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    since: "7.0.0",
    summary: "Terminates a function during execution.",
    ..CommandSpec::NEW
};

pub(crate) fn run(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    match call.executor.node.kill_scripts(KillTarget::Functions) {
        Killed::Some => call.reply.ok(),
        Killed::Nothing => {
            return Err(CommandError::Text("NOTBUSY No scripts in execution right now."));
        }
        Killed::OtherKind => return Err(CommandError::Text(BUSY_SCRIPT)),
    }
    Ok(Done::Replied)
}
