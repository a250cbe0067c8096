//! Puts scripts and keys in place before a run.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::client::{Client, Value};
use crate::encoder::{RequestEncoder, Target};
use crate::options::KeyspaceOptions;
use crate::topology::Topology;
use crate::workload::Workload;

/// Sent at once while loading keys; with the replies far below the socket buffers.
const CHUNK_REQUESTS: u64 = 256;
const CHUNK_BYTES: usize = 64 * 1024;

/// A key whose owner is not asked: topology and connections are not of one time.
pub(crate) const NO_CLIENT: &str = "no connection to the owner of a key";

/// Loads the workload's script on every node and its keys on their owners, and gives back what
/// writes the requests.
pub fn prepare(
    topology: &Topology,
    workload: Workload,
    keyspace: &KeyspaceOptions,
) -> Result<RequestEncoder> {
    let mut clients = connect_all(topology)?;
    let script_sha = match workload.script() {
        Some(script) => load_script(&mut clients, script)?,
        None => String::new(),
    };
    let encoder = RequestEncoder::new(workload, keyspace.value_size, script_sha);
    if workload.preloaded() && !keyspace.no_preload {
        load_keys(&mut clients, topology, &encoder, keyspace.keys, &mut |_| {})
            .context("load keys")?;
    }
    Ok(encoder)
}

/// A connection to each node that has keys, by the node's index.
pub(crate) type Clients = BTreeMap<usize, Client>;

/// Connects to all nodes that have keys.
pub(crate) fn connect_all(topology: &Topology) -> Result<Clients> {
    topology.active().iter().map(|&node| Ok((node, topology.connect(node)?))).collect()
}

/// Sends the workload's requests on a key that no run touches and gives back the replies. Twice, so
/// that the script sees its key missing and there. An error reply is an `Err`.
pub fn probe(topology: &Topology, encoder: &RequestEncoder, keys: u64) -> Result<Vec<Value>> {
    let workload = encoder.workload();
    let index = workload.index_count(keys);
    let mut random = fastrand::Rng::with_seed(1);
    let mut bytes = Vec::new();
    let clean_up = encoder.append_clean_up(&mut bytes, index);
    let mut requests = clean_up;
    if workload.preloaded() {
        requests += encoder.append_preload(&mut bytes, index);
    }
    for sequence in 0..2 * workload.steps() {
        let target = Target {
            index,
            step: sequence % workload.steps(),
            token: "probe",
            sequence: sequence as u64,
        };
        encoder.append(&mut bytes, target, &mut random);
        requests += 1;
    }
    let key = workload.routing_key(index);
    let owner = topology.owner(key.as_bytes()).unwrap_or(0);
    let mut replies = topology.connect(owner)?.batch(&bytes, requests)?;
    // How much there was to remove says nothing.
    replies.drain(..clean_up as usize);
    replies.iter_mut().for_each(hide_entry_ids);
    match replies.iter().find(|reply| matches!(reply, Value::Error(_))) {
        Some(error) => bail!("a request was answered by {error:?}"),
        None => Ok(replies),
    }
}

/// Ids of entries of streams tell the time, which is another on each server.
fn hide_entry_ids(reply: &mut Value) {
    match reply {
        Value::Bulk(Some(text)) => {
            let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
            if text.contains(&b'-') && text.iter().all(is_part) {
                *text = b"id".to_vec();
            }
        }
        Value::Array(Some(parts)) => parts.iter_mut().for_each(hide_entry_ids),
        _ => {}
    }
}

/// Whether all nodes have a command.
pub fn knows(topology: &Topology, command: &str) -> Result<bool> {
    for mut client in connect_all(topology)?.into_values() {
        let reply = client.request(&["COMMAND", "INFO", command])?;
        let described = reply.array().and_then(|all| all.first()).and_then(Value::array);
        if described.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) fn load_script(clients: &mut Clients, script: &str) -> Result<String> {
    let mut sha = String::new();
    for client in clients.values_mut() {
        let reply = client.request(&["SCRIPT", "LOAD", script])?;
        sha = reply.text().context("SCRIPT LOAD answered no text")?;
    }
    Ok(sha)
}

/// Requests for one node that are not sent yet.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    requests: u64,
}

/// Puts the keys of the workload in place. `told` is told now and then how many are.
pub(crate) fn load_keys(
    clients: &mut Clients,
    topology: &Topology,
    encoder: &RequestEncoder,
    keys: u64,
    told: &mut dyn FnMut(u64),
) -> Result<()> {
    for_all_keys(clients, topology, encoder, keys, RequestEncoder::append_preload, told)
}

/// Removes the keys of the workload.
pub(crate) fn remove_keys(
    clients: &mut Clients,
    topology: &Topology,
    encoder: &RequestEncoder,
    keys: u64,
) -> Result<()> {
    let remove = RequestEncoder::append_clean_up;
    for_all_keys(clients, topology, encoder, keys, remove, &mut |_| {})
}

/// Sends what `append` writes for each key to the key's owner.
fn for_all_keys(
    clients: &mut Clients,
    topology: &Topology,
    encoder: &RequestEncoder,
    keys: u64,
    append: fn(&RequestEncoder, &mut Vec<u8>, u64) -> u64,
    told: &mut dyn FnMut(u64),
) -> Result<()> {
    let workload = encoder.workload();
    let mut chunks: BTreeMap<usize, Chunk> = BTreeMap::new();
    for index in 0..workload.index_count(keys) {
        let key = workload.routing_key(index);
        for node in topology.holders(key.as_bytes()) {
            let chunk = chunks.entry(node).or_default();
            chunk.requests += append(encoder, &mut chunk.bytes, index);
            if chunk.requests >= CHUNK_REQUESTS || chunk.bytes.len() >= CHUNK_BYTES {
                send_chunk(clients.get_mut(&node).context(NO_CLIENT)?, chunk)?;
                told(index);
            }
        }
    }
    for (node, chunk) in &mut chunks {
        send_chunk(clients.get_mut(node).context(NO_CLIENT)?, chunk)?;
    }
    Ok(())
}

fn send_chunk(client: &mut Client, chunk: &mut Chunk) -> Result<()> {
    for reply in client.batch(&chunk.bytes, chunk.requests)? {
        ensure!(!matches!(reply, Value::Error(_)), "a key could not be made: {reply:?}");
    }
    *chunk = Chunk::default();
    Ok(())
}
