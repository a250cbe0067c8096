//! `maxmemory`: what is refused when memory is full, and what a script may do then.

use e2e::resp::Client;
use e2e::server::Server;

const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.";

/// A client of a server whose memory is full.
fn full(server: &Server) -> Client {
    let mut client = server.client();
    client.check("SET {t}old value", "+OK");
    // Less than any process needs.
    client.check("CONFIG SET maxmemory 1", "+OK");
    client
}

#[test]
fn commands_that_need_memory_are_refused() {
    let server = Server::start();
    let mut client = full(&server);
    client.check("SET {t}new 1", OOM);
    client.check("GET {t}old", "$value");
    client.check("MULTI", "+OK");
    client.check("SET {t}new 1", OOM);
    client.check("EXEC", "-EXECABORT Transaction discarded because of previous errors.");
    client.check("DEL {t}old", ":1");
    client.check("CONFIG SET maxmemory 0", "+OK");
    client.check("SET {t}new 1", "+OK");
}

#[test]
fn a_transaction_that_needs_memory_is_refused_by_exec() {
    let server = Server::start();
    let (mut client, mut other) = (server.client(), server.client());
    for (line, refused) in [("SET {t}new 1", true), ("GET {t}new", false)] {
        client.check("MULTI", "+OK");
        client.check(line, "+QUEUED");
        other.check("CONFIG SET maxmemory 1", "+OK");
        let because = format!("-EXECABORT Transaction discarded because of: {}", &OOM[1..]);
        client.check("EXEC", if refused { &because } else { "[_]" });
        other.check("CONFIG SET maxmemory 0", "+OK");
    }
}

#[test]
fn a_transaction_that_has_begun_is_not_stopped_by_full_memory() {
    let server = Server::start();
    let mut client = server.client();
    for mode in ["REDIS", "ROLLBACK"] {
        client.check(&format!("CLIENT TRANSACTION {mode}"), "+OK");
        let limit = figure(&mut client, "used_memory") + (1 << 20);
        client.check(&format!("CONFIG SET maxmemory {limit}"), "+OK");
        client.check("MULTI", "+OK");
        client.check("SETRANGE {t}large 4000000 x", "+QUEUED");
        client.check("SET {t}small 1", "+QUEUED");
        client.check("EXEC", "[:4000001 +OK]");
        client.check("SET {t}small 2", OOM);
        client.check("DEL {t}large", ":1");
        client.check("CONFIG SET maxmemory 0", "+OK");
    }
}

#[test]
fn scripts_run_as_far_as_they_said_that_they_could() {
    let server = Server::start();
    let mut client = full(&server);
    let write = "return redis.call('set', KEYS[1], 1)";
    let read = "return redis.call('get', '{t}old')";
    let mut run = |script: &str| client.call(&["EVAL", script, "1", "{t}k"]);
    let reply = run(write);
    assert!(reply.starts_with(OOM) && reply.contains(" script: "), "{reply}");
    assert_eq!(run(read), "$value");
    assert_eq!(run(&format!("#!lua\n{read}")), OOM);
    assert_eq!(run(&format!("#!lua flags=no-writes\n{read}")), "$value");
    assert_eq!(run(&format!("#!lua flags=allow-oom\n{write}")), "+OK");
    // What has begun to write may go on: it is to be done whole.
    let goes_on = "redis.call('del', '{t}old') return redis.call('set', KEYS[1], 2)";
    assert_eq!(run(goes_on), "+OK");
    client.check("GET {t}k", "$2");
}

/// What INFO memory says of a figure.
fn figure(client: &mut Client, name: &str) -> u64 {
    let info = client.value("INFO memory").text();
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
    line.parse().unwrap()
}

#[test]
fn keys_are_evicted_to_stay_below_the_limit() {
    // What the log has in memory counts, too, and comes and goes.
    let server = Server::builder().shards(2).set("durability", "none").start();
    let mut client = server.client();
    let value = "x".repeat(10_000);
    client.check("CONFIG SET maxmemory-policy allkeys-lru", "+OK");
    let limit = figure(&mut client, "used_memory") + (8 << 20);
    client.check(&format!("CONFIG SET maxmemory {limit}"), "+OK");
    for number in 0..3000 {
        client.check(&format!("SET key{number} {value}"), "+OK");
    }
    // 8 MiB hold some 800 of them.
    let left = client.value("DBSIZE").int();
    assert!((500..900).contains(&left), "{left}");
    assert!(figure(&mut client, "used_memory") < limit + (1 << 20));
    let info = client.value("INFO stats").text();
    assert!(!info.contains("evicted_keys:0\r\n"), "{info}");
    client.check("GET key2999", &format!("${value}"));
    client.check("CONFIG SET maxmemory-policy volatile-ttl", "+OK");
    client.check(&format!("CONFIG SET maxmemory {}", limit - (6 << 20)), "+OK");
    client.check("SET {t}new 1", OOM);
    client.check("CONFIG SET maxmemory-policy allkeys-random", "+OK");
    // What is over the limit goes although nobody writes.
    e2e::poll("eviction", || (client.value("DBSIZE").int() < 250).then_some(()));
    client.check("SET {t}new 1", "+OK");
    client.check_start("CONFIG SET maxmemory-policy some", "-ERR CONFIG SET failed");
    client.check("CONFIG GET maxmemory-policy", "[$maxmemory-policy $allkeys-random]");
}

#[test]
fn memory_commands_reply() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    client.check("SET k v", "+OK");
    assert!(client.value("MEMORY USAGE k").int() > 0);
    assert!(client.value("MEMORY STATS").to_string().contains("$keys.count :1 "));
    assert!(client.value("MEMORY DOCTOR").text().contains("Sam"));
    client.check("MEMORY PURGE", "+OK");
    assert!(client.value("MEMORY MALLOC-STATS").text().starts_with("mimalloc"));
    assert!(figure(&mut client, "used_memory_peak") >= figure(&mut client, "used_memory") / 2);
}
