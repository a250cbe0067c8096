//! `/api/cluster`: the nodes, and their slots, as this node sees them.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::{Value, json};

use super::{AskedFor, json};

pub(super) async fn show(State(site): AskedFor) -> Response<Body> {
    let topology = &site.node.topology;
    let member = |(at, member): (usize, &router::topology::Member)| {
        let at = at as u16;
        let shards = (0..topology.shards()).map(|shard| topology.ranges_of_shard(at, shard));
        json!({
            "id": member.id,
            "address": format!("{}:{}", member.host, member.port),
            "myself": at == topology.myself(),
            "slots": topology.ranges_of(at),
            "shards": shards.collect::<Vec<_>>(),
        })
    };
    let nodes: Vec<Value> = topology.members().iter().enumerate().map(member).collect();
    let answer = json!({ "slots_assigned": topology.slots_assigned(), "nodes": nodes });
    json(answer.to_string())
}
