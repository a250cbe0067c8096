//! Tests of RESTORE.

use protocol::args::Request;

use crate::keyspace::{Eviction, Settings};
use crate::rdb::payload;
use crate::testing::Rig;

/// The payload of this body, its trailer right.
fn sealed(body: &[u8]) -> Vec<u8> {
    payload::seal(body.to_vec(), 11)
}

fn restore(rig: &mut Rig, body: &[u8], options: &[&str]) -> String {
    let payload = sealed(body);
    let parts = [&b"RESTORE"[..], b"k", b"0", &payload].into_iter();
    rig.run_request(&Request::of(parts.chain(options.iter().map(|word| word.as_bytes()))))
}

fn restore_at(rig: &mut Rig, ttl: &str, options: &[&str]) -> String {
    let payload = sealed(b"\x00\x05hello");
    let parts = [&b"RESTORE"[..], b"k", ttl.as_bytes(), &payload].into_iter();
    rig.run_request(&Request::of(parts.chain(options.iter().map(|word| word.as_bytes()))))
}

#[test]
fn a_key_is_made_or_replaced() {
    let mut rig = Rig::new();
    assert_eq!(restore(&mut rig, b"\x00\x05hello", &[]), "+OK");
    rig.check("GET k", "$hello");
    rig.check("TTL k", ":-1");
    let busy = "-BUSYKEY Target key name already exists.";
    assert_eq!(restore(&mut rig, b"\x00\x02hi", &[]), busy);
    assert_eq!(restore(&mut rig, b"\x01\x02\x01a\x01b", &["replace"]), "+OK");
    rig.check("LRANGE k 0 -1", "[$a $b]");
}

#[test]
fn expiry() {
    let mut rig = Rig::new();
    let in_a_second = (rig.now_ms() + 1000).to_string();
    assert_eq!(restore_at(&mut rig, "1500", &[]), "+OK");
    rig.check("PTTL k", ":1500");
    assert_eq!(restore_at(&mut rig, &in_a_second, &["ABSTTL", "REPLACE"]), "+OK");
    rig.check("PTTL k", ":1000");
    assert_eq!(restore_at(&mut rig, "0", &["REPLACE", "ABSTTL"]), "+OK");
    rig.check("PTTL k", ":-1");
    // A time that is over: what was there is gone.
    assert_eq!(restore_at(&mut rig, "5", &["REPLACE", "ABSTTL"]), "+OK");
    rig.check("EXISTS k", ":0");
    assert_eq!(restore_at(&mut rig, "5", &["ABSTTL"]), "+OK");
    rig.check("EXISTS k", ":0");
    // Redis loses the key.
    assert_eq!(restore_at(&mut rig, "9223372036854775807", &[]), "+OK");
    rig.check("GET k", "$hello");
}

#[test]
fn an_expired_key_is_not_in_the_way() {
    let mut rig = Rig::new().once();
    rig.check("SET k v PX 10", "+OK");
    rig.advance_ms(20);
    assert_eq!(restore_at(&mut rig, "0", &[]), "+OK");
    rig.check("GET k", "$hello");
}

#[test]
fn wrong_options_in_the_order_of_redis() {
    let mut rig = Rig::new();
    rig.check("SET k v", "+OK");
    let syntax = "-ERR syntax error";
    assert_eq!(restore_at(&mut rig, "x", &["NONSENSE"]), syntax);
    assert_eq!(restore_at(&mut rig, "x", &["IDLETIME"]), syntax);
    assert_eq!(restore_at(&mut rig, "0", &["IDLETIME", "1", "FREQ", "1"]), syntax);
    let not_an_int = "-ERR value is not an integer or out of range";
    assert_eq!(restore_at(&mut rig, "0", &["IDLETIME", "x"]), not_an_int);
    let idle = "-ERR Invalid IDLETIME value, must be >= 0";
    assert_eq!(restore_at(&mut rig, "0", &["IDLETIME", "-1"]), idle);
    let freq = "-ERR Invalid FREQ value, must be >= 0 and <= 255";
    assert_eq!(restore_at(&mut rig, "0", &["FREQ", "256"]), freq);
    let busy = "-BUSYKEY Target key name already exists.";
    assert_eq!(restore_at(&mut rig, "x", &[]), busy);
    assert_eq!(restore_at(&mut rig, "x", &["REPLACE"]), not_an_int);
    let ttl = "-ERR Invalid TTL value, must be >= 0";
    assert_eq!(restore_at(&mut rig, "-1", &["REPLACE"]), ttl);
    let wrong = "-ERR DUMP payload version or checksum are wrong";
    rig.check("RESTORE k 0 nonsense REPLACE", wrong);
    rig.check("RESTORE k -1 nonsense REPLACE", ttl);
    rig.check("GET k", "$v");
    rig.check("RESTORE k 0", "-ERR wrong number of arguments for 'restore' command");
}

#[test]
fn versions() {
    let mut rig = Rig::new();
    for (version, reply) in [
        (1, "+OK"),
        (12, "+OK"),
        (80, "+OK"),
        (0, "-ERR DUMP payload version or checksum are wrong"),
        (13, "-ERR DUMP payload version or checksum are wrong"),
        (81, "-ERR DUMP payload version or checksum are wrong"),
    ] {
        let payload = payload::seal(b"\x00\x01v".to_vec(), version);
        let parts = [&b"RESTORE"[..], b"k", b"0", &payload, b"REPLACE"];
        assert_eq!(rig.run_parts(&parts), reply, "{version}");
    }
    let mut bent = sealed(b"\x00\x01v");
    bent[2] ^= 1;
    let wrong = "-ERR DUMP payload version or checksum are wrong";
    assert_eq!(rig.run_parts(&[&b"RESTORE"[..], b"new", b"0", &bent]), wrong);
}

#[test]
fn use_is_what_is_said() {
    let mut rig = Rig::new().once();
    assert_eq!(restore_at(&mut rig, "0", &["IDLETIME", "1000"]), "+OK");
    rig.check("OBJECT IDLETIME k", ":1000");
    assert_eq!(restore_at(&mut rig, "0", &["IDLETIME", "9223372036854775807", "REPLACE"]), "+OK");
    // Of a policy that counts nothing is known.
    assert_eq!(restore_at(&mut rig, "0", &["FREQ", "100", "REPLACE"]), "+OK");
    rig.check("OBJECT IDLETIME k", ":0");
    let settings = Settings { eviction: Eviction::AllKeysLfu, ..Settings::default() };
    rig.shard().keyspace_mut().configure(settings);
    assert_eq!(restore_at(&mut rig, "0", &["FREQ", "100", "REPLACE"]), "+OK");
    rig.check("OBJECT FREQ k", ":100");
}

/// Bodies that are no values, of each type.
const BROKEN: &[&[u8]] = &[
    b"",
    b"\x00",
    b"\x00\x05hell",
    b"\x00\xc3\x02\x05\x00x",
    // Collections without elements, and with fewer than they say.
    b"\x01\x00",
    b"\x01\x02\x01a",
    b"\x02\x00",
    b"\x04\x01\x01f",
    b"\x04\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01f\x01v",
    // The same element twice.
    b"\x02\x02\x01a\x01a",
    b"\x02\x02\xc0\x01\x011",
    b"\x04\x02\x01f\x01v\x01f\x01w",
    b"\x05\x02\x01a\0\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\0",
    // A score that is no number.
    b"\x05\x01\x01a\0\0\0\0\0\0\xf8\x7f",
    b"\x03\x01\x01a\xfd",
    b"\x03\x01\x01a\x01x",
    // Packed forms: no listpack, one without elements, one with an odd number of them.
    b"\x10\x03abc",
    b"\x10\x07\x07\0\0\0\0\0\xff",
    b"\x10\x09\x09\0\0\0\x01\0\x05\x01\xff",
    b"\x11\x09\x09\0\0\0\x01\0\x05\x01\xff",
    b"\x14\x0b\x0b\0\0\0\x02\0\x05\x01\x05\x01\xff",
    b"\x0b\x0c\x02\0\0\0\x02\0\0\0\x02\0\x01\0",
    b"\x12\x01\x03\x01a",
    b"\x12\x00",
    b"\x12\x01\x01\x00",
    b"\x0e\x01\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff",
    b"\x09\x02\x00\xff",
    // A stream without blocks that has entries; with a group whose entry has no owner, and two.
    b"\x0f\x00\x01\x00\x00\x00",
    b"\x0f\x00\x00\x01\x01\x01\x01g\x01\x00\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\
        \x00",
    b"\x0f\x00\x00\x01\x01\x01\x01g\x01\x00\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\
        \x02\x01a\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\
        \x01b\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0",
    // Modules, and types that nobody knows.
    b"\x06\x01",
    b"\x07\x81\0\0\0\0\0\0\0\x01",
    b"\x08\x01a",
    b"\x1a\x01a",
    b"\xff",
];

#[test]
fn what_is_no_value_is_refused() {
    let mut rig = Rig::new();
    rig.check("SET k v", "+OK");
    for body in BROKEN {
        let reply = restore(&mut rig, body, &["REPLACE"]);
        assert_eq!(reply, "-ERR Bad data format", "{}", body.escape_ascii());
    }
    rig.check("GET k", "$v");
}

#[test]
fn every_type_that_there_ever_was() {
    let mut rig = Rig::new();
    let mut check = |body: &[u8], command: &str, reply: &str| {
        assert_eq!(restore(&mut rig, body, &["REPLACE"]), "+OK", "{}", body.escape_ascii());
        rig.check(command, reply);
    };
    check(b"\x00\xc1\xff\x7f", "GET k", "$32767");
    check(b"\x01\x02\x01a\xc0\x05", "LRANGE k 0 -1", "[$a $5]");
    check(b"\x02\x02\xc0\x05\xc0\x07", "SMEMBERS k", "[$5 $7]");
    check(b"\x02\x02\xc0\x05\xc0\x07", "OBJECT ENCODING k", "$intset");
    check(b"\x03\x02\x01a\x031.5\x01b\xfe", "ZRANGE k 0 -1 WITHSCORES", "[$a $1.5 $b $inf]");
    check(b"\x04\x01\x01f\x01v", "HGETALL k", "[$f $v]");
    check(b"\x05\x01\x01a\0\0\0\0\0\0\x00\xc0", "ZRANGE k 0 -1 WITHSCORES", "[$a $-2]");
    check(
        b"\x0f\x00\x00\x01\x01\x01\x01g\x01\x00\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\
        \x01\x01a\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0",
        "XPENDING k g",
        "[:1 $1-0 $1-0 [[$a $1]]]",
    );
    check(b"\x09\x07\x01\x01f\x01\x00v\xff", "HGETALL k", "[$f $v]");
}

#[test]
fn events() {
    let mut rig = Rig::new().once();
    let settings =
        Settings { events: crate::keyspace::Events::parse(b"KEA").unwrap(), ..Settings::default() };
    rig.shard().keyspace_mut().configure(settings);
    let events = |rig: &mut Rig| {
        let messages = rig.shard().keyspace_mut().take_messages();
        let names = messages.into_iter().filter_map(|message| match message {
            crate::keyspace::Message::Event { event, .. } => Some(event),
            _ => None,
        });
        names.collect::<Vec<_>>()
    };
    restore_at(&mut rig, "0", &[]);
    assert_eq!(events(&mut rig), ["restore"]);
    restore_at(&mut rig, "0", &["REPLACE"]);
    assert_eq!(events(&mut rig), ["restore"]);
    restore_at(&mut rig, "1", &["REPLACE", "ABSTTL"]);
    assert_eq!(events(&mut rig), ["del"]);
    restore_at(&mut rig, "1", &["REPLACE", "ABSTTL"]);
    assert_eq!(events(&mut rig), [] as [&str; 0]);
}

#[test]
fn asking_is_the_same() {
    let mut rig = Rig::new();
    let payload = sealed(b"\x00\x05hello");
    assert_eq!(rig.run_parts(&[&b"RESTORE-ASKING"[..], b"k", b"0", &payload]), "+OK");
    rig.check("GET k", "$hello");
}
