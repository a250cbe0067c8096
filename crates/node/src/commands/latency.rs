//! LATENCY: how long events and commands take.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;
use shard::reply::Reply;

use super::info::with_figures;
use super::{Done, NodeCall, NodeCommand, reply_lines};
use crate::latency::Series;
use crate::node::Published;

/// Sorted by name.
pub(super) const COMMANDS: &[(&CommandSpec, NodeCommand)] = &[
    (&CONTAINER, |_, _| Err(CommandError::Arity("latency"))),
    (&DOCTOR, doctor),
    (&GRAPH, graph),
    (&HELP, help),
    (&HISTOGRAM, histogram),
    (&HISTORY, history),
    (&LATEST, latest),
    (&RESET, reset),
];

const BASE: CommandSpec = CommandSpec {
    family: Family::Server,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    since: "2.8.13",
    ..CommandSpec::NEW
};

static CONTAINER: CommandSpec = CommandSpec {
    name: "latency",
    arity: Arity::at_least(2),
    flags: Flags::CONTAINER,
    tips: &[],
    complexity: "Depends on subcommand.",
    summary: "A container for latency diagnostics commands.",
    ..BASE
};

static DOCTOR: CommandSpec = CommandSpec {
    name: "latency|doctor",
    arity: Arity::exactly(2),
    summary: "Returns a human-readable latency analysis report.",
    ..BASE
};

static GRAPH: CommandSpec = CommandSpec {
    name: "latency|graph",
    arity: Arity::exactly(3),
    summary: "Returns a latency graph for an event.",
    ..BASE
};

static HISTORY: CommandSpec = CommandSpec {
    name: "latency|history",
    arity: Arity::exactly(3),
    summary: "Returns timestamp-latency samples for an event.",
    ..BASE
};

static LATEST: CommandSpec = CommandSpec {
    name: "latency|latest",
    arity: Arity::exactly(2),
    summary: "Returns the latest latency samples for all events.",
    ..BASE
};

static RESET: CommandSpec = CommandSpec {
    name: "latency|reset",
    arity: Arity::at_least(2),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    summary: "Resets the latency data for one or more events.",
    ..BASE
};

static HISTOGRAM: CommandSpec = CommandSpec {
    name: "latency|histogram",
    arity: Arity::at_least(2),
    since: "7.0.0",
    complexity: "O(N) where N is the number of commands with latency information being retrieved.",
    summary: "Returns the cumulative distribution of latencies of a subset or all commands.",
    ..BASE
};

static HELP: CommandSpec = CommandSpec {
    name: "latency|help",
    arity: Arity::exactly(2),
    flags: Flags::LOADING.union(Flags::STALE),
    tips: &[],
    summary: "Returns helpful text about the different subcommands.",
    ..BASE
};

fn latest(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let events = call.executor.node.latency.all();
    call.reply.array(events.len());
    for (event, series) in events {
        let (second, millis) = series.samples.back().copied().unwrap_or_default();
        call.reply.array(4);
        call.reply.bulk(event.as_bytes());
        call.reply.int(second);
        call.reply.int(millis as i64);
        call.reply.int(series.worst as i64);
    }
    Ok(Done::Replied)
}

fn history(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let series = call.executor.node.latency.series(args.at(2)).unwrap_or_default();
    call.reply.array(series.samples.len());
    for (second, millis) in series.samples {
        call.reply.array(2);
        call.reply.int(second);
        call.reply.int(millis as i64);
    }
    Ok(Done::Replied)
}

fn reset(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let monitor = &call.executor.node.latency;
    let count = match args.len() {
        2 => monitor.reset_all(),
        _ => args.iter_from(2).filter(|event| monitor.reset(event)).count(),
    };
    call.reply.count(count);
    Ok(Done::Replied)
}

fn graph(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let name = String::from_utf8_lossy(args.at(2)).into_owned();
    let Some(series) = call.executor.node.latency.series(args.at(2)) else {
        return Err(CommandError::dynamic(format!("ERR No samples available for event '{name}'")));
    };
    let now = call.executor.clock.now().0 / 1_000_000;
    call.reply.verbatim(draw(&name, &series, now).as_bytes());
    Ok(Done::Replied)
}

/// The samples as columns, the oldest first, with how long ago each was below it.
fn draw(name: &str, series: &Series, now: i64) -> String {
    const ROWS: u64 = 4;
    const LEVELS: [char; 3] = ['_', 'o', '#'];
    let times = series.samples.iter().map(|(_, millis)| *millis);
    let high = times.clone().max().unwrap_or_default();
    let low = times.clone().min().unwrap_or_default();
    let mut text =
        format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", series.worst);
    text.push_str(&"-".repeat(80));
    text.push('\n');
    let steps = ROWS * LEVELS.len() as u64;
    let height = |millis: u64| match high - low {
        0 => steps - 1,
        range => (millis - low) * (steps - 1) / range,
    };
    for row in (0..ROWS).rev() {
        for millis in times.clone() {
            let height = height(millis);
            let level = height.checked_sub(row * LEVELS.len() as u64);
            text.push(match level {
                None => ' ',
                Some(level) => match LEVELS.get(level as usize) {
                    Some(mark) => *mark,
                    None => '|',
                },
            });
        }
        text.push('\n');
    }
    text.push('\n');
    let ages: Vec<String> = series.samples.iter().map(|(second, _)| age(now - second)).collect();
    for line in 0..ages.iter().map(String::len).max().unwrap_or_default() {
        for age in &ages {
            text.push(char::from(age.as_bytes().get(line).copied().unwrap_or(b' ')));
        }
        text.push('\n');
    }
    text
}

/// How long ago: `7s`, `3m`, `2h`, `5d`.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn doctor(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    let node = &call.executor.node;
    let threshold = node.settings.latency_monitor_threshold.load(Ordering::Relaxed);
    let events = node.latency.all();
    let text = if threshold == 0 {
        "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. \
         You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it.\n"
            .to_owned()
    } else if events.is_empty() {
        "Dave, no latency spike was observed during the lifetime of this Redis instance.\n"
            .to_owned()
    } else {
        let mut text =
            "Dave, I have observed latency spikes in this Redis instance:\n\n".to_owned();
        for (at, (event, series)) in events.iter().enumerate() {
            let count = series.samples.len();
            let sum: u64 = series.samples.iter().map(|(_, millis)| millis).sum();
            text.push_str(&format!(
                "{}. {event}: {count} latency spikes (average {}ms). Worst all time event {}ms.\n",
                at + 1,
                sum / count.max(1) as u64,
                series.worst
            ));
        }
        text.push_str(
            "\nSLOWLOG GET shows requests that took long, SCRIPT STATS the scripts among them.\n",
        );
        text
    };
    call.reply.verbatim(text.as_bytes());
    Ok(Done::Replied)
}

fn histogram(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let node = &call.executor.node;
    let mut found: BTreeMap<usize, &'static str> = BTreeMap::new();
    for (id, row) in node.table().iter() {
        let name = row.spec.name;
        let wanted = |wanted: &[u8]| {
            wanted.eq_ignore_ascii_case(name.as_bytes())
                || row
                    .spec
                    .container()
                    .is_some_and(|(container, _)| wanted.eq_ignore_ascii_case(container.as_bytes()))
        };
        if !node.settings.tracks_latencies() {
            continue;
        }
        if args.len() == 2 || args.iter_from(2).any(wanted) {
            found.insert(id.index(), name);
        }
    }
    let version = call.session.version;
    Ok(with_figures(call, move |node, out| {
        reply_histograms(&node.published(), found, &mut Reply::resp(out, version));
    }))
}

fn reply_histograms(
    published: &[Published],
    mut commands: BTreeMap<usize, &'static str>,
    reply: &mut Reply<'_>,
) {
    commands.retain(|at, _| !cumulate(published, *at).is_empty());
    reply.map(commands.len());
    for (at, name) in commands {
        let buckets = cumulate(published, at);
        let calls = buckets.last().map_or(0, |(_, calls)| *calls);
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.int(calls as i64);
        reply.bulk(b"histogram_usec");
        reply.map(buckets.len());
        for (micros, count) in buckets {
            reply.int(micros as i64);
            reply.int(count as i64);
        }
    }
}

/// How many calls took up to how many microseconds, by powers of two; steps without calls are left
/// out.
fn cumulate(published: &[Published], command: usize) -> Vec<(u64, u64)> {
    let mut steps: BTreeMap<u64, u64> = BTreeMap::new();
    for row in published.iter().filter_map(|figures| figures.calls.get(command)) {
        for (nanos, count) in row.times.iter().flat_map(|times| times.classes()) {
            *steps.entry(nanos.div_ceil(1000).max(1).next_power_of_two()).or_default() += count;
        }
    }
    let mut sum = 0;
    steps
        .into_iter()
        .map(|(micros, count)| {
            sum += count;
            (micros, sum)
        })
        .collect()
}

fn help(call: &mut NodeCall<'_, '_>, _: Args<'_>) -> Result<Done, CommandError> {
    reply_lines(
        call,
        &[
            "LATENCY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "DOCTOR",
            "    Return a human readable latency analysis report.",
            "GRAPH <event>",
            "    Return an ASCII latency graph for the <event> class.",
            "HISTORY <event>",
            "    Return time-latency samples for the <event> class.",
            "LATEST",
            "    Return the latest latency samples for all events.",
            "RESET [<event> ...]",
            "    Reset latency data of one or more <event> classes.",
            "    (default: reset all data for all event classes)",
            "HISTOGRAM [COMMAND ...]",
            "    Return a cumulative distribution of latencies in the format of a histogram for the \
             specified command names.",
            "    If no commands are specified then all histograms are replied.",
            "HELP",
            "    Prints this help.",
        ],
    )
}
