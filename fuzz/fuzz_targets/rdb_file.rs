//! Arbitrary files in Redis's format: read to their end or refused, and what was read of them is written
//! and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shard::keyspace::{Keyspace, Settings};
use shard::rdb::RdbError;
use shard::rdb::file::{Event, FileReader, FileWriter, OtherDatabases, Record};

/// Loads a file as far as it goes.
fn load(bytes: &[u8], keyspace: &mut Keyspace) -> Result<(), RdbError> {
    let mut reader = FileReader::new(bytes, &Settings::default(), OtherDatabases::Skip)?;
    loop {
        match reader.next_event()? {
            Event::Key(record) => {
                let Record { key, value, expiry, usage } = *record;
                assert!(keyspace.load(&key, value, expiry, usage));
            }
            Event::End { .. } => return Ok(()),
            _ => {}
        }
    }
}

fuzz_target!(|input: (bool, &[u8])| {
    // The header is easy to guess; let most inputs have it.
    let (has_header, body) = input;
    let header: &[u8] = if has_header { b"REDIS0011" } else { b"" };
    let mut keyspace = Keyspace::new(0, 16384, 1);
    drop(load(&[header, body].concat(), &mut keyspace));

    let mut writer = FileWriter::new(Vec::new(), true).expect("memory can be written to");
    writer.keys_of(&keyspace).expect("memory can be written to");
    let bytes = writer.finish().expect("memory can be written to");
    let mut copy = Keyspace::new(0, 16384, 2);
    load(&bytes, &mut copy).expect("what was written is read");
    assert!(copy.len() <= keyspace.len());
});
