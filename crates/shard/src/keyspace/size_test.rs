//! How many bytes keys and elements take: a change that makes them fatter fails here.
//!
//! Counted by the structures themselves, without what the allocator adds; `benches` has a program
//! that asks the operating system. The figures are rounded up by two or three bytes.

use protocol::args::Request;
use protocol::encode::Version;
use protocol::spec::Slots;

use crate::reply::Reply;
use crate::testing::Rig;
use crate::time::Micros;

/// Bytes for each of `count` items that `request` adds.
fn bytes_for_each(count: usize, request: impl Fn(usize) -> Vec<String>) -> f64 {
    let mut rig = Rig::new();
    // Not by the rig, which compares all keys after each request.
    let shard = rig.shard();
    shard.keyspace_mut().record_effects(false);
    let before = shard.keyspace().memory();
    for n in 0..count {
        let request = Request::of(request(n));
        let id = shard.table().resolve(request.args()).expect("it is a command");
        let Slots::One(slot) = shard.table().spec(id).slots(request.args()) else {
            panic!("one key")
        };
        let mut out = Vec::new();
        let mut reply = Reply::resp(&mut out, Version::Resp2);
        shard.execute(id, request.args(), Some(slot), Micros::default(), &mut reply);
        assert_ne!(out.first(), Some(&b'-'), "{}", out.escape_ascii());
    }
    (shard.keyspace().memory() - before) as f64 / count as f64
}

fn words(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// Keys of 64 slots, so that each slot has about as many as with ten million keys.
fn key(n: usize) -> String {
    format!("{{{:02}}}:{n:011}", n % 64)
}

fn member(n: usize) -> String {
    format!("member:{n:09}")
}

#[test]
fn keys_with_strings() {
    const COUNT: usize = 40_000;
    let each = |value: &str, more: &[&str]| {
        bytes_for_each(COUNT, |n| {
            let mut parts = words(&["SET", &key(n), value]);
            parts.extend(words(more));
            parts
        })
    };
    let (short, long) = ("value:0123456789", "x".repeat(100));
    let figures = [each(short, &[]), each(short, &["EX", "1000"]), each(&long, &[])];
    let most = [60.0, 60.5, 160.0];
    assert!(figures.iter().zip(most).all(|(figure, most)| *figure < most), "{figures:?}");
}

#[test]
fn elements_of_large_collections() {
    const COUNT: usize = 20_000;
    let zset = bytes_for_each(COUNT, |n| {
        let score = n.wrapping_mul(0x9E37_79B1) & 0x7FFF_FFFF;
        words(&["ZADD", "zset", &score.to_string(), &member(n)])
    });
    assert!(zset < 66.0, "{zset}");
    let set = bytes_for_each(COUNT, |n| words(&["SADD", "set", &member(n)]));
    assert!(set < 36.0, "{set}");
    let hash = bytes_for_each(COUNT, |n| words(&["HSET", "hash", &member(n), &member(n)]));
    assert!(hash < 52.0, "{hash}");
    let list = bytes_for_each(COUNT, |n| words(&["RPUSH", "list", &member(n)]));
    assert!(list < 19.5, "{list}");
    let stream = bytes_for_each(COUNT, |n| words(&["XADD", "stream", "*", "field", &member(n)]));
    assert!(stream < 24.0, "{stream}");
}

#[test]
fn small_hashes() {
    let each = bytes_for_each(10_000, |n| {
        let mut parts = words(&["HSET", &key(n)]);
        (0..10).for_each(|at| parts.extend(words(&[&format!("field{at}"), "1234"])));
        parts
    });
    assert!(each < 215.0, "{each}");
}
