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
