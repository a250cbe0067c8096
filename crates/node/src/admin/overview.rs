//! `/api/overview`: the node at a glance: its shards, memory, log and snapshots.
//!
//! Counters go out as they are, with when they were true (`at_ms`); the page makes rates of two
//! answers. So several pages can look, each at its own pace.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::{Value, json};
use shard::script::Reason;
use shard::script::sha::Sha;

use super::gather::Seen;
use super::{AskedFor, Endpoint, Site, text, text_of, threads};
use crate::commands::config::policy_name;
use crate::executor::Executor;
use crate::log::Durability;
use crate::memory;
use crate::node::{ExecutorHandle, Node, Published};

/// Parts of the request of a script that are shown, and bytes of each.
const SCRIPT_PARTS: usize = 8;
const SCRIPT_PART_BYTES: usize = 200;

/// A script that is younger is none that anybody would look for.
const SCRIPT_AGE_MIN_MS: u64 = 20;

/// What only an executor knows, besides what it publishes.
pub(super) struct Glance {
    /// The last index that it has given to the log.
    last_index: u64,
}

/// Has an executor publish its figures now.
pub(super) fn glance(executor: &Executor) -> Option<Glance> {
    if executor.shard.try_borrow().is_err() {
        return None;
    }
    executor.publish_now();
    Some(Glance { last_index: executor.outlet.last() })
}

pub(super) async fn show(State(site): AskedFor) -> Response<Body> {
    let make = async || {
        let seen = site.shards.all().await;
        make(&site, &seen)
    };
    site.answer(Endpoint::Overview, make).await
}

fn make(site: &Site, seen: &[Seen<Glance>]) -> Value {
    let node = &*site.node;
    let published = node.published();
    let threads = threads::busy_nanos();
    let mut clients = vec![0u64; node.executors.len()];
    for client in node.clients.all() {
        clients[usize::from(client.executor)] += 1;
    }
    let shards = published.iter().zip(seen).enumerate().map(|(shard, (figures, seen))| {
        let mut value = of_shard(site, shard, figures, seen);
        value["clients"] = clients[shard].into();
        value["cpu_nanos"] = threads.get(&format!("shard-{shard}")).copied().into();
        value
    });
    json!({
        "now_ms": site.millis(Instant::now()),
        "node": of_node(node),
        "totals": totals(node, &published),
        "shards": shards.collect::<Vec<Value>>(),
        "memory": of_memory(node, &published),
        "log": of_log(node),
        "snapshots": of_snapshots(node, &published),
        "scripts": of_scripts(node, &published),
        "threads": threads,
    })
}

fn of_shard(site: &Site, shard: usize, figures: &Published, seen: &Seen<Glance>) -> Value {
    let node = &*site.node;
    let handle = &node.executors[shard];
    let (first, count) = node.topology.shard_range(shard as u16);
    let script = script_of(handle);
    let is_busy = handle.busy.load(Ordering::Relaxed);
    let state = match (&script, node.loading.is_on()) {
        (_, true) => "loading",
        (Some(_), _) if is_busy => "busy",
        (Some(_), _) => "script",
        (None, _) if seen.is_old => "no answer",
        (None, _) => "serving",
    };
    let room = handle.mailbox.max_capacity();
    let synced = node.log.synced(shard as u16);
    let lag = seen.figures.as_ref().map(|glance| glance.last_index.saturating_sub(synced));
    json!({
        "shard": shard,
        "slots": if count == 0 { Value::Null } else { json!([first, first + count - 1]) },
        "state": state,
        "script": script,
        "old": seen.is_old,
        "at_ms": site.millis(seen.at),
        "answer_us": seen.took.as_micros() as u64,
        "keys": figures.keys,
        "expiring": figures.expiring,
        "commands": figures.commands,
        "command_nanos": figures.calls.iter().map(|calls| calls.nanos).sum::<u64>(),
        "hits": figures.hits,
        "misses": figures.misses,
        "vm_bytes": figures.script_memory + figures.function_memory,
        "queue": room - handle.mailbox.capacity(),
        "queue_max": room,
        "log_lag": if node.log.durability() == Durability::None { None } else { lag },
    })
}

/// The script or function that an executor has been running for a while.
fn script_of(handle: &ExecutorHandle) -> Option<Value> {
    let control = &handle.live.get()?.control;
    let run = control.running()?;
    let is_function = control.what().is_function;
    let age = handle.script_age_ms.load(Ordering::Relaxed);
    // It may have ended and another one begun meanwhile.
    if age < SCRIPT_AGE_MIN_MS || control.running() != Some(run) {
        return None;
    }
    let slow = handle.slow.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let command = slow.as_ref().filter(|slow| slow.run == run).map(|slow| &slow.command);
    let name = command.and_then(|command| {
        let called = command.get(1)?;
        let is_text =
            command[0].eq_ignore_ascii_case(b"eval") || command[0].eq_ignore_ascii_case(b"eval_ro");
        Some(if is_text { Sha::of(called).hex() } else { text_of(called, SCRIPT_PART_BYTES) })
    });
    let shown = command.map(|command| {
        let parts = command.iter().take(SCRIPT_PARTS);
        let mut shown: Vec<String> = parts.map(|part| text_of(part, SCRIPT_PART_BYTES)).collect();
        if command.len() > SCRIPT_PARTS {
            shown.push(format!("… {} more", command.len() - SCRIPT_PARTS));
        }
        shown
    });
    let kind = if is_function { "function" } else { "script" };
    Some(json!({ "name": name, "kind": kind, "age_ms": age, "command": shown }))
}

fn of_node(node: &Node) -> Value {
    let (host, port) = node.config.announced();
    let loading = node.loading.is_on().then(
        || json!({ "percent": node.loading.percent(), "eta_seconds": node.loading.eta_seconds() }),
    );
    json!({
        "name": format!("{host}:{port}"),
        "version": env!("CARGO_PKG_VERSION"),
        "run_id": node.run_id,
        "pid": std::process::id(),
        "uptime_s": node.started.elapsed().as_secs(),
        "shards": node.topology.shards(),
        "nodes": node.topology.members().len(),
        "loading": loading,
    })
}

fn totals(node: &Node, published: &[Published]) -> Value {
    let sum = |figure: fn(&Published) -> u64| published.iter().map(figure).sum::<u64>();
    let (accepted, refused) = node.clients.totals();
    json!({
        "commands": sum(|figures| figures.commands),
        "bytes_in": sum(|figures| figures.bytes_in),
        "bytes_out": sum(|figures| figures.bytes_out),
        "keys": sum(|figures| figures.keys),
        "expiring": sum(|figures| figures.expiring),
        "hits": sum(|figures| figures.hits),
        "misses": sum(|figures| figures.misses),
        "expired": sum(|figures| figures.expired),
        "evicted": sum(|figures| figures.evicted),
        "errors": sum(|figures| figures.error_replies()),
        "clients": node.clients.count(),
        "clients_max": node.settings.maxclients.load(Ordering::Relaxed),
        "blocked": node.statistics.blocked_clients.load(Ordering::Relaxed),
        "accepted": accepted,
        "refused": refused,
        "per_second": node.statistics.per_second().commands,
    })
}

fn of_memory(node: &Node, published: &[Published]) -> Value {
    let vms = published.iter().map(|figures| figures.script_memory + figures.function_memory);
    json!({
        "used": memory::used(),
        "peak": memory::peak(),
        "resident": memory::resident(),
        "at_start": memory::at_start(),
        "machine": memory::of_machine(),
        "limit": node.settings.maxmemory.load(Ordering::Relaxed),
        "policy": policy_name(node.settings.keyspace().eviction),
        "is_full": node.gauge.is_full(),
        "vms": vms.sum::<u64>(),
        "scripts": node.scripts.memory() + node.functions.figures().memory,
        "clients": node.clients.footprint(),
        "garbage": published.iter().map(|figures| figures.garbage).sum::<u64>(),
    })
}

fn of_log(node: &Node) -> Value {
    let figures = &node.log.figures;
    let number = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
    json!({
        "durability": node.log.durability().name(),
        "is_full": figures.is_full.load(Ordering::Relaxed),
        "size": number(&figures.size),
        "base_size": number(&figures.base_size),
        "frames": number(&figures.frames),
        "syncs": number(&figures.syncs),
        "last_sync_us": number(&figures.last_sync_micros),
    })
}

fn of_snapshots(node: &Node, published: &[Published]) -> Value {
    let state = node.snapshots.state();
    let changes: u64 = published.iter().map(|figures| figures.changes).sum();
    let millis = |time: Duration| time.as_millis() as u64;
    json!({
        "running_ms": state.running.map(|since| millis(since.elapsed())),
        "scheduled": state.scheduled,
        "last": if state.last == 0 { None } else { Some(state.last) },
        "took_ms": state.took.map(millis),
        "saves": state.saves,
        "size": state.size,
        "failure": state.failure.as_deref().map(|why| text(why.as_bytes())),
        "changes_since": changes.saturating_sub(state.changes),
    })
}

fn of_scripts(node: &Node, published: &[Published]) -> Value {
    let reasons = Reason::ALL.iter().map(|reason| {
        let counts = published.iter().map(|figures| figures.scripts.rolled_back[*reason as usize]);
        (reason.name().to_owned(), Value::from(counts.sum::<u64>()))
    });
    json!({
        "runs": published.iter().map(|figures| figures.scripts.runs).sum::<u64>(),
        "rolled_back": reasons.collect::<serde_json::Map<String, Value>>(),
        "cached": node.scripts.len(),
        "functions": node.functions.figures().functions,
    })
}
