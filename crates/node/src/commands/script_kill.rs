//! SCRIPT KILL [SHA sha1]: stop the scripts of this node that have been running for a while, or the
//! one that is named. What they have written is rolled back, so there is none that cannot be
//! killed.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;
use shard::script::interrupt::name_id;
use shard::script::sha::Sha;

use super::{Done, NodeCall};
use crate::executor::BUSY_FUNCTION;
use crate::node::{KillTarget, Killed};

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "script|kill",
    family: Family::Scripting,
    arity: Arity::at_least(2),
    flags: Flags::NOSCRIPT.union(Flags::ALLOW_BUSY),
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    since: "2.6.0",
    summary: "Terminates a server-side Lua script during execution.",
    ..CommandSpec::NEW
};

pub(crate) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let target = match args.len() {
        2 => KillTarget::Scripts,
        4 if args.is(2, "SHA") => {
            let sha = Sha::parse(args.at(3)).ok_or(CommandError::NoScript)?;
            KillTarget::Script(name_id(sha.hex().as_bytes()))
        }
        _ => return Err(ArgsError::Syntax.into()),
    };
    match call.executor.node.kill_scripts(target) {
        Killed::Some => call.reply.ok(),
        Killed::Nothing => {
            return Err(CommandError::Text("NOTBUSY No scripts in execution right now."));
        }
        Killed::OtherKind => {
            return Err(CommandError::Text(BUSY_FUNCTION));
        }
    }
    Ok(Done::Replied)
}
