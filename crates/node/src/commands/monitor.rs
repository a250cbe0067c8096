//! MONITOR: be shown every command that the node runs.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::channels::Subscriber;
use shard::error::CommandError;

use super::{Done, NodeCall};

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "monitor",
    family: Family::Server,
    arity: Arity::exactly(1),
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    summary: "Listens for all requests received by the server in real-time.",
    ..CommandSpec::NEW
};

pub(crate) fn run(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    if call.in_exec {
        return Err(CommandError::Text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    let watcher = Subscriber { executor: call.executor.index, client: call.session.id };
    call.executor.node.monitors.add(watcher);
    call.session.monitors = true;
    call.reply.ok();
    Ok(Done::Replied)
}
