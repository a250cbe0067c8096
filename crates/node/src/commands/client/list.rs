//! CLIENT LIST [filter …] and CLIENT INFO.

use std::sync::atomic::Ordering;

use protocol::args::Args;
use shard::error::CommandError;

use super::filter::{Filter, Use};
use crate::clients::{Client, Now};
use crate::commands::{Done, NodeCall};
use crate::connection::command_name;

fn line(call: &NodeCall<'_, '_>, client: &Client, args: Args<'_>) -> String {
    let command = command_name(&call.executor.node, client.last_command.load(Ordering::Relaxed));
    let is_own = client.id == call.session.id;
    let now = if is_own { Now::of(args) } else { Now::default() };
    client.describe(command, now) + "\n"
}

pub(super) fn info(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    call.connection.publish_facts(call.executor, call.session);
    let line = line(call, &call.connection.client, args);
    call.reply.verbatim(line.as_bytes());
    Ok(Done::Replied)
}

pub(super) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let filter = Filter::parse(args, Use::List, &call.executor.node.acl)?;
    call.connection.publish_facts(call.executor, call.session);
    let own = call.session.id;
    let clients = call.executor.node.clients.all();
    let shown = clients.iter().filter(|client| filter.chooses(client, own));
    let lines: String = shown.map(|client| line(call, client, args)).collect();
    call.reply.verbatim(lines.as_bytes());
    Ok(Done::Replied)
}
