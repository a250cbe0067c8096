//! Snapshots of large values and full slots, with requests in between, are the state at their end.

use fastrand::Rng;
use protocol::args::Request;
use protocol::encode::Version;
use protocol::slot::Slot;

use super::*;
use crate::Shard;
use crate::reply::Reply;
use crate::script::ScriptEngine;
use crate::testing::table;
use crate::time::Micros;

fn shard() -> Shard {
    let mut keyspace = Keyspace::new(0, 16384, 1);
    keyspace.record_effects(true);
    Shard::new(keyspace, ScriptEngine::default(), table())
}

fn run(shard: &mut Shard, line: &str) {
    let request = Request::of(line.split(' '));
    let id = shard.table().resolve(request.args()).expect("a command");
    let slot = Some(Slot::of_key(b"{k}"));
    let mut out = Vec::new();
    let now = Micros(1_700_000_000_000_000);
    shard.execute(id, request.args(), slot, now, &mut Reply::resp(&mut out, Version::Resp2));
    let refused = out.starts_with(b"-ERR") && out != b"-ERR no such key\r\n";
    assert!(!refused, "{line}: {}", out.escape_ascii());
}

/// Takes a snapshot in steps of `most` bytes, with requests in between that `request` makes, each
/// of one word more or less; some entries are followed together.
fn check(shard: &mut Shard, seed: u64, most: usize, mut request: impl FnMut(&mut Rng) -> String) {
    shard.keyspace_mut().clear_effects();
    let mut rng = Rng::with_seed(seed);
    let mut snapshot = Snapshot::in_parts(8, 10, 2);
    let mut written = Vec::new();
    let mut steps = 0;
    while shard.keyspace().snapshot_step(&mut snapshot, &mut written, most) {
        steps += 1;
        let follow = |shard: &mut Shard, snapshot: &mut Snapshot, written: &mut Vec<u8>| {
            let effects = shard.keyspace_mut().take_effects();
            shard.keyspace().follow(snapshot, &effects, written).expect("own effects");
        };
        for _ in 0..rng.usize(..3) {
            run(shard, &request(&mut rng));
            if rng.bool() {
                follow(shard, &mut snapshot, &mut written);
            }
        }
        follow(shard, &mut snapshot, &mut written);
        assert!(steps < 20_000, "no end with seed {seed}");
    }
    let mut restored = Keyspace::new(0, 16384, 2);
    restored.replay(&written).expect("own effects");
    assert_eq!(restored.digest(), shard.keyspace().digest(), "seed {seed}");
    assert_eq!(restored.len(), shard.keyspace().len());
}

#[test]
fn lists_that_change() {
    for seed in 0..200 {
        let mut shard = shard();
        (0..60).for_each(|n| run(&mut shard, &format!("RPUSH {{k}} {n}")));
        check(&mut shard, seed, 40, |rng| {
            let n = rng.u32(..60);
            match rng.u32(..7) {
                0 => format!("LPUSH {{k}} a{n} b c"),
                1 => format!("RPUSH {{k}} a{n} b"),
                2 => "LPOP {k} 2".into(),
                3 => format!("LREM {{k}} 0 {n}"),
                4 => "RENAME {k} {k}".into(),
                5 => "LMOVE {k} {k} LEFT RIGHT".into(),
                _ => format!("LINSERT {{k}} BEFORE {n} x"),
            }
        });
    }
}

#[test]
fn streams_that_change() {
    for seed in 0..200 {
        let mut shard = shard();
        (1..60).for_each(|n| run(&mut shard, &format!("XADD {{k}} {n}-0 f v")));
        run(&mut shard, "XGROUP CREATE {k} g 0");
        let mut last = 100;
        check(&mut shard, seed, 40, |rng| {
            last += 1;
            let n = rng.u32(1..60);
            match rng.u32(..5) {
                0 => format!("XADD {{k}} {last}-0 f v"),
                1 => format!("XDEL {{k}} {n}-0"),
                2 => "XREADGROUP GROUP g c COUNT 3 STREAMS {k} >".into(),
                3 => format!("XACK {{k}} g {n}-0"),
                _ => format!("XADD {{k}} MAXLEN 50 {last}-0 f v"),
            }
        });
    }
}

#[test]
fn collections_and_strings_that_change() {
    for seed in 0..300 {
        let mut shard = shard();
        for n in 0..60 {
            run(&mut shard, &format!("SADD {{k}}s m{n}"));
            run(&mut shard, &format!("HSET {{k}}h f{n} v"));
            run(&mut shard, &format!("ZADD {{k}}z {n} m{n}"));
            run(&mut shard, &format!("APPEND {{k}}a text{n}"));
        }
        run(&mut shard, "EXPIRE {k}s 1000");
        check(&mut shard, seed, 30, |rng| {
            let n = rng.u32(..80);
            match rng.u32(..14) {
                0 => format!("SADD {{k}}s m{n}"),
                1 => format!("SREM {{k}}s m{n} m1"),
                2 => format!("HSET {{k}}h f{n} w"),
                3 => format!("HDEL {{k}}h f{n}"),
                4 => format!("ZADD {{k}}z {n} m{}", rng.u32(..80)),
                5 => format!("ZREM {{k}}z m{n}"),
                6 => format!("SETRANGE {{k}}a {n} xyz"),
                7 => "APPEND {k}a end".into(),
                8 => format!("SET {{k}}a {n}"),
                9 => "PERSIST {k}s".into(),
                10 => format!("HPEXPIRE {{k}}h 100000 FIELDS 1 f{n}"),
                11 => "RENAME {k}s {k}r".into(),
                12 => "COPY {k}z {k}s REPLACE".into(),
                _ => "DEL {k}h".into(),
            }
        });
    }
}

#[test]
fn a_slot_that_grows_and_shrinks() {
    for seed in 0..300 {
        let mut shard = shard();
        (0..150).for_each(|n| run(&mut shard, &format!("RPUSH {{k}}{n} a b")));
        let shrinks = seed % 2 == 0;
        check(&mut shard, seed, 25, |rng| {
            let n = rng.u32(..150);
            match rng.u32(..5) {
                0 => format!("RPUSH {{k}}{n} c"),
                1 if !shrinks => format!("RPUSH {{k}}new{n} {}", "long".repeat(30)),
                2 => format!("LPOP {{k}}{n}"),
                _ if shrinks => {
                    let gone: Vec<String> =
                        (0..25).map(|_| format!("{{k}}{}", rng.u32(..150))).collect();
                    format!("DEL {}", gone.join(" "))
                }
                _ => format!("SET {{k}}{n} text"),
            }
        });
    }
}

#[test]
fn all_keys_go_meanwhile() {
    for seed in 0..50 {
        let mut shard = shard();
        (0..100).for_each(|n| run(&mut shard, &format!("SADD {{k}}{} m{n}", n % 3)));
        check(&mut shard, seed, 30, |rng| match rng.u32(..20) {
            0 => "FLUSHALL".into(),
            n => format!("SADD {{k}}{} x{n}", n % 5),
        });
    }
}
