//! One node of four shards: whoever a request comes from, it runs where its keys live.

use std::collections::BTreeSet;

use e2e::resp::{Client, Value};
use e2e::server::Server;
use e2e::slot;

const SHARDS: u16 = 4;

const CROSSSLOT: &str = "-CROSSSLOT Keys in request don't hash to the same slot";

/// A key of each shard.
fn keys() -> Vec<String> {
    (0..SHARDS).map(|shard| slot::key_of_shard(shard, SHARDS)).collect()
}

/// All keys by SCAN, with how often each came.
fn scan(client: &mut Client, options: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), "0".to_owned());
    for _ in 0..100_000 {
        let reply = client.value(&format!("SCAN {cursor} {options}"));
        found.extend(reply.items()[1].items().iter().map(Value::text));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            return found;
        }
    }
    panic!("SCAN does not end");
}

#[test]
fn one_connection_reaches_every_shard() {
    let server = Server::start();
    // As many connections as shards, so that one lives on each.
    for connection in 0..SHARDS {
        let mut client = server.client();
        for key in keys() {
            client.check(&format!("SET {key} {connection}"), "+OK");
            client.check(&format!("GET {key}"), &format!("${connection}"));
            client.check(
                &format!("EVAL 'return redis.call(\"get\",KEYS[1])' 1 {key}"),
                &format!("${connection}"),
            );
        }
        client.check("DBSIZE", ":4");
    }
}

#[test]
fn keys_of_several_slots_are_refused() {
    let server = Server::start();
    let mut client = server.client();
    let keys = keys();
    // Two slots of one shard are two slots all the same.
    let (first, last) = slot::part(0, SHARDS);
    let same: Vec<String> = slot::keys_in(first, last).take(2).collect();
    assert_ne!(slot::of(&same[0]), slot::of(&same[1]));
    for (one, two) in [(&keys[0], &keys[3]), (&same[0], &same[1])] {
        for line in [
            format!("MGET {one} {two}"),
            format!("MSET {one} 1 {two} 2"),
            format!("DEL {one} {two}"),
            format!("RENAME {one} {two}"),
            format!("EVAL 'return 1' 2 {one} {two}"),
            format!("WATCH {one} {two}"),
        ] {
            client.check(&line, CROSSSLOT);
        }
        client.check(&format!("MGET {{{one}}}1 {{{one}}}2"), "[_ _]");
        client.check("MULTI", "+OK");
        client.check(&format!("SET {one} 1"), "+QUEUED");
        client.check(&format!("SET {two} 1"), "+QUEUED");
        client.check("EXEC", CROSSSLOT);
        client.check("DBSIZE", ":0");
    }
}

#[test]
fn transactions_run_on_any_shard() {
    let server = Server::start();
    for _ in 0..SHARDS {
        let mut client = server.client();
        for key in keys() {
            client.check(&format!("DEL {key}"), ":0");
            let lines = [
                "MULTI".into(),
                "PING".into(),
                format!("INCR {key}"),
                "CLIENT GETNAME".into(),
                format!("EVAL 'return redis.call(\"incr\",KEYS[1])' 1 {key}"),
                "DBSIZE".into(),
                format!("GETDEL {key}"),
                "EXEC".into(),
            ];
            let replies = client.pipeline(&lines);
            assert_eq!(replies[7], "[+PONG :1 _ :2 :1 $2]", "{replies:?}");
        }
    }
}

#[test]
fn commands_without_keys_see_all_shards() {
    let server = Server::start();
    let mut client = server.client();
    client.check("RANDOMKEY", "_");
    let all: BTreeSet<String> = (0..400).map(|n| format!("key:{n}")).collect();
    let lines: Vec<String> = all.iter().map(|key| format!("SET {key} v")).collect();
    client.pipeline(&lines);
    client.check("DBSIZE", ":400");
    let listed: Vec<String> = client.value("KEYS *").items().iter().map(Value::text).collect();
    assert_eq!(listed.len(), 400);
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), all);
    assert_eq!(client.value("KEYS key:1?").items().len(), 10);
    let mut shards = BTreeSet::new();
    for _ in 0..200 {
        let key = client.value("RANDOMKEY").text();
        assert!(all.contains(&key), "{key}");
        shards.insert(slot::of(&key) / (slot::COUNT / SHARDS));
    }
    assert_eq!(shards.len(), 4, "RANDOMKEY knows all shards");
    client.check("FLUSHALL", "+OK");
    client.check("DBSIZE", ":0");
    client.check("RANDOMKEY", "_");
    assert!(scan(&mut client, "").is_empty());
}

#[test]
fn scan_finds_every_key_once_while_nothing_changes() {
    let server = Server::start();
    let mut client = server.client();
    let lines: Vec<String> = (0..3000)
        .map(|n| if n % 3 == 0 { format!("HSET h{n} f v") } else { format!("SET s{n} v") })
        .collect();
    client.pipeline(&lines);
    for options in ["", "COUNT 1", "COUNT 7", "COUNT 100000"] {
        let found = scan(&mut client, options);
        assert_eq!(found.len(), 3000, "{options}");
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 3000, "{options}");
    }
    assert_eq!(scan(&mut client, "TYPE hash COUNT 50").len(), 1000);
    let found = scan(&mut client, "MATCH s1?? COUNT 20");
    assert_eq!(found.len(), (100..200).filter(|n| n % 3 != 0).count());
    // A tag in the pattern names the slot.
    client.check("SET {tag}x v", "+OK");
    assert_eq!(scan(&mut client, "MATCH {tag}*"), ["{tag}x"]);
}

#[test]
fn one_reply_of_scan_shows_a_small_node_and_no_reply_walks_a_large_one() {
    let server = Server::start();
    let mut client = server.client();
    client.check("SCAN 0", "[$0 []]");
    for key in keys() {
        client.check(&format!("SET {key} v"), "+OK");
    }
    let page = |client: &mut Client, options: &str| {
        let reply = client.value(&format!("SCAN 0 {options}"));
        (reply.items()[0].text(), reply.items()[1].items().len())
    };
    assert_eq!(page(&mut client, ""), ("0".to_owned(), keys().len()));
    assert_eq!(page(&mut client, "MATCH COUNT COUNT 5"), ("0".to_owned(), 0));
    assert_eq!(page(&mut client, "COUNT 1").1, 1);
    let lines: Vec<String> = (0..3000).map(|n| format!("SET s{n} v")).collect();
    client.pipeline(&lines);
    let (cursor, found) = page(&mut client, "MATCH none*");
    assert!(cursor != "0" && found == 0, "{cursor}");
}

#[test]
fn scan_finds_what_stays_while_other_keys_come_and_go() {
    let server = Server::start();
    let (mut client, mut other) = (server.client(), server.client());
    let lines: Vec<String> = (0..500).map(|n| format!("SET stays{n} v")).collect();
    client.pipeline(&lines);
    let (mut found, mut cursor, mut round) = (BTreeSet::new(), "0".to_owned(), 0);
    loop {
        let reply = client.value(&format!("SCAN {cursor} COUNT 20"));
        found.extend(reply.items()[1].items().iter().map(Value::text));
        cursor = reply.items()[0].text();
        if cursor == "0" {
            break;
        }
        let come: Vec<String> = (0..30).map(|n| format!("SET comes{round}x{n} v")).collect();
        other.pipeline(&come);
        let go: Vec<String> = (0..30).map(|n| format!("DEL comes{}x{n}", round - 1)).collect();
        other.pipeline(&go);
        round += 1;
    }
    assert!((0..500).all(|n| found.contains(&format!("stays{n}"))));
}

#[test]
fn watches_work_across_shards() {
    let server = Server::start();
    let keys = keys();
    for _ in 0..SHARDS {
        let (mut client, mut other) = (server.client(), server.client());
        for changed in &keys {
            // Watching one key and writing another, each on any shard: only EXEC is bound to one.
            for written in &keys {
                client.check(&format!("SET {changed} 1"), "+OK");
                client.check(&format!("WATCH {changed}"), "+OK");
                other.check(&format!("INCR {changed}"), ":2");
                let lines = ["MULTI".into(), format!("SET {written} lost"), "EXEC".into()];
                assert_eq!(client.pipeline(&lines)[2], "_", "{changed} {written}");

                client.check(&format!("WATCH {changed}"), "+OK");
                let lines = ["MULTI".into(), format!("SET {written} won"), "EXEC".into()];
                assert_eq!(client.pipeline(&lines)[2], "[+OK]", "{changed} {written}");
                client.check(&format!("GET {written}"), "$won");
            }
        }
    }
}

#[test]
fn watched_keys_of_several_shards_each_count() {
    let server = Server::start();
    let keys = keys();
    let (mut client, mut other) = (server.client(), server.client());
    for changed in &keys {
        for key in &keys {
            client.check(&format!("WATCH {key}"), "+OK");
        }
        other.check(&format!("SET {changed} x"), "+OK");
        client.check("MULTI", "+OK");
        client.check(&format!("GET {}", keys[0]), "+QUEUED");
        client.check("EXEC", "_");
    }
    for key in &keys {
        client.check(&format!("WATCH {key}"), "+OK");
    }
    other.check("FLUSHALL", "+OK");
    client.check("MULTI", "+OK");
    client.check("EXEC", "_");
}

#[test]
fn a_watched_key_that_expires_has_changed() {
    let server = Server::start();
    let keys = keys();
    let mut client = server.client();
    for key in &keys {
        client.check(&format!("SET {key} v PX 20"), "+OK");
        client.check(&format!("WATCH {key}"), "+OK");
        e2e::poll("the key expires", || {
            (client.run(&format!("EXISTS {key}")) == ":0").then_some(())
        });
        client.check("MULTI", "+OK");
        client.check("PING", "+QUEUED");
        client.check("EXEC", "_");
    }
}

#[test]
fn slots_can_be_counted_and_listed() {
    let server = Server::start();
    let mut client = server.client();
    for key in keys() {
        let number = slot::of(&key);
        client.check(&format!("CLUSTER COUNTKEYSINSLOT {number}"), ":0");
        let lines: Vec<String> = (0..20).map(|n| format!("SET {{{key}}}{n} v")).collect();
        client.pipeline(&lines);
        client.check(&format!("CLUSTER COUNTKEYSINSLOT {number}"), ":20");
        let some = client.value(&format!("CLUSTER GETKEYSINSLOT {number} 5"));
        assert_eq!(some.items().len(), 5);
        let all = client.value(&format!("CLUSTER GETKEYSINSLOT {number} 100"));
        let all: BTreeSet<String> = all.items().iter().map(Value::text).collect();
        assert_eq!(all, (0..20).map(|n| format!("{{{key}}}{n}")).collect());
    }
}

#[test]
fn scripts_without_declared_keys_run_where_their_first_key_lives() {
    let server = Server::start();
    for connection in 0..SHARDS {
        let mut client = server.client();
        for key in keys() {
            let script =
                "local v = redis.call('incr',ARGV[1]) return {v, redis.call('get',ARGV[1])}";
            let count = connection + 1;
            let reply = client.call(&["EVAL", script, "0", &key]);
            assert_eq!(reply, format!("[:{count} ${count}]"), "{key}");
        }
        let keys = keys();
        let script = "redis.call('incr',ARGV[1]) return redis.call('incr',ARGV[2])";
        let reply = client.call(&["EVAL", script, "0", &keys[0], &keys[3]]);
        assert!(reply.starts_with("-ERR Script attempted to access"), "{reply}");
        client.check(&format!("GET {}", keys[0]), &format!("${}", connection + 1));
        // In a pipeline, between requests for other shards.
        let script = format!("EVAL 'return redis.call(\"get\",ARGV[1])' 0 {}", keys[2]);
        let lines = [format!("GET {}", keys[1]), script.clone(), "PING".into(), script];
        let count = format!("${}", connection + 1);
        assert_eq!(client.pipeline(&lines), [&count, &count, "+PONG", &count]);
    }
}

#[test]
fn each_shard_can_have_a_port_of_its_own() {
    let server = Server::builder().shard_endpoints().start();
    let expected: Vec<(i64, i64, i64)> = (0..SHARDS)
        .map(|shard| {
            let (first, last) = slot::part(shard, SHARDS);
            (i64::from(first), i64::from(last), i64::from(server.shard_port(shard)))
        })
        .collect();
    let mut clients: Vec<Client> = (0..SHARDS).map(|shard| server.client_on(shard)).collect();
    clients.push(server.client());
    let mut ids = BTreeSet::new();
    for client in &mut clients {
        let slots = client.value("CLUSTER SLOTS");
        let rows: Vec<(i64, i64, i64)> = slots
            .items()
            .iter()
            .map(|row| {
                let row = row.items();
                (row[0].int(), row[1].int(), row[2].items()[1].int())
            })
            .collect();
        assert_eq!(rows, expected);
        ids.insert(client.value("CLUSTER MYID").text());
        let nodes = client.value("CLUSTER NODES").text();
        assert_eq!(nodes.lines().count(), 4, "{nodes}");
        assert_eq!(nodes.matches("myself").count(), 1, "{nodes}");
        // Whatever the port, all keys are served.
        for key in keys() {
            client.check(&format!("SET {key} v"), "+OK");
        }
    }
    assert_eq!(ids.len(), 4, "one id for each shard");
}

#[test]
fn many_clients_count_right_together() {
    let server = Server::start();
    let port = server.port();
    let work = |client: u16| {
        move || {
            let mut connection = Client::connect(port);
            for round in 0..25 {
                let lines: Vec<String> = keys().iter().map(|key| format!("INCR {key}")).collect();
                let replies = connection.pipeline(&lines);
                assert!(replies.iter().all(|reply| reply.starts_with(':')), "{replies:?}");
                let line = format!("HINCRBY {{{}}}h c{client} 1", keys()[0]);
                connection.check(&line, &format!(":{}", round + 1));
            }
        }
    };
    let threads: Vec<_> = (0..16).map(|client| std::thread::spawn(work(client))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let mut client = server.client();
    for key in keys() {
        client.check(&format!("GET {key}"), "$400");
    }
}

/// Counters that are read, and written in a transaction that watches them. Most of the clients live on
/// other shards than the counter, where EXEC is a message like those of all others.
#[test]
fn no_update_is_lost_between_shards() {
    const CLIENTS: usize = 8;
    const UPDATES: usize = 60;
    let server = Server::builder().shards(4).start();
    let port = server.port();
    let update = |client: &mut Client| {
        client.check("WATCH counter", "+OK");
        let before = client.run("GET counter");
        let before: usize = before.trim_start_matches('$').parse().unwrap_or(0);
        client.check("MULTI", "+OK");
        client.check(&format!("SET counter {}", before + 1), "+QUEUED");
        client.run("EXEC") != "_"
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(port);
                let mut done = 0;
                while done < UPDATES {
                    done += usize::from(update(&mut client));
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    server.client().check("GET counter", &format!("${}", CLIENTS * UPDATES));
}
