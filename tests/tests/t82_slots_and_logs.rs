//! CLUSTER SLOT-STATS and COMMANDLOG: what requests cost, by slot and one by one.

use e2e::server::Server;

/// The figures of a slot, in the order in which they are shown.
fn figures(reply: &e2e::resp::Value) -> Vec<i64> {
    let items = reply.items()[0].items()[1].items();
    items.chunks(2).map(|pair| pair[1].int()).collect()
}

#[test]
fn keys_of_slots_are_counted_always_and_their_costs_when_asked() {
    let server = Server::builder().shards(4).start();
    let mut client = server.client();
    // Slots 12182, 1044 and 5061.
    for key in ["foo", "foo2", "bar", "x{bar}"] {
        client.check(&format!("SET {key} bar"), "+OK");
    }
    client.check(
        "CLUSTER SLOT-STATS SLOTSRANGE 12182 12183",
        "[[:12182 [$key-count :1]] [:12183 [$key-count :0]]]",
    );
    client.check(
        "CLUSTER SLOT-STATS ORDERBY key-count LIMIT 3",
        "[[:5061 [$key-count :2]] [:1044 [$key-count :1]] [:12182 [$key-count :1]]]",
    );
    client.check("CLUSTER SLOT-STATS ORDERBY KEY-COUNT LIMIT 1 aSc", "[[:0 [$key-count :0]]]");
    assert_eq!(client.value("CLUSTER SLOT-STATS ORDERBY key-count").items().len(), 16384);
    let unknown = "-ERR Unrecognized sort metric for ORDERBY.";
    client.check("CLUSTER SLOT-STATS ORDERBY cpu-usec", unknown);
    client.check("CONFIG SET cluster-slot-stats-enabled yes", "+OK");
    client.check("CONFIG GET cluster-slot-stats-enabled", "[$cluster-slot-stats-enabled $yes]");
    client.check("SET foo bar", "+OK");
    client.check("GET foo", "$bar");
    // The bytes of the two requests and of the two replies.
    let row = client.value("CLUSTER SLOT-STATS SLOTSRANGE 12182 12182");
    let shown = row.to_string();
    assert!(shown.contains("$network-bytes-in :53 $network-bytes-out :14"), "{shown}");
    assert_eq!(figures(&row)[0], 1);
    // Scripts, transactions, and requests of other connections' shards.
    let script = "EVAL \"for i = 1, 100000 do end return redis.call('GET', KEYS[1])\" 1 foo";
    client.check(script, "$bar");
    client.pipeline(&["MULTI", "GET foo", "EXEC"]);
    let row = client.value("CLUSTER SLOT-STATS ORDERBY network-bytes-out LIMIT 1");
    assert!(row.to_string().starts_with("[[:12182 "), "{row:?}");
    assert_eq!(figures(&row)[3], 14 + 9 + 9);
    assert!(figures(&row)[1] > 0);
    client.check("CONFIG RESETSTAT", "+OK");
    let row = client.value("CLUSTER SLOT-STATS SLOTSRANGE 12182 12182");
    assert_eq!(figures(&row), [1, 0, 0, 0]);
    client.check("CONFIG SET cluster-slot-stats-enabled no", "+OK");
    client.check("GET foo", "$bar");
    client.check("CLUSTER SLOT-STATS SLOTSRANGE 12182 12182", "[[:12182 [$key-count :1]]]");
    client.check_start("HELLO 3", "%{");
    client.check("CLUSTER SLOT-STATS SLOTSRANGE 12182 12182", "[[:12182 %{$key-count::1}]]");
}

#[test]
fn slots_of_other_nodes_are_not_shown() {
    let server = Server::builder().set("cluster.slots", "0-99,200-300").start();
    let mut client = server.client();
    let rows = client.value("CLUSTER SLOT-STATS SLOTSRANGE 98 201");
    let slots: Vec<i64> = rows.items().iter().map(|row| row.items()[0].int()).collect();
    assert_eq!(slots, [98, 99, 200, 201]);
}

#[test]
fn large_requests_and_replies_are_logged() {
    let server = Server::builder().shards(3).start();
    let mut client = server.client();
    client.check("COMMANDLOG LEN large-request", ":0");
    client.check("CONFIG SET commandlog-request-larger-than 100", "+OK");
    client.check("CONFIG SET commandlog-reply-larger-than 100", "+OK");
    client.check("COMMANDLOG RESET large-reply", "+OK");
    let long = "x".repeat(200);
    for key in ["a", "b", "c"] {
        client.check(&format!("SET {key} {long}"), "+OK");
        client.check(&format!("GET {key}"), &format!("${long}"));
        client.check(&format!("STRLEN {key}"), ":200");
    }
    client.check("COMMANDLOG LEN large-request", ":3");
    client.check("COMMANDLOG LEN LARGE-REPLY", ":3");
    let log = client.value("COMMANDLOG GET 1 large-request");
    let entry = log.items()[0].items();
    // Newest first, and the size on the wire.
    assert_eq!((entry[0].int(), entry[2].int()), (2, 228));
    assert_eq!(entry[3].items()[1].text(), "c");
    assert!(entry[3].items()[2].text().ends_with("x... (72 more bytes)"));
    assert_eq!(entry[4].text(), client.address());
    let log = client.value("COMMANDLOG GET -1 large-reply");
    // The reply before this one among them, as in Valkey.
    assert_eq!(log.items().len(), 4);
    assert_eq!(log.items()[0].items()[3].items()[0].text(), "COMMANDLOG");
    assert_eq!(log.items()[1].items()[2].int(), 208);
    client.check("CONFIG SET commandlog-execution-slower-than 0", "+OK");
    client.check("CONFIG GET slowlog-log-slower-than", "[$slowlog-log-slower-than $0]");
    client.check("SET a 1", "+OK");
    let slow = client.value("SLOWLOG GET 1").to_string();
    assert!(slow.contains("[$SET $a $1]"), "{slow}");
    let slow = client.value("COMMANDLOG GET -1 slow").to_string();
    assert!(slow.contains("[$SET $a $1]"), "{slow}");
    client.check("CONFIG SET commandlog-large-request-max-len 1", "+OK");
    client.check(&format!("SET a {long}"), "+OK");
    client.check("COMMANDLOG LEN large-request", ":1");
    client.check("CONFIG SET commandlog-request-larger-than -1", "+OK");
    client.check("COMMANDLOG RESET large-request", "+OK");
    client.check(&format!("SET a {long}"), "+OK");
    client.check("COMMANDLOG LEN large-request", ":0");
    let kinds = "-ERR type should be one of the following: slow, large-request, large-reply";
    client.check("COMMANDLOG GET 1 foo", kinds);
    client.check("COMMANDLOG RESET foo", kinds);
    let count = "-ERR count should be greater than or equal to -1";
    client.check("COMMANDLOG GET -2 slow", count);
    client.check("COMMANDLOG GET x slow", count);
    client.check("SLOWLOG GET x", count);
    client.check("COMMANDLOG GET 1", "-ERR wrong number of arguments for 'commandlog|get' command");
}

#[test]
fn the_keys_of_a_slot_are_flushed_wherever_it_is() {
    let server = Server::builder().shards(4).start();
    let (mut client, mut watcher) = (server.client(), server.client());
    client.check("CONFIG SET notify-keyspace-events Eg", "+OK");
    watcher.check_start("SUBSCRIBE __keyevent@0__:del", "[$subscribe");
    for key in ["foo", "bar", "x{bar}", "foo2"] {
        client.check(&format!("SET {key} 1"), "+OK");
        let slot = client.value(&format!("CLUSTER KEYSLOT {key}")).int();
        client.check(&format!("WATCH {key}"), "+OK");
        client.check(&format!("CLUSTER FLUSHSLOT {slot}"), "+OK");
        client.check(&format!("CLUSTER COUNTKEYSINSLOT {slot}"), ":0");
        client.pipeline(&["MULTI", "PING"]);
        client.check("EXEC", "_");
        assert!(watcher.read().to_string().ends_with(&format!("${key}]")));
    }
    client.check("CLUSTER FLUSHSLOT 1 SYNC", "+OK");
    client.check("CLUSTER FLUSHSLOT 1 NOW", "-ERR syntax error");
    client.check("CLUSTER FLUSHSLOT 16384", "-ERR Invalid or out of range slot");
}
