//! Tests of the payload of FUNCTION DUMP.

use proptest::prelude::*;

use super::*;

/// The payload with this body, its trailer right.
fn sealed(body: &[u8], version: u16) -> Vec<u8> {
    rdb::payload::seal(body.to_vec(), version)
}

fn error(payload: &[u8]) -> String {
    read(payload).unwrap_err().to_string()
}

#[test]
fn an_empty_payload_is_the_trailer_alone() {
    // What Redis 7.0.15 answers when there are no libraries.
    assert_eq!(write([]), b"\n\x00]\x9b\\@\x0f\x7f\xa2\xda");
    assert_eq!(read(&write([])), Ok(vec![]));
}

#[test]
fn payloads_of_redis_are_read() {
    // From Redis 7.0.15: a plain string and a compressed one.
    let plain = b"#!lua name=l2\nredis.register_function('f1', function() return 1 end)";
    let compressed = [
        &b"#!lua name=big\nredis.register_function('big', function() return 1 end)"[..],
        &b"--x".repeat(100),
    ]
    .concat();
    let payload = [
        b"\xf5@D",
        &plain[..],
        b"\xf5\xc3@OAr\x1f#!lua name=big\nredis.register_fu\x07nction(' \x1c\x02', \xe0\x00\x0f",
        b"\x11) return 1 end)--x\xe0\xff\x02\xe1\x16\x07\x01-x\n\x00\x8b\xcff\x0e\xd4N}\xe6",
    ]
    .concat();
    assert_eq!(read(&payload), Ok(vec![plain.to_vec(), compressed]));
}

#[test]
fn numbers_are_strings_too() {
    let body = b"\xf5\xc0\xff\xf5\xc1\x00\x01\xf5\xc2\x00\x00\x01\x00";
    let codes = [&b"-1"[..], b"256", b"65536"].map(<[u8]>::to_vec).to_vec();
    assert_eq!(read(&sealed(body, 12)), Ok(codes));
}

#[test]
fn long_lengths() {
    for len in [0, 63, 64, 16_383, 16_384, 70_000] {
        let code = vec![b'x'; len];
        assert_eq!(read(&write([&code[..]])), Ok(vec![code]), "{len}");
    }
    assert_eq!(read(&sealed(b"\xf5\x81\0\0\0\0\0\0\0\x01x", 10)), Ok(vec![b"x".to_vec()]));
}

#[test]
fn what_is_broken_is_refused() {
    let wrong = "ERR DUMP payload version or checksum are wrong";
    let broken = "ERR Failed loading library payload";
    assert_eq!(error(b""), wrong);
    assert_eq!(error(b"bad_payload"), wrong);
    assert_eq!(error(&sealed(b"\xf5\x01x", 81)), wrong);
    let mut bent = sealed(b"\xf5\x01x", 10);
    bent[2] = b'y';
    assert_eq!(error(&bent), wrong);
    assert_eq!(error(&sealed(b"\xf7\x01x", 10)), "ERR given type is not a function");
    assert_eq!(error(&sealed(b"\xf5\x01x\0", 10)), "ERR given type is not a function");
    assert_eq!(error(&sealed(b"\xf6\x01x", 10)), "ERR Pre-GA function format not supported");
    for body in [
        &b"\xf5"[..],
        b"\xf5\x02x",
        b"\xf5\x81\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xf5\x85x",
        b"\xf5\xc7",
        // Compressed: too short, too long for what it is made of, and not what it says.
        b"\xf5\xc3\x05\x05\x00x",
        b"\xf5\xc3\x02\x80\x10\x00\x00\x00\x00x",
        b"\xf5\xc3\x02\x05\x00x",
        b"\xf5\xc3\x02\xc0\x00x",
    ] {
        assert_eq!(error(&sealed(body, 10)), broken, "{}", body.escape_ascii());
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(codes in proptest::collection::vec("[ -~\\n]{0,200}", 0..5)) {
        let codes: Vec<Vec<u8>> = codes.into_iter().map(String::into_bytes).collect();
        let payload = write(codes.iter().map(Vec::as_slice));
        prop_assert_eq!(read(&payload), Ok(codes));
    }

    #[test]
    fn compressed_strings_are_read(code in "[ab]{30,600}") {
        if let Ok(short) = lzf::compress(code.as_bytes()) {
            let mut body = b"\xf5\xc3".to_vec();
            rdb::put_len(&mut body, short.len() as u64);
            rdb::put_len(&mut body, code.len() as u64);
            body.extend_from_slice(&short);
            prop_assert_eq!(read(&sealed(&body, 10)), Ok(vec![code.into_bytes()]));
        }
    }

    /// Any bytes with a right trailer are read or refused, and nothing else happens.
    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = read(&sealed(&[&b"\xf5"[..], &body].concat(), 10));
        let _ = read(&sealed(&[&b"\xf5\xc3"[..], &body].concat(), 10));
        let _ = read(&body);
    }
}
