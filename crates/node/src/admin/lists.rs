//! `/api/clients` and `/api/slowlog`: what CLIENT LIST and SLOWLOG GET show.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::{Value, json};

use super::{AskedFor, Endpoint, json, text};
use crate::clients::Client;
use crate::command_log::{LogEntry, LogKind};
use crate::connection::command_name;
use crate::node::Node;

/// Clients that are shown; those that take most memory when there are more.
const CLIENTS_MAX: usize = 500;

/// Entries of the slow log that are shown.
const ENTRIES_MAX: usize = 200;

pub(super) async fn show_clients(State(site): AskedFor) -> Response<Body> {
    let make = async || {
        let mut all = site.node.clients.all();
        let count = all.len();
        if count > CLIENTS_MAX {
            all.sort_by_cached_key(|client| std::cmp::Reverse(client.footprint().total()));
            all.truncate(CLIENTS_MAX);
            all.sort_by_key(|client| client.id);
        }
        let rows = all.iter().map(|client| of_client(&site.node, client));
        json!({ "count": count, "clients": rows.collect::<Vec<Value>>() })
    };
    site.answer(Endpoint::Clients, make).await
}

fn of_client(node: &Node, client: &Client) -> Value {
    let command = command_name(node, client.last_command.load(Ordering::Relaxed));
    let total = client.footprint().total();
    let flags = client.flags();
    let facts = client.facts();
    json!({
        "id": client.id,
        "address": client.address.to_string(),
        "name": text(&facts.name),
        "user": text(&facts.user),
        "library": text(&[&facts.lib_name[..], b" ", &facts.lib_ver[..]].concat()).trim(),
        "shard": client.executor,
        "age_s": client.age_seconds(),
        "idle_s": client.idle_seconds(),
        "flags": flags,
        "command": command,
        "commands": client.commands.load(Ordering::Relaxed),
        "bytes_in": client.bytes_in.load(Ordering::Relaxed),
        "bytes_out": client.bytes_out.load(Ordering::Relaxed),
        "memory": total,
        "subscriptions": facts.subscriptions.iter().sum::<usize>(),
    })
}

pub(super) async fn show_slow_log(State(site): AskedFor) -> Response<Body> {
    let node = &site.node;
    let entries = node.command_log.newest(LogKind::Slow, ENTRIES_MAX);
    let threshold = node.settings.slowlog_log_slower_than.load(Ordering::Relaxed) as i64;
    let answer = json!({
        "threshold_us": threshold,
        "count": node.command_log.len(LogKind::Slow),
        "entries": entries.iter().map(of_entry).collect::<Vec<Value>>(),
    });
    json(answer.to_string())
}

fn of_entry(entry: &LogEntry) -> Value {
    json!({
        "id": entry.id,
        "time": entry.time,
        "micros": entry.amount,
        "command": entry.parts.iter().map(|part| text(part)).collect::<Vec<String>>(),
        "address": entry.address,
        "name": text(&entry.name),
    })
}
