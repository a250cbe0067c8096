//! MIGRATE: keys go to another Atoll, to a real Redis, and nowhere when that does not work.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use e2e::redis::Redis;
use e2e::resp::Client;
use e2e::server::{Server, folder};
use nix::sys::signal::Signal;

/// A key of every type and of both forms, and how it is read.
const KEYS: &[(&str, &str, &str)] = &[
    ("string", "SET string text", "GET string"),
    ("int", "SET int -12345", "GET int"),
    ("long", "SETRANGE long 5000 x", "GET long"),
    ("hll", "PFADD hll a b c", "PFCOUNT hll"),
    ("hash", "HSET hash f v g 17", "HGETALL hash"),
    ("list", "RPUSH list a b 3", "LRANGE list 0 -1"),
    ("ints", "SADD ints 1 2 3", "SORT ints"),
    ("set", "SADD set a b c", "SORT set ALPHA"),
    ("zset", "ZADD zset 1 a 2.5 b -inf c", "ZRANGE zset 0 -1 WITHSCORES"),
    ("stream", "XADD stream 1-1 f v", "XRANGE stream - +"),
    ("large", "RPUSH large x", "LRANGE large 0 -1"),
    ("table", "HSET table f v", "HLEN table"),
];

fn fill(client: &mut Client) {
    for (_, write, _) in KEYS {
        assert!(!client.run(write).starts_with('-'), "{write}");
    }
    client.check("XGROUP CREATE stream group 0", "+OK");
    client.run("XREADGROUP GROUP group consumer STREAMS stream >");
    for n in 0..300 {
        let (field, value) = (format!("field{n}"), "v".repeat(n));
        client.call(&["HSET", "table", &field, &value]);
        client.call(&["RPUSH", "large", &value]);
    }
}

fn migrate(port: u16, rest: &str) -> String {
    format!("MIGRATE 127.0.0.1 {port} {rest}")
}

fn refused(text: &str) -> String {
    format!("-ERR Target instance replied with error: {text}")
}

const BUSY: &str = "BUSYKEY Target key name already exists.";

const SELECT: &str = "ERR SELECT is not allowed in cluster mode";

#[test]
fn keys_of_all_types_go_to_another_node() {
    let (source, target) = (Server::start(), Server::builder().shards(2).start());
    let (mut from, mut to) = (source.client(), target.client());
    fill(&mut from);
    let digest = from.run("DEBUG DIGEST");
    for (key, ..) in KEYS {
        from.check(&migrate(target.port(), &format!("{key} 0 5000")), "+OK");
    }
    from.check("DBSIZE", ":0");
    assert_eq!(to.run("DEBUG DIGEST"), digest);
    to.check("XPENDING stream group", "[:1 $1-1 $1-1 [[$consumer $1]]]");
}

#[test]
fn keys_of_all_types_go_to_redis() {
    let Some(redis) = Redis::start() else { return };
    let source = Server::start();
    let (mut from, mut to) = (source.client(), redis.client());
    fill(&mut from);
    if redis.version() < (7, 2) {
        // It does not read the format of 7.2.
        let text = refused("ERR DUMP payload version or checksum are wrong");
        from.check(&migrate(redis.port(), "string 0 5000"), &text);
        return from.check("GET string", "$text");
    }
    for (key, _, read) in KEYS {
        let value = from.run(read);
        from.check(&migrate(redis.port(), &format!("{key} 0 5000")), "+OK");
        assert_eq!(to.run(read), value);
    }
    from.check("DBSIZE", ":0");
    from.check("SET k v PX 100000", "+OK");
    from.check(&migrate(redis.port(), "k 0 5000"), "+OK");
    assert!((90_000..=100_000).contains(&to.value("PTTL k").int()));
    from.check("SET k w", "+OK");
    from.check(&migrate(redis.port(), "k 0 5000"), &refused(BUSY));
}

#[test]
fn options_do_what_they_say() {
    let (source, target) = (Server::start(), Server::start());
    let (mut from, mut to) = (source.client(), target.client());
    let port = target.port();
    from.check(&migrate(port, "k 0 5000"), "+NOKEY");
    from.check("SET k v PX 100000", "+OK");
    from.check(&migrate(port, "k 0 5000 COPY"), "+OK");
    from.check("GET k", "$v");
    assert!((90_000..=100_000).contains(&to.value("PTTL k").int()));
    from.check("SET k w", "+OK");
    from.check(&migrate(port, "k 0 5000"), &refused(BUSY));
    from.check("GET k", "$w");
    from.check(&migrate(port, "k 0 5000 REPLACE"), "+OK");
    from.check("EXISTS k", ":0");
    to.check("GET k", "$w");
    to.check("PTTL k", ":-1");
    from.check("SET k v", "+OK");
    from.check(&migrate(port, "k 3 5000"), &refused(SELECT));
    from.check("GET k", "$v");
}

#[test]
fn several_keys_go_together() {
    let (source, target) = (Server::start(), Server::start());
    let (mut from, mut to) = (source.client(), target.client());
    let port = target.port();
    from.check("MSET {t}a 1 {t}b 2 {t}keys 3", "+OK");
    to.check("SET {t}b other", "+OK");
    let line = migrate(port, "'' 0 5000 KEYS {t}a {t}missing {t}b {t}a {t}keys");
    // The others go, the one that comes twice is there already the second time.
    from.check(&line, &refused(BUSY));
    from.check("EXISTS {t}a {t}b {t}keys", ":1");
    to.check("MGET {t}a {t}b {t}keys", "[$1 $other $3]");
    from.check(&migrate(port, "'' 0 5000 REPLACE KEYS {t}b {t}b"), "+OK");
    from.check("DBSIZE", ":0");
    to.check("GET {t}b", "$2");
    from.check(&migrate(port, "'' 0 5000 KEYS {t}b"), "+NOKEY");
    from.check(&migrate(port, "'' 0 5000 KEYS"), "+NOKEY");
    let crossing = "-CROSSSLOT Keys in request don't hash to the same slot";
    from.check(&migrate(port, "'' 0 5000 KEYS a b"), crossing);
    from.check(&migrate(port, "k 0 5000 nonsense"), "-ERR syntax error");
    from.check("COMMAND GETKEYS MIGRATE h 1 '' 0 1 AUTH keys KEYS a b", "[$a $b]");
    from.check("COMMAND GETKEYS MIGRATE h 1 k 0 1", "[$k]");
}

#[test]
fn passwords_are_said() {
    let (source, target) = (Server::start(), Server::start());
    let (mut from, mut to) = (source.client(), target.client());
    to.check("CONFIG SET requirepass secret", "+OK");
    to.check("ACL SETUSER mover on >word ~* +@all", "+OK");
    let port = target.port();
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    from.check("MSET {t}a 1 {t}b 2", "+OK");
    from.check(&migrate(port, "{t}a 0 5000"), &refused("NOAUTH Authentication required."));
    from.check(&migrate(port, "{t}a 0 5000 AUTH wrong"), &refused(wrong));
    from.check(&migrate(port, "{t}a 0 5000 AUTH2 mover wrong"), &refused(wrong));
    from.check("EXISTS {t}a", ":1");
    from.check(&migrate(port, "{t}a 0 5000 AUTH secret"), "+OK");
    from.check(&migrate(port, "{t}b 0 5000 AUTH2 mover word"), "+OK");
    from.check("CONFIG SET slowlog-log-slower-than 0", "+OK");
    from.check(&migrate(port, "k 0 5000 AUTH secret"), "+NOKEY");
    let logged = from.run("SLOWLOG GET 2");
    assert!(logged.contains("AUTH $(redacted)") && !logged.contains("secret"), "{logged}");
}

#[test]
fn a_target_that_does_not_answer_is_given_up() {
    let source = Server::start();
    let (mut from, mut other) = (source.client(), source.client());
    from.check("SET k v", "+OK");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let began = Instant::now();
    from.send_line(&migrate(port, "k 0 300"));
    let (connection, _) = silent.accept().unwrap();
    // Nobody else waits.
    other.check("GET k", "$v");
    assert_eq!(from.read().to_string(), "-IOERR error or timeout reading to target instance");
    assert!((300..3000).contains(&began.elapsed().as_millis()));
    drop((connection, silent));
    let writing = "-IOERR error or timeout writing to target instance";
    from.check(&migrate(port, "k 0 300"), writing);
    from.check(
        "MIGRATE no.such.host.invalid 1 k 0 300",
        "-IOERR error or timeout connecting to \
                the client",
    );
    from.check("GET k", "$v");
}

/// Takes what is asked, and answers when `between` has been called.
fn answer(target: &TcpListener, between: impl FnOnce(), reply: &[u8]) -> TcpStream {
    let (mut connection, _) = target.accept().unwrap();
    assert!(connection.read(&mut [0; 4096]).unwrap() > 0);
    between();
    connection.write_all(reply).unwrap();
    connection
}

#[test]
fn a_key_that_changes_meanwhile_stays() {
    let source = Server::start();
    let (mut from, mut other) = (source.client(), source.client());
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = target.local_addr().unwrap().port();
    from.check("MSET {t}a 1 {t}b 2", "+OK");
    from.send_line(&migrate(port, "'' 0 5000 KEYS {t}a {t}b"));
    let change = || {
        other.check("SET {t}a 3", "+OK");
        other.check("SET {t}a 1", "+OK");
    };
    let connection = answer(&target, change, b"+OK\r\n+OK\r\n");
    let changed = "-ERR 1 keys have changed while they were migrated: they are kept here, and the \
                   target has what they were";
    assert_eq!(from.read().to_string(), changed);
    from.check("MGET {t}a {t}b", "[$1 _]");
    // To itself: the key that is restored is another one.
    from.check(&migrate(source.port(), "{t}a 0 5000 REPLACE"), changed);
    from.check("GET {t}a", "$1");
    // Not what a Redis says.
    from.send_line(&migrate(port, "{t}a 0 5000"));
    let _http = answer(&target, || {}, b"HTTP/1.1 400 Bad Request\r\n");
    assert_eq!(from.read().to_string(), "-IOERR error or timeout reading to target instance");
    from.check("GET {t}a", "$1");
    drop(connection);
}

#[test]
fn what_has_gone_is_told_and_does_not_come_back() {
    let folder = folder();
    let start = || Server::builder().directory(folder.path()).set("durability", "always").start();
    let (mut source, target) = (start(), Server::start());
    let (mut from, mut listener) = (source.client(), source.client());
    from.check("CONFIG SET notify-keyspace-events Kg", "+OK");
    listener.run("SUBSCRIBE __keyspace@0__:gone");
    from.check("MSET gone 1", "+OK");
    from.check("SET stays 1", "+OK");
    from.check(&migrate(target.port(), "gone 0 5000"), "+OK");
    assert_eq!(listener.read().to_string(), "[$message $__keyspace@0__:gone $del]");
    source.signal(Signal::SIGKILL);
    source.wait();
    let source = start();
    source.client().check("KEYS *", "[$stays]");
}

#[test]
fn transactions_keep_their_order_and_scripts_are_refused() {
    let (source, target) = (Server::start(), Server::start());
    let (mut from, mut to) = (source.client(), target.client());
    let line = migrate(target.port(), "k 0 5000");
    let queue = ["MULTI", "SET k v", &line, "EXISTS k", "SET k w"];
    for request in queue {
        from.run(request);
    }
    from.check("EXEC", "[+OK +OK :0 +OK]");
    to.check("GET k", "$v");
    from.check("GET k", "$w");
    let script = format!(
        "EVAL \"return redis.call('migrate', '127.0.0.1', {}, KEYS[1], 0, 100)\" 1 k",
        target.port()
    );
    from.check_start(&script, "-ERR This Redis command is not allowed from script");
    from.check("CLIENT TRANSACTION ROLLBACK", "+OK");
    from.check("MULTI", "+OK");
    from.check(&line, "-ERR MIGRATE is not allowed in a transaction that rolls back");
    from.check("DISCARD", "+OK");
    from.check("GET k", "$w");
}
