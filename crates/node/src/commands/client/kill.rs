//! CLIENT KILL addr:port, CLIENT KILL filter …

use std::sync::atomic::Ordering;

use protocol::args::Args;
use shard::error::CommandError;

use super::filter::{Filter, Use};
use crate::commands::{Done, NodeCall};

pub(super) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let own = call.session.id;
    let clients = &call.executor.node.clients;
    let is_old_form = args.len() == 3;
    let filter = if is_old_form {
        Filter::of_address(args.at(2))
    } else {
        Filter::parse(args, Use::Kill, &call.executor.node.acl)?
    };
    call.connection.publish_facts(call.executor, call.session);
    let count = clients.kill(Some(own), |client| filter.chooses(client, own));
    match is_old_form {
        true if count == 0 => return Err(CommandError::Text("ERR No such client")),
        true => call.reply.ok(),
        false => call.reply.count(count),
    }
    let myself = &call.connection.client;
    let ends = !myself.killed.load(Ordering::Relaxed) && filter.chooses(myself, own);
    Ok(if ends { Done::Close } else { Done::Replied })
}
