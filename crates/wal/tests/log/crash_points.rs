//! Every cut, every flipped bit, and every way in which unsynced sectors reach the disk: what is
//! recovered is a prefix of what was written, at least up to what had been synced, or the log is
//! refused. No record is ever made up.

use std::ops::Range;

use proptest::prelude::*;

use crate::rig::{Owned, entries, open, options, read, start};
use wal::error::LogError;
use wal::testing::MemoryStorage;
use wal::{Writer, check, repair};

/// A log, and what each of its frames says.
struct Written {
    storage: MemoryStorage,
    /// The records up to the end of each frame, by its number; nothing before the first.
    upto: Vec<usize>,
    records: Vec<Owned>,
    /// The last file, and where its frames lie.
    file: String,
    frames: Vec<Range<usize>>,
    /// The number of the first frame in that file.
    first: u64,
    /// For each frame of that file: up to where it says frames were synced.
    claims: Vec<u64>,
    synced: u64,
}

/// Writes frames; syncs behind those in `sync`; a sync mark behind those in `mark`.
fn write(frames: u64, segment_bytes: u64, sync: &[u64], mark: &[u64]) -> Written {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, segment_bytes).unwrap();
    let (mut records, mut upto) = (Vec::new(), vec![0]);
    let mut claims = vec![0];
    for frame in 1..=frames {
        for shard in [0, 1] {
            let record = entries(&writer, shard, usize::try_from(frame).unwrap() % 5 * 3);
            writer.append(&record.borrowed()).unwrap();
            records.push(record);
        }
        let synced = writer.synced();
        writer.write().unwrap();
        upto.push(records.len());
        claims.push(synced);
        if sync.contains(&frame) {
            writer.sync().unwrap();
        }
        if mark.contains(&frame) {
            assert!(writer.sync_mark().unwrap());
            upto.push(records.len());
            claims.push(writer.written() - 1);
        }
    }
    let synced = writer.synced();
    let first = writer.header().first_frame;
    let file = format!("log-{first:016x}.wal");
    let frames = frames_of(&storage.bytes(&file));
    let claims = claims.split_off(usize::try_from(first).unwrap());
    Written { storage, upto, records, file, frames, first, claims, synced }
}

/// Where frames lie, by their magic and length; bodies here have no magic.
fn frames_of(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(4).position(|window| window == b"AtFr") {
        let begin = at + found;
        let length = u32::from_le_bytes(bytes[begin + 8..begin + 12].try_into().unwrap());
        at = begin + 40 + length as usize;
        frames.push(begin..at);
    }
    frames
}

impl Written {
    /// Sees that what is recovered is a prefix of whole frames; how many frames there are.
    fn prefix_of(&self, storage: &MemoryStorage) -> Result<u64, LogError> {
        let (recovered, records) = read(storage)?;
        let frames = recovered.next_frame - 1;
        let frame = usize::try_from(frames).unwrap();
        assert!(frame < self.upto.len(), "frames that were never written");
        assert_eq!(records, self.records[..self.upto[frame]]);
        self.goes_on(storage);
        Ok(frames)
    }

    /// Sees that a writer can go on behind what was recovered, and that nothing of what was cut
    /// comes back.
    fn goes_on(&self, storage: &MemoryStorage) {
        let storage = storage.copy();
        let (recovered, mut expected) = read(&storage).unwrap();
        let mut writer = Writer::open(storage.clone(), &recovered, &start(), options(700)).unwrap();
        let record = entries(&writer, 0, 9);
        writer.append(&record.borrowed()).unwrap();
        writer.write().unwrap();
        expected.push(record);
        let (again, records) = read(&storage).unwrap();
        assert_eq!(records, expected, "{}", self.file);
        assert_eq!(again.torn, None);
    }

    /// The last frame of which the good frames in this range of positions say that it was synced.
    fn claimed(&self, positions: Range<usize>) -> u64 {
        self.claims[positions].iter().copied().max().unwrap_or(0)
    }
}

/// Several segments, with syncs, marks and an unsynced end.
fn several_segments() -> Written {
    let written = write(18, 900, &[2, 5, 9, 12, 14, 16], &[9]);
    assert!(written.storage.names().len() >= 3, "{:?}", written.storage.names());
    assert!(written.frames.len() >= 3);
    assert!(written.synced < written.upto.len() as u64 - 1);
    written
}

#[test]
fn every_cut_leaves_a_prefix() {
    let written = several_segments();
    let end = written.frames.last().unwrap().end;
    for size in written.frames[0].start..=end {
        let storage = written.storage.copy();
        storage.cut(&written.file, size);
        let whole = written.frames.iter().filter(|frame| frame.end <= size).count() as u64;
        let frames = written.prefix_of(&storage).unwrap();
        assert_eq!(frames, written.first - 1 + whole, "cut at {size}");
    }
}

#[test]
fn every_cut_into_the_header_is_refused() {
    let written = several_segments();
    for size in 0..written.frames[0].start {
        let storage = written.storage.copy();
        storage.cut(&written.file, size);
        let error = read(&storage).unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "cut at {size}: {error}");
    }
}

#[test]
fn every_flipped_bit_leaves_a_prefix_with_all_that_is_proven_or_is_refused() {
    let written = several_segments();
    let (mut refused, mut torn) = (0, 0);
    for bit in 0..written.frames.last().unwrap().end * 8 {
        let storage = written.storage.copy();
        storage.flip(&written.file, bit);
        let Some(hit) = written.frames.iter().position(|frame| frame.contains(&(bit / 8))) else {
            assert!(read(&storage).is_err(), "bit {bit} of the header");
            continue;
        };
        let number = written.first + hit as u64;
        let proven = written.claimed(hit + 1..written.frames.len()) >= number;
        match written.prefix_of(&storage) {
            Ok(frames) => {
                assert!(!proven, "bit {bit}: frame {number} was proven to have been synced");
                assert_eq!(frames, number - 1, "bit {bit}");
                torn += 1;
            }
            Err(LogError::Damaged { file, offset, frame, .. }) => {
                assert!(proven, "bit {bit}: frame {number} is refused without proof");
                assert_eq!((file, frame), (written.file.clone(), number));
                assert_eq!(offset, written.frames[hit].start as u64);
                refused += 1;
            }
            Err(error) => panic!("bit {bit}: {error}"),
        }
    }
    assert!(refused > 0 && torn > 0);
}

#[test]
fn a_bit_that_is_set_behind_the_end_is_a_torn_tail() {
    let written = several_segments();
    let end = written.frames.last().unwrap().end;
    let size = written.storage.bytes(&written.file).len();
    assert!(size > end, "space is allocated ahead");
    for bit in end * 8..size * 8 {
        let storage = written.storage.copy();
        storage.flip(&written.file, bit);
        assert_eq!(written.prefix_of(&storage).unwrap(), written.upto.len() as u64 - 1);
        let torn = read(&storage).unwrap().0.torn.unwrap();
        assert_eq!(torn.offset, end as u64);
        assert_eq!(torn.bytes, (bit / 8 + 1 - end) as u64);
    }
}

#[test]
fn every_flipped_bit_of_an_earlier_file_is_refused() {
    let written = several_segments();
    let names = written.storage.names();
    for name in names.iter().take(names.iter().position(|name| *name == written.file).unwrap()) {
        for bit in 0..written.storage.bytes(name).len() * 8 {
            let storage = written.storage.copy();
            storage.flip(name, bit);
            assert!(read(&storage).is_err(), "bit {bit} of {name}");
        }
    }
}

#[test]
fn with_a_sync_mark_damage_to_the_last_frame_is_refused() {
    let written = write(4, 4096, &[2], &[4]);
    let last = &written.frames[3];
    for bit in last.start * 8..last.end * 8 {
        let storage = written.storage.copy();
        storage.flip(&written.file, bit);
        let error = read(&storage).unwrap_err();
        assert!(matches!(error, LogError::Damaged { frame: 4, .. }), "bit {bit}: {error}");
    }
}

#[test]
fn a_repair_cuts_at_the_damage_and_keeps_copies() {
    let written = several_segments();
    let names = written.storage.names();
    let (file, later) = (&names[0], &names[1..names.len()]);
    let frames = frames_of(&written.storage.bytes(file));
    written.storage.flip(file, frames[1].start * 8);
    let report = check(&written.storage).unwrap();
    let damage = report.damage.unwrap();
    assert_eq!(damage.frames_after, frames.len() as u64 - 2);
    assert!(repair(&written.storage, false).is_err());
    assert_eq!(written.storage.names(), names);

    let damaged = written.storage.bytes(file);
    let repaired = repair(&written.storage, true).unwrap();
    assert_eq!(repaired.cut, Some((file.clone(), frames[1].start as u64)));
    assert_eq!(repaired.next_frame, 2);
    assert_eq!(written.storage.bytes(&format!("{file}.damaged")), damaged);
    for name in later.iter().filter(|name| name.ends_with(".wal")) {
        assert!(repaired.kept.contains(&format!("{name}.damaged")), "{name}");
    }
    assert_eq!(written.prefix_of(&written.storage).unwrap(), 1);
    assert_eq!(repair(&written.storage, true).unwrap().kept, Vec::<String>::new());
}

#[test]
fn a_repair_that_fails_half_way_can_be_run_again() {
    let written = several_segments();
    let file = written.storage.names().remove(0);
    written.storage.flip(&file, written.storage.bytes(&file).len() * 8 - 1);
    let sound = check(&written.storage).unwrap().sound.next_frame;
    for failing in 0..30 {
        let storage = written.storage.copy();
        storage.set_faults(wal::testing::Faults {
            changes_before_failure: Some(failing),
            ..Default::default()
        });
        let failed = repair(&storage, true).is_err();
        let crashed = storage.crash(&mut |alternatives| alternatives / 2);
        repair(&crashed, true).unwrap();
        assert_eq!(written.prefix_of(&crashed).unwrap(), sound - 1, "change {failing}");
        if !failed {
            return;
        }
    }
    panic!("a repair has no end");
}

/// The process dies, and only then the power fails: what the next process has been shown lasts.
#[test]
fn what_recovery_has_shown_lasts() {
    for unsynced in 1..5 {
        let written = write(unsynced, 4096, &[], &[]);
        drop(open(&written.storage, 4096).unwrap());
        let crashed = written.storage.crash(&mut |_| 0);
        assert_eq!(written.prefix_of(&crashed).unwrap(), unsynced);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Power fails at any point; of what was not synced, any sectors and names reach the disk.
    #[test]
    fn power_failures_lose_nothing_that_was_synced(
        sizes in prop::collection::vec((0_usize..1500, 0_u8..4), 1..25),
        segment_bytes in 256_u64..3000,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..64),
    ) {
        let storage = MemoryStorage::default();
        let mut writer = open(&storage, segment_bytes).unwrap();
        let mut records = Vec::new();
        let mut upto = vec![0];
        for (length, after) in sizes {
            let record = entries(&writer, u16::from(after % 2), length);
            writer.append(&record.borrowed()).unwrap();
            records.push(record);
            if after == 0 {
                continue;
            }
            writer.write().unwrap();
            upto.resize(usize::try_from(writer.written()).unwrap() + 1, records.len());
            if after == 2 {
                writer.sync().unwrap();
            }
            if after == 3 {
                writer.sync_mark().unwrap();
                upto.resize(usize::try_from(writer.written()).unwrap() + 1, records.len());
            }
        }
        let synced = upto[usize::try_from(writer.synced()).unwrap()];
        let mut turn = 0;
        let crashed = storage.crash(&mut |alternatives| {
            turn += 1;
            picks[turn % picks.len()].index(alternatives)
        });
        let (_, recovered) = read(&crashed).unwrap();
        prop_assert!(recovered.len() >= synced, "{} of {synced}", recovered.len());
        prop_assert_eq!(&recovered[..], &records[..recovered.len()]);
    }
}
