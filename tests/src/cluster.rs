//! Several servers that are one cluster, from one list of nodes.

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::resp::Client;
use crate::server::{Builder, Server, folder};
use crate::{ports, slot};

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
    list: String,
    data: TempDir,
}

impl Cluster {
    /// Starts `count` nodes of two shards each; `adapt` may change how each is started.
    #[track_caller]
    pub fn start_with(count: u16, adapt: impl Fn(u16, Builder) -> Builder) -> Self {
        let first = ports::take(count);
        let list: Vec<String> =
            (first..first + count).map(|port| format!("127.0.0.1:{port}")).collect();
        let list = list.join(",");
        let mut cluster = Self { nodes: Vec::new(), list, data: folder() };
        let launch = |index| adapt(index, cluster.builder(first + index)).launch();
        let nodes: Vec<Server> = (0..count).map(launch).collect();
        cluster.nodes = nodes.into_iter().map(Server::wait_ready).collect();
        cluster
    }

    fn builder(&self, port: u16) -> Builder {
        let data = self.data.path().join(port.to_string());
        let builder = Server::builder().shards(2).port(port).directory(&data);
        builder.set("cluster.initial-nodes", &self.list)
    }

    /// Ends a node with SIGTERM and starts it again with its data, as [`Cluster::start`] does.
    #[track_caller]
    pub fn restart(&mut self, index: usize) {
        let port = self.nodes[index].port();
        self.nodes[index].signal(Signal::SIGTERM);
        self.nodes[index].wait();
        self.nodes[index] = self.builder(port).start();
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
