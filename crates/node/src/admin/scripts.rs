//! `/api/scripts`: scripts and functions, those that have cost most first.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::{Map, Value, json};
use shard::script::sha::Sha;
use shard::script::{Reason, ScriptStats};

use super::{AskedFor, Endpoint, Site, text_of};
use crate::executor::Executor;

/// Figures by name.
pub(super) type Figures = BTreeMap<String, ScriptStats>;

/// Scripts that are shown.
const SCRIPTS_MAX: usize = 200;

/// Bytes of a script's text that are shown.
const TEXT_BYTES_MAX: usize = 400;

/// The figures of an executor's shard.
pub(super) fn look(executor: &Executor) -> Option<Figures> {
    let shard = executor.shard.try_borrow().ok()?;
    Some(shard.scripts().stats().map(|(name, stats)| (name.to_owned(), stats.clone())).collect())
}

pub(super) async fn show(State(site): AskedFor) -> Response<Body> {
    let make = async || {
        let mut all = Figures::new();
        let mut old = Vec::new();
        for (shard, seen) in site.scripts.all().await.into_iter().enumerate() {
            if seen.is_old {
                old.push(shard);
            }
            for (name, stats) in seen.figures.iter().flat_map(|figures| figures.iter()) {
                all.entry(name.clone()).or_default().add(stats);
            }
        }
        let known = all.len();
        let mut rows: Vec<(f64, String, ScriptStats)> =
            all.into_iter().map(|(name, stats)| (stats.micros_total(), name, stats)).collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        rows.truncate(SCRIPTS_MAX);
        json!({
            "now_ms": site.millis(Instant::now()),
            "old_shards": old,
            "known": known,
            "scripts": rows.iter().map(|row| of_script(&site, row)).collect::<Vec<Value>>(),
        })
    };
    site.answer(Endpoint::Scripts, make).await
}

fn of_script(site: &Site, (total, name, stats): &(f64, String, ScriptStats)) -> Value {
    let source = Sha::parse(name.as_bytes()).and_then(|sha| site.node.scripts.find(sha));
    let reasons = Reason::ALL
        .iter()
        .map(|reason| (reason.name().to_owned(), Value::from(stats.rolled_back[*reason as usize])));
    json!({
        "name": name,
        "text": source.map(|source| text_of(&source.body, TEXT_BYTES_MAX)),
        "calls": stats.calls,
        "total_us": total,
        "p50_us": stats.micros_at(0.5),
        "p99_us": stats.micros_at(0.99),
        "max_us": stats.micros_max(),
        "redis_calls": stats.commands,
        "error_replies": stats.error_replies,
        "rolled_back": stats.all_rolled_back(),
        "rolled_back_for": reasons.collect::<Map<String, Value>>(),
        "undo_bytes_max": stats.undo_bytes_max,
        "memory_bytes_max": stats.memory_bytes_max,
        "last_error": stats.last_error,
    })
}
