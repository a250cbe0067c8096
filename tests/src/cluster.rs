//! Several servers that are one cluster, from one list of nodes.

use crate::resp::Client;
use crate::server::{Builder, Server};
use crate::{ports, slot};

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    /// Starts `count` nodes of two shards each; `adapt` may change how each is started.
    #[track_caller]
    pub fn start_with(count: u16, adapt: impl Fn(u16, Builder) -> Builder) -> Self {
        let first = ports::take(count);
        let list: Vec<String> =
            (first..first + count).map(|port| format!("127.0.0.1:{port}")).collect();
        let list = list.join(",");
        let launch = |index| {
            let builder = Server::builder().shards(2).port(first + index);
            adapt(index, builder.set("cluster.initial-nodes", &list)).launch()
        };
        let nodes: Vec<Server> = (0..count).map(launch).collect();
        Self { nodes: nodes.into_iter().map(Server::wait_ready).collect() }
    }

    /// Starts `count` nodes of two shards each.
    #[track_caller]
    pub fn start(count: u16) -> Self {
        Self::start_with(count, |_, builder| builder)
    }

    /// The nodes, in list order.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// The place of the node that owns a key.
    pub fn owner(&self, key: &str) -> usize {
        let count = self.nodes.len() as u16;
        let owns = |index: &u16| {
            let (first, last) = slot::part(*index, count);
            (first..=last).contains(&slot::of(key))
        };
        usize::from((0..count).find(owns).unwrap_or(0))
    }

    /// A connection to the node that owns a key.
    #[track_caller]
    pub fn client_for(&self, key: &str) -> Client {
        self.nodes[self.owner(key)].client()
    }

    /// The addresses of the nodes, for clients.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("redis://{}/", node.address())).collect()
    }
}
