//! Publish and subscribe: who is told what, in which protocol, across shards and nodes.

use std::time::Duration;

use e2e::cluster::Cluster;
use e2e::poll;
use e2e::resp::Client;
use e2e::server::Server;
use e2e::slot;

const SHORT: Duration = Duration::from_millis(100);

/// Waits until somebody on the node has subscribed to the channel.
fn wait_for_subscriber(client: &mut Client, channel: &str) {
    poll("a subscriber", || {
        let reply = client.run(&format!("PUBSUB NUMSUB {channel}"));
        (!reply.ends_with(":0]")).then_some(())
    });
}

#[test]
fn subscribers_of_all_executors_are_told_in_order() {
    let server = Server::builder().shards(4).start();
    let mut listeners: Vec<Client> = (0..8).map(|_| server.client()).collect();
    for listener in &mut listeners {
        listener.check("SUBSCRIBE news", "[$subscribe $news :1]");
    }
    let mut publisher = server.client();
    for number in 0..50 {
        publisher.check(&format!("PUBLISH news {number}"), ":8");
    }
    publisher.check("PUBLISH other x", ":0");
    for listener in &mut listeners {
        for number in 0..50 {
            assert_eq!(listener.read().to_string(), format!("[$message $news ${number}]"));
        }
    }
    drop(listeners);
    poll("no subscribers", || (publisher.run("PUBLISH news x") == ":0").then_some(()));
}

#[test]
fn what_subscribers_are_told_is_no_reply() {
    let server = Server::builder().shards(2).start();
    for (hello, mark) in [("HELLO 2", ""), ("HELLO 3", ">")] {
        let mut listener = server.client();
        listener.run(hello);
        listener.send_line("CLIENT REPLY OFF");
        listener.send_line("PING");
        listener.check("SUBSCRIBE news", &format!("{mark}[$subscribe $news :1]"));
        listener.check("PSUBSCRIBE ne*", &format!("{mark}[$psubscribe $ne* :2]"));
        // An error is a reply.
        listener.send_line("SUBSCRIBE");
        server.client().check("PUBLISH news x", ":2");
        assert_eq!(listener.read().to_string(), format!("{mark}[$message $news $x]"));
        assert_eq!(listener.read().to_string(), format!("{mark}[$pmessage $ne* $news $x]"));
        listener.check("UNSUBSCRIBE", &format!("{mark}[$unsubscribe $news :1]"));
        listener.check("PUNSUBSCRIBE", &format!("{mark}[$punsubscribe $ne* :0]"));
        listener.check("CLIENT REPLY ON", "+OK");
        listener.send_line("CLIENT REPLY SKIP");
        listener.check("SSUBSCRIBE news", &format!("{mark}[$ssubscribe $news :1]"));
    }
}

#[test]
fn patterns_and_replies_of_each_command() {
    let server = Server::builder().shards(2).start();
    let mut listener = server.client();
    listener.send_line("PSUBSCRIBE n?ws x*");
    assert_eq!(listener.read().to_string(), "[$psubscribe $n?ws :1]");
    assert_eq!(listener.read().to_string(), "[$psubscribe $x* :2]");
    listener.check("SUBSCRIBE news", "[$subscribe $news :3]");
    let mut publisher = server.client();
    publisher.check("PUBLISH news a", ":2");
    assert_eq!(listener.read().to_string(), "[$message $news $a]");
    assert_eq!(listener.read().to_string(), "[$pmessage $n?ws $news $a]");
    publisher.check("PUBSUB CHANNELS", "[$news]");
    publisher.check("PUBSUB CHANNELS z*", "[]");
    publisher.check("PUBSUB NUMPAT", ":2");
    publisher.check("PUBSUB NUMSUB news none", "[$news :1 $none :0]");
    publisher.run("HELLO 3");
    publisher.check("PUBSUB NUMSUB news none", "[$news :1 $none :0]");
    publisher.check("PUBSUB SHARDNUMSUB none", "[$none :0]");
    listener.check("UNSUBSCRIBE", "[$unsubscribe $news :2]");
    listener.check("UNSUBSCRIBE", "[$unsubscribe _ :2]");
    listener.send_line("PUNSUBSCRIBE x* n?ws");
    assert_eq!(listener.read().to_string(), "[$punsubscribe $x* :1]");
    assert_eq!(listener.read().to_string(), "[$punsubscribe $n?ws :0]");
    listener.check("SET k v", "+OK");
    publisher.check("PUBSUB NUMPAT", ":0");
}

#[test]
fn a_listener_may_send_little_in_resp2_and_all_in_resp3() {
    let server = Server::start();
    let mut client = server.client();
    client.check("SUBSCRIBE c", "[$subscribe $c :1]");
    client.check(
        "GET k",
        "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
         are allowed in this context",
    );
    client.check("PING", "[$pong $]");
    client.check("PING x", "[$pong $x]");
    client.check("RESET", "+RESET");
    client.check("PING", "+PONG");
    client.send_line("HELLO 3");
    client.read();
    client.check("SUBSCRIBE c", ">[$subscribe $c :1]");
    client.check("GET k", "_");
    // Its own message comes after the reply.
    client.check("PUBLISH c m", ":1");
    assert_eq!(client.read().to_string(), ">[$message $c $m]");
}

#[test]
fn shard_channels_live_on_their_node() {
    let cluster = Cluster::start(3);
    let owner = cluster.owner("orders");
    let mut listener = cluster.client_for("orders");
    listener.check("SSUBSCRIBE orders", "[$ssubscribe $orders :1]");
    let other = cluster.nodes().iter().enumerate().find(|(place, _)| *place != owner).unwrap().1;
    let moved = format!("-MOVED {} ", slot::of("orders"));
    other.client().check_start("SPUBLISH orders m", &moved);
    other.client().check_start("SSUBSCRIBE orders", &moved);
    let mut publisher = cluster.client_for("orders");
    publisher.check("SPUBLISH orders m", ":1");
    assert_eq!(listener.read().to_string(), "[$smessage $orders $m]");
    publisher.check("PUBLISH orders m", ":0");
    publisher.check("PUBSUB SHARDCHANNELS", "[$orders]");
    publisher.check("PUBSUB SHARDNUMSUB orders", "[$orders :1]");
    publisher
        .check("SSUBSCRIBE orders other", "-CROSSSLOT Keys in request don't hash to the same slot");
    listener.check("SUNSUBSCRIBE", "[$sunsubscribe $orders :0]");
    assert!(listener.is_silent_for(SHORT));
}

#[test]
fn messages_reach_subscribers_of_other_nodes_once() {
    let cluster = Cluster::start(3);
    let nodes = cluster.nodes();
    let mut listeners: Vec<Client> = nodes.iter().map(|node| node.client()).collect();
    for (listener, node) in listeners.iter_mut().zip(nodes) {
        listener.check("SUBSCRIBE news", "[$subscribe $news :1]");
        wait_for_subscriber(&mut node.client(), "news");
    }
    // Receivers are counted on the node that is asked, as in Redis.
    nodes[0].client().check("PUBLISH news hello", ":1");
    nodes[1].client().check("PUBLISH news again", ":1");
    for listener in &mut listeners {
        let mut told = [listener.read().to_string(), listener.read().to_string()];
        told.sort();
        assert_eq!(told, ["[$message $news $again]", "[$message $news $hello]"]);
        assert!(listener.is_silent_for(SHORT));
    }
}

#[test]
fn scripts_and_transactions_tell_when_they_are_kept() {
    let server = Server::builder().shards(2).start();
    let mut listener = server.client();
    listener.check("SUBSCRIBE c", "[$subscribe $c :1]");
    let mut client = server.client();
    client.check_start(
        "EVAL \"redis.call('PUBLISH','c','no') error('x')\" 0",
        "-ERR user_script:1: x",
    );
    client.check("EVAL \"return redis.call('PUBLISH','c','script')\" 0", ":1");
    assert_eq!(listener.read().to_string(), "[$message $c $script]");
    let lines = ["MULTI", "SET k v", "PUBLISH c transaction", "EXEC"];
    assert_eq!(client.pipeline(&lines), ["+OK", "+QUEUED", "+QUEUED", "[+OK :1]"]);
    assert_eq!(listener.read().to_string(), "[$message $c $transaction]");
    client.check("CLIENT TRANSACTION ROLLBACK", "+OK");
    let lines = ["MULTI", "PUBLISH c lost", "SET k v", "INCR k", "EXEC"];
    assert!(client.pipeline(&lines)[4].starts_with("-EXECABORT"));
    assert!(listener.is_silent_for(SHORT));
}

#[test]
fn keyspace_events_tell_what_happens_to_keys() {
    let server = Server::builder().shards(2).start();
    let mut client = server.client();
    client.check("CONFIG SET notify-keyspace-events KEA", "+OK");
    client.check("CONFIG GET notify-keyspace-events", "[$notify-keyspace-events $AKE]");
    client.check_start("CONFIG SET notify-keyspace-events q", "-ERR CONFIG SET failed");
    let mut listener = server.client();
    listener.check("PSUBSCRIBE __key*", "[$psubscribe $__key* :1]");
    let mut expect = |line: &str, events: &[(&str, &str)]| {
        client.run(line);
        for (event, key) in events {
            let space = format!("[$pmessage $__key* $__keyspace@0__:{key} ${event}]");
            assert_eq!(listener.read().to_string(), space, "{line}");
            let event = format!("[$pmessage $__key* $__keyevent@0__:{event} ${key}]");
            assert_eq!(listener.read().to_string(), event, "{line}");
        }
    };
    expect("SET {t}k 1 EX 100", &[("set", "{t}k"), ("expire", "{t}k")]);
    expect("INCR {t}k", &[("incrby", "{t}k")]);
    expect("GET {t}none", &[]);
    expect("RENAME {t}k {t}l", &[("rename_from", "{t}k"), ("rename_to", "{t}l")]);
    expect("HSET {t}h f v", &[("hset", "{t}h")]);
    expect("HDEL {t}h f", &[("hdel", "{t}h"), ("del", "{t}h")]);
    expect("EVAL \"redis.call('SET',KEYS[1],1) error('x')\" 1 {t}k", &[]);
    expect("PEXPIRE {t}l 1", &[("expire", "{t}l"), ("expired", "{t}l")]);
    expect("DEL {t}l {t}none", &[]);
}

#[test]
fn who_does_not_read_is_ended() {
    let server = Server::builder().set("client-output-buffer-limit", "pubsub 1mb 0 0").start();
    let mut listener = server.client();
    listener.check("SUBSCRIBE c", "[$subscribe $c :1]");
    let mut client = server.client();
    let payload = "x".repeat(100_000);
    poll("the end of the listener", || {
        (client.run(&format!("PUBLISH c {payload}")) == ":0").then_some(())
    });
    client.check("PING", "+PONG");
}

#[test]
fn who_lives_where_a_script_runs_is_told_meanwhile() {
    let server = Server::builder().shards(2).shard_endpoints().start();
    let (mut runner, mut listener) = (server.client_on(0), server.client_on(0));
    let mut publisher = server.client_on(1);
    listener.check("SUBSCRIBE news", "[$subscribe $news :1]");
    let key = slot::key_in(0, 8191);
    runner.send_line(&format!("EVAL \"while true do end\" 1 {key}"));
    std::thread::sleep(SHORT);
    for number in 0..3 {
        publisher.check(&format!("PUBLISH news {number}"), ":1");
        assert_eq!(listener.read().to_string(), format!("[$message $news ${number}]"));
    }
    // It has run all the time.
    publisher.check("SCRIPT KILL", "+OK");
    let ended = runner.read().to_string();
    assert!(ended.contains("killed by user"), "{ended}");
}
