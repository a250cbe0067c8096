//! Who is in the cluster, which of them this node is, and what clients of each listener are told.

use std::sync::Arc;

use router::topology::{Member, Topology, member_id};
use router::view::{Address, Told, View};

use crate::config::{Config, split_host_port, split_member};
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
    /// Its clients talk TLS.
    pub(crate) tls: bool,
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
        let inside: Vec<Address> = members.iter().map(|member| address(config, member)).collect();
        let topology = Topology::new(members, myself, &config.slot_ranges()?, shards)
            .map_err(|error| NodeError::Topology(error.to_string()))?;
        let mut membership =
            Self { topology: Arc::new(topology), views: Vec::new(), endpoints: Vec::new() };
        if config.port != 0 {
            membership.add_listener(config, &config.bind, config.port, inside.clone(), false)?;
        }
        if config.tls_port != 0 {
            membership.add_listener(config, &config.bind, config.tls_port, inside.clone(), true)?;
        }
        for listener in &config.listener {
            let bad = |why| NodeError::BadValue { key: "listener".into(), why };
            let (host, port) = split_host_port(&listener.bind).map_err(bad)?;
            let addresses = if listener.announce.is_empty() {
                inside.clone()
            } else {
                let address = |text: &String| {
                    split_host_port(text).map(|(host, port)| match listener.tls {
                        true => Address { host, port: 0, tls_port: port },
                        false => Address { host, port, tls_port: 0 },
                    })
                };
                listener.announce.iter().map(address).collect::<Result<_, _>>().map_err(bad)?
            };
            let told =
                |address: &Address| if listener.tls { address.tls_port } else { address.port };
            if addresses.iter().any(|address| told(address) == 0) {
                return Err(bad(format!(
                    "{} has clients of another kind than the nodes' own ports: it needs `announce`",
                    listener.bind
                )));
            }
            if addresses.len() != count {
                return Err(bad(format!(
                    "announce of {} has {} addresses, but the cluster has {count} nodes",
                    listener.bind,
                    addresses.len()
                )));
            }
            membership.add_listener(config, &[host], port, addresses, listener.tls)?;
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
        tls: bool,
    ) -> Result<(), NodeError> {
        let shards = self.topology.shards();
        let topology = self.topology.clone();
        if !config.shard_endpoints {
            let told = Told { shard_endpoints: false, tls };
            self.views.push(Arc::new(View::new(topology, addresses, told, None)));
            self.bind_all(hosts, port, None, tls);
            return Ok(());
        }
        let mut announced = Vec::new();
        for address in &addresses {
            for shard in 0..shards {
                let port = shard_port(config, address.port, shard, false)?;
                let tls_port = shard_port(config, address.tls_port, shard, true)?;
                announced.push(Address { host: address.host.clone(), port, tls_port });
            }
        }
        let told = Told { shard_endpoints: true, tls };
        let view = |shard| Arc::new(View::new(topology.clone(), announced.clone(), told, shard));
        self.views.push(view(None));
        self.bind_all(hosts, port, None, tls);
        for shard in 0..shards {
            self.views.push(view(Some(shard)));
            self.bind_all(hosts, shard_port(config, port, shard, tls)?, Some(shard), tls);
        }
        Ok(())
    }

    /// Endpoints of the newest view.
    fn bind_all(&mut self, hosts: &[String], port: u16, shard: Option<u16>, tls: bool) {
        let view = self.views.len() - 1;
        let endpoint = |host: &String| Endpoint { host: host.clone(), port, view, shard, tls };
        self.endpoints.extend(hosts.iter().map(endpoint));
    }
}

/// The port of a shard, beside a port of its node; none beside none.
fn shard_port(config: &Config, port: u16, shard: u16, tls: bool) -> Result<u16, NodeError> {
    if port == 0 {
        return Ok(0);
    }
    let key = if tls { "tls-shard-endpoint-port" } else { "shard-endpoint-port" };
    let bad = |why| NodeError::BadValue { key: key.into(), why };
    let offset = shard_port_offset(config, tls).map_err(bad)?;
    port.checked_add(offset)
        .and_then(|port| port.checked_add(shard))
        .ok_or_else(|| bad(format!("port {port} leaves no room for the ports of its shards")))
}

/// How far a node's shard ports are from its own port: the same on every node and listener.
fn shard_port_offset(config: &Config, tls: bool) -> Result<u16, String> {
    let (first, own, default) = match tls {
        false => (config.shard_endpoint_port, config.port, 100),
        true => (config.tls_shard_endpoint_port, config.tls_port, 200),
    };
    let Some(first) = first else { return Ok(default) };
    let offset = first.checked_sub(own).filter(|offset| *offset > 0);
    offset.ok_or_else(|| format!("must be above port {own}"))
}

/// Where the clients of the nodes' own ports are told to connect.
fn address(config: &Config, member: &Member) -> Address {
    // Without a port of its own the port in the list is the one with TLS.
    let port = if config.port == 0 { 0 } else { member.port };
    Address { host: member.host.clone(), port, tls_port: member.tls_port }
}

/// The members of the cluster and which of them this node is.
fn members(config: &Config, id: &str) -> Result<(Vec<Member>, usize), NodeError> {
    let (host, port) = config.announced();
    if config.cluster.initial_nodes.is_empty() {
        let tls_port = config.announced_tls_port();
        return Ok((vec![Member { id: id.into(), host, port, tls_port }], 0));
    }
    let bad = |why| NodeError::BadValue { key: "cluster.initial-nodes".into(), why };
    let mut members = Vec::new();
    for text in &config.cluster.initial_nodes {
        let (host, port, tls_port) = split_member(text).map_err(bad)?;
        let tls_port = tls_port.unwrap_or(match config.port {
            // The listed port is the only one.
            0 => port,
            _ => config.announced_tls_port(),
        });
        // The id follows from the address, so that all nodes know all ids from the one list.
        let id = member_id(&format!("{host}:{port}"));
        members.push(Member { id, host, port, tls_port });
    }
    let myself = members.iter().position(|member| member.host == host && member.port == port);
    let myself = myself.ok_or_else(|| NodeError::NotAMember(format!("{host}:{port}")))?;
    let others = members.len() > 1;
    if others && config.tls.tls_cluster && members.iter().any(|member| member.tls_port == 0) {
        let why = "nodes talk by TLS, which needs tls-port".into();
        return Err(NodeError::BadValue { key: "tls-cluster".into(), why });
    }
    if others && !config.tls.tls_cluster && config.port == 0 {
        let why = "port is 0, so nodes can reach each other by TLS alone: it has to be on".into();
        return Err(NodeError::BadValue { key: "tls-cluster".into(), why });
    }
    Ok((members, myself))
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
            tls: false,
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
