//! The prebuilt requests of one connection, as a ring of batches.
//!
//! Formatting a request costs as much as a good server needs to answer it. So all requests are
//! formatted before the run, and sending a batch is one write of a slice. The ring is long enough
//! that the server sees the whole keyspace, not a few keys that stay in its cache.
//!
//! # Invariants
//! - I1. Every batch has the same number of requests.
//! - I2. Requests that belong together (a lock and its release) are never split by the ring's end.

use std::ops::Range;
use std::sync::Arc;

use fastrand::Rng;

use crate::encoder::{RequestEncoder, Target};
use crate::topology::Topology;
use crate::zipf::KeyPicker;

/// How many requests there are in all rings of a run together, for each key of the keyspace. At
/// two random draws per key, 86 % of the keys are asked for.
const REQUESTS_PER_KEY: u64 = 2;
/// Bounds on all rings of a run together: enough not to repeat soon, not too much to build.
const REQUESTS_MIN: u64 = 20_000;
const REQUESTS_MAX: u64 = 4_000_000;
const BYTES_MAX: usize = 256 << 20;

/// What a tape is made of.
#[derive(Debug, Clone)]
pub struct TapePlan {
    /// Writes the requests.
    pub encoder: Arc<RequestEncoder>,
    /// Which node owns which key.
    pub topology: Arc<Topology>,
    /// How many keys there are.
    pub keys: u64,
    /// The Zipf exponent, `None` for all keys alike.
    pub zipf: Option<f64>,
    /// Requests in one batch.
    pub pipeline: usize,
    /// Connections in the whole run, which share the keyspace between them.
    pub connections: usize,
    /// Another seed, other requests.
    pub seed: u64,
}

/// A ring of batches.
#[derive(Debug)]
pub struct Tape {
    bytes: Vec<u8>,
    /// Where each batch ends in `bytes`.
    ends: Vec<usize>,
    next: usize,
    /// Requests in a batch, and how many belong together.
    pipeline: usize,
    steps: usize,
}

impl Tape {
    /// Builds the tape of connection number `connection`, which is connected to `node`.
    pub fn build(plan: &TapePlan, connection: usize, node: usize) -> Self {
        let workload = plan.encoder.workload();
        let picker = KeyPicker::new(workload.index_count(plan.keys), plan.zipf);
        let mut random = Rng::with_seed(seed_of(plan.seed, connection));
        let token = format!("connection-{connection}-{}", plan.seed);
        let connections = plan.connections.max(1);
        let all = plan.keys.saturating_mul(REQUESTS_PER_KEY).clamp(REQUESTS_MIN, REQUESTS_MAX);
        let requests_min = (all as usize).div_ceil(connections);
        let bytes_max = BYTES_MAX / connections;
        // I1, I2: the ring is a multiple of both a batch and a group of steps.
        let cycle = plan.pipeline * workload.steps();

        let (pipeline, steps) = (plan.pipeline, workload.steps());
        let mut tape = Self { bytes: Vec::new(), ends: Vec::new(), next: 0, pipeline, steps };
        let mut requests = 0;
        let mut index = 0;
        loop {
            let step = requests % workload.steps();
            if step == 0 {
                index = pick_owned(plan, &picker, node, &mut random);
            }
            let target = Target { index, step, token: &token, sequence: requests as u64 };
            plan.encoder.append(&mut tape.bytes, target, &mut random);
            requests += 1;
            if requests.is_multiple_of(plan.pipeline) {
                tape.ends.push(tape.bytes.len());
            }
            let enough = requests >= requests_min || tape.bytes.len() >= bytes_max;
            if enough && requests.is_multiple_of(cycle) {
                return tape;
            }
        }
    }

    /// Where in [`Tape::bytes`] the next batch lies.
    pub fn next_batch(&mut self) -> Range<usize> {
        let begin = if self.next == 0 { 0 } else { self.ends[self.next - 1] };
        let end = self.ends[self.next];
        self.next = (self.next + 1) % self.ends.len();
        begin..end
    }

    /// Which of the requests that belong together the next batch begins with.
    pub fn next_step(&self) -> usize {
        self.next * self.pipeline % self.steps
    }

    /// How many requests belong together.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// All requests.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Without a seed of the run that of the connection is its number.
fn seed_of(seed: u64, connection: usize) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(connection as u64 + 1)
}

/// Draws until the node owns the key. A node with few slots takes long, one without any would take
/// for ever, so the topology must only name nodes that own slots.
fn pick_owned(plan: &TapePlan, picker: &KeyPicker, node: usize, random: &mut Rng) -> u64 {
    const DRAWS_MAX: u32 = 10_000;
    let mut index = picker.pick(random);
    for _ in 0..DRAWS_MAX {
        let key = plan.encoder.workload().routing_key(index);
        if plan.topology.owns(node, key.as_bytes()) {
            break;
        }
        index = picker.pick(random);
    }
    // After so many draws the server's MOVED shall tell that the keyspace is too small.
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Value;
    use crate::workload::Workload;

    fn plan(workload: Workload, pipeline: usize, seed: u64) -> TapePlan {
        TapePlan {
            encoder: Arc::new(RequestEncoder::new(workload, 16, "sha".to_owned())),
            topology: Arc::new(Topology::unrouted(vec!["host:1".to_owned()])),
            keys: 1000,
            zipf: None,
            pipeline,
            connections: 50,
            seed,
        }
    }

    fn tape(workload: Workload, pipeline: usize) -> Tape {
        Tape::build(&plan(workload, pipeline, 0), 3, 0)
    }

    #[test]
    fn batches_tile_the_bytes_and_repeat() {
        let mut tape = tape(Workload::Get, 32);
        let batches = tape.ends.len();
        let first: Vec<_> = (0..batches).map(|_| tape.next_batch()).collect();
        assert_eq!(first[0].start, 0);
        assert!(first.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!(first[batches - 1].end, tape.bytes().len());
        assert_eq!(tape.next_batch(), first[0]);
        // I1
        assert!(first.iter().all(|batch| batch.len() == first[0].len()));
    }

    #[test]
    fn a_node_is_only_asked_for_keys_of_its_slots() {
        let node = |port| Value::Array(Some(vec![Value::Bulk(None), Value::Integer(port)]));
        let range = |first, last, port| {
            let bounds = [Value::Integer(first), Value::Integer(last)];
            Value::Array(Some(bounds.into_iter().chain([node(port)]).collect()))
        };
        let slots = Value::Array(Some(vec![range(0, 8191, 1), range(8192, 16383, 2)]));
        let topology = Topology::from_slots(&slots, "host:1").unwrap();
        let topology = Arc::new(topology);
        let plan = TapePlan { topology: Arc::clone(&topology), ..plan(Workload::Get, 4, 0) };
        for node in 0..2 {
            let tape = Tape::build(&plan, node, node);
            let text = String::from_utf8(tape.bytes).unwrap();
            let mut asked = text.lines().filter(|line| line.starts_with("key:"));
            assert!(asked.all(|key| topology.owner(key.as_bytes()) == Some(node)));
        }
    }

    #[test]
    fn a_lock_and_its_release_stay_together() {
        for pipeline in [1, 3, 16] {
            let tape = tape(Workload::Lock, pipeline);
            let text = String::from_utf8(tape.bytes).unwrap();
            assert_eq!(text.matches("\r\nSET\r\n").count(), text.matches("EVALSHA").count());
        }
    }

    #[test]
    fn the_ring_is_long_enough_for_the_keyspace() {
        let tape = tape(Workload::Get, 1);
        assert!(tape.ends.len() * 50 >= REQUESTS_MIN as usize);
    }

    #[test]
    fn each_batch_knows_the_step_that_it_begins_with() {
        let mut tape = tape(Workload::Queue, 4);
        let mut steps = Vec::new();
        for _ in 0..4 {
            steps.push(tape.next_step());
            tape.next_batch();
        }
        assert_eq!(steps, [0, 1, 2, 0]);
    }

    #[test]
    fn the_same_seed_gives_the_same_requests() {
        let bytes = |seed| Tape::build(&plan(Workload::Mixed, 1, seed), 3, 0).bytes;
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
    }
}
