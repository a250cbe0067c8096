//! Tests of files: those of servers, and our own.

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;
use crate::keyspace::{Eviction, Settings, Usage};
use crate::rdb::golden_test::{Case, cases};
use crate::rdb::{RdbError, VERSION, payload};
use crate::testing::Rig;
use crate::time::Millis;

const FILES: [(f64, u16, &[u8]); 3] = [
    (7.0, 10, include_bytes!("../../../testdata/rdb/7.0.rdb")),
    (8.2, 12, include_bytes!("../../../testdata/rdb/8.2.rdb")),
    (9.1, 80, include_bytes!("../../../testdata/rdb/9.1.rdb")),
];

/// What a file says, in short.
#[derive(Default)]
struct Contents {
    notes: Vec<(String, String)>,
    sizes: Vec<(u64, u64)>,
    libraries: Vec<String>,
    skipped: Vec<String>,
    keys: Vec<Record>,
    checked: bool,
}

fn read_from(from: impl Read, others: OtherDatabases) -> Result<Contents, RdbError> {
    let mut reader = FileReader::new(from, &Settings::default(), others)?;
    let mut contents = Contents::default();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    loop {
        match reader.next_event()? {
            Event::Note { name, value } => contents.notes.push((text(name), text(value))),
            Event::Sizes { keys, expiring } => contents.sizes.push((keys, expiring)),
            Event::Library(code) => contents.libraries.push(text(code)),
            Event::Skipped(what) => contents.skipped.push(what),
            Event::Key(record) => contents.keys.push(*record),
            Event::Database(_) | Event::Slot { .. } => {}
            Event::End { checked } => {
                contents.checked = checked;
                return Ok(contents);
            }
        }
    }
}

fn read(bytes: &[u8]) -> Result<Contents, RdbError> {
    read_from(bytes, OtherDatabases::Refuse)
}

/// A file of these parts, its checksum right.
fn file(parts: &[u8]) -> Vec<u8> {
    let mut bytes = [b"REDIS0011", parts, &[opcode::END]].concat();
    let checksum = crate::rdb::checksum(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// A shard with the values of all cases that servers of a version know, but for those with times.
fn expected(version: f64) -> Rig {
    let mut rig = Rig::new().once();
    let is_wanted = |case: &&Case| case.is_known_to(version) && !case.is("timed");
    cases().iter().filter(is_wanted).for_each(|case| case.make(&mut rig));
    rig.run("PEXPIREAT string:short 4102444800000");
    rig
}

fn load(contents: Contents) -> Rig {
    let mut rig = Rig::new();
    for Record { key, value, expiry, usage } in contents.keys {
        assert!(rig.shard().keyspace_mut().load(&key, value, expiry, usage));
    }
    rig
}

#[test]
fn files_of_servers_give_equal_values() {
    for (version, format, bytes) in FILES {
        let reader = FileReader::new(bytes, &Settings::default(), OtherDatabases::Refuse).unwrap();
        assert_eq!(reader.version(), format);
        let mut contents = read(bytes).unwrap();
        assert!(contents.checked);
        assert_eq!(contents.skipped, [] as [String; 0]);
        assert_eq!(contents.libraries.len(), 1);
        assert!(contents.libraries[0].starts_with("#!lua name=golden"));
        assert!(contents.notes.iter().any(|(name, _)| name.ends_with("-ver")));
        let keys = cases().iter().filter(|case| case.is_known_to(version)).count();
        assert_eq!((contents.keys.len(), &contents.sizes[..]), (keys, &[(keys as u64, 1)][..]));
        contents.keys.retain(|record| record.key != b"stream:groups");
        let digest = load(contents).shard().keyspace().digest();
        assert_eq!(digest, expected(version).shard().keyspace().digest(), "{version}");
    }
}

#[test]
fn what_is_loaded_is_an_effect_like_others() {
    let mut rig = load(read(FILES[1].2).unwrap());
    let effects = rig.shard().keyspace_mut().take_effects();
    let mut replica = crate::keyspace::Keyspace::new(0, 16384, 7);
    replica.replay(&effects).unwrap();
    assert_eq!(replica.digest(), rig.shard().keyspace().digest());
}

#[test]
fn pieces_may_end_anywhere() {
    /// Gives one byte at a time, and is interrupted now and then.
    struct Slow<'a>(&'a [u8], bool);
    impl Read for Slow<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.0.read(&mut to[..1])
        }
    }
    let bytes = FILES[1].2;
    let slowly = read_from(Slow(bytes, false), OtherDatabases::Refuse).unwrap();
    let digest = load(read(bytes).unwrap()).shard().keyspace().digest();
    assert_eq!(load(slowly).shard().keyspace().digest(), digest);
}

/// The keyspace of a shard as a file.
fn write(rig: &mut Rig) -> Vec<u8> {
    let keyspace = rig.shard().keyspace();
    let field_expiry = keyspace.with_expiring_fields() > 0;
    let mut writer = FileWriter::new(Vec::new(), field_expiry).unwrap();
    writer.note("redis-ver", "7.2.0").unwrap();
    writer.library(b"#!lua name=x\n").unwrap();
    writer.begin_keys(keyspace.len() as u64, keyspace.expiring() as u64).unwrap();
    writer.keys_of(keyspace).unwrap();
    writer.finish().unwrap()
}

#[test]
fn what_is_written_is_read() {
    let mut rig = expected(8.2);
    let bytes = write(&mut rig);
    assert!(bytes.starts_with(b"REDIS0012"));
    let contents = read(&bytes).unwrap();
    assert!(contents.checked);
    assert_eq!(contents.libraries, ["#!lua name=x\n"]);
    assert_eq!(contents.notes, [("redis-ver".into(), "7.2.0".into())]);
    assert_eq!(load(contents).shard().keyspace().digest(), rig.shard().keyspace().digest());
    assert!(write(&mut expected(7.0)).starts_with(b"REDIS0011"));
}

#[test]
fn use_is_written_by_what_the_policy_goes() {
    for (eviction, usage) in [
        (Eviction::None, Usage::default()),
        (Eviction::AllKeysLru, Usage { idle_seconds: Some(7), frequency: None }),
        (Eviction::AllKeysLfu, Usage { idle_seconds: None, frequency: Some(5) }),
    ] {
        let mut rig = Rig::new().once();
        let settings = Settings { eviction, ..Settings::default() };
        rig.shard().keyspace_mut().configure(settings);
        rig.run("SET k v PX 100000");
        rig.advance_ms(7000);
        rig.run("PING");
        let contents = read(&write(&mut rig)).unwrap();
        assert_eq!(contents.keys[0].usage, usage);
        assert_eq!(contents.keys[0].expiry, Some(Millis(1_700_000_100_000)));
    }
}

#[test]
fn large_values_are_written_in_pieces() {
    let mut rig = Rig::new().once();
    for n in 0..200 {
        let text: String = (0..400).map(|at| format!("{:x}", n * 7919 + at * 104_729)).collect();
        rig.run(&format!("SADD s {text}"));
    }
    struct Pieces(usize, usize);
    impl io::Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            (self.0, self.1) = (self.0.max(bytes.len()), self.1 + bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = FileWriter::new(Pieces(0, 0), false).unwrap();
    writer.begin_keys(1, 0).unwrap();
    writer.keys_of(rig.shard().keyspace()).unwrap();
    let Pieces(longest, all) = writer.finish().unwrap();
    assert!(all > 200_000 && longest < 80_000, "{longest} of {all}");
}

#[test]
fn all_opcodes() {
    let bytes = file(
        b"\xfa\x01a\x01b\xfb\x05\x02\xf4\x07\x02\x01\xf5\x04code\
        \xfe\x00\xfd\x00\xe1\xf5\x05\x00\x01a\x01v\
        \xfc\x01\x00\x00\x00\x00\x00\x00\x00\xf8\x40\x64\x00\x01b\x01v\
        \xf9\x07\x00\x01c\x01v\
        \xf3\x03job\x01\x00\x05\
        \xf7\x81\x00\x00\x00\x00\x00\x00\x04\x00\x02\x02\x05\x03abc\x04\0\0\0\0\0\0\0\0\x03\0\0\0\0\x01\x07\x00\
        \x07\x01m\x81\x00\x00\x00\x00\x00\x00\x04\x00\x02\x05\x00\
        \x04\x01e\x00",
    );
    let contents = read(&bytes).unwrap();
    assert_eq!(contents.sizes, [(5, 2)]);
    assert_eq!(contents.libraries, ["code"]);
    let keys = contents.keys.iter().map(|it| (&it.key[..], it.expiry.map(|at| at.0), it.usage));
    let idle = Usage { idle_seconds: Some(100), frequency: None };
    let often = Usage { idle_seconds: None, frequency: Some(7) };
    assert_eq!(
        keys.collect::<Vec<_>>(),
        [
            (&b"a"[..], Some(100_000_000_000), Usage::default()),
            (b"b", Some(1), idle),
            (b"c", None, often),
        ]
    );
    assert_eq!(
        contents.skipped,
        [
            "import job of slots",
            "a value of the module type 'AAAAAAAAB', and there are no modules here",
            "key 'm': a value of the module type 'AAAAAAAAB', and there are no modules here",
            "key 'e': the value is empty",
        ]
    );
}

#[test]
fn other_databases() {
    let bytes = file(b"\xfe\x00\x00\x01a\x01v\xfe\x03\x00\x01b\x01v");
    let refused = read(&bytes).err().unwrap();
    assert_eq!(refused.to_string(), "a key of database 3, and there is only database 0 here");
    let contents = read_from(&bytes[..], OtherDatabases::Skip).unwrap();
    assert_eq!(contents.keys.len(), 1);
    assert_eq!(
        contents.skipped,
        ["key 'b': a key of database 3, and there is only database 0 here"]
    );
}

#[test]
fn checksums_and_versions() {
    let error = |bytes: &[u8]| read(bytes).err().unwrap().to_string();
    let good = file(b"\x00\x01a\x01v");
    assert!(read(&good).unwrap().checked);
    let mut bent = good.clone();
    bent[13] = b'w';
    assert_eq!(error(&bent), "the checksum of the file is wrong");
    let mut without = good.clone();
    let end = without.len() - 8;
    without[end..].fill(0);
    assert!(!read(&without).unwrap().checked);
    for at in 0..good.len() {
        assert_eq!(error(&good[..at]), "the data ends too early");
    }
    assert!(!read(b"REDIS0004\x00\x01a\x01v\xff").unwrap().checked);
    assert_eq!(error(b"REDIS0013\xff"), "version 13 of the format is not read");
    assert_eq!(error(b"REDIS0080\xff"), "version 80 of the format is not read");
    assert_eq!(error(b"VALKEY011\xff"), "version 11 of the format is not read");
    assert_eq!(error(b"REDIS+011\xff"), "not a file of this format");
    assert_eq!(error(b"something else"), "not a file of this format");
    assert_eq!(error(&file(b"\x1a\x01a\x01v")), "type 26 is not known");
    assert_eq!(error(&file(b"\xf0\x01a\x01v")), "type 240 is not known");
}

proptest! {
    /// Any bytes are read or refused; so are files and payloads in which a byte is another one.
    #[test]
    fn any_bytes_are_read_or_refused(
        parts in proptest::collection::vec(any::<u8>(), 0..80),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let _ = read(&file(&parts));
        let mut bytes = FILES[1].2.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read(&bytes);
        let _ = payload::read(&parts, VERSION, &Settings::default(), &|| true);
    }
}
