//! ROLE: what the node is in replication. Every node is a master without replicas.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall};

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "role",
    family: Family::Server,
    arity: Arity::exactly(1),
    flags: Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE).union(Flags::FAST),
    acl_extra: &["admin", "dangerous"],
    since: "2.8.12",
    summary: "Returns the replication role.",
    ..CommandSpec::NEW
};

pub(crate) fn run(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    call.reply.array(3);
    call.reply.bulk(b"master");
    // How far replication has come: there is none.
    call.reply.int(0);
    call.reply.array(0);
    Ok(Done::Replied)
}
