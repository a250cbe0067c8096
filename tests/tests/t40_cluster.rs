//! Three nodes: they agree on who has what, and send clients there.

use std::collections::{BTreeMap, BTreeSet};

use e2e::cluster::Cluster;
use e2e::resp::{Client, Value};
use e2e::server::{Process, Server, command, folder};
use e2e::{poll, ports, slot};
use nix::sys::signal::Signal;
use redis::Commands;
use redis::cluster::ClusterClient;

/// Where each range of slots lives, by CLUSTER SLOTS.
fn by_slots(client: &mut Client) -> BTreeMap<(i64, i64), (String, i64, String)> {
    let reply = client.value("CLUSTER SLOTS");
    let row = |row: &Value| {
        let row = row.items();
        let node = row[2].items();
        let node = (node[0].text(), node[1].int(), node[2].text());
        ((row[0].int(), row[1].int()), node)
    };
    reply.items().iter().map(row).collect()
}

/// The same by CLUSTER NODES.
fn by_nodes(client: &mut Client) -> BTreeMap<(i64, i64), (String, i64, String)> {
    let text = client.value("CLUSTER NODES").text();
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (address, _bus) = words[1].split_once('@').unwrap();
        let (host, port) = address.rsplit_once(':').unwrap();
        assert!(words[2] == "master" || words[2] == "myself,master", "{line}");
        assert_eq!(words[7], "connected", "{line}");
        for range in &words[8..] {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let node = (host.to_owned(), port.parse().unwrap(), words[0].to_owned());
            all.insert((first.parse().unwrap(), last.parse().unwrap()), node);
        }
    }
    all
}

/// The value of a key of a flat list of keys and values.
fn field<'a>(list: &'a Value, name: &str) -> &'a Value {
    let pairs = list.items();
    let at = pairs
        .iter()
        .position(|part| matches!(part, Value::Bulk(_, text) if text == name.as_bytes()));
    &pairs[at.unwrap() + 1]
}

/// The same by CLUSTER SHARDS.
fn by_shards(client: &mut Client) -> BTreeMap<(i64, i64), (String, i64, String)> {
    let reply = client.value("CLUSTER SHARDS");
    let mut all = BTreeMap::new();
    for shard in reply.items() {
        let node = &field(shard, "nodes").items()[0];
        assert_eq!(field(node, "role").text(), "master");
        assert_eq!(field(node, "health").text(), "online");
        let host = field(node, "endpoint").text();
        let place = (host, field(node, "port").int(), field(node, "id").text());
        for range in field(shard, "slots").items().chunks(2) {
            all.insert((range[0].int(), range[1].int()), place.clone());
        }
    }
    all
}

#[test]
fn all_nodes_agree_on_who_has_what() {
    let cluster = Cluster::start(3);
    let mut tables = Vec::new();
    let mut ids = BTreeSet::new();
    for node in cluster.nodes() {
        let mut client = node.client();
        let table = by_slots(&mut client);
        assert_eq!(by_nodes(&mut client), table);
        assert_eq!(by_shards(&mut client), table);
        let id = client.value("CLUSTER MYID").text();
        let myself = table.values().find(|(_, port, _)| *port == i64::from(node.port())).unwrap();
        assert_eq!(myself.2, id);
        let nodes = client.value("CLUSTER NODES").text();
        let mine = nodes.lines().find(|line| line.contains("myself")).unwrap();
        assert!(mine.starts_with(&id), "{nodes}");
        let info = client.value("CLUSTER INFO").text();
        for line in [
            "cluster_state:ok",
            "cluster_slots_assigned:16384",
            "cluster_known_nodes:3",
            "cluster_size:3",
        ] {
            assert!(info.contains(&format!("{line}\r\n")), "{info}");
        }
        ids.insert(id);
        tables.push(table);
    }
    assert!(tables.iter().all(|table| *table == tables[0]));
    assert_eq!(ids.len(), 3);
    let expected: Vec<(i64, i64)> = vec![(0, 5460), (5461, 10922), (10923, 16383)];
    assert_eq!(tables[0].keys().copied().collect::<Vec<_>>(), expected);
}

#[test]
fn a_request_for_another_node_is_sent_there() {
    let cluster = Cluster::start(3);
    for key in ["foo", "bar", "k1", "{user}:1", ""] {
        let owner = cluster.owner(key);
        let address = cluster.nodes()[owner].address();
        let moved = format!("-MOVED {} {address}", slot::of(key));
        for (at, node) in cluster.nodes().iter().enumerate() {
            let mut client = node.client();
            for (parts, reply) in [
                (vec!["SET", key, "v"], "+OK"),
                (vec!["GET", key], "$v"),
                (vec!["EVAL", "return redis.call('get',KEYS[1])", "1", key], "$v"),
                (vec!["WATCH", key], "+OK"),
            ] {
                let expected = if at == owner { reply } else { &moved };
                assert_eq!(client.call(&parts), expected, "{parts:?} to node {at}");
            }
        }
    }
    // In a transaction, MOVED spoils it.
    let key = slot::key_in(0, 100);
    let mut client = cluster.nodes()[2].client();
    client.check("MULTI", "+OK");
    client.check(
        &format!("SET {key} v"),
        &format!("-MOVED {} {}", slot::of(&key), cluster.nodes()[0].address()),
    );
    client.check("EXEC", "-EXECABORT Transaction discarded because of previous errors.");
    // A script may not reach over either.
    let script = "return redis.call('get',ARGV[1])";
    let reply = client.call(&["EVAL", script, "0", &key]);
    assert!(reply.starts_with("-ERR Script attempted to access a non local key"), "{reply}");
}

#[test]
fn each_listener_tells_its_own_addresses() {
    let outside = ports::take(3);
    let table = (0..3).map(|at| format!("out{at}.example:{}", outside + at));
    let table = table.collect::<Vec<_>>().join(",");
    let cluster = Cluster::start_with(3, |index, builder| {
        let listeners = format!("127.0.0.1:{}={table}", outside + index);
        builder.variable("ATOLL_LISTENERS", &listeners)
    });
    for (at, node) in (0..3u16).zip(cluster.nodes()) {
        let mut client = Client::connect(outside + at);
        let slots = by_slots(&mut client);
        let addresses: Vec<(String, i64)> =
            slots.values().map(|(host, port, _)| (host.clone(), *port)).collect();
        let expected: Vec<(String, i64)> =
            (0..3).map(|at| (format!("out{at}.example"), i64::from(outside + at))).collect();
        assert_eq!(addresses, expected);
        assert_eq!(by_nodes(&mut client), slots);
        assert_eq!(by_shards(&mut client), slots);
        // The ids are the same inside and outside: it is one cluster.
        let inside = by_slots(&mut node.client());
        let ids = |table: &BTreeMap<(i64, i64), (String, i64, String)>| {
            table.values().map(|(_, _, id)| id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&inside), ids(&slots));
        for owner in 0..3 {
            let (first, last) = slot::part(owner, 3);
            let key = slot::key_in(first, last);
            let (number, other) = (slot::of(&key), owner != at);
            let moved = |host: &str, port| format!("-MOVED {number} {host}:{port}");
            let from_outside = moved(&format!("out{owner}.example"), outside + owner);
            let from_inside = moved("127.0.0.1", cluster.nodes()[usize::from(owner)].port());
            client.check(&format!("GET {key}"), if other { &from_outside } else { "_" });
            node.client().check(&format!("GET {key}"), if other { &from_inside } else { "_" });
        }
    }
}

#[test]
fn slots_that_nobody_has_are_down() {
    const DOWN: &str = "-CLUSTERDOWN Hash slot not served";
    let server = Server::builder().set("cluster.slots", "0-8191").start();
    let mut client = server.client();
    let (served, lost) = (slot::key_in(0, 8191), slot::key_in(8192, 16383));
    client.check(&format!("SET {served} v"), "+OK");
    client.check(&format!("SET {lost} v"), DOWN);
    client.check(&format!("EVAL 'return 1' 1 {lost}"), DOWN);
    client.check(&format!("WATCH {lost}"), DOWN);
    client.check("MULTI", "+OK");
    client.check(&format!("GET {lost}"), DOWN);
    client.check("EXEC", "-EXECABORT Transaction discarded because of previous errors.");
    let script = "return redis.call('get',ARGV[1])";
    let reply = client.call(&["EVAL", script, "0", &lost]);
    assert!(reply.starts_with('-'), "{reply}");
    let info = client.value("CLUSTER INFO").text();
    assert!(info.contains("cluster_slots_assigned:8192\r\n"), "{info}");
    // As in Redis with cluster-require-full-coverage no, which CONFIG GET says.
    assert!(info.contains("cluster_state:ok\r\n"), "{info}");
    client.check("DBSIZE", ":1");
    let rows: Vec<(i64, i64)> = by_slots(&mut client).into_keys().collect();
    assert_eq!(rows, [(0, 8191)]);
}

#[test]
fn the_demo_cluster_runs_and_ends() {
    let first = ports::take(3);
    let folder = folder();
    let mut command = command();
    command.args(["demo-cluster", "--nodes", "3", "--port", &first.to_string(), "--shards", "1"]);
    command.arg("--dir").arg(folder.path().join("demo"));
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut demo = Process::start(command);
    for port in first..first + 3 {
        poll("a node of the demo answers", || {
            assert!(demo.ended().is_none(), "the demo ended");
            let mut client = Client::try_connect(port).ok()?;
            client.value("CLUSTER INFO").text().contains("cluster_state:ok").then_some(())
        });
    }
    let key = slot::key_in(0, 5460);
    Client::connect(first).check(&format!("SET {key} v"), "+OK");
    let moved = format!("-MOVED {} 127.0.0.1:{first}", slot::of(&key));
    Client::connect(first + 2).check(&format!("GET {key}"), &moved);
    demo.signal(Signal::SIGTERM);
    assert_eq!(demo.wait().code(), Some(0));
    for port in first..first + 3 {
        assert!(Client::try_connect(port).is_err(), "the node on port {port} is still there");
    }
}

#[test]
fn redis_rs_finds_its_way() {
    let cluster = Cluster::start(3);
    // One address is enough: the others come from CLUSTER SLOTS.
    let client = ClusterClient::new(cluster.urls()[..1].to_vec()).unwrap();
    let mut connection = client.get_connection().unwrap();
    for n in 0..300 {
        let _: () = connection.set(format!("key:{n}"), n).unwrap();
    }
    for n in 0..300 {
        let value: i64 = connection.get(format!("key:{n}")).unwrap();
        assert_eq!(value, n);
    }
    let sizes = cluster.nodes().iter().map(|node| node.client().value("DBSIZE").int());
    let sizes: Vec<i64> = sizes.collect();
    assert_eq!(sizes.iter().sum::<i64>(), 300);
    assert!(sizes.iter().all(|size| *size > 50), "{sizes:?}");

    let mut pipeline = redis::cluster::cluster_pipe();
    for n in 0..100 {
        pipeline.incr(format!("key:{n}"), 1);
    }
    let values: Vec<i64> = pipeline.query(&mut connection).unwrap();
    assert_eq!(values, (1..=100).collect::<Vec<i64>>());

    // EVALSHA first, EVAL after NOSCRIPT: on each node anew.
    let script = redis::Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    for n in 0..60 {
        let value: i64 = script.key(format!("script:{n}")).arg(n).invoke(&mut connection).unwrap();
        assert_eq!(value, n);
        let value: i64 = script.key(format!("script:{n}")).arg(1).invoke(&mut connection).unwrap();
        assert_eq!(value, n + 1);
    }
    let fields: Vec<(String, String)> = vec![("a".into(), "1".into()), ("b".into(), "2".into())];
    let _: () = connection.hset_multiple("hash", &fields).unwrap();
    let all: BTreeMap<String, String> = connection.hgetall("hash").unwrap();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), fields);
    let error = connection.mget::<_, Vec<Option<i64>>>(&["{a}1", "{a}2"]);
    assert_eq!(error.unwrap(), [None, None]);
}

#[test]
fn redis_rs_runs_transactions_of_one_tag() {
    let cluster = Cluster::start(3);
    for tag in ["{foo}", "{bar}", "{k1}"] {
        let node = &cluster.nodes()[cluster.owner(tag)];
        let client = redis::Client::open(format!("redis://{}/", node.address())).unwrap();
        let mut connection = client.get_connection().unwrap();
        let (one, two) = (format!("{tag}one"), format!("{tag}two"));
        let keys = [one.as_str()];
        let replies: (i64, i64) = redis::transaction(&mut connection, &keys, |connection, pipe| {
            let before: Option<i64> = connection.get(&one)?;
            pipe.set(&one, before.unwrap_or(0) + 5).ignore();
            pipe.incr(&one, 1).incr(&two, 7).query(connection)
        })
        .unwrap();
        assert_eq!(replies, (6, 7));
    }
}

#[test]
fn a_scan_of_the_cluster_is_sent_on_by_its_cursor() {
    let cluster = Cluster::start_with(3, |_, builder| builder.shards(2));
    let keys: BTreeSet<String> = (0..400).map(|n| format!("key:{n}")).collect();
    let mut clients: Vec<Client> = cluster.nodes().iter().map(Server::client).collect();
    for key in &keys {
        clients[cluster.owner(key)].check(&format!("SET {key} v"), "+OK");
    }
    for options in ["", "COUNT 1000"] {
        let (mut cursor, mut found, mut nodes) = ("0".to_owned(), Vec::new(), BTreeSet::new());
        loop {
            // Cluster clients route it as a key.
            let node = cluster.owner(&cursor);
            let line = format!("CLUSTERSCAN {cursor} {options}");
            let elsewhere = clients[(node + 1) % 3].run(&line);
            assert!(elsewhere.starts_with("-MOVED "), "{elsewhere}");
            let page = clients[node].value(&line);
            cursor = page.items()[0].text();
            found.extend(page.items()[1].items().iter().map(Value::text));
            nodes.insert(node);
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(found.len(), keys.len(), "each once");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), keys);
        assert_eq!(nodes.len(), 3);
    }
    // It names no key.
    let names = clients[0].run("COMMAND GETKEYS CLUSTERSCAN 0");
    assert_eq!(names, "-ERR The command has no key arguments");
}
