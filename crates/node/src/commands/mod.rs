//! Commands that the node answers: about connections of others, all shards, or the process.
//!
//! One file each, or one for each container. A handler replies at once, or returns a future when
//! it has to wait for other shards. To add one: its file, and its row in [`commands`].

pub(crate) mod acl;
mod client;
mod cluster_slot_stats;
mod cluster_slots;
mod command_log;
pub(crate) mod config;
mod config_rewrite;
mod debug;
#[cfg(test)]
mod docs_test;
mod exec;
mod function_kill;
mod function_stats;
pub(crate) mod info;
mod latency;
mod memory;
pub(crate) mod migrate;
mod module;
mod monitor;
mod not_in_cluster;
mod pubsub;
mod quit;
mod role;
mod save;
mod script_debug;
mod script_kill;
mod script_list;
mod script_stats;
mod shutdown;
mod slowlog;
pub(crate) mod subscribe;
mod sync;
mod tracking;
mod transaction;
mod waitaof;
pub(crate) mod watch;

use std::rc::Rc;

use protocol::args::Args;
use protocol::spec::CommandSpec;
use router::session::Session;
use shard::error::CommandError;
use shard::reply::Reply;

use crate::connection::Connection;
use crate::dispatch::Later;
use crate::executor::Executor;

/// What a handler works with.
pub(crate) struct NodeCall<'a, 'r> {
    pub(crate) executor: &'a Rc<Executor>,
    pub(crate) connection: &'a Rc<Connection>,
    pub(crate) session: &'a mut Session,
    pub(crate) reply: &'a mut Reply<'r>,
    /// It is one of the commands of an EXEC.
    pub(crate) in_exec: bool,
}

/// How a handler has answered.
pub(crate) enum Done {
    /// The reply is written.
    Replied,
    /// The same, and the client gets it also when it wants no replies (CLIENT REPLY OFF): what
    /// subscribers are told is none.
    Told,
    /// The reply comes later; nothing has been written.
    Later(Later),
    /// The same, and nobody knows for how long: the end of the client's input is looked for.
    Blocked(Later),
    /// The connection ends after what has been written.
    Close,
    /// Nothing has happened: the own shard is in a script and has to be free first.
    WhenShardFree,
}

/// The handler of a node command.
///
/// # Errors
/// What to reply instead.
pub(crate) type NodeCommand = fn(&mut NodeCall<'_, '_>, Args<'_>) -> Result<Done, CommandError>;

/// Replies the lines of a HELP.
fn reply_lines(call: &mut NodeCall<'_, '_>, lines: &[&str]) -> Result<Done, CommandError> {
    call.reply.array(lines.len());
    lines.iter().for_each(|line| call.reply.status(line));
    Ok(Done::Replied)
}

/// All node commands.
pub(crate) fn commands() -> Vec<(&'static CommandSpec, NodeCommand)> {
    use shard::commands::transactions::{DISCARD, EXEC, MULTI, UNWATCH, WATCH};
    let mut commands: Vec<(&'static CommandSpec, NodeCommand)> = vec![
        (&DISCARD, transaction::discard),
        (&EXEC, exec::run),
        (&MULTI, transaction::multi),
        (&UNWATCH, watch::unwatch),
        (&WATCH, watch::watch),
        (&function_kill::SPEC, function_kill::run),
        (&function_stats::SPEC, function_stats::run),
        (&info::SPEC, info::run),
        (&migrate::SPEC, migrate::run),
        (&monitor::SPEC, monitor::run),
        (&quit::SPEC, quit::run),
        (&role::SPEC, role::run),
        (&script_debug::SPEC, script_debug::run),
        (&script_kill::SPEC, script_kill::run),
        (&script_list::SPEC, script_list::run),
        (&script_stats::SPEC, script_stats::run),
        (&shutdown::SPEC, shutdown::run),
        (&waitaof::SPEC, waitaof::run),
    ];
    commands.extend_from_slice(acl::COMMANDS);
    commands.extend_from_slice(client::COMMANDS);
    commands.extend_from_slice(cluster_slot_stats::COMMANDS);
    commands.extend_from_slice(cluster_slots::COMMANDS);
    commands.extend_from_slice(command_log::COMMANDS);
    commands.extend_from_slice(config::COMMANDS);
    commands.extend_from_slice(debug::COMMANDS);
    commands.extend_from_slice(latency::COMMANDS);
    commands.extend_from_slice(memory::COMMANDS);
    commands.extend_from_slice(module::COMMANDS);
    commands.extend_from_slice(not_in_cluster::COMMANDS);
    commands.extend_from_slice(pubsub::COMMANDS);
    commands.extend_from_slice(save::COMMANDS);
    commands.extend_from_slice(slowlog::COMMANDS);
    commands.extend_from_slice(subscribe::COMMANDS);
    commands.extend_from_slice(sync::COMMANDS);
    commands.extend_from_slice(tracking::COMMANDS);
    commands
}
