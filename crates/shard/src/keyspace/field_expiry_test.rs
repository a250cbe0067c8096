//! Expired fields of hashes: what is seen of them, what is told, and when they go.

use super::REMOVED_AT_ONCE;
use crate::keyspace::{Events, Message, Settings};
use crate::testing::Rig;

fn rig_with_events() -> Rig {
    let mut rig = Rig::new();
    let events = Events::parse(b"KEA").unwrap();
    rig.shard().keyspace_mut().configure(Settings { events, ..Settings::default() });
    rig
}

/// The events since the last call.
fn events(rig: &mut Rig) -> Vec<&'static str> {
    let messages = rig.shard().keyspace_mut().take_messages();
    let event = |message: Message| match message {
        Message::Event { event, .. } => event,
        other => panic!("no event: {other:?}"),
    };
    messages.into_iter().map(event).collect()
}

/// Runs active expiry.
fn sweep(rig: &mut Rig, most: usize) -> usize {
    // A request brings the time.
    rig.run("DBSIZE");
    rig.shard().keyspace_mut().expire_some(most)
}

#[test]
fn every_read_hides_them() {
    // So many that most are there, unseen, to the last read.
    for count in [1, REMOVED_AT_ONCE * 16] {
        let mut rig = Rig::new().once();
        let fields: Vec<String> = (0..count).map(|n| format!("a{n} 1")).collect();
        let fields = fields.join(" ");
        rig.check(&format!("HSETEX h PX 10 FIELDS {} {fields} b 2", count + 1), ":1");
        rig.check("HSET h c 3", ":1");
        rig.advance_ms(11);
        rig.check("HGET h b", "_");
        rig.check("HMGET h a0 b c", "[_ _ $3]");
        rig.check("HLEN h", ":1");
        rig.check("HGETALL h", "[$c $3]");
        rig.check("HKEYS h", "[$c]");
        rig.check("HVALS h", "[$3]");
        rig.check("HEXISTS h b", ":0");
        rig.check("HSTRLEN h b", ":0");
        rig.check("HSCAN h 0 COUNT 10000", "[$0 [$c $3]]");
        rig.check("HRANDFIELD h", "$c");
        rig.check("HRANDFIELD h 5", "[$c]");
        rig.check("HRANDFIELD h -2", "[$c $c]");
        rig.check("HTTL h FIELDS 2 b c", "[:-2 :-1]");
        let removed = rig.shard().keyspace().counters().expired_fields;
        assert_eq!(removed as usize, (count + 1).min(13 * REMOVED_AT_ONCE));
    }
}

#[test]
fn writes_begin_anew() {
    let mut rig = Rig::new();
    for line in ["HINCRBY h a 5", "HINCRBYFLOAT h a 5", "HSETNX h a 5", "HSET h a 5"] {
        rig.check("HSETEX h PX 10 FIELDS 1 a 1", ":1");
        rig.run("HSETNX h other 1");
        rig.advance_ms(11);
        rig.run(line);
        rig.check("HGET h a", "$5");
        rig.check("HTTL h FIELDS 1 a", "[:-1]");
    }
    rig.check("HSETEX h PX 10 FIELDS 1 a 1", ":1");
    rig.advance_ms(11);
    rig.check("HDEL h a", ":0");
}

#[test]
fn hset_drops_the_expiry_and_increments_keep_it() {
    for len in [1, 65] {
        let mut rig = Rig::new();
        rig.check(&format!("HSET h x {}", "x".repeat(len)), ":1");
        for (line, ttl) in [
            ("HINCRBY h a 1", ":10"),
            ("HINCRBYFLOAT h a 1", ":10"),
            ("HSETNX h a 1", ":10"),
            ("HSET h a 1", ":-1"),
            ("HMSET h a 1", ":-1"),
        ] {
            rig.check("HSETEX h EX 10 FIELDS 1 a 1", ":1");
            rig.run(line);
            rig.check("HTTL h FIELDS 1 a", &format!("[{ttl}]"));
        }
    }
}

#[test]
fn a_hash_without_a_field_left_is_missing() {
    let lines = [
        ("EXISTS {t}h", ":0"),
        ("TYPE {t}h", "+none"),
        ("TTL {t}h", ":-2"),
        ("KEYS *", "[]"),
        ("SCAN 0", "[$0 []]"),
        ("RANDOMKEY", "_"),
        ("HLEN {t}h", ":0"),
        ("HGETALL {t}h", "[]"),
        ("HRANDFIELD {t}h", "_"),
        ("HGETEX {t}h FIELDS 1 0", "[_]"),
        ("RENAME {t}h {t}i", "-ERR no such key"),
        ("COPY {t}h {t}i", ":0"),
        ("SET {t}h v NX", "+OK"),
        ("HSET {t}h 0 1", ":1"),
        ("DEL {t}h", ":0"),
    ];
    for (line, reply) in lines {
        // More than are removed at once, too.
        for count in [1, REMOVED_AT_ONCE * 3] {
            let mut rig = Rig::new().once();
            for n in 0..count {
                rig.check(&format!("HSETEX {{t}}h PX 10 FIELDS 1 {n} v"), ":1");
            }
            rig.advance_ms(11);
            rig.check(line, reply);
        }
    }
}

#[test]
fn what_is_too_much_to_remove_at_once_is_hidden() {
    let count = REMOVED_AT_ONCE * 3;
    let mut rig = Rig::new().once();
    for n in 0..count {
        rig.check(&format!("HSETEX h PX 10 FIELDS 1 {n} v"), ":1");
    }
    rig.check("HSET h stays 1", ":1");
    rig.advance_ms(11);
    rig.check("HLEN h", ":1");
    assert_eq!(rig.shard().keyspace().counters().expired_fields, REMOVED_AT_ONCE as u64);
    let last = count - 1;
    rig.check(&format!("HSET h {last} again"), ":1");
    rig.check("HLEN h", ":2");
    assert_eq!(rig.shard().keyspace().counters().expired_fields, count as u64);
    assert_eq!(rig.shard().keyspace().with_expiring_fields(), 0);

    // The last ones of many, changed before their turn has come.
    for n in 0..count {
        rig.check(&format!("HSETEX h PX {} FIELDS 1 {n} v", n + 1), ":1");
    }
    rig.advance_ms(count as i64 + 1);
    rig.check(&format!("HINCRBY h {last} 1"), ":1");
    rig.check(&format!("HPERSIST h FIELDS 1 {}", last - 1), "[:-2]");
    rig.check("HRANDFIELD h 3", &format!("[$stays ${last}]"));
}

#[test]
fn copies_and_new_names_take_expiries_along() {
    let mut rig = Rig::new();
    rig.check("HSETEX {t}h EX 10 FIELDS 1 a 1", ":1");
    rig.check("HSET {t}h b 2", ":1");
    rig.check("COPY {t}h {t}copy", ":1");
    rig.check("RENAME {t}h {t}name", "+OK");
    rig.shard().keyspace_mut().rebuild();
    for key in ["{t}copy", "{t}name"] {
        rig.check(&format!("HPTTL {key} FIELDS 2 a b"), "[:10000 :-1]");
    }
    rig.check("HSET {t}copy a 2", ":0");
    rig.advance_ms(10_001);
    rig.check("HGETALL {t}copy", "[$a $2 $b $2]");
    rig.check("HGETALL {t}name", "[$b $2]");
}

#[test]
fn the_sweep_finds_them_among_many_keys() {
    let mut rig = Rig::new().once();
    for n in 0..1000 {
        rig.check(&format!("SET k{n} v"), "+OK");
    }
    for n in 0..10 {
        rig.check(&format!("HSETEX h{n} PX {} FIELDS 2 a 1 b 2", 10 + n), ":1");
        rig.check(&format!("HSET h{n} c 3"), ":1");
    }
    rig.advance_ms(15);
    assert_eq!(sweep(&mut rig, 4), 4, "no more than it may");
    assert_eq!(sweep(&mut rig, 100), 6);
    assert_eq!(rig.shard().keyspace().with_expiring_fields(), 5);
    rig.advance_ms(5);
    assert_eq!(sweep(&mut rig, 100), 10);
    assert_eq!(rig.shard().keyspace().with_expiring_fields(), 0);
    assert_eq!(rig.shard().keyspace().counters().expired_fields, 20);
    rig.check("DBSIZE", ":1010");
}

#[test]
fn the_sweep_removes_keys_without_a_field_left() {
    let mut rig = rig_with_events();
    rig.check("HSETEX h PX 10 FIELDS 2 a 1 b 2", ":1");
    rig.check("HSETEX i PX 10 FIELDS 2 a 1 b 2", ":1");
    rig.check("PEXPIRE i 5", ":1");
    rig.advance_ms(11);
    events(&mut rig);
    sweep(&mut rig, 100);
    assert_eq!(rig.shard().keyspace().len(), 0);
    let mut told = events(&mut rig);
    told.sort_unstable();
    assert_eq!(told, ["del", "expired", "hexpired"]);
}

#[test]
fn a_sweep_is_no_use_of_the_key() {
    let mut rig = Rig::new();
    rig.check("HSETEX h PX 10 FIELDS 1 a 1", ":1");
    rig.check("HSET h b 2", ":1");
    rig.advance_ms(5_000);
    assert_eq!(sweep(&mut rig, 10), 1);
    rig.check("OBJECT IDLETIME h", ":5");
}

#[test]
fn events_as_redis_tells_them() {
    let mut rig = rig_with_events();
    for (line, expected) in [
        ("HSET h a 1 b 2 c 3", &["hset"][..]),
        ("HEXPIRE h 100 FIELDS 2 a b", &["hexpire"]),
        ("HEXPIRE h 100 NX FIELDS 2 a missing", &[]),
        ("HPERSIST h FIELDS 2 a missing", &["hpersist"]),
        ("HPERSIST h FIELDS 1 a", &[]),
        ("HEXPIRE h 0 FIELDS 1 a", &["hdel"]),
        ("HEXPIREAT h 1 FIELDS 2 b c", &["hdel", "del"]),
        ("HSETEX h FIELDS 2 a 1 b 2", &["hset"]),
        ("HSETEX h EX 10 FIELDS 2 a 1 b 2", &["hset", "hexpire"]),
        ("HSETEX h KEEPTTL FIELDS 1 a 1", &["hset"]),
        ("HSETEX h FNX FIELDS 1 a 1", &[]),
        ("HSETEX h EXAT 1 FIELDS 1 new 1", &["hset", "hdel"]),
        ("HGETEX h FIELDS 1 a", &[]),
        ("HGETEX h EX 10 FIELDS 2 missing a", &["hexpire"]),
        ("HGETEX h EX 10 FIELDS 1 missing", &[]),
        ("HGETEX h PERSIST FIELDS 1 a", &["hpersist"]),
        ("HGETEX h PERSIST FIELDS 1 a", &[]),
        ("HGETEX h EXAT 1 FIELDS 1 a", &["hdel"]),
        ("HGETDEL h FIELDS 1 missing", &[]),
        ("HGETDEL h FIELDS 1 b", &["hdel", "del"]),
        ("HSETEX h EXAT 1 FIELDS 1 b 1", &["hset", "hdel", "del"]),
    ] {
        events(&mut rig);
        rig.run(line);
        assert_eq!(events(&mut rig), expected, "{line}");
    }
    rig.check("HSETEX h PX 10 FIELDS 2 a 1 b 2", ":1");
    rig.check("HSETEX h PX 20 FIELDS 1 c 3", ":1");
    rig.advance_ms(15);
    events(&mut rig);
    rig.check("HGET h a", "_");
    assert_eq!(events(&mut rig), ["hexpired"]);
    rig.advance_ms(15);
    rig.check("HSET h d 4", ":1");
    assert_eq!(events(&mut rig), ["hexpired", "del", "hset"]);
}

#[test]
fn a_script_that_fails_brings_them_back() {
    let mut rig = Rig::new();
    rig.check("HSETEX h PX 10 FIELDS 2 a 1 b 2", ":1");
    rig.check("HSET h c 3", ":1");
    rig.advance_ms(11);
    let script = "redis.call('HSET', KEYS[1], 'a', 2) error('no')";
    rig.check_error(&format!("EVAL \"{script}\" 1 h"), "ERR user_script");
    assert_eq!(rig.shard().keyspace().with_expiring_fields(), 1);
    rig.check("HGETALL h", "[$c $3]");
}
