//! Which node owns which slot, and so which connection may carry which key.
//!
//! # Not here
//! Following MOVED. A run is measured on a cluster at rest; a redirect is an error of the run.

use anyhow::{Context, Result, bail, ensure};
use protocol::slot::{SLOT_COUNT, Slot};

use crate::client::{Client, Value};

/// The nodes under load.
#[derive(Debug, Clone)]
pub struct Topology {
    nodes: Vec<String>,
    /// Slot to index in `nodes`; `None` when keys are not routed.
    owners: Option<Vec<u16>>,
}

impl Topology {
    /// Nodes that each take every key.
    pub fn unrouted(nodes: Vec<String>) -> Self {
        Self { nodes, owners: None }
    }

    /// Asks the first seed that answers for the slots of its cluster.
    pub fn of_cluster(seeds: &[String]) -> Result<Self> {
        let mut last_error = None;
        for seed in seeds {
            match Self::from_seed(seed) {
                Ok(topology) => return Ok(topology),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.context("no seed address given")?)
    }

    fn from_seed(seed: &str) -> Result<Self> {
        let reply = Client::connect(seed)?.request(&["CLUSTER", "SLOTS"])?;
        Self::from_slots(&reply, seed).with_context(|| format!("ask {seed} for CLUSTER SLOTS"))
    }

    /// Reads the reply of CLUSTER SLOTS. A node without a host has the host of the seed.
    pub fn from_slots(reply: &Value, seed: &str) -> Result<Self> {
        const UNOWNED: u16 = u16::MAX;
        let mut nodes: Vec<String> = Vec::new();
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
        let unowned = owners.iter().filter(|&&owner| owner == UNOWNED).count();
        ensure!(unowned == 0, "{unowned} slots have no owner");
        Ok(Self { nodes, owners: Some(owners) })
    }

    /// The addresses of all nodes, as `host:port`.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The node that owns the key; `None` when any node will do.
    pub fn owner(&self, key: &[u8]) -> Option<usize> {
        let owners = self.owners.as_ref().filter(|_| !key.is_empty())?;
        Some(usize::from(owners[Slot::of_key(key).index()]))
    }

    /// Whether a node takes requests on this key.
    pub fn owns(&self, node: usize, key: &[u8]) -> bool {
        self.owner(key).is_none_or(|owner| owner == node)
    }
}

fn node_address(node: &Value, seed: &str) -> Result<String> {
    let [host, Value::Integer(port), ..] = node.array().context("node is no array")? else {
        bail!("unexpected node {node:?}");
    };
    let seed_host = seed.rsplit_once(':').map_or(seed, |(host, _)| host);
    let host = host.text().filter(|host| !host.is_empty() && host != "?");
    Ok(format!("{}:{port}", host.as_deref().unwrap_or(seed_host)))
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
}
