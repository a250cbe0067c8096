//! redis-rs, its cluster client and its plain one: what programs in Rust do with a cluster.

use std::collections::BTreeMap;

use e2e::cluster::Cluster;
use e2e::poll;
use redis::cluster::{ClusterClient, ClusterConnection, cluster_pipe};
use redis::streams::{StreamRangeReply, StreamReadOptions, StreamReadReply};
use redis::{Commands, ErrorKind, RedisResult, Script, ServerErrorKind};

/// One key for each of the three nodes.
const KEYS: [&str; 3] = ["foo", "bar", "name"];

fn connect(cluster: &Cluster) -> ClusterConnection {
    let client = ClusterClient::builder(cluster.urls()[..1].to_vec()).retries(20).build();
    client.unwrap().get_connection().unwrap()
}

fn plain(cluster: &Cluster, key: &str) -> redis::Connection {
    let url = &cluster.urls()[cluster.owner(key)];
    redis::Client::open(url.as_str()).unwrap().get_connection().unwrap()
}

#[test]
fn pipelines_span_the_nodes_and_keep_their_order() {
    let cluster = Cluster::start(3);
    let mut connection = connect(&cluster);
    let mut pipeline = cluster_pipe();
    for n in 0..500 {
        pipeline.set(format!("key:{n}"), n).ignore().incr(format!("key:{n}"), 1);
    }
    let got: Vec<i64> = pipeline.query(&mut connection).unwrap();
    assert_eq!(got, (1..=500).collect::<Vec<i64>>());

    let error = cluster_pipe()
        .set("text", "x")
        .incr("text", 1)
        .query::<redis::Value>(&mut connection)
        .unwrap_err();
    assert!(error.to_string().contains("value is not an integer or out of range"), "{error}");
    let two_slots: RedisResult<()> =
        redis::cmd("SINTERSTORE").arg("foo").arg("bar").query(&mut connection);
    let two_slots = two_slots.unwrap_err();
    assert_eq!(two_slots.kind(), ErrorKind::Server(ServerErrorKind::CrossSlot), "{two_slots}");
}

#[test]
fn scripts_are_loaded_where_they_are_missing_and_leave_nothing_when_they_fail() {
    let cluster = Cluster::start(3);
    let mut connection = connect(&cluster);
    let add = Script::new("return redis.call('incrby', KEYS[1], ARGV[1])");
    for round in 1..=3 {
        for key in KEYS {
            let got: i64 = add.key(key).arg(5).invoke(&mut connection).unwrap();
            assert_eq!(got, 5 * round, "{key}");
        }
        // They are gone from all nodes, and come back by themselves.
        cluster.nodes().iter().for_each(|node| node.client().check("SCRIPT FLUSH", "+OK"));
    }
    let fails =
        Script::new("redis.call('set', KEYS[1], 'x') redis.call('del', KEYS[2]) error('no')");
    let error = fails.key("{foo}new").key("foo").invoke::<()>(&mut connection).unwrap_err();
    assert!(error.to_string().contains("no"), "{error}");
    let after: (Option<String>, i64) =
        redis::cmd("MGET").arg("{foo}new").arg("foo").query(&mut connection).unwrap();
    assert_eq!(after, (None, 15));
}

#[test]
fn transactions_are_tried_again_until_nobody_is_in_between() {
    let cluster = Cluster::start(3);
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let mut connection = plain(&cluster, "{foo}");
            std::thread::spawn(move || {
                for _ in 0..50 {
                    let _: (i64, i64) =
                        redis::transaction(&mut connection, &["{foo}a"], |connection, pipe| {
                            let before: Option<i64> = connection.get("{foo}a")?;
                            pipe.set("{foo}a", before.unwrap_or(0) + 1).ignore();
                            pipe.incr("{foo}b", 1).get("{foo}a").query(connection)
                        })
                        .unwrap();
                }
            })
        })
        .collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    let both: (i64, i64) = plain(&cluster, "{foo}").mget(&["{foo}a", "{foo}b"]).unwrap();
    assert_eq!(both, (200, 200));
}

#[test]
fn messages_reach_subscribers_of_each_node() {
    let cluster = Cluster::start(3);
    let mut connections: Vec<_> = KEYS.iter().map(|key| plain(&cluster, key)).collect();
    let mut subscribers: Vec<_> = connections.iter_mut().map(|each| each.as_pubsub()).collect();
    for subscriber in &mut subscribers {
        subscriber.subscribe("news").unwrap();
        subscriber.psubscribe("ne*").unwrap();
        subscriber.set_read_timeout(Some(e2e::PATIENCE)).unwrap();
    }
    connect(&cluster).publish::<_, _, ()>("news", "hello").unwrap();
    for subscriber in &mut subscribers {
        for _ in 0..2 {
            let message = subscriber.get_message().unwrap();
            assert_eq!(message.get_channel_name(), "news");
            assert_eq!(message.get_payload::<String>().unwrap(), "hello");
        }
    }
}

#[test]
fn streams_are_read_in_groups() {
    let cluster = Cluster::start(3);
    let mut connection = connect(&cluster);
    let _: () = connection.xgroup_create_mkstream("stream", "group", "$").unwrap();
    let ids: Vec<String> =
        (0..10).map(|n| connection.xadd("stream", "*", &[("n", n)]).unwrap()).collect();
    let options = StreamReadOptions::default().group("group", "me").count(4);
    let mut seen = Vec::new();
    loop {
        let reply: Option<StreamReadReply> =
            connection.xread_options(&["stream"], &[">"], &options).unwrap();
        let Some(read) = reply.and_then(|mut reply| reply.keys.pop()) else { break };
        let here: Vec<String> = read.ids.into_iter().map(|entry| entry.id).collect();
        let acknowledged: usize = connection.xack("stream", "group", &here).unwrap();
        assert_eq!(acknowledged, here.len());
        seen.extend(here);
    }
    assert_eq!(seen, ids);
    let all: StreamRangeReply = connection.xrange_all("stream").unwrap();
    let numbers: Vec<i64> = all.ids.iter().filter_map(|entry| entry.get("n")).collect();
    assert_eq!(numbers, (0..10).collect::<Vec<i64>>());
}

#[test]
fn a_client_finds_a_node_again_that_was_restarted() {
    let mut cluster = Cluster::start(3);
    let mut connection = connect(&cluster);
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for key in KEYS {
        connection.set::<_, _, ()>(format!("{{{key}}}kept"), key).unwrap();
        counts.insert(key, 0);
    }
    for index in 0..3 {
        cluster.restart(index);
        for key in KEYS {
            let kept: String =
                poll("the key can be read", || connection.get(format!("{{{key}}}kept")).ok());
            assert_eq!(kept, key);
            let count: i64 = poll("the key can be written", || connection.incr(key, 1).ok());
            let before = counts.insert(key, count).unwrap();
            // An attempt whose reply was lost may have counted.
            assert!(count > before, "{key}: {before}, then {count}");
        }
    }
}
