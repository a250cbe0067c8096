//! What is written is recovered.

use crate::rig::{Owned, entries, open, options, read, start};
use wal::error::{AppendError, LogError, WriteError};
use wal::testing::MemoryStorage;
use wal::{Indices, Kind, NODE, NodeId, Writer, check};

/// Appends entries for both shards and writes them; `count` frames.
fn write_some(writer: &mut Writer<MemoryStorage>, count: usize) -> Vec<Owned> {
    let mut all = Vec::new();
    for round in 0..count {
        for shard in [0, 1] {
            let record = entries(writer, shard, 10 + round);
            writer.append(&record.borrowed()).unwrap();
            all.push(record);
        }
        writer.write().unwrap();
    }
    all
}

#[test]
fn an_empty_directory_is_a_log_that_has_not_begun() {
    let (recovered, records) = read(&MemoryStorage::default()).unwrap();
    assert_eq!((recovered.next_frame, recovered.segments.len()), (1, 0));
    assert!(records.is_empty());
}

#[test]
fn records_come_back_in_order_over_segments_and_restarts() {
    let storage = MemoryStorage::default();
    let mut all = Vec::new();
    for _ in 0..4 {
        let mut writer = open(&storage, 600).unwrap();
        all.extend(write_some(&mut writer, 9));
        let node = Owned {
            kind: Kind::Node,
            shard: NODE,
            index: writer.last().node + 1,
            time_ms: 5,
            body: b"function".to_vec(),
        };
        writer.append_node(node.index, node.time_ms, &node.body).unwrap();
        all.push(node);
        writer.write().unwrap();
        writer.sync().unwrap();
        assert_eq!(writer.synced(), writer.written());
        assert!(writer.segments() > 1);
    }
    let (recovered, records) = read(&storage).unwrap();
    assert_eq!(records, all);
    assert_eq!(recovered.last, Indices { shards: vec![36, 36], node: 4 });
    assert_eq!(recovered.bases, Indices::all(2, 0));
    assert_eq!(recovered.torn, None);
    assert_eq!(recovered.next_frame, 41);
}

#[test]
fn nothing_gathered_writes_nothing() {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, 600).unwrap();
    assert_eq!(writer.write().unwrap(), None);
    assert_eq!(writer.sync().unwrap(), 0);
    assert!(!writer.sync_mark().unwrap());
    let syncs = storage.syncs();
    writer.sync().unwrap();
    assert_eq!(storage.syncs(), syncs);
}

#[test]
fn starting_again_and_again_leaves_one_empty_segment() {
    let storage = MemoryStorage::default();
    for _ in 0..3 {
        open(&storage, 600).unwrap();
    }
    assert_eq!(storage.names(), ["log-0000000000000001.wal"]);
}

#[test]
fn what_does_not_follow_is_not_taken() {
    let mut writer = open(&MemoryStorage::default(), 600).unwrap();
    let refused = AppendError::Index { shard: 0, expected: 1, found: 2 };
    assert_eq!(writer.append_entries(0, 2, 0, b""), Err(refused));
    assert_eq!(writer.append_entries(2, 1, 0, b""), Err(AppendError::Shard { shard: 2 }));
    assert_eq!(writer.append_entries(NODE, 1, 0, b""), Err(AppendError::Shard { shard: NODE }));
    assert_eq!(writer.gathered_bytes(), 0);
    writer.append_entries(0, 1, 0, b"").unwrap();
    assert_eq!(writer.gathered_bytes(), 64);
}

#[test]
fn what_is_discarded_was_never_there() {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, 600).unwrap();
    let all = write_some(&mut writer, 1);
    writer.append_entries(0, 2, 0, b"discarded").unwrap();
    writer.discard();
    assert_eq!(writer.write().unwrap(), None);
    writer.append_gap(0, 7, 0).unwrap();
    writer.append_entries(0, 8, 0, b"behind").unwrap();
    writer.write().unwrap();
    let (recovered, records) = read(&storage).unwrap();
    assert_eq!(records[..2], all);
    assert_eq!((records[2].kind, records[2].index), (Kind::Gap, 7));
    assert_eq!(recovered.last.shards, [8, 1]);
}

#[test]
fn a_sync_mark_is_written_once() {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, 4096).unwrap();
    write_some(&mut writer, 3);
    assert!(writer.sync_mark().unwrap());
    assert_eq!((writer.written(), writer.synced()), (4, 4));
    assert!(!writer.sync_mark().unwrap());
    write_some(&mut writer, 1);
    writer.sync().unwrap();
    assert!(writer.sync_mark().unwrap());
    assert_eq!(read(&storage).unwrap().0.next_frame, 7);
}

#[test]
fn covered_segments_are_removed_oldest_first() {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, 600).unwrap();
    write_some(&mut writer, 20);
    let before = writer.segments();
    assert_eq!(writer.purge(&Indices::all(2, 0)).unwrap().segments, 0);
    // One shard that is not covered keeps what it has.
    assert_eq!(writer.purge(&Indices { shards: vec![20, 0], node: 0 }).unwrap().segments, 0);
    let covered = Indices { shards: vec![20, 11], node: 0 };
    let purged = writer.purge(&covered).unwrap();
    assert!(purged.segments > 0 && writer.segments() as u64 + purged.segments == before as u64);
    let (recovered, records) = read(&storage).unwrap();
    assert!(covered.cover(&recovered.bases));
    assert_eq!(records.first().map(|record| record.index), Some(recovered.bases.shards[0] + 1));
    // The present segment stays, with where its indices begin.
    writer.purge(&Indices::all(2, 20)).unwrap();
    assert_eq!(writer.segments(), 1);
    drop(writer);
    let mut writer = open(&storage, 600).unwrap();
    assert_eq!(writer.last().shards, [20, 20]);
    write_some(&mut writer, 1);
    assert_eq!(read(&storage).unwrap().0.last.shards, [21, 21]);
}

#[test]
fn another_layout_begins_its_own_indices() {
    let storage = MemoryStorage::default();
    write_some(&mut open(&storage, 4096).unwrap(), 3);
    let (recovered, _) = read(&storage).unwrap();
    let mut other = start();
    other.layout.shards.truncate(1);
    other.bases = Indices { shards: vec![100], node: 7 };
    let mut writer = Writer::open(storage.clone(), &recovered, &other, options(600)).unwrap();
    writer.append_entries(0, 101, 0, b"new").unwrap();
    writer.write().unwrap();
    let (recovered, records) = read(&storage).unwrap();
    assert_eq!(recovered.last, Indices { shards: vec![101], node: 7 });
    assert_eq!(recovered.bases, other.bases);
    assert_eq!(records.len(), 7);
    // A snapshot of the new layout covers all of the old one.
    assert_eq!(writer.purge(&other.bases).unwrap().segments, 1);
    assert_eq!(read(&storage).unwrap().1.len(), 1);
}

#[test]
fn the_log_of_another_node_is_refused() {
    let storage = MemoryStorage::default();
    write_some(&mut open(&storage, 600).unwrap(), 1);
    let other = NodeId::parse(&[b'b'; 40]).unwrap();
    let refused =
        wal::recover(&storage, Some(&other), &mut |_| Ok::<(), std::convert::Infallible>(()))
            .unwrap_err();
    assert!(refused.to_string().contains("belongs to node aaaa"), "{refused}");
    let (recovered, _) = read(&storage).unwrap();
    let mut theirs = start();
    theirs.node_id = other;
    let refused = Writer::open(storage, &recovered, &theirs, options(600)).err();
    assert!(matches!(refused, Some(WriteError::Unfit(_))));
}

#[test]
fn a_missing_file_is_named() {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, 600).unwrap();
    write_some(&mut writer, 20);
    let names = storage.names();
    let copy = storage.copy();
    wal::storage::Storage::remove(&copy, &names[1]).unwrap();
    let error = read(&copy).unwrap_err();
    assert!(matches!(&error, LogError::Missing { file, .. } if *file == names[2]), "{error}");
    assert!(error.to_string().contains("--accept-data-loss"), "{error}");
}

#[test]
fn frames_that_are_larger_than_a_segment_get_one_of_their_own() {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, 300).unwrap();
    let mut all = write_some(&mut writer, 1);
    let large = entries(&writer, 0, 5 << 20);
    writer.append(&large.borrowed()).unwrap();
    all.push(large);
    writer.write().unwrap();
    all.extend(write_some(&mut writer, 1));
    assert_eq!(writer.segments(), 3);
    assert_eq!(read(&storage).unwrap().1, all);
}

#[test]
fn closing_leaves_files_that_end_with_their_last_frame() {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, 600).unwrap();
    let all = write_some(&mut writer, 3);
    assert_eq!(storage.names(), ["log-0000000000000001.wal", "log-next.tmp"]);
    writer.close().unwrap();
    assert_eq!(storage.names(), ["log-0000000000000001.wal"]);
    let report = check(&storage).unwrap();
    assert!(report.damage.is_none());
    for segment in &report.sound.segments {
        assert_eq!(storage.bytes(&segment.name).len() as u64, segment.end);
    }
    assert_eq!(read(&storage).unwrap().1, all);
}

#[test]
fn a_log_reaches_back_to_a_snapshot_or_something_is_missing() {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, 600).unwrap();
    write_some(&mut writer, 20);
    let layout = start().layout;
    let (whole, _) = read(&storage).unwrap();
    whole.reaches(None).unwrap();
    writer.purge(&Indices { shards: vec![11, 11], node: 0 }).unwrap();
    let (recovered, _) = read(&storage).unwrap();
    let base = recovered.bases.shards[0];
    recovered.reaches(Some((&layout, &Indices { shards: vec![11, 11], node: 0 }))).unwrap();
    for covered in [None, Some(Indices { shards: vec![11, base - 1], node: 0 })] {
        let snapshot = covered.as_ref().map(|covered| (&layout, covered));
        let error = recovered.reaches(snapshot).unwrap_err();
        assert!(matches!(error, LogError::OutOfReach { .. }), "{error}");
    }
    // Before what a snapshot of another layout covers, nothing has to be there.
    let other = wal::Layout { shards: layout.shards[..1].to_vec() };
    recovered.reaches(Some((&other, &Indices::all(1, 0)))).unwrap();
    // Whether it is the first file of the log that is gone, only a snapshot can tell.
    let names = storage.names();
    wal::storage::Storage::remove(&storage, &names[0]).unwrap();
    let (cut, _) = read(&storage).unwrap();
    let covered = Indices { shards: vec![base, base], node: 0 };
    assert!(cut.reaches(Some((&layout, &covered))).is_err());
}

#[test]
fn a_purge_that_a_crash_interrupts_leaves_a_log() {
    for failing in 0..10 {
        let storage = MemoryStorage::default();
        let mut writer = open(&storage, 600).unwrap();
        let all = write_some(&mut writer, 20);
        writer.sync().unwrap();
        storage.set_faults(wal::testing::Faults {
            changes_before_failure: Some(failing),
            ..Default::default()
        });
        let covered = Indices { shards: vec![15, 15], node: 0 };
        let purged = writer.purge(&covered).is_ok();
        for kept in 0..5 {
            let crashed = storage.crash(&mut |_| kept);
            let (recovered, records) = read(&crashed).unwrap();
            assert!(all.ends_with(&records) && covered.cover(&recovered.bases));
        }
        if purged {
            return;
        }
    }
    panic!("a purge has no end");
}

#[test]
fn a_report_says_what_there_is() {
    let storage = MemoryStorage::default();
    assert_eq!(check(&storage).unwrap().to_string(), "there is no log\n");
    let mut writer = open(&storage, 600).unwrap();
    write_some(&mut writer, 5);
    let text = check(&storage).unwrap().to_string();
    let expected = "log-0000000000000001.wal: frames 1-4, 552 bytes
log-0000000000000005.wal: frames 5-5, 224 bytes
5 frames, 560 bytes
shard 0: indices 1-5
shard 1: indices 1-5
node: no indices above 0
";
    assert_eq!(text, expected);
    let size = storage.bytes("log-0000000000000005.wal").len();
    storage.flip("log-0000000000000005.wal", size * 8 - 1);
    let text = check(&storage).unwrap().to_string();
    assert!(text.contains("torn at byte 224, 376 bytes; they will be cut"), "{text}");
    storage.flip("log-0000000000000001.wal", 200 * 8);
    let text = check(&storage).unwrap().to_string();
    assert!(text.contains("log-0000000000000001.wal is damaged at byte 108 (frame 1)"), "{text}");
    assert!(text.ends_with("behind that: 3 frames of the same file, and 1 files\n"), "{text}");
}
