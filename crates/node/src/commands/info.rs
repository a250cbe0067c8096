//! INFO [section …]: what operators and clients look at.
//!
//! Sections and names are Redis's. Figures of shards are those that each executor has published
//! within the last tick, so that INFO answers at once even while a shard is busy.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;
use shard::reply::Reply;
use shard::script::Reason;

use super::config::policy_name;
use super::{Done, NodeCall};
use crate::acl_log::REASONS;
use crate::clients::{Client, Footprint};
use crate::clock::Clock;
use crate::executor::Executor;
use crate::log::Durability;
use crate::memory;
use crate::node::{CommandFigures, Node, Published};
use crate::times::Times;

pub(crate) static SPEC: CommandSpec = CommandSpec {
    name: "info",
    family: Family::Server,
    arity: Arity::at_least(1),
    flags: Flags::LOADING.union(Flags::STALE),
    acl_extra: &["dangerous"],
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    summary: "Returns information and statistics about the server.",
    ..CommandSpec::NEW
};

pub(crate) fn run(call: &mut NodeCall<'_, '_>, args: Args<'_>) -> Result<Done, CommandError> {
    let sections: Vec<Vec<u8>> = args.iter_from(1).map(<[u8]>::to_vec).collect();
    let version = call.session.version;
    Ok(with_figures(call, move |node, out| {
        let sections: Vec<&[u8]> = sections.iter().map(Vec::as_slice).collect();
        Reply::resp(out, version).verbatim(text(node, &sections).as_bytes());
    }))
}

/// Replies when all executors have published their figures; one that is in a script shows those of
/// before.
pub(crate) fn with_figures(
    call: &mut NodeCall<'_, '_>,
    write: impl FnOnce(&Node, &mut Vec<u8>) + 'static,
) -> Done {
    let executor = call.executor.clone();
    executor.publish_now();
    let others = 0..executor.node.topology.shards();
    let idle = |shard: &u16| {
        let handle = &executor.node.executors[usize::from(*shard)];
        let runs = handle.live.get().is_some_and(|live| live.control.running().is_some());
        *shard != executor.index && !runs
    };
    let others: Vec<u16> = others.filter(idle).collect();
    if others.is_empty() || executor.is_in_script() {
        if let Some((out, _)) = call.reply.as_resp() {
            write(&executor.node, out);
        }
        return Done::Replied;
    }
    Done::Later(Box::pin(async move {
        /// A script may have begun meanwhile.
        const PATIENCE: Duration = Duration::from_millis(50);
        let ask_all = async {
            for shard in others {
                executor.ask(shard, Executor::publish_now).await;
            }
        };
        let _ = tokio::time::timeout(PATIENCE, ask_all).await;
        let mut out = Vec::new();
        write(&executor.node, &mut out);
        out
    }))
}

type Section = (&'static str, bool, fn(&Node, &[Published], &mut String));

/// Name, whether it is shown when no section is named, and what writes it.
const SECTIONS: &[Section] = &[
    ("server", true, server),
    ("clients", true, clients),
    ("memory", true, memory),
    ("persistence", true, persistence),
    ("stats", true, stats),
    ("replication", true, replication),
    ("cpu", true, cpu),
    ("modules", true, |_, _, _| {}),
    ("commandstats", false, commandstats),
    ("latencystats", false, latencystats),
    ("errorstats", true, errorstats),
    ("cluster", true, |_, _, out| line(out, "cluster_enabled", 1)),
    ("keyspace", true, keyspace),
    ("scripts", true, scripts),
    ("shards", false, shards),
];

/// The text of these sections; of the usual ones when there are none.
pub(crate) fn text(node: &Node, sections: &[&[u8]]) -> String {
    let published = node.published();
    let is = |name: &str| sections.iter().any(|known| known.eq_ignore_ascii_case(name.as_bytes()));
    let everything = is("all") || is("everything");
    let usual = sections.is_empty() || is("default");
    let mut out = String::new();
    for (name, shown, write) in SECTIONS {
        if everything || (usual && *shown) || is(name) {
            if !out.is_empty() {
                out.push_str("\r\n");
            }
            let mut title = (*name).to_owned();
            title[..1].make_ascii_uppercase();
            let title = if title == "Cpu" { "CPU".into() } else { title };
            let _ = write!(out, "# {title}\r\n");
            write(node, &published, &mut out);
        }
    }
    out
}

fn line(out: &mut String, name: &str, value: impl std::fmt::Display) {
    // Writing to a string does not fail.
    let _ = write!(out, "{name}:{value}\r\n");
}

fn sum(published: &[Published], figure: impl Fn(&Published) -> u64) -> u64 {
    published.iter().map(figure).sum()
}

fn server(node: &Node, _: &[Published], out: &mut String) {
    let uptime = node.started.elapsed().as_secs();
    line(out, "redis_version", protocol::REDIS_VERSION);
    line(out, "redis_git_sha1", "00000000");
    line(out, "redis_git_dirty", 0);
    line(out, "redis_mode", "cluster");
    line(out, "os", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
    line(out, "arch_bits", usize::BITS);
    line(out, "server_name", "atoll");
    line(out, "atoll_version", env!("CARGO_PKG_VERSION"));
    line(out, "multiplexing_api", "epoll");
    line(out, "process_id", std::process::id());
    line(out, "process_supervised", "no");
    line(out, "run_id", &node.run_id);
    let config = &node.config;
    line(out, "tcp_port", if config.port == 0 { config.tls_port } else { config.port });
    line(out, "server_time_usec", Clock::default().now().0);
    line(out, "uptime_in_seconds", uptime);
    line(out, "uptime_in_days", uptime / 86_400);
    line(out, "hz", 10);
    let executable = std::env::current_exe().unwrap_or_default();
    line(out, "executable", executable.display());
    line(out, "config_file", node.config.file.as_deref().unwrap_or(Path::new("")).display());
    line(out, "io_threads_active", 0);
    let ports = [("tcp", config.port), ("tls", config.tls_port)];
    let ports = ports.into_iter().filter(|(_, port)| *port != 0);
    let listeners = ports.flat_map(|port| config.bind.iter().map(move |address| (port, address)));
    for (at, ((name, port), address)) in listeners.enumerate() {
        line(out, &format!("listener{at}"), format!("name={name},bind={address},port={port}"));
    }
    line(out, "shards", node.topology.shards());
}

fn clients(node: &Node, _: &[Published], out: &mut String) {
    line(out, "connected_clients", node.clients.count());
    line(out, "maxclients", node.settings.maxclients.load(Ordering::Relaxed));
    let blocked = node.statistics.blocked_clients.load(Ordering::Relaxed);
    line(out, "blocked_clients", blocked);
    let all = node.clients.all();
    let count = |is: fn(&Client) -> bool| all.iter().filter(|client| is(client)).count();
    line(out, "pubsub_clients", count(|client| client.facts().subscriptions != [0; 3]));
    line(out, "watching_clients", count(|client| client.facts().watching > 0));
    let most = |of: fn(&Footprint) -> usize| {
        all.iter().map(|client| of(&client.footprint())).max().unwrap_or_default()
    };
    line(out, "client_recent_max_input_buffer", most(|footprint| footprint.input_room));
    line(out, "client_recent_max_output_buffer", most(|footprint| footprint.output_room));
    line(out, "tracking_clients", node.trackers.counts().0);
    line(out, "cluster_connections", 0);
}

fn human(bytes: u64) -> String {
    let units = [(1u64 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match units.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.2}{unit}", bytes as f64 / *size as f64),
        None => format!("{bytes}B"),
    }
}

fn memory(node: &Node, published: &[Published], out: &mut String) {
    let (used, resident) = (memory::used(), memory::resident());
    let lua = sum(published, |figures| figures.script_memory);
    let vm_functions = sum(published, |figures| figures.function_memory);
    let scripts = node.scripts.memory() as u64;
    let functions = node.functions.figures();
    let all_scripts = scripts + functions.memory as u64;
    line(out, "used_memory", used);
    line(out, "used_memory_human", human(used));
    line(out, "used_memory_rss", resident);
    line(out, "used_memory_rss_human", human(resident));
    line(out, "used_memory_peak", memory::peak());
    line(out, "used_memory_peak_human", human(memory::peak()));
    let percent = 100.0 * used as f64 / memory::peak().max(1) as f64;
    line(out, "used_memory_peak_perc", format!("{percent:.2}%"));
    line(out, "used_memory_startup", memory::at_start());
    line(out, "total_system_memory", memory::of_machine());
    line(out, "total_system_memory_human", human(memory::of_machine()));
    let ratio = resident as f64 / used.max(1) as f64;
    line(out, "mem_fragmentation_ratio", format!("{ratio:.2}"));
    line(out, "mem_fragmentation_bytes", resident.saturating_sub(used));
    line(out, "used_memory_lua", lua);
    line(out, "used_memory_vm_eval", lua);
    line(out, "used_memory_lua_human", human(lua));
    line(out, "used_memory_scripts_eval", scripts);
    line(out, "number_of_cached_scripts", node.scripts.len());
    line(out, "number_of_functions", functions.functions);
    line(out, "number_of_libraries", functions.libraries);
    line(out, "used_memory_vm_functions", vm_functions);
    line(out, "used_memory_vm_total", lua + vm_functions);
    line(out, "used_memory_vm_total_human", human(lua + vm_functions));
    line(out, "used_memory_functions", functions.memory);
    line(out, "used_memory_scripts", all_scripts);
    line(out, "used_memory_scripts_human", human(all_scripts));
    let kept = |of: fn(&Published) -> u64| sum(published, of);
    line(out, "kept_replies", kept(|figures| figures.kept_replies.0));
    line(out, "used_memory_kept_replies", kept(|figures| figures.kept_replies.1));
    let limit = node.settings.maxmemory.load(Ordering::Relaxed);
    line(out, "maxmemory", limit);
    line(out, "maxmemory_human", human(limit));
    line(out, "maxmemory_policy", policy_name(node.settings.keyspace().eviction));
    line(out, "maxmemory_clients", node.settings.clients_memory_limit().unwrap_or(0));
    // All memory counts.
    line(out, "mem_not_counted_for_evict", 0);
    line(out, "mem_total_replication_buffers", 0);
    line(out, "mem_clients_slaves", 0);
    line(out, "mem_clients_normal", node.clients.footprint());
    line(out, "mem_aof_buffer", 0);
    line(out, "mem_allocator", "mimalloc");
    line(out, "mem_replication_backlog", 0);
    line(out, "active_defrag_running", 0);
    line(out, "lazyfree_pending_objects", sum(published, |figures| figures.garbage));
    line(out, "lazyfreed_objects", sum(published, |figures| figures.lazily_freed));
}

/// A snapshot is what Redis calls an RDB file and a rewritten AOF at once.
fn persistence(node: &Node, published: &[Published], out: &mut String) {
    let state = node.snapshots.state();
    let seconds = |time: Option<Duration>| time.map_or(-1, |time| time.as_secs() as i64);
    let running = seconds(state.running.map(|since| since.elapsed()));
    let took = seconds(state.took);
    let in_progress = u8::from(state.running.is_some());
    let status = |failed: bool| if failed { "err" } else { "ok" };
    let is_loading = node.loading.is_on();
    line(out, "loading", u8::from(is_loading));
    line(out, "async_loading", 0);
    let changes = sum(published, |figures| figures.changes).saturating_sub(state.changes);
    line(out, "rdb_changes_since_last_save", changes);
    line(out, "rdb_bgsave_in_progress", in_progress);
    let last = if state.last == 0 { node.loading.began_at() } else { state.last };
    line(out, "rdb_last_save_time", last);
    line(out, "rdb_last_bgsave_status", status(state.failure.is_some()));
    line(out, "rdb_last_bgsave_time_sec", took);
    line(out, "rdb_current_bgsave_time_sec", running);
    line(out, "rdb_saves", state.saves);
    let is_logged = node.log.durability() != Durability::None;
    line(out, "aof_enabled", u8::from(is_logged));
    line(out, "aof_rewrite_in_progress", in_progress);
    line(out, "aof_rewrite_scheduled", u8::from(state.scheduled));
    line(out, "aof_last_rewrite_time_sec", took);
    line(out, "aof_current_rewrite_time_sec", running);
    line(out, "aof_last_bgrewrite_status", status(state.failure.is_some()));
    line(out, "aof_rewrites", state.saves);
    let figures = &node.log.figures;
    let is_full = figures.is_full.load(Ordering::Relaxed);
    line(out, "aof_last_write_status", status(is_full));
    line(out, "durability", node.log.durability());
    if is_logged {
        line(out, "aof_current_size", figures.size.load(Ordering::Relaxed));
        line(out, "aof_base_size", figures.base_size.load(Ordering::Relaxed));
        line(out, "aof_pending_rewrite", 0);
        line(out, "log_frames", figures.frames.load(Ordering::Relaxed));
        line(out, "log_syncs", figures.syncs.load(Ordering::Relaxed));
        line(out, "log_last_sync_usec", figures.last_sync_micros.load(Ordering::Relaxed));
    }
    if is_loading {
        let (total, loaded) = node.loading.bytes();
        line(out, "loading_start_time", node.loading.began_at());
        line(out, "loading_total_bytes", total);
        line(out, "loading_loaded_bytes", loaded);
        line(out, "loading_loaded_perc", format!("{:.2}", node.loading.percent()));
        line(out, "loading_eta_seconds", node.loading.eta_seconds());
    }
}

fn stats(node: &Node, published: &[Published], out: &mut String) {
    let (accepted, refused) = node.clients.totals();
    line(out, "total_connections_received", accepted);
    line(out, "total_commands_processed", sum(published, |figures| figures.commands));
    let rates = node.statistics.per_second();
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    line(out, "instantaneous_ops_per_sec", rates.commands);
    line(out, "instantaneous_input_kbps", kilobytes(rates.bytes_in));
    line(out, "instantaneous_output_kbps", kilobytes(rates.bytes_out));
    line(out, "total_net_input_bytes", sum(published, |figures| figures.bytes_in));
    line(out, "total_net_output_bytes", sum(published, |figures| figures.bytes_out));
    line(out, "rejected_connections", refused);
    line(out, "expired_keys", sum(published, |figures| figures.expired));
    line(out, "expired_subkeys", sum(published, |figures| figures.expired_fields));
    let (overdue, expiring) =
        (sum(published, |figures| figures.overdue), sum(published, |figures| figures.expiring));
    let stale = 100.0 * overdue as f64 / expiring.max(1) as f64;
    line(out, "expired_stale_perc", format!("{stale:.2}"));
    let cut_short = sum(published, |figures| figures.expire_cut_short);
    line(out, "expired_time_cap_reached_count", cut_short);
    let nanos = sum(published, |figures| figures.expire_nanos);
    line(out, "expire_cycle_cpu_milliseconds", nanos / 1_000_000);
    line(out, "evicted_keys", sum(published, |figures| figures.evicted));
    line(out, "evicted_clients", node.clients.evictions());
    line(out, "evicted_scripts", node.scripts.evicted());
    line(out, "keyspace_hits", sum(published, |figures| figures.hits));
    line(out, "keyspace_misses", sum(published, |figures| figures.misses));
    let (channels, patterns, shard_channels) = node.channels.counts();
    line(out, "pubsub_channels", channels);
    line(out, "pubsub_patterns", patterns);
    line(out, "pubsubshard_channels", shard_channels);
    line(out, "pubsub_relay_dropped", node.peers.dropped());
    line(out, "tracking_total_keys", sum(published, |figures| figures.tracked.0));
    line(out, "tracking_total_items", sum(published, |figures| figures.tracked.1));
    line(out, "tracking_total_prefixes", node.trackers.counts().1);
    let statistics = &node.statistics;
    let disconnections = statistics.query_limit_disconnections.load(Ordering::Relaxed);
    line(out, "client_query_buffer_limit_disconnections", disconnections);
    let disconnections = statistics.output_limit_disconnections.load(Ordering::Relaxed);
    line(out, "client_output_buffer_limit_disconnections", disconnections);
    for reason in REASONS {
        let name = if reason == "command" { "cmd" } else { reason };
        line(out, &format!("acl_access_denied_{name}"), node.acl_log.count(reason));
    }
    // There are no replicas, no forks, and nothing is moved about in memory.
    for name in [
        "sync_full",
        "sync_partial_ok",
        "sync_partial_err",
        "total_net_repl_input_bytes",
        "total_net_repl_output_bytes",
        "slave_expires_tracked_keys",
        "migrate_cached_sockets",
        "latest_fork_usec",
        "total_forks",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
    ] {
        line(out, name, 0);
    }
    line(out, "total_error_replies", sum(published, Published::error_replies));
}

fn replication(node: &Node, _: &[Published], out: &mut String) {
    line(out, "role", "master");
    line(out, "connected_slaves", 0);
    line(out, "master_replid", &node.run_id);
    line(out, "master_failover_state", "no-failover");
    line(out, "master_replid2", "0".repeat(40));
    line(out, "master_repl_offset", 0);
    line(out, "second_repl_offset", -1);
    line(out, "repl_backlog_active", 0);
    line(out, "repl_backlog_first_byte_offset", 0);
    line(out, "repl_backlog_histlen", 0);
}

fn cpu(_: &Node, _: &[Published], out: &mut String) {
    use nix::sys::resource::{UsageWho, getrusage};
    for (who, suffix) in [(UsageWho::RUSAGE_SELF, ""), (UsageWho::RUSAGE_CHILDREN, "_children")] {
        let Ok(usage) = getrusage(who) else { continue };
        let seconds =
            |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        let (system, user) = (seconds(usage.system_time()), seconds(usage.user_time()));
        line(out, &format!("used_cpu_sys{suffix}"), format!("{system:.6}"));
        line(out, &format!("used_cpu_user{suffix}"), format!("{user:.6}"));
    }
}

fn commandstats(node: &Node, published: &[Published], out: &mut String) {
    for (id, row) in node.table().iter() {
        let figures = published.iter().filter_map(|figures| figures.calls.get(id.index()));
        let mut all = CommandFigures::default();
        for figures in figures {
            all.calls += figures.calls;
            all.scripted += figures.scripted;
            all.rejected += figures.rejected;
            all.failed += figures.failed;
            all.nanos += figures.nanos;
        }
        let calls = all.calls + all.scripted;
        if calls > 0 || all.rejected > 0 {
            let micros = all.nanos / 1000;
            // Calls of scripts are not timed.
            let each = all.nanos as f64 / 1000.0 / all.calls.max(1) as f64;
            line(
                out,
                &format!("cmdstat_{}", row.spec.name),
                format!(
                    "calls={calls},usec={micros},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                    all.rejected, all.failed
                ),
            );
        }
    }
}

fn errorstats(_: &Node, published: &[Published], out: &mut String) {
    let mut errors: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, rows) in published.iter().flat_map(|figures| &figures.errors) {
        *errors.entry(code).or_default() += rows.values().sum::<u64>();
    }
    for (code, count) in errors {
        line(out, &format!("errorstat_{code}"), format!("count={count}"));
    }
}

fn latencystats(node: &Node, published: &[Published], out: &mut String) {
    if !node.settings.tracks_latencies() {
        return;
    }
    let percentiles = node.settings.percentiles().0;
    for (id, row) in node.table().iter() {
        let mut times = Times::default();
        let rows = published.iter().filter_map(|figures| figures.calls.get(id.index()));
        rows.filter_map(|row| row.times.as_deref()).for_each(|counted| times.add(counted));
        let calls = times.count();
        if calls > 0 {
            let at = |percentile: &f64| {
                let mut before = 0;
                let rank = (calls as f64 * percentile / 100.0).ceil() as u64;
                let found = times.classes().find(|(_, count)| {
                    before += count;
                    before >= rank
                });
                let micros = found.map_or(0.0, |(nanos, _)| nanos as f64 / 1000.0);
                format!("p{percentile}={micros:.3}")
            };
            let shown: Vec<String> = percentiles.iter().map(at).collect();
            line(out, &format!("latency_percentiles_usec_{}", row.spec.name), shown.join(","));
        }
    }
}

fn keyspace(_: &Node, published: &[Published], out: &mut String) {
    let keys = sum(published, |figures| figures.keys);
    if keys > 0 {
        let expires = sum(published, |figures| figures.expiring);
        let fields = sum(published, |figures| figures.with_expiring_fields);
        line(out, "db0", format!("keys={keys},expires={expires},avg_ttl=0,subexpiry={fields}"));
    }
}

fn scripts(_: &Node, published: &[Published], out: &mut String) {
    line(out, "scripts_run", sum(published, |figures| figures.scripts.runs));
    let all = sum(published, |figures| figures.scripts.all_rolled_back());
    line(out, "rolled_back_scripts", all);
    for reason in Reason::ALL {
        let count = sum(published, |figures| figures.scripts.rolled_back[reason as usize]);
        line(out, &format!("rolled_back_{}", reason.name()), count);
    }
}

fn shards(node: &Node, published: &[Published], out: &mut String) {
    for (shard, figures) in published.iter().enumerate() {
        let (first, count) = node.topology.shard_range(shard as u16);
        let busy = node.executors[shard].busy.load(Ordering::Relaxed);
        line(
            out,
            &format!("shard{shard}"),
            format!(
                "slots={first}-{},keys={},expires={},commands={},busy={}",
                first + count.saturating_sub(1),
                figures.keys,
                figures.expiring,
                figures.commands,
                u8::from(busy)
            ),
        );
    }
}
