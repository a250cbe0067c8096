//! Snapshot sets: what is written is read, what is cut or damaged is refused, and a crash leaves
//! the old set or the new one.

use proptest::prelude::*;

use crate::rig::node_id;
use wal::error::{SnapshotError, WriteError};
use wal::snapshot::{
    CHUNK_BYTES_MAX, FileHeader, SetInfo, begin, newest, open, remove_others, verify,
};
use wal::storage::{DirStorage, Storage};
use wal::testing::{Faults, MemoryStorage};
use wal::{Indices, NODE, NodeId, SlotRange};

fn header(number: u64, shard: u16) -> FileHeader {
    let slots = match shard {
        NODE => SlotRange { first: 0, count: 0 },
        shard => SlotRange { first: shard * 8192, count: 8192 },
    };
    FileHeader { node_id: node_id(), number, shard, shards: 2, slots, created_ms: 1000 + number }
}

/// The chunks of a file: those of another set or another file are others.
fn chunks(number: u64, shard: u16, lengths: &[usize]) -> Vec<Vec<u8>> {
    let fill = |at: usize| (at as u64 * 7 + number * 31 + u64::from(shard)) as u8;
    lengths.iter().map(|length| (0..*length).map(fill).collect()).collect()
}

fn write_with<S: Storage + Clone>(
    storage: &S,
    number: u64,
    lengths: &[usize],
) -> Result<SetInfo, Failure> {
    let set = begin(storage.clone(), number)?;
    for shard in [0, NODE, 1] {
        let mut file = set.file(&header(number, shard))?;
        for chunk in chunks(number, shard, lengths) {
            file.chunk(&chunk)?;
        }
        file.finish(number * 100 + u64::from(shard % 1000))?;
    }
    Ok(set.finish()?)
}

#[derive(Debug)]
#[allow(dead_code, reason = "shown when a test fails")]
enum Failure {
    Write(WriteError),
    Set(SnapshotError),
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        Self::Set(error)
    }
}

const LENGTHS: [usize; 3] = [5, 1, 40];

/// A file as its reader sees it: the chunks before the end, or before the error.
fn read<S: Storage>(
    storage: &S,
    set: &SetInfo,
    shard: u16,
) -> (Vec<Vec<u8>>, Result<(), SnapshotError>) {
    let mut all = Vec::new();
    let mut reader = match open(storage, set, shard) {
        Ok(reader) => reader,
        Err(error) => return (all, Err(error)),
    };
    loop {
        match reader.next_chunk() {
            Ok(Some(chunk)) => all.push(chunk.to_vec()),
            Ok(None) => return (all, Ok(())),
            Err(error) => return (all, Err(error)),
        }
    }
}

/// Sees that a set is whole and says what it should.
fn is_whole<S: Storage>(storage: &S, set: &SetInfo, lengths: &[usize]) {
    let number = set.number;
    assert_eq!(
        set.covered,
        Indices {
            shards: vec![number * 100, number * 100 + 1],
            node: number * 100 + u64::from(NODE % 1000),
        }
    );
    assert_eq!(set.layout.shards, [0, 1].map(|shard| header(number, shard).slots));
    assert_eq!((set.node_id, set.created_ms), (node_id(), 1000 + number));
    verify(storage, set).unwrap();
    for shard in [0, 1, NODE] {
        let (all, result) = read(storage, set, shard);
        result.unwrap();
        assert!(all == chunks(number, shard, lengths), "shard {shard}");
    }
}

#[test]
fn a_set_is_read_as_it_was_written() {
    let lengths = [1, 100, (256 << 10) - 8, 256 << 10, 7, 3 << 20, 1 << 20, 9];
    let directory = tempfile::tempdir().unwrap();
    let storage = DirStorage::new(directory.path()).unwrap();
    assert_eq!(newest(&storage, None).unwrap(), None);
    let written = write_with(&storage, 7, &lengths).unwrap();
    let set = newest(&storage, Some(&node_id())).unwrap().unwrap();
    assert_eq!(set, written);
    is_whole(&storage, &set, &lengths);
    let bytes: u64 = lengths.iter().map(|length| *length as u64).sum();
    assert!(set.files.iter().all(|file| (file.chunks, file.bytes) == (8, bytes)));
}

#[test]
fn files_are_written_and_read_by_other_threads() {
    let directory = tempfile::tempdir().unwrap();
    let storage = DirStorage::new(directory.path()).unwrap();
    let set = begin(storage.clone(), 1).unwrap();
    std::thread::scope(|scope| {
        for shard in [0, 1, NODE] {
            let mut file = set.file(&header(1, shard)).unwrap();
            scope.spawn(move || {
                for chunk in chunks(1, shard, &LENGTHS) {
                    file.chunk(&chunk).unwrap();
                    file.sync().unwrap();
                }
                file.finish(100 + u64::from(shard % 1000)).unwrap();
            });
        }
    });
    let set = set.finish().unwrap();
    std::thread::scope(|scope| {
        for shard in [0, 1] {
            let (storage, set) = (&storage, &set);
            scope.spawn(move || read(storage, set, shard).1.unwrap());
        }
    });
    is_whole(&storage, &set, &LENGTHS);
}

#[test]
fn an_empty_file_is_whole() {
    let storage = MemoryStorage::default();
    let set = write_with(&storage, 1, &[]).unwrap();
    is_whole(&storage, &set, &[]);
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    let storage = MemoryStorage::default();
    let set = write_with(&storage, 1, &LENGTHS).unwrap();
    for (shard, name) in [(0, "shard-0.snap"), (NODE, "node.snap")] {
        let name = format!("{}/{name}", set.directory);
        let whole = storage.bytes(&name);
        let expected = chunks(1, shard, &LENGTHS);
        let refused = |what: String| {
            let (all, result) = read(&storage, &set, shard);
            let error = result.expect_err(&what);
            assert!(error.to_string().contains(&name), "{what}: {error}");
            assert!(expected.starts_with(&all), "{what}: a chunk that was never written");
        };
        for size in 0..whole.len() {
            storage.set_bytes(&name, &whole[..size]);
            refused(format!("cut at {size}"));
            assert!(newest(&storage, None).is_err(), "cut at {size}");
        }
        for bit in 0..whole.len() * 8 {
            storage.set_bytes(&name, &whole);
            storage.flip(&name, bit);
            refused(format!("bit {bit}"));
            assert!(verify(&storage, &set).is_err(), "bit {bit}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        storage.set_bytes(&name, &longer);
        refused("a byte behind the end".to_owned());
        storage.set_bytes(&name, &whole);
    }
    is_whole(&storage, &set, &LENGTHS);
}

#[test]
fn chunks_that_were_moved_doubled_or_dropped_are_refused() {
    let storage = MemoryStorage::default();
    let set = write_with(&storage, 1, &[6, 6, 6]).unwrap();
    let name = format!("{}/shard-0.snap", set.directory);
    let whole = storage.bytes(&name);
    // Behind the header lie three chunks of fourteen bytes, alike but for their numbers.
    let part = |number: usize| &whole[84 + 14 * number..84 + 14 * (number + 1)];
    let end = &whole[84 + 14 * 3..];
    for order in [&[1, 0, 2][..], &[0, 1, 1], &[0, 1], &[0, 1, 2, 2], &[]] {
        let mut bytes = whole[..84].to_vec();
        order.iter().for_each(|number| bytes.extend_from_slice(part(*number)));
        bytes.extend_from_slice(end);
        storage.set_bytes(&name, &bytes);
        let error = read(&storage, &set, 0).1.unwrap_err();
        assert!(matches!(error, SnapshotError::Damaged { .. }), "{order:?}: {error}");
    }
}

#[test]
fn a_file_of_another_set_shard_or_node_is_refused() {
    let storage = MemoryStorage::default();
    let old = write_with(&storage, 1, &LENGTHS).unwrap();
    let set = write_with(&storage, 2, &LENGTHS).unwrap();
    let name = |set: &SetInfo, shard| format!("{}/shard-{shard}.snap", set.directory);
    let own = storage.bytes(&name(&set, 0));
    for other in [name(&old, 0), name(&set, 1)] {
        storage.set_bytes(&name(&set, 0), &storage.bytes(&other));
        assert!(newest(&storage, None).is_err(), "{other}");
    }
    storage.set_bytes(&name(&set, 0), &own);
    let theirs = NodeId::parse(&[b'b'; 40]).unwrap();
    let error = newest(&storage, Some(&theirs)).unwrap_err();
    assert!(matches!(error, SnapshotError::OtherNode { .. }), "{error}");
    storage.remove(&name(&set, 1)).unwrap();
    let error = newest(&storage, None).unwrap_err();
    assert!(matches!(&error, SnapshotError::Missing { file } if *file == name(&set, 1)), "{error}");
}

#[test]
fn a_set_without_all_of_its_files_is_not_finished() {
    let storage = MemoryStorage::default();
    let old = write_with(&storage, 1, &LENGTHS).unwrap();
    let set = begin(storage.clone(), 2).unwrap();
    for shard in [0, NODE] {
        set.file(&header(2, shard)).unwrap().finish(1).unwrap();
    }
    let mut half = set.file(&header(2, 1)).unwrap();
    half.chunk(b"half").unwrap();
    half.sync().unwrap();
    assert!(matches!(set.finish(), Err(SnapshotError::Damaged { .. })));
    assert_eq!(newest(&storage, None).unwrap(), Some(old.clone()));
    assert_eq!(storage.names(), [&old.directory, "snapshot-0000000000000002.tmp"]);
    // The next try begins anew.
    let set = write_with(&storage, 2, &LENGTHS).unwrap();
    is_whole(&storage, &set, &LENGTHS);
    assert_eq!(remove_others(&storage, 2).unwrap(), 1);
    assert_eq!(storage.names(), [set.directory]);
}

#[test]
fn what_is_abandoned_or_not_ours_is_told_apart() {
    let storage = MemoryStorage::default();
    begin(storage.clone(), 3).unwrap().abandon().unwrap();
    assert!(storage.names().is_empty());
    let set = write_with(&storage, 4, &[]).unwrap();
    storage.set_bytes("snapshot-4", b"not ours");
    storage.set_bytes("log-0000000000000001.wal", b"not ours");
    assert_eq!(remove_others(&storage, 4).unwrap(), 0);
    assert_eq!(newest(&storage, None).unwrap(), Some(set));
}

#[test]
fn chunks_have_limits() {
    let set = begin(MemoryStorage::default(), 1).unwrap();
    let mut file = set.file(&header(1, 0)).unwrap();
    assert!(file.chunk(&[]).is_err());
    // Memory that is never touched takes none.
    assert!(file.chunk(&vec![0; CHUNK_BYTES_MAX + 1]).is_err());
    assert!(set.file(&header(2, 0)).is_err());
}

/// Whatever fails, and whatever a crash leaves: the newest set is the old one or the new one, and
/// whole.
fn with(faults: Faults, choose: &mut dyn FnMut(usize) -> usize) -> bool {
    let storage = MemoryStorage::default();
    write_with(&storage, 1, &LENGTHS).unwrap();
    storage.set_faults(faults);
    let written = write_with(&storage, 2, &LENGTHS).is_ok();
    let done = written && remove_others(&storage, 2).is_ok();
    for storage in [storage.crash(choose), storage] {
        let set = newest(&storage, Some(&node_id())).unwrap().unwrap();
        is_whole(&storage, &set, &LENGTHS);
        assert!(set.number == 2 || !written);
        storage.set_faults(Faults::default());
        let set = write_with(&storage, 3, &LENGTHS).unwrap();
        remove_others(&storage, 3).unwrap();
        assert_eq!(storage.names(), [set.directory]);
    }
    done
}

#[test]
fn every_write_and_every_sync_may_fail() {
    let mut choices: [Box<dyn FnMut(usize) -> usize>; 3] =
        [Box::new(|_| 0), Box::new(|all| all - 1), Box::new(|all| all / 2)];
    for choose in &mut choices {
        let changes = (0..100).take_while(|n| {
            !with(Faults { changes_before_failure: Some(*n), ..Faults::default() }, choose)
        });
        assert!((8..100).contains(&changes.count()));
        let syncs = (0..100).take_while(|n| {
            !with(Faults { syncs_before_failure: Some(*n), ..Faults::default() }, choose)
        });
        assert!((5..100).contains(&syncs.count()));
    }
}

#[test]
fn a_disk_that_is_full_at_every_byte_leaves_the_old_set() {
    let full = (0..2000).take_while(|capacity| {
        !with(Faults { capacity_bytes: Some(*capacity), ..Faults::default() }, &mut |_| 0)
    });
    assert!((400..2000).contains(&full.count()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Chunks of any sizes come back, with reads and writes that cut them anywhere.
    #[test]
    fn any_chunks_come_back(lengths in prop::collection::vec(1_usize..400_000, 0..12)) {
        let storage = MemoryStorage::default();
        storage.set_faults(Faults { write_bytes_max: Some(100_000), ..Faults::default() });
        let set = write_with(&storage, 1, &lengths).unwrap();
        is_whole(&storage, &set, &lengths);
    }
}
