//! Puts scripts and keys in place before a run.

use anyhow::{Context, Result, ensure};

use crate::client::{Client, Value};
use crate::options::KeyspaceOptions;
use crate::topology::Topology;
use crate::workload::{RequestEncoder, Workload};

/// Sent at once while loading keys; with the replies far below the socket buffers.
const CHUNK_REQUESTS: u64 = 256;
const CHUNK_BYTES: usize = 64 * 1024;

/// Loads the workload's script on every node and its keys on their owners, and gives back what
/// writes the requests.
pub fn prepare(
    topology: &Topology,
    workload: Workload,
    keyspace: &KeyspaceOptions,
) -> Result<RequestEncoder> {
    let mut clients = topology
        .nodes()
        .iter()
        .map(|address| Client::connect(address))
        .collect::<Result<Vec<_>>>()?;
    let script_sha = match workload.script() {
        Some(script) => load_script(&mut clients, script)?,
        None => String::new(),
    };
    let encoder = RequestEncoder::new(workload, keyspace.value_size, script_sha);
    if workload.preloaded() && !keyspace.no_preload {
        load_keys(&mut clients, topology, &encoder, keyspace.keys).context("load keys")?;
    }
    Ok(encoder)
}

fn load_script(clients: &mut [Client], script: &str) -> Result<String> {
    let mut sha = String::new();
    for client in clients {
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

fn load_keys(
    clients: &mut [Client],
    topology: &Topology,
    encoder: &RequestEncoder,
    keys: u64,
) -> Result<()> {
    let workload = encoder.workload();
    let mut chunks: Vec<Chunk> = clients.iter().map(|_| Chunk::default()).collect();
    for index in 0..workload.index_count(keys) {
        let key = workload.routing_key(index);
        // Without routing, each of several servers must hold every key.
        let nodes = match topology.owner(key.as_bytes()) {
            Some(owner) => owner..owner + 1,
            None => 0..clients.len(),
        };
        for node in nodes {
            let chunk = &mut chunks[node];
            chunk.requests += encoder.append_preload(&mut chunk.bytes, index);
            if chunk.requests >= CHUNK_REQUESTS || chunk.bytes.len() >= CHUNK_BYTES {
                send_chunk(&mut clients[node], chunk)?;
            }
        }
    }
    for (client, chunk) in clients.iter_mut().zip(&mut chunks) {
        send_chunk(client, chunk)?;
    }
    Ok(())
}

fn send_chunk(client: &mut Client, chunk: &mut Chunk) -> Result<()> {
    for reply in client.batch(&chunk.bytes, chunk.requests)? {
        ensure!(reply == Value::Simple("OK".to_owned()), "SET answered {reply:?}");
    }
    *chunk = Chunk::default();
    Ok(())
}
