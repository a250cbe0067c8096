//! MEMORY DOCTOR, MALLOC-STATS, PURGE, STATS, HELP. USAGE is a shard's.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;
use shard::reply::Reply;

use super::info::with_figures;
use super::{Done, NodeCall, NodeCommand, reply_lines};
use crate::memory;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&DOCTOR, doctor),
    (&HELP, help),
    (&MALLOC_STATS, malloc_stats),
    (&PURGE, purge),
    (&STATS, stats),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::Server,
    flags: Flags::empty(),
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    since: "4.0.0",
    ..CommandSpec::NEW
};

static DOCTOR: CommandSpec = CommandSpec {
    name: "memory|doctor",
    arity: Arity::exactly(2),
    summary: "Outputs a memory problems report.",
    ..BASE
};

static MALLOC_STATS: CommandSpec = CommandSpec {
    name: "memory|malloc-stats",
    arity: Arity::exactly(2),
    summary: "Returns the allocator statistics.",
    ..BASE
};

static PURGE: CommandSpec = CommandSpec {
    name: "memory|purge",
    arity: Arity::exactly(2),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    summary: "Asks the allocator to release memory.",
    ..BASE
};

static STATS: CommandSpec = CommandSpec {
    name: "memory|stats",
    arity: Arity::exactly(2),
    summary: "Returns details about memory usage.",
    ..BASE
};

static HELP: CommandSpec = CommandSpec {
    name: "memory|help",
    arity: Arity::exactly(2),
    flags: Flags::LOADING.union(Flags::STALE),
    tips: &[],
    summary: "Returns helpful text about the different subcommands.",
    ..BASE
};

fn stats(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let version = call.session.version;
    Ok(with_figures(call, move |node, out| {
        let (used, resident) = (memory::used(), memory::resident());
        let published = node.published();
        let keys: u64 = published.iter().map(|figures| figures.keys).sum();
        let scripts: u64 = published.iter().map(|figures| figures.script_memory).sum();
        let functions: u64 = published.iter().map(|figures| figures.function_memory).sum();
        let figures = [
            ("peak.allocated", memory::peak()),
            ("total.allocated", used),
            ("lua.vm", scripts),
            ("functions.vm", functions),
            ("scripts.cached", node.scripts.memory() as u64),
            ("functions.libraries", node.functions.figures().memory as u64),
            ("clients.count", node.clients.count() as u64),
            ("keys.count", keys),
            ("keys.bytes-per-key", used / keys.max(1)),
            ("allocator.resident", resident),
            ("fragmentation.bytes", resident.saturating_sub(used)),
        ];
        let mut reply = Reply::resp(out, version);
        reply.map(figures.len() + 1);
        for (name, value) in figures {
            reply.bulk(name.as_bytes());
            reply.int(value as i64);
        }
        reply.bulk(b"fragmentation");
        reply.double(resident as f64 / used.max(1) as f64);
    }))
}

fn doctor(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    /// Below this nothing can be said.
    const LITTLE: u64 = 5 << 20;
    let (used, resident, peak) = (memory::used(), memory::resident(), memory::peak());
    let text = if used < LITTLE {
        "Hi Sam, this instance is empty or is using very little memory, my issue detector can't be \
         used in these conditions. Please, leave for your mission on Earth and fill it with some \
         data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n"
            .to_owned()
    } else if peak > used.saturating_mul(3) / 2 {
        format!(
            "Sam, I detected an issue in this instance memory implants:\n\n * Peak memory: In the \
             past this instance used {peak} bytes, more than 150% of the {used} that it uses now. \
             The allocator may not give all of it back.\n"
        )
    } else if resident > used.saturating_mul(2) {
        format!(
            "Sam, I detected an issue in this instance memory implants:\n\n * High fragmentation: \
             {resident} bytes are resident and {used} are in use.\n"
        )
    } else {
        "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs \
         on this base.\n"
            .to_owned()
    };
    call.reply.verbatim(text.as_bytes());
    Ok(Done::Replied)
}

fn malloc_stats(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let text = format!(
        "mimalloc: {} bytes allocated, {} at most, {} resident\n",
        memory::used(),
        memory::peak(),
        memory::resident()
    );
    call.reply.verbatim(text.as_bytes());
    Ok(Done::Replied)
}

/// mimalloc returns pages by itself; there is nothing to ask it for.
fn purge(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    call.reply.ok();
    Ok(Done::Replied)
}

fn help(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    reply_lines(
        call,
        &[
            "MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "DOCTOR",
            "    Return memory problems reports.",
            "MALLOC-STATS",
            "    Return internal statistics report from the memory allocator.",
            "PURGE",
            "    Attempt to purge dirty pages for reclamation by the allocator.",
            "STATS",
            "    Return information about the memory usage of the server.",
            "USAGE <key> [SAMPLES <count>]",
            "    Return memory in bytes used by <key> and its value. Nested values are",
            "    sampled up to <count> times (default: 5, 0 means sample all).",
            "HELP",
            "    Prints this help.",
        ],
    )
}
