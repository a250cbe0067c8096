//! Figures for Prometheus: `GET /metrics` on `metrics-port`.
//!
//! Nothing is kept for it. Executors count for themselves, in cells that only their threads touch,
//! and are asked when somebody scrapes; what they have said becomes text on the thread of the pages.
//!
//! | module | holds |
//! |---|---|
//! | [`catalogue`] | every metric: name, type, labels, meaning |
//! | [`page`] | samples of these, and their text |
//! | [`gather`] | asking all shards, one scrape at a time |
//! | `commands`, `shards`, `scripts`, `storage`, `clients`, `process` | what the samples are |
//!
//! To add a metric: a row in [`catalogue`], a line where its samples are made, and
//! `UPDATE=1 cargo test -p node metrics` for docs/metrics.md.
//!
//! # Invariants
//! - I1. No scrape waits for a shard for longer than [`gather::PATIENCE`], and none is asked again
//!   before it has answered.
//! - I2. The number of series is bounded: by shards, families, error classes and
//!   [`scripts::NAMED_MAX`], never by what clients make up.

mod catalogue;
mod clients;
mod commands;
mod gather;
mod page;
mod process;
mod scripts;
mod shards;
mod storage;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::node::Node;
use gather::Gatherer;

/// The text format of Prometheus, which all that scrape understand.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What answers on `metrics-port`.
pub(crate) fn router(node: &Arc<Node>) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state(Arc::new(Gatherer::new(node.clone())))
}

async fn scrape(State(gatherer): State<Arc<Gatherer>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT_FORMAT), (CACHE_CONTROL, "no-store")], gatherer.text().await)
}

#[cfg(test)]
mod docs_test;
