//! The n-th write or sync fails, for every n: the writer refuses everything from then on, and what
//! it had said to last does.

use crate::rig::{Owned, entries, open, read};
use wal::Indices;
use wal::error::WriteError;
use wal::testing::{Faults, MemoryStorage};

/// What is known of a log whose disk has failed.
struct Outcome {
    failed: bool,
    /// What was appended, in order.
    records: Vec<Owned>,
    /// How many of these lasted, by the writer's word.
    synced: usize,
}

/// Writes until something fails.
fn run(storage: &MemoryStorage, fault: Faults) -> Outcome {
    let mut outcome = Outcome { failed: true, records: Vec::new(), synced: 0 };
    storage.set_faults(fault);
    let Ok(mut writer) = open(storage, 600) else { return outcome };
    for round in 0..14 {
        let record = entries(&writer, round % 2, 30);
        writer.append(&record.borrowed()).unwrap();
        outcome.records.push(record);
        // Space that cannot be had ahead of time is no error yet.
        let result = match round % 4 {
            0 => writer.write().map(|_| ()),
            1 => writer.write().and_then(|_| writer.sync()).map(|_| ()),
            2 => writer.sync_mark().map(|_| ()),
            _ => writer.prepare().map(|_| ()),
        };
        if let Err(error) = result {
            assert!(error.is_fatal(), "{error}");
            let changes = (storage.changes(), storage.syncs());
            for again in [writer.write().err(), writer.sync().err(), writer.sync_mark().err()] {
                assert!(matches!(again, Some(WriteError::Failed)));
            }
            assert!(writer.purge(&Indices::all(2, u64::MAX)).is_err());
            assert_eq!((storage.changes(), storage.syncs()), changes, "it tried again");
            return outcome;
        }
        if round % 4 == 1 || round % 4 == 2 {
            outcome.synced = outcome.records.len();
        }
    }
    outcome.failed = writer.close().is_err();
    if !outcome.failed {
        outcome.synced = outcome.records.len();
    }
    outcome
}

/// Runs with every fault until there is none, and looks at all that a crash may leave.
fn every(fault: impl Fn(u64) -> Faults) -> u64 {
    for number in 0..1000 {
        let storage = MemoryStorage::default();
        let outcome = run(&storage, fault(number));
        let mut coin = number;
        let crashes = [
            storage.crash(&mut |_| 0),
            storage.crash(&mut |alternatives| alternatives - 1),
            storage.crash(&mut |alternatives| {
                coin = coin.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (coin >> 33) as usize % alternatives
            }),
        ];
        for crashed in crashes {
            let (_, records) = read(&crashed).unwrap();
            assert!(records.len() >= outcome.synced, "fault {number}");
            assert_eq!(records, outcome.records[..records.len()], "fault {number}");
            let mut writer = open(&crashed, 600).unwrap();
            let record = entries(&writer, 0, 3);
            writer.append(&record.borrowed()).unwrap();
            writer.write().unwrap();
            assert_eq!(read(&crashed).unwrap().1.len(), records.len() + 1);
        }
        if storage.changes().max(storage.syncs()) < number {
            assert!(!outcome.failed);
            return number;
        }
    }
    panic!("there is always a fault");
}

#[test]
fn every_write_may_fail() {
    let faults = every(|n| Faults { changes_before_failure: Some(n), ..Faults::default() });
    assert!(faults > 20, "{faults}");
}

#[test]
fn every_sync_may_fail() {
    let faults = every(|n| Faults { syncs_before_failure: Some(n), ..Faults::default() });
    assert!(faults > 10, "{faults}");
}
