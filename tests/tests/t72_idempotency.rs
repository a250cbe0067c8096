//! Requests that are named run once, however often they are sent (CLIENT IDEMPOTENCY).

use e2e::cluster::Cluster;
use e2e::poll;
use e2e::resp::Client;
use e2e::server::{Server, folder};
use nix::sys::signal::Signal;

/// Names the next request and sends it.
fn once(client: &mut Client, id: &str, line: &str) -> String {
    client.check(&format!("CLIENT IDEMPOTENCY {id}"), "+OK");
    client.run(line)
}

#[test]
fn what_is_sent_again_is_answered_and_not_run() {
    let server = Server::builder().shards(4).start();
    let (mut first, mut second) = (server.client(), server.client());
    for n in 0..40 {
        let increment = format!("INCRBY key{n} 5");
        assert_eq!(once(&mut first, &format!("id{n}"), &increment), ":5");
        assert_eq!(once(&mut second, &format!("id{n}"), &increment), ":5");
        second.check(&format!("GET key{n}"), "$5");
    }
    // The name was for one request.
    first.check("INCRBY key0 5", ":10");
    let other = once(&mut first, "id0", "INCRBY key0 6");
    assert_eq!(other, "-ERR this idempotency id is that of another request");
    first.check("GET key0", "$10");
    // In one write, with others around it.
    let replies = first.pipeline(&[
        "SET other 1",
        "CLIENT IDEMPOTENCY id1",
        "INCRBY key1 5",
        "INCR other",
        "CLIENT IDEMPOTENCY id1",
        "INCRBY key1 5",
        "GET key1",
    ]);
    assert_eq!(replies, ["+OK", "+OK", ":5", ":2", "+OK", ":5", "$5"]);
}

#[test]
fn what_was_acknowledged_is_known_after_a_crash() {
    let folder = folder();
    let node = |shards: u16| {
        let torn = "the log ends in what was being written";
        let builder = Server::builder().directory(folder.path()).shards(shards);
        builder.set("durability", "always").expect_in_log(torn)
    };
    let crash = |mut server: Server| {
        server.signal(Signal::SIGKILL);
        server.wait();
    };
    let script = "EVAL \"redis.call('RPUSH', KEYS[1], ARGV[1]) return redis.call('LLEN', KEYS[1])\" \
                  1 list x";
    let server = node(2).start();
    let mut client = server.client();
    assert_eq!(once(&mut client, "push", script), ":1");
    crash(server);
    let server = node(2).start();
    let mut client = server.client();
    assert_eq!(once(&mut client, "push", script), ":1");
    client.check("LLEN list", ":1");
    // It is in a snapshot, too, and goes with its slot to another shard.
    client.check("SAVE", "+OK");
    assert_eq!(once(&mut client, "count", "INCR {list}n"), ":1");
    crash(server);
    let server = node(3).start();
    let mut client = server.client();
    assert_eq!(once(&mut client, "push", script), ":1");
    assert_eq!(once(&mut client, "count", "INCR {list}n"), ":1");
    client.check("LLEN list", ":1");
    poll("both are counted", || {
        client.value("INFO memory").text().contains("\nkept_replies:2\r\n").then_some(())
    });
}

#[test]
fn a_transaction_runs_once() {
    let server = Server::builder().shards(4).start();
    for n in 0..8 {
        let mut client = server.client();
        let send = |client: &mut Client| {
            client.check(&format!("CLIENT IDEMPOTENCY transfer{n}"), "+OK");
            client.check("MULTI", "+OK");
            client.check(&format!("INCRBY {{{n}}}a 10"), "+QUEUED");
            client.check(&format!("DECRBY {{{n}}}b 10"), "+QUEUED");
            client.run("EXEC")
        };
        assert_eq!(send(&mut client), "[:10 :-10]");
        assert_eq!(send(&mut server.client()), "[:10 :-10]");
        client.check(&format!("MGET {{{n}}}a {{{n}}}b"), "[$10 $-10]");
        // Also where all or nothing is kept.
        client.check("CLIENT TRANSACTION ROLLBACK", "+OK");
        client.check(&format!("CLIENT IDEMPOTENCY atomic{n}"), "+OK");
        client.check("MULTI", "+OK");
        client.check(&format!("INCRBY {{{n}}}a 10"), "+QUEUED");
        client.check(&format!("LPUSH {{{n}}}b 10"), "+QUEUED");
        client.check_start("EXEC", "-EXECABORT Transaction rolled back");
        assert_eq!(send(&mut client), "[:10 :-10]");
        client.check(&format!("GET {{{n}}}a"), "$10");
    }
    let mut client = server.client();
    client.check("CLIENT IDEMPOTENCY x", "+OK");
    client.check("MULTI", "+OK");
    client.check_start("CLIENT IDEMPOTENCY y", "-ERR Command not allowed inside a transaction");
    client.check("DISCARD", "+OK");
    client.check("CLIENT IDEMPOTENCY x", "+OK");
    client.check("MULTI", "+OK");
    client.check("FLUSHALL", "+QUEUED");
    client.check_start("EXEC", "-EXECABORT Transaction discarded because of: CLIENT IDEMPOTENCY");
    client.check("SET k v", "+OK");
}

#[test]
fn a_script_that_is_not_known_by_its_hash_keeps_its_name() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    let text = "return redis.call('INCR', KEYS[1])";
    let sha = client.run(&format!("SCRIPT LOAD \"{text}\"")).trim_start_matches('$').to_owned();
    client.check("SCRIPT FLUSH", "+OK");
    let by_sha = format!("EVALSHA {sha} 1 k");
    let by_text = format!("EVAL \"{text}\" 1 k");
    assert!(once(&mut client, "a", &by_sha).starts_with("-NOSCRIPT"));
    client.check(&by_text, ":1");
    // It has run, so it does not matter that nobody knows the script any more.
    client.check("SCRIPT FLUSH", "+OK");
    assert_eq!(once(&mut client, "a", &by_sha), ":1");
    client.check(&by_text, ":2");
    client.check("SCRIPT FLUSH", "+OK");
    assert!(once(&mut client, "b", &by_sha).starts_with("-NOSCRIPT"));
    client.check_start(&format!("SCRIPT LOAD \"{text}\""), "$");
    client.check(&by_sha, ":3");
    assert_eq!(once(&mut client, "b", &by_text), ":3");
    // Whoever does something else instead has given it up.
    client.check("SCRIPT FLUSH", "+OK");
    assert!(once(&mut client, "c", &by_sha).starts_with("-NOSCRIPT"));
    client.check("SET other 1", "+OK");
    client.check(&by_text, ":4");
    assert_eq!(once(&mut client, "c", &by_sha), ":5");
}

#[test]
fn functions_and_pops_that_wait() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    let library = "#!lua name=lib\nredis.register_function('add', function(keys, args) \
                   return redis.call('INCRBY', keys[1], args[1]) end)";
    assert_eq!(client.call(&["FUNCTION", "LOAD", library]), "$lib");
    for _ in 0..2 {
        assert_eq!(once(&mut client, "add", "FCALL add 1 counter 3"), ":3");
    }
    for n in 0..4 {
        let mut waiting = server.client();
        waiting.check(&format!("CLIENT IDEMPOTENCY pop{n}"), "+OK");
        waiting.send_line(&format!("BLPOP queue{n} 0"));
        poll("it waits", || {
            let info = client.value("INFO clients").text();
            info.contains("blocked_clients:1\r\n").then_some(())
        });
        client.check(&format!("RPUSH queue{n} x y"), ":2");
        assert_eq!(waiting.read().to_string(), format!("[$queue{n} $x]"));
        let again = once(&mut waiting, &format!("pop{n}"), &format!("BLPOP queue{n} 0"));
        assert_eq!(again, format!("[$queue{n} $x]"));
        client.check(&format!("LLEN queue{n}"), ":1");
    }
}

#[test]
fn what_cannot_run_once_is_refused() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    let long = "x".repeat(129);
    assert_eq!(
        client.call(&["CLIENT", "IDEMPOTENCY", &long]),
        "-ERR an idempotency id has 1 to 128 bytes"
    );
    assert!(client.call(&["CLIENT", "IDEMPOTENCY", ""]).starts_with("-ERR"));
    for line in ["FLUSHALL", "EVAL \"return 1\" 0", "FUNCTION FLUSH"] {
        let refused = once(&mut client, "a", line);
        assert!(refused.starts_with("-ERR CLIENT IDEMPOTENCY is for"), "{line}: {refused}");
    }
    assert!(once(&mut client, "a", "MSET k 1 l 2").starts_with("-CROSSSLOT"));
    assert!(once(&mut client, "a", "INCR k l").starts_with("-ERR wrong number"));
    // What reads, and what is nobody's, runs as always; the name is for one request.
    assert_eq!(once(&mut client, "a", "GET k"), "_");
    client.check("INCR k", ":1");
    assert_eq!(once(&mut client, "a", "PING"), "+PONG");
    client.check("INCR k", ":2");
    client.check("CLIENT IDEMPOTENCY a", "+OK");
    client.check("RESET", "+RESET");
    client.check("INCR k", ":3");
    client.check("CONFIG SET idempotency-window 0", "+OK");
    client.check_start("CLIENT IDEMPOTENCY a", "-ERR no replies are kept");
}

#[test]
fn who_may_not_do_it_may_not_do_it_by_a_name() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    client.check("ACL SETUSER limited on nopass ~k* +@all -del", "+OK");
    let mut limited = server.client();
    limited.check("AUTH limited x", "+OK");
    assert!(once(&mut limited, "a", "SET other 1").starts_with("-NOPERM"));
    assert!(once(&mut limited, "a", "DEL k").starts_with("-NOPERM"));
    for key in ["k", "k1", "k2"] {
        let script =
            format!("EVAL \"redis.call('SET', KEYS[1], 1) redis.call('DEL', KEYS[1])\" 1 {key}");
        let refused = once(&mut limited, "b", &script);
        assert!(refused.starts_with("-ERR ACL failure in script"), "{refused}");
        client.check(&format!("EXISTS {key}"), ":0");
        // A restriction does not outlast its request.
        assert_eq!(once(&mut client, "b", &script), "_");
    }
}

#[test]
fn replies_go_when_their_time_has_come_and_take_no_more_than_allowed() {
    let server = Server::builder().shards(1).set("idempotency-window", 1).start();
    let mut client = server.client();
    client.check("CONFIG SET idempotency-memory-limit 65536", "+OK");
    let mut kept = 0;
    for n in 0..400 {
        let reply = once(&mut client, &format!("id{n}"), "APPEND k x");
        if reply.starts_with("-OOM 'idempotency-memory-limit'") {
            break;
        }
        kept += 1;
        assert_eq!(reply, format!(":{kept}"));
    }
    assert!((100..400).contains(&kept), "{kept}");
    client.check("STRLEN k", &format!(":{kept}"));
    poll("all are gone", || {
        client.value("INFO memory").text().contains("\nkept_replies:0\r\n").then_some(())
    });
    assert_eq!(once(&mut client, "id0", "APPEND k x"), format!(":{}", kept + 1));
    // No reply is wanted; it is kept all the same.
    client.send_line("CLIENT REPLY OFF");
    client.send_line("CLIENT IDEMPOTENCY silent");
    client.send_line("APPEND k x");
    client.send_line("CLIENT REPLY ON");
    assert_eq!(client.read().to_string(), "+OK");
    assert_eq!(once(&mut client, "silent", "APPEND k x"), format!(":{}", kept + 2));
}

#[test]
fn a_client_that_is_redirected_says_it_again() {
    let cluster = Cluster::start(2);
    let owner = cluster.owner("k");
    let mut stranger = cluster.nodes()[1 - owner].client();
    assert!(once(&mut stranger, "a", "APPEND k x").starts_with("-MOVED"));
    let mut client = cluster.client_for("k");
    assert_eq!(once(&mut client, "a", "APPEND k x"), ":1");
    assert_eq!(once(&mut client, "a", "APPEND k x"), ":1");
}
