//! Arbitrary payloads of FUNCTION RESTORE whose checksum is right: restored or refused, nothing is
//! changed by those that are refused, and what was restored can be dumped and restored again.

#![no_main]

use arbitrary::Arbitrary;
use crc::{CRC_64_REDIS, Crc};
use fuzz::{Bench, may_not_end};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Body<'a> {
    Bytes(&'a [u8]),
    Libraries(Vec<&'a [u8]>),
}

#[derive(Debug, Arbitrary)]
struct Payload<'a> {
    body: Body<'a>,
    version: u16,
    append: bool,
}

impl Payload<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match &self.body {
            Body::Bytes(bytes) => out.extend_from_slice(bytes),
            Body::Libraries(codes) => {
                for (number, code) in codes.iter().enumerate() {
                    let head = format!(
                        "#!lua name=lib{number}\nredis.register_function('f{number}', tostring)\n"
                    );
                    out.extend_from_slice(&[0xF5, 0x80]);
                    let len = (head.len() + code.len()) as u32;
                    out.extend_from_slice(&len.to_be_bytes());
                    out.extend_from_slice(head.as_bytes());
                    out.extend_from_slice(code);
                }
            }
        }
        out.extend_from_slice(&(self.version % 96).to_le_bytes());
        let checksum = Crc::<u64>::new(&CRC_64_REDIS).checksum(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }
}

fuzz_target!(|payloads: Vec<Payload<'_>>| {
    let mut bench = Bench::default();
    for payload in &payloads {
        let bytes = payload.bytes();
        if may_not_end(&bytes) {
            continue;
        }
        let before = bench.run(&[b"FUNCTION", b"DUMP"]);
        let policy: &[u8] = if payload.append { b"APPEND" } else { b"REPLACE" };
        let reply = bench.run(&[b"FUNCTION", b"RESTORE", &bytes, policy]);
        let after = bench.run(&[b"FUNCTION", b"DUMP"]);
        if reply != "+OK" {
            assert!(reply.starts_with('-'), "{reply}");
            assert_eq!(after, before, "{payload:?} was refused: {reply}");
        }
    }
});
