//! Payloads of RESTORE for random requests.

use std::sync::OnceLock;

use protocol::args::Request;
use shard::time::Micros;

use super::{START, execute, shard};

/// Begins a word that stands for a payload.
pub(crate) const PAYLOAD: char = '\u{1}';

/// The bytes of a word.
pub(crate) fn bytes_of(word: &str) -> &[u8] {
    match word.strip_prefix(PAYLOAD) {
        Some(at) => &payloads()[at.parse::<usize>().expect("a number")],
        None => word.as_bytes(),
    }
}

/// Keys, and what makes values of them for RESTORE.
const VALUES: &[(&str, &[&str])] = &[
    ("string", &["SET string text"]),
    ("int", &["SET int 17"]),
    ("list", &["RPUSH list 0 a 1 b 2 c 3 d"]),
    ("intset", &["SADD intset 1 2 301"]),
    ("set", &["SADD set m0 m1 a-member-that-is-longer"]),
    ("zset", &["ZADD zset 1 field1 2.5 field2 inf field3"]),
    ("hash", &["HSET hash field1 v field2 w"]),
    (
        "expiring",
        &[
            "HSET expiring field1 v field2 w field3 x",
            "HPEXPIREAT expiring 1700000001500 FIELDS 1 field2",
            "HPEXPIREAT expiring 1700000090000 FIELDS 1 field1",
        ],
    ),
    (
        "stream",
        &[
            "XADD stream 3-0 f v",
            "XADD stream 7-0 f v g w",
            "XADD stream 9-0 f v",
            "XDEL stream 7-0",
            "XGROUP CREATE stream one 0",
            "XREADGROUP GROUP one consumer1 STREAMS stream >",
        ],
    ),
];

/// Payloads of values of all types. Those with line feeds are left out: scripts here take words apart
/// at these.
pub(crate) fn payloads() -> &'static [Vec<u8>] {
    static PAYLOADS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    PAYLOADS.get_or_init(|| {
        let mut shard = shard();
        for line in VALUES.iter().flat_map(|(_, lines)| *lines) {
            execute(&mut shard, &Request::of(line.split(' ')), Micros(START));
        }
        let dump = |(key, _): &(&str, &[&str])| {
            let reply = execute(&mut shard, &Request::of(["DUMP", *key]), Micros(START));
            let begin = reply.iter().position(|&byte| byte == b'\n').expect("a bulk string") + 1;
            reply[begin..reply.len() - 2].to_vec()
        };
        VALUES.iter().map(dump).filter(|payload| !payload.contains(&b'\n')).collect()
    })
}

#[test]
fn payloads_are_of_all_types() {
    // Strings, quicklists, intsets, listpacks of each kind, streams: see `rdb::kind`.
    for kind in [0, 18, 11, 20, 17, 16, 25, 21] {
        assert!(payloads().iter().any(|payload| payload[0] == kind), "{kind}");
    }
}
