//! Arbitrary payloads of RESTORE whose checksum is right: restored or refused, nothing is changed by
//! those that are refused, and what was restored can be dumped and restored again.

#![no_main]

use arbitrary::Arbitrary;
use crc::{CRC_64_REDIS, Crc};
use fuzz::Bench;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Payload<'a> {
    kind: u8,
    version: u16,
    body: &'a [u8],
}

impl Payload<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut out = vec![self.kind % 32];
        out.extend_from_slice(self.body);
        out.extend_from_slice(&(self.version % 96).to_le_bytes());
        let checksum = Crc::<u64>::new(&CRC_64_REDIS).checksum(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }
}

fuzz_target!(|payloads: Vec<Payload<'_>>| {
    let mut bench = Bench::default();
    for payload in &payloads {
        let before = bench.run(&[b"DUMP", b"k"]);
        let reply = bench.run(&[b"RESTORE", b"k", b"0", &payload.bytes(), b"REPLACE"]);
        let after = bench.run(&[b"DUMP", b"k"]);
        if reply != "+OK" {
            assert!(reply.starts_with('-'), "{reply}");
            assert_eq!(after, before, "{payload:?} was refused: {reply}");
            continue;
        }
        // Fields of hashes may have been over already.
        if after != "_" {
            bench.run(&[b"COPY", b"k", b"{k}copy", b"REPLACE"]);
            bench.run(&[b"XINFO", b"STREAM", b"k", b"FULL"]);
            bench.run(&[b"XADD", b"k", b"*", b"f", b"v"]);
            bench.run(&[b"RPUSH", b"k", b"e"]);
            bench.run(&[b"HSET", b"k", b"f", b"v"]);
            bench.run(&[b"SADD", b"k", b"m"]);
            bench.run(&[b"ZADD", b"k", b"1", b"m"]);
        }
    }
});
