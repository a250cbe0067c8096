//! The wire: golden dialogues, broken requests, large and many requests.

use e2e::golden::{Peer, play};
use e2e::redis::Redis;
use e2e::resp::{Value, encode};
use e2e::server::Server;
use e2e::{poll, slot};

/// The files in tests/data.
const DIALOGUES: &[&str] = &[
    "connection",
    "geo",
    "hashes",
    "keys",
    "protocol",
    "scripts",
    "sorted_sets",
    "strings",
    "transactions",
];

#[test]
fn golden_dialogues() {
    let server = Server::start();
    play_all(server.port(), Peer::Atoll);
}

/// Plays all, also after one that differs.
#[track_caller]
fn play_all(port: u16, peer: Peer) {
    let play_one = |name: &&str| std::panic::catch_unwind(|| play(name, port, peer)).is_ok();
    let agreed: Vec<bool> = DIALOGUES.iter().map(play_one).collect();
    assert!(agreed.iter().all(|agreed| *agreed), "see above: {DIALOGUES:?} {agreed:?}");
}

#[test]
fn redis_agrees_with_the_golden_dialogues() {
    if let Some(redis) = Redis::start() {
        play_all(redis.port(), Peer::Redis);
    }
}

/// What the server says to bytes that are not RESP, before it closes the connection.
fn broken(server: &Server, bytes: &[u8]) -> String {
    let mut client = server.client();
    client.send(bytes);
    let reply = client.read().to_string();
    client.check_closed();
    reply
}

#[test]
fn a_broken_request_ends_the_connection() {
    let server = Server::start();
    let long_line = |start: &[u8]| [start, &[b'1'; 70_000]].concat();
    for (bytes, text) in [
        (&b"*x\r\n"[..], "invalid multibulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*99999999999999999999\r\n", "invalid multibulk length"),
        (b"*1\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n\x01\r\n", "expected '$', got ' '"),
        (b"*1\r\n$-5\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"GET 'k\r\n", "unbalanced quotes in request"),
        (&long_line(b"*"), "too big mbulk count string"),
        (&long_line(b"*1\r\n$"), "too big bulk count string"),
        (&long_line(b"SET k "), "too big inline request"),
    ] {
        assert_eq!(broken(&server, bytes), format!("-ERR Protocol error: {text}"));
    }
    server.client().check("PING", "+PONG");
}

#[test]
fn a_request_that_is_broken_later_does_not_spoil_earlier_ones() {
    let server = Server::start();
    let mut client = server.client();
    let mut bytes = Vec::new();
    // Of all shards, so that replies have to be waited for.
    (0..8).for_each(|n| bytes.extend(encode(&["SET", &format!("k{n}"), "v"])));
    bytes.extend(b"*1\r\n!broken\r\n");
    client.send(&bytes);
    (0..8).for_each(|_| assert_eq!(client.read().to_string(), "+OK"));
    assert_eq!(client.read().to_string(), "-ERR Protocol error: expected '$', got '!'");
    client.check_closed();
    server.client().check("DBSIZE", ":8");
}

#[test]
fn a_large_value_in_small_pieces() {
    let server = Server::start();
    let mut client = server.client();
    let value: Vec<u8> = (0..1_000_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let request = encode(&[b"SET", &b"k"[..], &value]);
    request.chunks(1009).for_each(|piece| client.send(piece));
    assert_eq!(client.read().to_string(), "+OK");
    client.check("STRLEN k", ":1000000");
    client.send_line("GET k");
    assert_eq!(client.read(), Value::Bulk('$', value));
}

#[test]
fn a_request_byte_by_byte() {
    let server = Server::start();
    let mut client = server.client();
    let bytes = [encode(&["SET", "k", "v"]), b"GET k\r\n".to_vec(), encode(&["ECHO", ""])].concat();
    bytes.iter().for_each(|byte| client.send(&[*byte]));
    let replies: Vec<String> = (0..3).map(|_| client.read().to_string()).collect();
    assert_eq!(replies, ["+OK", "$v", "$"]);
}

#[test]
fn a_value_beyond_the_limit_is_refused() {
    let server = Server::builder().set("proto-max-bulk-len", 4096).start();
    let value = "x".repeat(4096);
    server.client().check(&format!("SET k {value}"), "+OK");
    assert_eq!(
        broken(&server, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4097\r\n"),
        "-ERR Protocol error: invalid bulk length"
    );
    server
        .client()
        .check("APPEND k x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    server.client().check("STRLEN k", ":4096");
}

#[test]
fn replies_come_in_the_order_of_requests() {
    let server = Server::start();
    let mut client = server.client();
    let keys: Vec<String> = (0..4).map(|shard| slot::key_of_shard(shard, 4)).collect();
    let (mut lines, mut expected) = (Vec::new(), Vec::new());
    for n in 0..1000 {
        let key = &keys[n * 7 % 4];
        let (line, reply) = match n % 10 {
            0 => (format!("ECHO {n}"), format!("${n}")),
            1 => (format!("HSET {{{key}}}h f{n} {n}"), ":1".into()),
            2 => (format!("HGET {{{key}}}h f{}", n - 1), "_".into()),
            3 => {
                (format!("EVAL 'return redis.call(\"echo\",ARGV[1])' 1 {key} {n}"), format!("${n}"))
            }
            4 => (
                "NOSUCH".into(),
                "-ERR unknown command 'NOSUCH', with args beginning with: ".into(),
            ),
            5 => (format!("EVAL 'return {n}' 0"), format!(":{n}")),
            6 if n % 100 == 6 => ("KEYS nothing".into(), "[]".into()),
            7 => (format!("CLUSTER KEYSLOT {key}"), format!(":{}", slot::of(key))),
            _ => (format!("SET {key} {n}"), "+OK".into()),
        };
        lines.push(line);
        expected.push(reply);
        lines.push(format!("GETRANGE {key} 0 -1"));
        expected.push(String::new());
    }
    // What a GETRANGE gives is what the last SET of that key before it wrote.
    let mut written = std::collections::HashMap::new();
    for (line, reply) in lines.iter().zip(&mut expected) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["SET", key, value] => drop(written.insert(key.to_owned(), value.to_owned())),
            ["GETRANGE", key, ..] => {
                *reply = format!("${}", written.get(key).map_or("", String::as_str));
            }
            _ => {}
        }
    }
    assert_eq!(client.pipeline(&lines), expected);
}

#[test]
fn a_client_that_goes_before_its_replies_harms_nobody() {
    let server = Server::start();
    for n in 0..20 {
        let mut client = server.client();
        (0..50).for_each(|key| client.send_line(&format!("SET gone{key} {n}")));
    }
    let mut client = server.client();
    client.check("SET gone0 stays", "+OK");
    poll("none is left", || {
        client.value("INFO clients").text().contains("connected_clients:1\r\n").then_some(())
    });
}

#[test]
fn a_client_that_only_stops_sending_gets_its_replies() {
    let server = Server::start();
    let mut client = server.client();
    (0..100).for_each(|n| client.send_line(&format!("SET k{n} v")));
    client.end_sending();
    (0..100).for_each(|_| assert_eq!(client.read().to_string(), "+OK"));
    client.check_closed();
}

#[test]
fn a_client_that_reads_slowly_gets_everything() {
    let server = Server::start();
    let mut client = server.client();
    let value = "x".repeat(200_000);
    client.check(&format!("SET k {value}"), "+OK");
    // 40 MB of replies: far more than sockets hold.
    let requests = encode(&["GET", "k"]).repeat(200);
    client.send(&requests);
    server.client().check("PING", "+PONG");
    let expected = Value::Bulk('$', value.into_bytes());
    (0..200).for_each(|_| assert_eq!(client.read(), expected));
}
