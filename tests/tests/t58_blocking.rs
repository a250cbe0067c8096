//! Commands that wait: time-outs, CLIENT UNBLOCK, clients that go, transactions and scripts.

use std::time::{Duration, Instant};

use e2e::poll;
use e2e::resp::Client;
use e2e::server::Server;

/// Waits until this many clients of the node wait for data.
fn wait_for_blocked(client: &mut Client, count: usize) {
    poll("blocked clients", || {
        let info = client.value("INFO clients").text();
        info.contains(&format!("blocked_clients:{count}\r\n")).then_some(())
    });
}

#[test]
fn waiting_ends_with_the_time() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    let start = Instant::now();
    client.check("WAIT 1 150", ":0");
    assert!(start.elapsed() >= Duration::from_millis(150));
    client.check("WAIT 0 0", ":0");
    let lines = ["MULTI", "WAIT 1 0", "WAITAOF 0 1 0", "EXEC"];
    assert_eq!(client.pipeline(&lines)[3], "[:0 [:0 :0]]");
    client.check("EVAL \"return redis.call('WAIT', 1, 0)\" 0", ":0");
}

#[test]
fn client_unblock_ends_it_with_or_without_an_error() {
    let server = Server::builder().shards(2).start();
    let (mut waiting, mut other) = (server.client(), server.client());
    let id = waiting.value("CLIENT ID").int();
    other.check(&format!("CLIENT UNBLOCK {id}"), ":0");
    waiting.send_line("WAIT 1 0");
    wait_for_blocked(&mut other, 1);
    assert!(other.value("CLIENT LIST").text().contains(" flags=b "));
    other.check(&format!("CLIENT UNBLOCK {id}"), ":1");
    assert_eq!(waiting.read().to_string(), ":0");
    waiting.send_line("WAIT 1 0");
    wait_for_blocked(&mut other, 1);
    other.check(&format!("CLIENT UNBLOCK {id} ERROR"), ":1");
    assert_eq!(waiting.read().to_string(), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    other.check(&format!("CLIENT UNBLOCK {id} ERROR"), ":0");
    other.check("CLIENT UNBLOCK 1 x", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
}

#[test]
fn what_comes_behind_waits_too() {
    let server = Server::start();
    let mut client = server.client();
    let lines = ["SET k 1", "WAIT 1 50", "INCR k", "WAIT 1 50", "GET k"];
    assert_eq!(client.pipeline(&lines), ["+OK", ":0", ":2", ":0", "$2"]);
    client.send_line("WAIT 1 100");
    std::thread::sleep(Duration::from_millis(20));
    client.send_line("GET k");
    assert_eq!(client.read().to_string(), ":0");
    assert_eq!(client.read().to_string(), "$2");
}

#[test]
fn a_client_that_goes_or_is_killed_waits_no_more() {
    let server = Server::start();
    let mut other = server.client();
    let mut gone = server.client();
    gone.send_line("WAIT 1 0");
    let mut killed = server.client();
    let id = killed.value("CLIENT ID").int();
    killed.send_line("WAIT 1 0");
    wait_for_blocked(&mut other, 2);
    drop(gone);
    wait_for_blocked(&mut other, 1);
    other.check(&format!("CLIENT KILL ID {id}"), ":1");
    killed.check_closed();
    wait_for_blocked(&mut other, 0);
}

#[test]
fn members_go_to_who_has_waited_longest() {
    let server = Server::builder().shards(2).start();
    let (mut first, mut second, mut other) = (server.client(), server.client(), server.client());
    first.send_line("BZPOPMIN {z}a {z}b 0");
    wait_for_blocked(&mut other, 1);
    second.send_line("BZMPOP 0 1 {z}b MAX");
    wait_for_blocked(&mut other, 2);
    let script = "redis.call('ZADD', KEYS[1], 1, 'never') error('no')";
    let reply = other.value(&format!("EVAL \"{script}\" 1 {{z}}b")).to_string();
    assert!(reply.starts_with("-ERR user_script"), "{reply}");
    other.check("ZADD {z}b 1 x", ":1");
    assert_eq!(first.read().to_string(), "[${z}b $x $1]");
    wait_for_blocked(&mut other, 1);
    other.check("ZADD {z}b 2 y 3 z", ":2");
    assert_eq!(second.read().to_string(), "[${z}b [[$z $3]]]");
    other.check("ZRANGE {z}b 0 -1", "[$y]");
}
