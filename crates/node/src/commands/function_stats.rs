//! FUNCTION STATS: the function that is running, and how many libraries and functions there are.
//!
//! Functions of several shards may be running; shown is the one that has been for the longest
//! time. A function is shown once its shard has looked after its sockets, that is from 20 ms on.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use super::{Done, NodeCall};
use crate::node::{ExecutorHandle, Node};

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "function|stats",
    family: Family::Scripting,
    arity: Arity::exactly(2),
    flags: Flags::NOSCRIPT.union(Flags::ALLOW_BUSY),
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    since: "7.0.0",
    summary: "Returns information about a function during execution.",
    ..CommandSpec::NEW
};

/// A function that is running.
struct Running {
    name: Vec<u8>,
    command: Vec<Vec<u8>>,
    duration_ms: u64,
}

pub(crate) fn run(call: &mut NodeCall<'_, '_>, _args: Args<'_>) -> Result<Done, CommandError> {
    let node = &call.executor.node;
    let running = node.executors.iter().filter_map(|handle| running(node, handle));
    let longest = running.max_by_key(|running| running.duration_ms);
    let figures = node.functions.figures();
    let reply = &mut *call.reply;
    reply.map(2);
    reply.bulk(b"running_script");
    match longest {
        Some(Running { name, command, duration_ms }) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&name);
            reply.bulk(b"command");
            reply.array(command.len());
            command.iter().for_each(|part| reply.bulk(part));
            reply.bulk(b"duration_ms");
            reply.int(duration_ms as i64);
        }
        None => reply.null(),
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.count(figures.libraries);
    reply.bulk(b"functions_count");
    reply.count(figures.functions);
    Ok(Done::Replied)
}

/// The function that an executor is running, if it has been for a while.
fn running(node: &Node, handle: &ExecutorHandle) -> Option<Running> {
    let control = &handle.live.get()?.control;
    let run = control.running().filter(|_| control.what().is_function)?;
    let slow = handle.slow.lock().unwrap_or_else(PoisonError::into_inner);
    let command = slow.as_ref().filter(|slow| slow.run == run)?.command.clone();
    let called = command.get(1)?;
    let name = node.functions.function_name(called).map_or(called.clone(), String::into_bytes);
    let duration_ms = handle.script_age_ms.load(Ordering::Relaxed);
    Some(Running { name, command, duration_ms })
}
