//! A log that is written, damaged and added to at will: recovery shows a prefix of what was
//! written, or refuses; what it accepts can be gone on from; a repair leaves what can be recovered.

#![no_main]

use std::convert::Infallible;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wal::testing::{MemoryStorage, seal_frame};
use wal::{Indices, Layout, NodeId, Options, Recovered, SlotRange, Start, Writer};

#[derive(Debug, Arbitrary)]
enum Step<'a> {
    Append(bool, &'a [u8]),
    Node(&'a [u8]),
    Gap(bool, u8),
    Write,
    Sync,
    Mark,
    Restart,
}

#[derive(Debug, Arbitrary)]
enum Damage<'a> {
    /// Bits that are flipped somewhere in a file.
    Flip { file: u8, at: u16, bits: u8 },
    /// A file that ends earlier.
    Cut { file: u8, at: u16 },
    /// Bytes behind the end of the last file.
    Add(&'a [u8]),
    /// A frame behind the last, with a valid checksum and any records.
    Frame { records: u8, body: &'a [u8], synced: u8 },
}

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    segment_bytes: u16,
    steps: Vec<Step<'a>>,
    damage: Vec<Damage<'a>>,
}

type Shown = (u8, u16, u64, Vec<u8>);

fn start() -> Start {
    let shards = vec![SlotRange { first: 0, count: 8192 }, SlotRange { first: 8192, count: 8192 }];
    let node_id = NodeId::parse(&[b'f'; 40]).expect("forty digits");
    Start { node_id, layout: Layout { shards }, bases: Indices::all(2, 0) }
}

fn read(storage: &MemoryStorage) -> Option<(Recovered, Vec<Shown>)> {
    let mut shown = Vec::new();
    let recovered = wal::recover(storage, None, &mut |record| {
        let record = record.record;
        shown.push((record.kind as u8, record.shard, record.index, record.body.to_vec()));
        Ok::<(), Infallible>(())
    });
    recovered.ok().map(|recovered| (recovered, shown))
}

fn open(storage: &MemoryStorage, segment_bytes: u16) -> Writer<MemoryStorage> {
    let (recovered, _) = read(storage).expect("nothing is damaged yet");
    let options = Options { segment_bytes: segment_bytes.into(), epoch_seed: 1 };
    Writer::open(storage.clone(), &recovered, &start(), options).expect("nothing fails")
}

fn write(storage: &MemoryStorage, segment_bytes: u16, steps: &[Step<'_>]) {
    let mut writer = open(storage, segment_bytes);
    for step in steps {
        let next = |writer: &Writer<MemoryStorage>, shard| writer.last().of(shard).unwrap_or(0) + 1;
        match *step {
            Step::Append(second, body) => {
                let shard = u16::from(second);
                let index = next(&writer, shard);
                writer.append_entries(shard, index, 0, body).expect("it follows");
            }
            Step::Node(body) => {
                let index = next(&writer, wal::NODE);
                writer.append_node(index, 0, body).expect("it follows");
            }
            Step::Gap(second, skipped) => {
                let shard = u16::from(second);
                let index = next(&writer, shard) + u64::from(skipped);
                writer.append_gap(shard, index, 0).expect("it follows");
            }
            Step::Write => drop(writer.write().expect("nothing fails")),
            Step::Sync => drop(writer.sync().expect("nothing fails")),
            Step::Mark => drop(writer.sync_mark().expect("nothing fails")),
            Step::Restart => {
                drop(writer);
                writer = open(storage, segment_bytes);
            }
        }
    }
}

/// Damages the log. Says whether frames were added that nobody has written.
fn damage(storage: &MemoryStorage, damage: &[Damage<'_>]) -> bool {
    let names: Vec<String> =
        storage.names().into_iter().filter(|name| name.ends_with(".wal")).collect();
    let (last, mut forged) = (names.len() - 1, false);
    for damage in damage {
        match *damage {
            Damage::Flip { file, at, bits } => {
                let name = &names[usize::from(file) % names.len()];
                let mut bytes = storage.bytes(name);
                let length = bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(usize::from(at) % length) {
                    *byte ^= bits;
                }
                storage.set_bytes(name, &bytes);
            }
            Damage::Cut { file, at } => {
                let name = &names[usize::from(file) % names.len()];
                let length = storage.bytes(name).len();
                storage.cut(name, length.min(at.into()));
            }
            Damage::Add(added) => {
                let mut bytes = storage.bytes(&names[last]);
                bytes.extend_from_slice(added);
                storage.set_bytes(&names[last], &bytes);
            }
            Damage::Frame { records, body, synced } => {
                let Some((recovered, _)) = read(storage) else { continue };
                let Some(segment) = recovered.segments.last() else { continue };
                let number = recovered.next_frame;
                let epoch = segment.header.epoch;
                let frame = seal_frame(body, records.into(), epoch, number, synced.into());
                let end = usize::try_from(segment.end).expect("files are small");
                let mut bytes = storage.bytes(&segment.name);
                bytes.truncate(end);
                bytes.extend(frame);
                storage.set_bytes(&segment.name, &bytes);
                forged = true;
            }
        }
    }
    forged
}

fuzz_target!(|input: Input<'_>| {
    let storage = MemoryStorage::default();
    write(&storage, input.segment_bytes, &input.steps);
    let (_, written) = read(&storage).expect("nothing is damaged yet");
    let forged = damage(&storage, &input.damage);

    let report = wal::check(&storage).expect("files can be read");
    let read_again = read(&storage);
    assert_eq!(report.damage.is_none(), read_again.is_some());
    if read_again.is_none() {
        assert!(wal::repair(&storage, false).is_err());
        if wal::repair(&storage, true).is_err() {
            return;
        }
    }
    let (recovered, shown) = read(&storage).expect("it was repaired");
    if !forged {
        assert!(written.starts_with(&shown), "{shown:?} of {written:?}");
    }
    let options = Options { segment_bytes: 512, epoch_seed: 2 };
    let Ok(mut writer) = Writer::open(storage.clone(), &recovered, &start(), options) else {
        panic!("what was recovered cannot be gone on from");
    };
    let index = writer.last().node.checked_add(1);
    if let Some(index) = index {
        writer.append_node(index, 0, b"more").expect("it follows");
        writer.write().expect("nothing fails");
        let (_, more) = read(&storage).expect("nothing is damaged any more");
        assert_eq!(more.len(), shown.len() + 1);
    }
});
