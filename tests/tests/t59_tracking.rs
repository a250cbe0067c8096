//! Client-side caching: who is told that what it has read has changed.

use std::time::Duration;

use e2e::poll;
use e2e::resp::Client;
use e2e::server::Server;
use e2e::slot;

const SHORT: Duration = Duration::from_millis(100);

/// A connection in RESP3.
fn client3(server: &Server) -> Client {
    let mut client = server.client();
    client.send_line("HELLO 3");
    client.read();
    client
}

fn server() -> Server {
    Server::builder().shards(3).start()
}

/// A key of each shard.
fn keys() -> Vec<String> {
    (0..3).map(|shard| slot::key_of_shard(shard, 3)).collect()
}

#[test]
fn what_was_read_is_told_once_on_every_shard() {
    let server = server();
    let (mut reader, mut writer) = (client3(&server), server.client());
    reader.check("CLIENT TRACKING ON", "+OK");
    for key in keys() {
        writer.check(&format!("SET {key} 1"), "+OK");
        reader.check(&format!("GET {key}"), "$1");
        writer.check(&format!("INCR {key}"), ":2");
        assert_eq!(reader.read().to_string(), format!(">[$invalidate [${key}]]"));
        writer.check(&format!("INCR {key}"), ":3");
        assert!(reader.is_silent_for(SHORT));
    }
    reader.check("GET none", "_");
    writer.check("SET none 1", "+OK");
    assert_eq!(reader.read().to_string(), ">[$invalidate [$none]]");
    reader.check("CLIENT TRACKING OFF", "+OK");
    reader.check("GET none", "$1");
    writer.check("SET none 2", "+OK");
    assert!(reader.is_silent_for(SHORT));
}

#[test]
fn of_a_script_what_it_reads_is_tracked_not_what_it_declares() {
    let server = server();
    let (mut reader, mut writer) = (client3(&server), server.client());
    reader.check("CLIENT TRACKING ON", "+OK");
    for script in ["EVAL \"redis.call('GET', '{t}c')\"", "EVAL_RO \"redis.call('PING')\""] {
        reader.check(&format!("{script} 2 {{t}}a {{t}}b"), "_");
        writer.check("MSET {t}a 1 {t}b 1", "+OK");
        assert!(reader.is_silent_for(SHORT), "{script}");
    }
    reader.check("EVAL_RO \"redis.call('GET', KEYS[1])\" 2 {t}a {t}b", "_");
    writer.check("MSET {t}a 2 {t}b 2", "+OK");
    assert_eq!(reader.read().to_string(), ">[$invalidate [${t}a]]");
    assert!(reader.is_silent_for(SHORT));
}

#[test]
fn scripts_and_transactions_read_and_write_too() {
    let server = server();
    let (mut reader, mut writer) = (client3(&server), server.client());
    reader.check("CLIENT TRACKING ON", "+OK");
    for key in keys() {
        let read = format!("EVAL \"return redis.call('GET', KEYS[1])\" 1 {key}");
        reader.check(&read, "_");
        let fails = format!("EVAL \"redis.call('SET', KEYS[1], 1) error('x')\" 1 {key}");
        writer.check_start(&fails, "-ERR user_script:1: x");
        assert!(reader.is_silent_for(SHORT));
        let script =
            format!("EVAL \"redis.call('SET', KEYS[1], 1) redis.call('DEL', KEYS[1])\" 1 {key}");
        writer.check(&script, "_");
        assert_eq!(reader.read().to_string(), format!(">[$invalidate [${key}]]"));
        assert!(reader.is_silent_for(SHORT));
        let lines = ["MULTI".to_owned(), format!("GET {key}"), "EXEC".to_owned()];
        assert_eq!(reader.pipeline(&lines)[2], "[_]");
        writer.check(&format!("SET {key} 1 PX 1"), "+OK");
        assert_eq!(reader.read().to_string(), format!(">[$invalidate [${key}]]"));
    }
    let key = &keys()[1];
    writer.check(&format!("SET {key} 1 PX 50"), "+OK");
    reader.check(&format!("EXISTS {key}"), ":1");
    // Expiring is a change.
    assert_eq!(reader.read().to_string(), format!(">[$invalidate [${key}]]"));
}

#[test]
fn opting_in_and_out_and_own_changes() {
    let server = server();
    let (mut reader, mut writer) = (client3(&server), server.client());
    reader.check("CLIENT TRACKING ON OPTIN NOLOOP", "+OK");
    reader.check("GET a", "_");
    writer.check("SET a 1", "+OK");
    assert!(reader.is_silent_for(SHORT));
    reader.check("CLIENT CACHING YES", "+OK");
    reader.check("GET a", "$1");
    reader.check("GET b", "_");
    writer.check("SET b 1", "+OK");
    reader.check("SET a 2", "+OK");
    assert!(reader.is_silent_for(SHORT));
    reader.check(
        "CLIENT TRACKING ON OPTOUT",
        "-ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and \
         then re-enabling it with a different mode.",
    );
    reader.check("CLIENT TRACKING OFF", "+OK");
    reader.check("CLIENT TRACKING ON OPTOUT", "+OK");
    reader.check("CLIENT TRACKINGINFO", "%{$flags:~[$on $optout] $redirect::0 $prefixes:[]}");
    reader.check("GET a", "$2");
    // Its own changes are told without NOLOOP. The reply may come first or last: the shard of the
    // key need not be that of the connection.
    reader.send_line("SET a 3");
    let mut told = [reader.read().to_string(), reader.read().to_string()];
    told.sort();
    assert_eq!(told, ["+OK", ">[$invalidate [$a]]"]);
    reader.check("CLIENT CACHING NO", "+OK");
    reader.check("GET a", "$3");
    writer.check("SET a 4", "+OK");
    assert!(reader.is_silent_for(SHORT));
}

#[test]
fn broadcasting_by_prefix() {
    let server = server();
    let (mut reader, mut writer) = (client3(&server), server.client());
    reader.check("CLIENT TRACKING ON BCAST PREFIX user: PREFIX item:", "+OK");
    for key in ["user:1", "item:2", "user:3"] {
        writer.check(&format!("SET {key} 1"), "+OK");
        assert_eq!(reader.read().to_string(), format!(">[$invalidate [${key}]]"));
    }
    reader.check("GET other", "_");
    writer.check("SET other 1", "+OK");
    assert!(reader.is_silent_for(SHORT));
    // What is changed together is told together.
    writer.check("MSET user:{t}1 1 user:{t}2 2 no:{t}3 3 user:{t}1 4", "+OK");
    assert_eq!(reader.read().to_string(), ">[$invalidate [$user:{t}1 $user:{t}2]]");
    writer.check("MSET item:{t}1 1 user:{t}2 2", "+OK");
    assert_eq!(reader.read().to_string(), ">[$invalidate [$user:{t}2]]");
    assert_eq!(reader.read().to_string(), ">[$invalidate [$item:{t}1]]");
    reader.check(
        "CLIENT TRACKING ON BCAST PREFIX user:1",
        "-ERR Prefix 'user:1' overlaps with an existing prefix 'user:'. Prefixes for a single \
         client must not overlap.",
    );
    reader.check(
        "CLIENT TRACKING ON PREFIX x",
        "-ERR PREFIX option requires BCAST mode to be enabled",
    );
    reader.check("CLIENT TRACKING OFF", "+OK");
    writer.check("SET user:1 2", "+OK");
    assert!(reader.is_silent_for(SHORT));
}

#[test]
fn flushing_tells_that_all_is_gone() {
    let server = Server::builder().shards(4).start();
    let (mut reader, mut writer) = (client3(&server), server.client());
    reader.check("CLIENT TRACKING ON", "+OK");
    writer.check("SET a 1", "+OK");
    reader.check("GET a", "$1");
    writer.check("FLUSHALL", "+OK");
    assert_eq!(reader.read().to_string(), ">[$invalidate _]");
    writer.check("SET a 1", "+OK");
    assert!(reader.is_silent_for(SHORT));
    // Once for the node, also from a transaction.
    for line in ["FLUSHDB", "FLUSHALL ASYNC"] {
        writer.pipeline(&["MULTI", line, "EXEC"]);
        assert_eq!(reader.read().to_string(), ">[$invalidate _]");
    }
    reader.check("PING", "+PONG");
    assert!(reader.is_silent_for(SHORT));
}

#[test]
fn a_client_in_resp2_is_told_through_another() {
    let server = server();
    let (mut listener, mut reader, mut writer) =
        (server.client(), server.client(), server.client());
    let id = listener.value("CLIENT ID").int();
    listener.check("SUBSCRIBE __redis__:invalidate", "[$subscribe $__redis__:invalidate :1]");
    reader.check(
        "CLIENT TRACKING ON REDIRECT 987654",
        "-ERR The client ID you want redirect to does not exist",
    );
    reader.check(&format!("CLIENT TRACKING ON REDIRECT {id}"), "+OK");
    reader.check("CLIENT GETREDIR", &format!(":{id}"));
    reader.check("GET a", "_");
    writer.check("SET a 1", "+OK");
    assert_eq!(listener.read().to_string(), "[$message $__redis__:invalidate [$a]]");
    assert!(writer.value("INFO clients").text().contains("tracking_clients:1\r\n"));
    // When the other one has gone, a client in RESP3 is told.
    reader.send_line("HELLO 3");
    reader.read();
    drop(listener);
    poll("the end of the listener", || {
        (!writer.value("CLIENT LIST").text().contains(&format!("id={id} "))).then_some(())
    });
    reader.check("GET a", "$1");
    writer.check("SET a 2", "+OK");
    assert_eq!(reader.read().to_string(), format!(">[$tracking-redir-broken :{id}]"));
    let info = reader.run("CLIENT TRACKINGINFO");
    assert!(info.contains("$broken_redirect"), "{info}");
}
