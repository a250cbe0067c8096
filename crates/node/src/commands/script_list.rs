//! SCRIPT LIST: the scripts of the node.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall};

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "script|list",
    family: Family::Scripting,
    arity: Arity::exactly(2),
    flags: Flags::NOSCRIPT,
    since: "7.2.4",
    complexity: "O(N) with N being the number of scripts in cache",
    summary: "Lists the scripts in the script cache.",
    ..CommandSpec::NEW
};

/// Bytes of a script's text that are shown, for people to recognise it.
const HEAD_MAX: usize = 80;

pub(crate) fn run(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    let scripts = call.executor.node.scripts.list();
    let reply = &mut *call.reply;
    reply.array(scripts.len());
    for (source, pinned) in &scripts {
        reply.map(4);
        reply.bulk(b"sha1");
        reply.bulk(source.sha.hex().as_bytes());
        reply.bulk(b"bytes");
        reply.int(source.body.len() as i64);
        reply.bulk(b"pinned");
        reply.flag(*pinned);
        reply.bulk(b"text");
        reply.bulk(&source.body[..source.body.len().min(HEAD_MAX)]);
    }
    Ok(Done::Replied)
}
