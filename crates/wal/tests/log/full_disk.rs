//! A disk that is full at every byte offset: what was written stays, what was not is kept for
//! another try, and nothing comes twice.

use crate::rig::{Owned, entries, open, read};
use wal::Writer;
use wal::error::WriteError;
use wal::testing::{Faults, MemoryStorage};

/// Enough for all that is written here.
const PLENTY: u64 = 1 << 20;

fn faults(capacity_bytes: u64, write_bytes_max: Option<usize>, cannot_allocate: bool) -> Faults {
    let capacity_bytes = Some(capacity_bytes);
    Faults { capacity_bytes, write_bytes_max, cannot_allocate, ..Faults::default() }
}

/// Appends the next record and tries to write, twice while there is no space, and once more when
/// there is. Says whether it was refused.
fn write_in_the_end(
    storage: &MemoryStorage,
    writer: &mut Writer<MemoryStorage>,
    plenty: Faults,
    frame: usize,
    records: &mut Vec<Owned>,
) -> bool {
    let mut refused = false;
    for shard in [0, 1] {
        let record = entries(writer, shard, frame * 13 % 50);
        writer.append(&record.borrowed()).unwrap();
        let tried = writer.write();
        if let Err(error) = tried {
            assert!(matches!(error, WriteError::NoSpace { .. }), "{error}");
            assert!(!writer.room());
            assert_eq!(read(storage).unwrap().1, *records, "a refused frame is not there");
            refused = true;
        } else {
            records.push(record);
            continue;
        }
        assert!(writer.write().is_err());
        if shard == 1 {
            storage.set_faults(plenty);
            writer.write().unwrap();
            let (_, all) = read(storage).unwrap();
            assert_eq!(all[..records.len()], *records);
            *records = all;
        }
    }
    if writer.gathered_bytes() > 0 {
        storage.set_faults(plenty);
        writer.write().unwrap();
        *records = read(storage).unwrap().1;
    }
    refused
}

/// Fills the disk at every byte and sees that the log goes on when there is space again.
fn fill(write_bytes_max: Option<usize>, cannot_allocate: bool) {
    let plenty = faults(PLENTY, write_bytes_max, cannot_allocate);
    let mut refusals = 0;
    for capacity in 0..3500 {
        let storage = MemoryStorage::default();
        storage.set_faults(faults(capacity, write_bytes_max, cannot_allocate));
        let mut writer = match open(&storage, 700) {
            Ok(writer) => writer,
            Err(error) => {
                assert!(matches!(error, WriteError::NoSpace { .. }), "{error}");
                assert!(read(&storage).unwrap().1.is_empty());
                storage.set_faults(plenty);
                open(&storage, 700).unwrap()
            }
        };
        let mut records = Vec::new();
        for frame in 0..12 {
            let refused = write_in_the_end(&storage, &mut writer, plenty, frame, &mut records);
            refusals += usize::from(refused);
        }
        writer.sync().unwrap();
        let crashed = storage.crash(&mut |_| 0);
        let (recovered, all) = read(&crashed).unwrap();
        assert_eq!(all, records);
        assert_eq!(recovered.last.shards, [12, 12], "capacity {capacity}");
        assert_eq!(all.len(), 24);
    }
    assert!(refusals > 1000, "{refusals}");
}

#[test]
fn at_every_byte() {
    fill(None, false);
}

#[test]
fn at_every_byte_where_space_cannot_be_allocated() {
    fill(None, true);
}

#[test]
fn at_every_byte_with_short_writes() {
    fill(Some(7), true);
}

#[test]
fn a_refused_frame_leaves_the_file_as_it_was() {
    for free in 0..100 {
        let storage = MemoryStorage::default();
        storage.set_faults(faults(PLENTY, None, true));
        let mut writer = open(&storage, 4096).unwrap();
        let record = entries(&writer, 0, 60);
        writer.append(&record.borrowed()).unwrap();
        let name = storage.names().remove(0);
        let before = storage.bytes(&name);
        storage.set_faults(faults(before.len() as u64 + free, None, true));
        assert!(writer.write().is_err());
        assert_eq!(storage.bytes(&name), before, "{free} bytes were free");
    }
}

#[test]
fn is_noticed_when_half_a_segment_is_left() {
    let storage = MemoryStorage::default();
    storage.set_faults(faults(1200, None, false));
    let mut writer = open(&storage, 1000).unwrap();
    assert!(writer.room());
    let mut written = 0;
    while writer.room() {
        let record = entries(&writer, 0, 20);
        writer.append(&record.borrowed()).unwrap();
        writer.write().unwrap();
        written += 1;
    }
    let end = writer.size_bytes();
    assert!((500..600).contains(&end), "noticed at {end}");
    // There is room for some more, for whoever must write.
    for _ in 0..3 {
        let record = entries(&writer, 0, 20);
        writer.append(&record.borrowed()).unwrap();
        writer.write().unwrap();
        written += 1;
    }
    assert!(!writer.prepare().unwrap());
    storage.set_faults(faults(2200, None, false));
    assert!(writer.prepare().unwrap());
    assert!(writer.room());
    assert_eq!(read(&storage).unwrap().1.len(), written);
}
