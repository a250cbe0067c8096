//! A set of snapshots that is written, damaged and read at will: what is read is what was written, up
//! to an error, and a set that has been found whole can be read whole.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use wal::snapshot::{self, FileHeader, SetInfo};
use wal::storage::Storage;
use wal::testing::MemoryStorage;
use wal::{NODE, NodeId, SlotRange};

/// Shards of a set.
const SHARDS: u16 = 2;
const FILES: [u16; 3] = [0, 1, NODE];

#[derive(Debug, Arbitrary)]
struct Set<'a> {
    /// By file: chunks, and the index that is covered.
    files: [(Vec<&'a [u8]>, u64); FILES.len()],
    /// A crash comes before it has its name.
    is_abandoned: bool,
}

#[derive(Debug, Arbitrary)]
enum Damage<'a> {
    /// Bits that are flipped somewhere in a file.
    Flip { file: u8, at: u32, bits: u8 },
    /// A file that ends earlier.
    Cut { file: u8, at: u32 },
    /// Bytes behind the end.
    Add { file: u8, bytes: &'a [u8] },
    /// Any bytes in place of a file.
    Replace { file: u8, bytes: &'a [u8] },
    /// A file in place of another one.
    Copy { from: u8, to: u8 },
    /// A part of a file in place of another part of it.
    Move { file: u8, from: u32, to: u32, length: u16 },
}

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    sets: Vec<Set<'a>>,
    damage: Vec<Damage<'a>>,
}

fn header(number: u64, shard: u16) -> FileHeader {
    let slots = match shard {
        NODE => SlotRange { first: 0, count: 0 },
        shard => SlotRange { first: shard * 8192, count: 8192 },
    };
    let node_id = NodeId::parse(&[b'f'; 40]).expect("forty digits");
    FileHeader { node_id, number, shard, shards: SHARDS, slots, created_ms: number }
}

fn write(storage: &MemoryStorage, number: u64, set: &Set<'_>) {
    let writer = snapshot::begin(storage.clone(), number).expect("nothing fails");
    for (shard, (chunks, covered)) in FILES.into_iter().zip(&set.files) {
        let mut file = writer.file(&header(number, shard)).expect("nothing fails");
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            file.chunk(chunk).expect("nothing fails");
        }
        file.finish(*covered).expect("nothing fails");
    }
    if !set.is_abandoned {
        writer.finish().expect("nothing fails");
    }
}

/// The chunks of a file up to its end or to an error, and whether it was the end.
fn read(storage: &MemoryStorage, set: &SetInfo, shard: u16) -> (Vec<Vec<u8>>, bool) {
    let mut chunks = Vec::new();
    let Ok(mut reader) = snapshot::open(storage, set, shard) else { return (chunks, false) };
    loop {
        match reader.next_chunk() {
            Ok(Some(chunk)) => chunks.push(chunk.to_vec()),
            Ok(None) => return (chunks, true),
            Err(_) => return (chunks, false),
        }
    }
}

/// The files of all sets.
fn files(storage: &MemoryStorage) -> Vec<String> {
    let of_set = |set: &String| {
        let mut names = storage.list(set).expect("it is there");
        names.sort();
        names.into_iter().map(|name| format!("{set}/{name}")).collect::<Vec<_>>()
    };
    storage.names().iter().flat_map(of_set).collect()
}

/// Damages files of all sets. Says whether one of them was changed at all.
fn damage(storage: &MemoryStorage, damage: &[Damage<'_>]) -> bool {
    let names = files(storage);
    if names.is_empty() {
        return false;
    }
    let name = |file: u8| names[usize::from(file) % names.len()].as_str();
    let before: Vec<Vec<u8>> = names.iter().map(|name| storage.bytes(name)).collect();
    for damage in damage {
        match *damage {
            Damage::Flip { file, at, bits } => {
                let mut bytes = storage.bytes(name(file));
                let length = bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at as usize % length) {
                    *byte ^= bits;
                }
                storage.set_bytes(name(file), &bytes);
            }
            Damage::Cut { file, at } => {
                let length = storage.bytes(name(file)).len();
                storage.cut(name(file), at as usize % (length + 1));
            }
            Damage::Add { file, bytes: added } => {
                let mut bytes = storage.bytes(name(file));
                bytes.extend_from_slice(added);
                storage.set_bytes(name(file), &bytes);
            }
            Damage::Replace { file, bytes } => storage.set_bytes(name(file), bytes),
            Damage::Copy { from, to } => {
                let bytes = storage.bytes(name(from));
                storage.set_bytes(name(to), &bytes);
            }
            Damage::Move { file, from, to, length } => {
                let mut bytes = storage.bytes(name(file));
                let size = bytes.len().max(1);
                let (from, to) = (from as usize % size, to as usize % size);
                let length = usize::from(length).min(bytes.len() - from.max(to).min(bytes.len()));
                bytes.copy_within(from..from + length, to);
                storage.set_bytes(name(file), &bytes);
            }
        }
    }
    names.iter().zip(before).any(|(name, before)| storage.bytes(name) != before)
}

fuzz_target!(|input: Input<'_>| {
    let storage = MemoryStorage::default();
    for (number, set) in (1..).zip(&input.sets) {
        write(&storage, number, set);
    }
    let whole = (1..).zip(&input.sets).filter(|(_, set)| !set.is_abandoned).last();
    let is_damaged = damage(&storage, &input.damage);
    let found = snapshot::newest(&storage, None);
    if !is_damaged {
        let found = found.as_ref().expect("nothing is damaged").as_ref();
        assert_eq!(found.map(|set| set.number), whole.map(|(number, _)| number));
    }
    let Ok(Some(found)) = found else { return };
    let (number, written) = whole.expect("what is found was finished");
    assert_eq!(found.number, number);
    let mut is_whole = true;
    for (shard, (chunks, covered)) in FILES.into_iter().zip(&written.files) {
        let chunks: Vec<&[u8]> = chunks.iter().copied().filter(|chunk| !chunk.is_empty()).collect();
        let (read, is_end) = read(&storage, &found, shard);
        assert!(read.len() <= chunks.len() && chunks.iter().zip(&read).all(|(a, b)| a == b));
        assert_eq!(found.covered.of(shard), Some(*covered));
        if is_end {
            assert_eq!(read.len(), chunks.len());
        }
        is_whole &= is_end;
    }
    assert_eq!(snapshot::verify(&storage, &found).is_ok(), is_whole);
    assert!(is_whole || is_damaged);
    snapshot::remove_others(&storage, number).expect("nothing fails");
    assert_eq!(files(&storage).len(), FILES.len());
});
