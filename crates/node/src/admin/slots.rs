//! `/api/slots`: keys of all slots of this node, and what their requests have cost, as far as that
//! is counted (`cluster-slot-stats-enabled`). `/api/slot?number=N`: some keys of one slot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Response, StatusCode};
use protocol::slot::Slot;
use router::topology::Owner;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};

use super::gather::Seen;
use super::{AskedFor, Endpoint, Site, json, said, text_of};
use crate::executor::Executor;
use crate::mailbox::Message;
use crate::slot_stats::SlotCost;

/// Keys of a slot that are shown, and bytes of each.
const KEYS_MAX: usize = 20;
const KEY_BYTES_MAX: usize = 500;

/// How long a shard is waited for that is asked for keys.
const PATIENCE: Duration = Duration::from_millis(500);

/// The slots of one shard.
pub(super) struct SlotsOfShard {
    first: u16,
    /// By slot.
    keys: Vec<u64>,
    /// By slot; empty when they are not counted.
    costs: Vec<SlotCost>,
}

/// Looks at all slots of an executor's shard: some tens of microseconds.
pub(super) fn look(executor: &Executor) -> Option<SlotsOfShard> {
    let shard = executor.shard.try_borrow().ok()?;
    let (first, count) = executor.node.topology.shard_range(executor.index);
    let slots = || (first..first + count).filter_map(Slot::new);
    let keys = slots().map(|slot| shard.keyspace().slot_len(slot) as u64).collect();
    let is_counted = executor.node.settings.counts_slots();
    let costs = if is_counted {
        slots().map(|slot| executor.slot_stats.of(slot)).collect()
    } else {
        vec![]
    };
    Some(SlotsOfShard { first, keys, costs })
}

pub(super) async fn show(State(site): AskedFor) -> Response<Body> {
    let make = async || {
        let seen = site.slots.all().await;
        let shards = seen.iter().enumerate().map(|(shard, seen)| of_shard(&site, shard, seen));
        json!({
            "now_ms": site.millis(Instant::now()),
            "counted": site.node.settings.counts_slots(),
            "shards": shards.collect::<Vec<Value>>(),
        })
    };
    site.answer(Endpoint::Slots, make).await
}

fn of_shard(site: &Site, shard: usize, seen: &Seen<SlotsOfShard>) -> Value {
    let mut value =
        json!({ "shard": shard, "old": seen.is_old, "at_ms": site.millis(seen.at), "first": 0 });
    if let Some(slots) = &seen.figures {
        let column = |of: fn(&SlotCost) -> u64| slots.costs.iter().map(of).collect::<Vec<u64>>();
        value["first"] = slots.first.into();
        value["keys"] = json!(slots.keys);
        value["calls"] = json!(column(|cost| cost.calls));
        value["micros"] = json!(column(|cost| cost.nanos / 1000));
        value["bytes"] = json!(column(|cost| cost.bytes_in + cost.bytes_out));
    }
    value
}

/// Who looks at keys of a slot: one at a time for the whole page, so that nobody piles up questions
/// for a shard that is busy.
pub(super) struct KeysOfSlot(Arc<Semaphore>);

impl Default for KeysOfSlot {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

pub(super) async fn show_one(State(site): AskedFor, RawQuery(query): RawQuery) -> Response<Body> {
    let number = query.as_deref().and_then(|query| query.strip_prefix("number="));
    let slot = number.and_then(|number| number.parse().ok()).and_then(Slot::new);
    let Some(slot) = slot else {
        return said(StatusCode::BAD_REQUEST, "number=N is asked for, a slot from 0 to 16383.");
    };
    let Owner::Here(shard) = site.node.topology.owner(slot) else {
        return said(StatusCode::NOT_FOUND, "This node does not have that slot.");
    };
    let busy = || said(StatusCode::SERVICE_UNAVAILABLE, "The shard is busy. Try again later.");
    let keys = async {
        let place = site.keys.0.clone().acquire_owned().await.ok()?;
        let (answer, wait) = oneshot::channel();
        let call = Message::Call(Box::new(move |executor| {
            let keys = keys_of(executor, slot);
            drop(place);
            let _ = answer.send(keys);
        }));
        site.node.executors[usize::from(shard)].mailbox.try_send(call).ok()?;
        wait.await.ok()?
    };
    match tokio::time::timeout(PATIENCE, keys).await {
        Ok(Some(keys)) => {
            json(json!({ "slot": slot.number(), "shard": shard, "keys": keys }).to_string())
        }
        _ => busy(),
    }
}

/// Some keys of a slot, with how they are stored.
fn keys_of(executor: &Executor, slot: Slot) -> Option<Vec<Value>> {
    let shard = executor.shard.try_borrow().ok()?;
    let keys = shard.keyspace().slot_storage(slot, KEYS_MAX);
    let shown = keys.iter().map(|(key, storage)| {
        json!({
            "key": text_of(key, KEY_BYTES_MAX),
            "encoding": storage.encoding,
            "idle_s": storage.idle_seconds,
        })
    });
    Some(shown.collect())
}
