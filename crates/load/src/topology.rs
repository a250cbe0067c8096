//! Which node owns which slot, and so which connection may carry which key.
//!
//! # Invariants
//! - I1. The index of a node stays its index when the topology is asked for again, on all threads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use protocol::slot::{SLOT_COUNT, Slot};

use crate::client::{Access, Client, Value};

/// How long setting up waits for a node.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The owner of a slot that nobody owns.
const UNOWNED: u16 = u16::MAX;
/// So many keys are looked at to find out which nodes have keys.
const KEYS_LOOKED_AT: u64 = 100_000;

/// The nodes under load.
#[derive(Debug, Clone)]
pub struct Topology {
    nodes: Vec<String>,
    /// Slot to index in `nodes`; `None` when keys are not routed.
    owners: Option<Vec<u16>>,
    /// The nodes that connections are opened to.
    active: Vec<usize>,
    /// As whom.
    access: Access,
    /// All nodes that were ever seen, in the order of their indexes.
    known: Arc<Mutex<Vec<String>>>,
}

impl Topology {
    /// Nodes that each take every key.
    pub fn unrouted(nodes: Vec<String>) -> Self {
        Self::new(nodes, None)
    }

    fn new(nodes: Vec<String>, owners: Option<Vec<u16>>) -> Self {
        let active = match &owners {
            Some(owners) => {
                let owns = |node: &usize| owners.contains(&(*node as u16));
                (0..nodes.len()).filter(owns).collect()
            }
            None => (0..nodes.len()).collect(),
        };
        let known = Arc::new(Mutex::new(nodes.clone()));
        Self { nodes, owners, active, access: Access::default(), known }
    }

    /// Asks the first seed that answers for the slots of its cluster.
    pub fn of_cluster(seeds: &[String]) -> Result<Self> {
        Self::of_cluster_as(seeds, &Access::default())
    }

    /// The same, with a password. All connections of a run are opened with it.
    pub fn of_cluster_as(seeds: &[String], access: &Access) -> Result<Self> {
        let mut last_error = None;
        for seed in seeds {
            match slots_of(seed, access, TIMEOUT).and_then(|slots| Self::from_slots(&slots, seed)) {
                Ok(topology) => return Ok(topology.with_access(access)),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.context("no seed address given")?)
    }

    /// Reads the reply of CLUSTER SLOTS. A node without a host has the host of the seed.
    pub fn from_slots(reply: &Value, seed: &str) -> Result<Self> {
        let mut nodes: Vec<String> = Vec::new();
        let owners = read_slots(reply, seed, &mut nodes)?;
        let unowned = owners.iter().filter(|&&owner| owner == UNOWNED).count();
        ensure!(unowned == 0, "{unowned} slots have no owner");
        Ok(Self::new(nodes, Some(owners)))
    }

    /// The same nodes, with a password.
    pub fn with_access(self, access: &Access) -> Self {
        Self { access: access.clone(), ..self }
    }

    /// What the first node that answers within `timeout` says now, if that is something else.
    ///
    /// # Errors
    /// No node answers.
    pub fn refreshed(&self, timeout: Duration) -> Result<Option<Self>> {
        let Some(owners) = &self.owners else { return Ok(None) };
        let answer = self.nodes.iter().find_map(|node| {
            let slots = slots_of(node, &self.access, timeout).ok()?;
            let mut nodes = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let new = read_slots(&slots, node, &mut nodes).ok()?; // I1
            Some((nodes.clone(), new))
        });
        let (nodes, mut new) = answer.context("no node answers CLUSTER SLOTS")?;
        // A slot that nobody owns for now is still asked for where it was.
        for (owner, before) in new.iter_mut().zip(owners) {
            if *owner == UNOWNED {
                *owner = *before;
            }
        }
        if new == *owners {
            return Ok(None);
        }
        let known = Arc::clone(&self.known);
        Ok(Some(Self { known, ..Self::new(nodes, Some(new)).with_access(&self.access) }))
    }

    /// Leaves out nodes that own none of `count` keys, as far as one can see.
    pub fn with_keys(mut self, count: u64, key_of: impl Fn(u64) -> String) -> Self {
        if self.owners.is_none() {
            return self;
        }
        let mut found = vec![false; self.nodes.len()];
        let mut missing = self.active.len();
        for index in 0..count.min(KEYS_LOOKED_AT) {
            match self.owner(key_of(index).as_bytes()) {
                Some(owner) if !found[owner] => {
                    found[owner] = true;
                    missing -= 1;
                }
                _ => {}
            }
            if missing == 0 {
                break;
            }
        }
        // Without keys, or with none to be seen, any node will do.
        if found.contains(&true) {
            self.active.retain(|&node| found[node]);
        }
        self
    }

    /// The addresses of all nodes, as `host:port`.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// All addresses that were ever seen, by this topology and those that came from it.
    pub fn known_nodes(&self) -> Vec<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether keys are routed to the owners of their slots.
    pub fn is_routed(&self) -> bool {
        self.owners.is_some()
    }

    /// The nodes that connections are opened to.
    pub fn active(&self) -> &[usize] {
        &self.active
    }

    /// The node that a connection goes to.
    pub fn node_of(&self, connection: usize) -> usize {
        self.active[connection % self.active.len()]
    }

    /// Opens a connection for the set-up to `host:port`, which need not be a node that is known.
    pub fn open(&self, address: &str, timeout: Duration) -> Result<Client> {
        Client::connect_as(address, &self.access, timeout)
    }

    /// Opens a connection for the set-up to a node.
    pub fn connect(&self, node: usize) -> Result<Client> {
        self.open(&self.nodes[node], TIMEOUT)
    }

    /// The node that owns the key; `None` when any node will do.
    pub fn owner(&self, key: &[u8]) -> Option<usize> {
        let owners = self.owners.as_ref().filter(|_| !key.is_empty())?;
        Some(usize::from(owners[Slot::of_key(key).index()]))
    }

    /// The nodes that hold the key: without routing, each of several servers must.
    pub fn holders(&self, key: &[u8]) -> Vec<usize> {
        self.owner(key).map_or_else(|| self.active.clone(), |owner| vec![owner])
    }

    /// Whether a node takes requests on this key.
    pub fn owns(&self, node: usize, key: &[u8]) -> bool {
        self.owner(key).is_none_or(|owner| owner == node)
    }
}

fn slots_of(seed: &str, access: &Access, timeout: Duration) -> Result<Value> {
    let mut client = Client::connect_as(seed, access, timeout)?;
    client.request(&["CLUSTER", "SLOTS"]).with_context(|| format!("ask {seed} for its slots"))
}

/// The owner of each slot. Nodes that are not in the list yet are added to it.
fn read_slots(reply: &Value, seed: &str, nodes: &mut Vec<String>) -> Result<Vec<u16>> {
    let mut owners = vec![UNOWNED; usize::from(SLOT_COUNT)];
    for range in reply.array().context("slots are no array")? {
        let [Value::Integer(first), Value::Integer(last), primary, ..] =
            range.array().context("range is no array")?
        else {
            bail!("unexpected range {range:?}");
        };
        let address = node_address(primary, seed)?;
        let node = nodes.iter().position(|known| *known == address).unwrap_or_else(|| {
            nodes.push(address);
            nodes.len() - 1
        });
        let slots = usize::try_from(*first)?..=usize::try_from(*last)?;
        let owned = owners.get_mut(slots).context("slot out of range")?;
        owned.fill(u16::try_from(node)?);
    }
    Ok(owners)
}

/// `host:port`, as [`Client`] takes it.
pub fn address(host: &str, port: impl std::fmt::Display) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// The host of `host:port`.
pub fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

fn node_address(node: &Value, seed: &str) -> Result<String> {
    let [host, Value::Integer(port), ..] = node.array().context("node is no array")? else {
        bail!("unexpected node {node:?}");
    };
    let host = host.text().filter(|host| !host.is_empty() && host != "?");
    Ok(address(host.as_deref().unwrap_or(host_of(seed)), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::Bulk(Some(text.as_bytes().to_vec()))
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let node = Value::Array(Some(vec![host, Value::Integer(port), bulk("id")]));
        Value::Array(Some(vec![Value::Integer(first), Value::Integer(last), node]))
    }

    fn three_nodes() -> Topology {
        let reply = Value::Array(Some(vec![
            range(0, 5000, bulk("a"), 1),
            range(5001, 10000, bulk(""), 2),
            range(10001, 16382, Value::Bulk(None), 3),
            range(16383, 16383, bulk("a"), 1),
        ]));
        Topology::from_slots(&reply, "seed:9").unwrap()
    }

    #[test]
    fn a_key_goes_to_the_owner_of_its_slot() {
        let topology = three_nodes();
        assert_eq!(topology.nodes(), ["a:1", "seed:2", "seed:3"]);
        // "foo" has slot 12182, "bar" 5061, "hello" 866 (CLUSTER KEYSLOT of Redis).
        assert_eq!(topology.owner(b"foo"), Some(2));
        assert_eq!(topology.owner(b"bar"), Some(1));
        assert_eq!(topology.owner(b"{hello}x"), Some(0));
        assert!(topology.owns(2, b"foo") && !topology.owns(0, b"foo"));
    }

    #[test]
    fn a_request_without_key_goes_anywhere() {
        assert!(three_nodes().owns(1, b""));
        assert!(Topology::unrouted(vec!["a:1".to_owned()]).owns(0, b"foo"));
    }

    #[test]
    fn a_gap_is_an_error() {
        let reply = Value::Array(Some(vec![range(0, 16000, bulk("a"), 1)]));
        let error = Topology::from_slots(&reply, "seed:9").unwrap_err();
        assert_eq!(error.to_string(), "383 slots have no owner");
    }

    #[test]
    fn nodes_without_keys_get_no_connections() {
        let topology = three_nodes();
        assert_eq!(topology.active(), [0, 1, 2]);
        let some = topology.clone().with_keys(2, |index| ["foo", "bar"][index as usize].to_owned());
        assert_eq!(some.active(), [1, 2]);
        assert_eq!((some.node_of(0), some.node_of(1), some.node_of(2)), (1, 2, 1));
        assert_eq!(topology.with_keys(1, |_| String::new()).active(), [0, 1, 2]);
    }

    #[test]
    fn an_address_of_version_6_has_brackets() {
        assert_eq!(address("::1", 7), "[::1]:7");
        assert_eq!(host_of("[::1]:7"), "[::1]");
        assert_eq!(address(host_of("[::1]:7"), 8), "[::1]:8");
    }
}
