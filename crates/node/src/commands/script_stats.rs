//! SCRIPT STATS [sha1|function …]: figures of scripts and functions, those of all shards as one.

use std::collections::BTreeMap;
use std::rc::Rc;

use protocol::args::Args;
use protocol::encode::{self, Version};
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;
use shard::reply::Reply;
use shard::script::{Reason, ScriptStats};

use super::{Done, NodeCall};
use crate::executor::Executor;

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "script|stats",
    family: Family::Scripting,
    arity: Arity::at_least(2),
    flags: Flags::NOSCRIPT,
    tips: &["nondeterministic_output"],
    since: "7.2.4",
    complexity: "O(N) with N being the number of scripts in cache",
    summary: "Returns figures of scripts and functions: calls, durations, how they ended.",
    ..CommandSpec::NEW
};

/// Figures by name.
type Figures = BTreeMap<String, ScriptStats>;

pub(crate) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let name = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let names: Vec<String> = args.iter_from(2).map(name).collect();
    let executor = call.executor.clone();
    if let Some(busy) = executor.any_busy() {
        return Err(CommandError::Text(busy));
    }
    if executor.is_in_script() {
        return Ok(Done::WhenShardFree);
    }
    let version = call.reply.version();
    Ok(Done::Later(Box::pin(async move { reply(executor, &names, version).await })))
}

async fn reply(executor: Rc<Executor>, names: &[String], version: Version) -> Vec<u8> {
    let mut all = Figures::new();
    for shard in 0..executor.node.topology.shards() {
        let of_shard = executor.ask(shard, figures).await.unwrap_or_default();
        for (name, stats) in of_shard {
            all.entry(name).or_default().add(&stats);
        }
    }
    let mut out = Vec::new();
    if let Some(unknown) = names.iter().find(|name| find(&all, name).is_none()) {
        let text = format!("NOSCRIPT No figures of '{unknown}'.");
        encode::error(&mut out, text.as_bytes());
        return out;
    }
    if !names.is_empty() {
        let wanted = names.iter().filter_map(|name| find(&all, name));
        all = wanted.map(|(name, stats)| (name.clone(), stats.clone())).collect();
    }
    let mut reply = Reply::resp(&mut out, version);
    reply.map(all.len());
    for (name, stats) in &all {
        reply.bulk(name.as_bytes());
        write(&mut reply, stats);
    }
    out
}

/// The figures of one name; SHA-1s and names of functions are known in any case.
fn find<'a>(all: &'a Figures, name: &str) -> Option<(&'a String, &'a ScriptStats)> {
    all.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

fn figures(executor: &Executor) -> Figures {
    let shard = executor.shard.borrow();
    shard.scripts().stats().map(|(name, stats)| (name.to_owned(), stats.clone())).collect()
}

fn write(reply: &mut Reply<'_>, stats: &ScriptStats) {
    let counts: [(&str, i64); 5] = [
        ("calls", stats.calls as i64),
        ("error_replies", stats.error_replies as i64),
        ("redis_calls", stats.commands as i64),
        ("undo_bytes_max", stats.undo_bytes_max as i64),
        ("memory_bytes_max", stats.memory_bytes_max as i64),
    ];
    let micros = [
        ("p50_us", stats.micros_at(0.5)),
        ("p99_us", stats.micros_at(0.99)),
        ("max_us", stats.micros_max()),
    ];
    reply.map(counts.len() + micros.len() + 3);
    for (name, count) in counts {
        reply.bulk(name.as_bytes());
        reply.int(count);
    }
    for (name, micros) in micros {
        reply.bulk(name.as_bytes());
        reply.double(micros);
    }
    reply.bulk(b"rolled_back");
    reply.int(stats.all_rolled_back() as i64);
    reply.bulk(b"rolled_back_for");
    reply.map(Reason::ALL.len());
    for reason in Reason::ALL {
        reply.bulk(reason.name().as_bytes());
        reply.int(stats.rolled_back[reason as usize] as i64);
    }
    reply.bulk(b"last_error");
    reply.bulk(stats.last_error.as_bytes());
}
