//! The bytes of version 1: a file that this build writes is read by every build of that version.

use crate::rig::{node_id, open, read};
use wal::snapshot::{FileHeader, begin};
use wal::testing::MemoryStorage;
use wal::{NODE, SlotRange};

fn hexadecimal(bytes: &[u8]) -> String {
    let lines = bytes
        .chunks(16)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_segment() {
    let storage = MemoryStorage::default();
    let mut writer = open(&storage, 4096).unwrap();
    writer.append_entries(1, 1, 0x0102, b"entries").unwrap();
    writer.append_node(1, 3, b"node").unwrap();
    writer.write().unwrap();
    writer.append_gap(0, 9, 4).unwrap();
    writer.sync_mark().unwrap();
    let end = usize::try_from(writer.size_bytes()).unwrap();
    let bytes = storage.bytes("log-0000000000000001.wal");
    assert_eq!(hexadecimal(&bytes[..end]), SEGMENT.trim());
    assert_eq!(read(&storage).unwrap().0.last.shards, [9, 1]);
}

#[test]
fn a_snapshot() {
    let storage = MemoryStorage::default();
    let set = begin(storage.clone(), 5).unwrap();
    let slots = SlotRange { first: 0, count: 0 };
    let header =
        FileHeader { node_id: node_id(), number: 5, shard: NODE, shards: 0, slots, created_ms: 6 };
    let mut file = set.file(&header).unwrap();
    file.chunk(b"one").unwrap();
    file.chunk(b"two").unwrap();
    file.finish(7).unwrap();
    set.finish().unwrap();
    let bytes = storage.bytes("snapshot-0000000000000005/node.snap");
    assert_eq!(hexadecimal(&bytes), SNAPSHOT.trim());
}

const SEGMENT: &str = "
41544f4c4c57414c0100000002000000
61616161616161616161616161616161
61616161616161616161616161616161
61616161616161610a3dcb0d04e7c095
01000000000000000000000000000000
00000020000000000000000000200020
0000000000000000b0969de441744672
3ec7a7643b000000020000000a3dcb0d
04e7c095010000000000000000000000
00000000010001000700000001000000
000000000201000000000000656e7472
6965730200ffff040000000100000000
00000003000000000000006e6f646541
7446724b1c8d9018000000010000000a
3dcb0d04e7c095020000000000000000
00000000000000030000000000000009
00000000000000040000000000000041
744672fc29e26318000000010000000a
3dcb0d04e7c095030000000000000002
000000000000000400ffff0000000000
000000000000000000000000000000
";

const SNAPSHOT: &str = "
41544f4c4c534e5001000000ffff0000
00000000616161616161616161616161
61616161616161616161616161616161
61616161616161616161616100000000
05000000000000000600000000000000
2bde799003000000dbb0fba16f6e6503
000000904c39be74776f4174456e2775
d7a60200000000000000060000000000
00000700000000000000
";
