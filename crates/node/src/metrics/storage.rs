//! The log and snapshots.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::catalogue;
use super::page::Page;
use crate::node::{Node, Published};

pub(super) fn put(page: &mut Page, node: &Node, published: &[Published]) {
    put_log(page, node, published);
    put_snapshots(page, node, published);
    page.count(&catalogue::LOADING, &[], u64::from(node.loading.is_on()));
    page.put(&catalogue::LOADED_RATIO, &[], loaded_ratio(node));
}

/// 1 when everything has been read.
fn loaded_ratio(node: &Node) -> f64 {
    if node.loading.is_on() { (node.loading.percent() / 100.0).clamp(0.0, 1.0) } else { 1.0 }
}

fn put_log(page: &mut Page, node: &Node, published: &[Published]) {
    let figures = &node.log.figures;
    let mode = node.log.durability().to_string();
    page.count(&catalogue::LOG_INFO, &[&mode], 1);
    for (shard, of_shard) in published.iter().enumerate() {
        let shard = shard.to_string();
        page.count(&catalogue::LOG_UNSYNCED_ENTRIES, &[&shard], of_shard.unsynced.entries);
        page.count(&catalogue::LOG_UNSYNCED_BYTES, &[&shard], of_shard.unsynced.bytes);
    }
    let since = *figures.unsynced_since.lock().unwrap_or_else(PoisonError::into_inner);
    let age = since.map_or(0.0, |since| since.elapsed().as_secs_f64());
    page.put(&catalogue::LOG_UNSYNCED_AGE, &[], age);
    page.count(&catalogue::LOG_SIZE, &[], figures.size.load(Ordering::Relaxed));
    page.count(&catalogue::LOG_FRAMES, &[], figures.frames.load(Ordering::Relaxed));
    let syncs = figures.sync_times.lock().unwrap_or_else(PoisonError::into_inner).clone();
    page.times(&catalogue::LOG_SYNC_DURATION, &[], &syncs);
    page.count(&catalogue::LOG_WRITE_FAILURES, &[], figures.failures.load(Ordering::Relaxed));
    let is_full = figures.is_full.load(Ordering::Relaxed);
    page.count(&catalogue::LOG_FULL, &[], u64::from(is_full));
}

fn put_snapshots(page: &mut Page, node: &Node, published: &[Published]) {
    let state = node.snapshots.state();
    let changes: u64 = published.iter().map(|figures| figures.changes).sum();
    for (metric, value) in [
        (&catalogue::SNAPSHOTS, state.saves),
        (&catalogue::SNAPSHOT_FAILURES, state.failures),
        (&catalogue::SNAPSHOT_RUNNING, u64::from(state.running.is_some())),
        (&catalogue::SNAPSHOT_FAILED, u64::from(state.failure.is_some())),
        (&catalogue::SNAPSHOT_LAST, state.last),
        (&catalogue::SNAPSHOT_SIZE, state.size),
        (&catalogue::SNAPSHOT_CHANGES, changes.saturating_sub(state.changes)),
    ] {
        page.count(metric, &[], value);
    }
    let took = state.took.map_or(0.0, |took| took.as_secs_f64());
    page.put(&catalogue::SNAPSHOT_DURATION, &[], took);
}
