//! Who is in the cluster, which of them this node is, and what clients of each listener are told.

use std::sync::Arc;

use router::topology::{Member, Topology, member_id};
use router::view::{Address, View};

use crate::config::{Config, split_host_port};
use crate::error::NodeError;

/// One socket to be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Number of the view that its clients are told.
    pub(crate) view: usize,
    /// The shard whose endpoint it is.
    pub(crate) shard: Option<u16>,
}

/// The cluster as the configuration describes it.
pub(crate) struct Membership {
    pub(crate) topology: Arc<Topology>,
    pub(crate) views: Vec<Arc<View>>,
    pub(crate) endpoints: Vec<Endpoint>,
}

impl Membership {
    /// Reads the cluster off the configuration. `id` is that of a node which is a cluster alone.
    ///
    /// # Errors
    /// The node is not in its own list, or the tables do not fit together.
    pub(crate) fn new(config: &Config, id: &str) -> Result<Self, NodeError> {
        let (members, myself) = members(config, id)?;
        let shards = config.shard_count();
        let count = members.len();
        let inside: Vec<Address> = members
            .iter()
            .map(|member| Address { host: member.host.clone(), port: member.port })
            .collect();
        let topology = Topology::new(members, myself, &config.slot_ranges()?, shards)
            .map_err(|error| NodeError::Topology(error.to_string()))?;
        let mut membership =
            Self { topology: Arc::new(topology), views: Vec::new(), endpoints: Vec::new() };
        membership.add_listener(config, &config.bind, config.port, inside)?;
        for listener in &config.listener {
            let bad = |why| NodeError::BadValue { key: "listener".into(), why };
            let (host, port) = split_host_port(&listener.bind).map_err(bad)?;
            let addresses = if listener.announce.is_empty() {
                membership
                    .topology
                    .members()
                    .iter()
                    .map(|member| Ok(Address { host: member.host.clone(), port: member.port }))
                    .collect()
            } else {
                listener
                    .announce
                    .iter()
                    .map(|text| split_host_port(text).map(|(host, port)| Address { host, port }))
                    .collect::<Result<Vec<_>, _>>()
            }
            .map_err(bad)?;
            if addresses.len() != count {
                return Err(bad(format!(
                    "announce of {} has {} addresses, but the cluster has {count} nodes",
                    listener.bind,
                    addresses.len()
                )));
            }
            membership.add_listener(config, &[host], port, addresses)?;
        }
        Ok(membership)
    }

    /// Adds a listener on each of `hosts`; with shard endpoints also one for each shard.
    fn add_listener(
        &mut self,
        config: &Config,
        hosts: &[String],
        port: u16,
        addresses: Vec<Address>,
    ) -> Result<(), NodeError> {
        let shards = self.topology.shards();
        let topology = self.topology.clone();
        if !config.shard_endpoints {
            self.views.push(Arc::new(View::new(topology, addresses, false, None)));
            self.bind_all(hosts, port, None);
            return Ok(());
        }
        let offset = shard_port_offset(config)?;
        let of_shard = |port: u16, shard: u16| {
            port.checked_add(offset).and_then(|port| port.checked_add(shard)).ok_or_else(|| {
                NodeError::BadValue {
                    key: "shard-endpoint-port".into(),
                    why: format!("port {port} leaves no room for {shards} shard ports"),
                }
            })
        };
        let mut announced = Vec::new();
        for address in &addresses {
            for shard in 0..shards {
                let port = of_shard(address.port, shard)?;
                announced.push(Address { host: address.host.clone(), port });
            }
        }
        let view = |shard| Arc::new(View::new(topology.clone(), announced.clone(), true, shard));
        self.views.push(view(None));
        self.bind_all(hosts, port, None);
        for shard in 0..shards {
            self.views.push(view(Some(shard)));
            self.bind_all(hosts, of_shard(port, shard)?, Some(shard));
        }
        Ok(())
    }

    /// Endpoints of the newest view.
    fn bind_all(&mut self, hosts: &[String], port: u16, shard: Option<u16>) {
        let view = self.views.len() - 1;
        let endpoint = |host: &String| Endpoint { host: host.clone(), port, view, shard };
        self.endpoints.extend(hosts.iter().map(endpoint));
    }
}

/// How far a node's shard ports are from its own port: the same on every node and listener.
fn shard_port_offset(config: &Config) -> Result<u16, NodeError> {
    match config.shard_endpoint_port {
        None => Ok(100),
        Some(first) => {
            first.checked_sub(config.port).filter(|offset| *offset > 0).ok_or_else(|| {
                NodeError::BadValue {
                    key: "shard-endpoint-port".into(),
                    why: format!("must be above port {}", config.port),
                }
            })
        }
    }
}

/// The members of the cluster and which of them this node is.
fn members(config: &Config, id: &str) -> Result<(Vec<Member>, usize), NodeError> {
    let (host, port) = config.announced();
    if config.cluster.initial_nodes.is_empty() {
        return Ok((vec![Member { id: id.into(), host, port }], 0));
    }
    let bad = |why| NodeError::BadValue { key: "cluster.initial-nodes".into(), why };
    let mut members = Vec::new();
    for text in &config.cluster.initial_nodes {
        let (host, port) = split_host_port(text).map_err(bad)?;
        // The id follows from the address, so that all nodes know all ids from the one list.
        members.push(Member { id: member_id(&format!("{host}:{port}")), host, port });
    }
    let myself = members.iter().position(|member| member.host == host && member.port == port);
    match myself {
        Some(myself) => Ok((members, myself)),
        None => Err(NodeError::NotAMember(format!("{host}:{port}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Shards;

    fn config(nodes: &[&str], port: u16) -> Config {
        let mut config = Config { port, shards: Shards::Count(2), ..Config::default() };
        config.cluster.initial_nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        config
    }

    #[test]
    fn a_node_finds_itself_by_what_it_announces() {
        let nodes = ["127.0.0.1:7000", "127.0.0.1:7001", "127.0.0.1:7002"];
        let membership = Membership::new(&config(&nodes, 7001), "x").unwrap();
        assert_eq!(membership.topology.myself(), 1);
        let error = Membership::new(&config(&nodes, 7009), "x").err().unwrap().to_string();
        assert!(error.contains("127.0.0.1:7009"), "{error}");
    }

    #[test]
    fn shard_endpoints_have_ports_of_their_own() {
        let config = Config { shard_endpoints: true, ..config(&[], 7000) };
        let membership = Membership::new(&config, &"a".repeat(40)).unwrap();
        let ports: Vec<u16> = membership.endpoints.iter().map(|endpoint| endpoint.port).collect();
        assert_eq!(ports, [7000, 7100, 7101]);
    }

    #[test]
    fn each_listener_has_its_own_addresses() {
        let mut config = config(&["n1:6379", "n2:6379"], 6379);
        config.announce_host = Some("n2".into());
        config.listener.push(crate::config::Listener {
            bind: "0.0.0.0:7002".into(),
            announce: vec!["localhost:7001".into(), "localhost:7002".into()],
        });
        let membership = Membership::new(&config, "x").unwrap();
        let slot = protocol::slot::Slot::of_key(b"");
        assert_eq!(membership.views[0].moved(slot, 0), "MOVED 0 n1:6379");
        assert_eq!(membership.views[1].moved(slot, 0), "MOVED 0 localhost:7001");
        config.listener[0].announce.pop();
        assert!(Membership::new(&config, "x").is_err());
    }
}
