//! What the tests of the log share: a node with two shards, and records to write.

use std::convert::Infallible;

use wal::error::{LogError, RecoverError, WriteError};
use wal::testing::MemoryStorage;
use wal::{
    Indices, Kind, Layout, NodeId, Options, Record, Recovered, SlotRange, Start, Writer, recover,
};

/// Shards of the node.
pub(crate) const SHARDS: usize = 2;

/// A record with its body owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) kind: Kind,
    pub(crate) shard: u16,
    pub(crate) index: u64,
    pub(crate) time_ms: u64,
    pub(crate) body: Vec<u8>,
}

impl Owned {
    pub(crate) fn borrowed(&self) -> Record<'_> {
        let Self { kind, shard, index, time_ms, ref body } = *self;
        Record { kind, shard, index, time_ms, body }
    }
}

pub(crate) fn node_id() -> NodeId {
    NodeId::parse(&[b'a'; 40]).unwrap()
}

pub(crate) fn start() -> Start {
    let shards = vec![SlotRange { first: 0, count: 8192 }, SlotRange { first: 8192, count: 8192 }];
    Start { node_id: node_id(), layout: Layout { shards }, bases: Indices::all(SHARDS, 0) }
}

pub(crate) fn options(segment_bytes: u64) -> Options {
    Options { segment_bytes, epoch_seed: 0xA701 }
}

/// All records but sync marks.
pub(crate) fn read(storage: &MemoryStorage) -> Result<(Recovered, Vec<Owned>), LogError> {
    let mut records = Vec::new();
    let recovered = recover(storage, Some(&node_id()), &mut |shown| {
        let Record { kind, shard, index, time_ms, body } = shown.record;
        if kind != Kind::SyncMark {
            records.push(Owned { kind, shard, index, time_ms, body: body.to_vec() });
        }
        Ok::<(), Infallible>(())
    });
    match recovered {
        Ok(recovered) => Ok((recovered, records)),
        Err(RecoverError::Log(error)) => Err(error),
        Err(RecoverError::Visit(never)) => match never {},
    }
}

/// Recovers and goes on writing.
pub(crate) fn open(
    storage: &MemoryStorage,
    segment_bytes: u64,
) -> Result<Writer<MemoryStorage>, WriteError> {
    let (recovered, _) = read(storage).unwrap();
    Writer::open(storage.clone(), &recovered, &start(), options(segment_bytes))
}

/// The next entries of a shard, with a body that says which.
pub(crate) fn entries(writer: &Writer<MemoryStorage>, shard: u16, length: usize) -> Owned {
    let index = writer.last().of(shard).unwrap() + 1;
    let body = (0..length).map(|at| (index as usize * 31 + at * 7 + usize::from(shard)) as u8);
    Owned { kind: Kind::Entries, shard, index, time_ms: 1000 + index, body: body.collect() }
}
