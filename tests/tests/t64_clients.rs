//! What clients take and leave unread: eviction, limits of buffers, CLIENT LIST, CLIENT PAUSE.

use std::time::{Duration, Instant};

use e2e::poll;
use e2e::resp::Client;
use e2e::server::Server;

/// Has a client take about so many bytes: a request that does not come to its end.
fn fill(client: &mut Client, bytes: usize) {
    client.send(format!("*2\r\n${bytes}\r\n{}", "v".repeat(bytes)).as_bytes());
}

/// A figure of CLIENT LIST for the client of a name; `None` when there is no such client.
fn figure(client: &mut Client, name: &str, figure: &str) -> Option<String> {
    let list = client.value("CLIENT LIST").text();
    let line = list.lines().find(|line| line.contains(&format!(" name={name} ")))?;
    let field = line.split(' ').find_map(|field| field.strip_prefix(&format!("{figure}=")));
    Some(field.unwrap_or_else(|| panic!("{figure} in {line}")).to_owned())
}

fn number(client: &mut Client, name: &str, what: &str) -> usize {
    figure(client, name, what).unwrap().parse().unwrap()
}

fn info(client: &mut Client, name: &str) -> u64 {
    let text = client.value("INFO").text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("{name}")).parse().unwrap()
}

fn named(server: &Server, name: &str) -> Client {
    let mut client = server.client();
    client.check(&format!("CLIENT SETNAME {name}"), "+OK");
    client
}

#[test]
fn the_largest_clients_are_evicted_wherever_they_live() {
    let server = Server::builder().shards(3).start();
    let mut control = server.client();
    control.check("CLIENT NO-EVICT ON", "+OK");
    let mut clients: Vec<Client> = (0..6)
        .map(|at| {
            let mut client = named(&server, &format!("c{at}"));
            fill(&mut client, (at + 1) * 300_000);
            client
        })
        .collect();
    let mut spared = named(&server, "spared");
    spared.check("CLIENT NO-EVICT ON", "+OK");
    fill(&mut spared, 4_000_000);
    for (name, size) in [("c0", 300_000), ("c5", 1_800_000), ("spared", 4_000_000)] {
        poll("the requests have arrived", || {
            (number(&mut control, name, "qbuf") == size).then_some(())
        });
        assert!(number(&mut control, name, "tot-mem") > size);
    }
    assert_eq!(info(&mut control, "evicted_clients"), 0);
    assert!(info(&mut control, "mem_clients_normal") > 10_300_000);
    // 300, 600 and 900 KB fit.
    control.check("CONFIG SET maxmemory-clients 2mb", "+OK");
    for at in 0..6 {
        assert_eq!(figure(&mut control, &format!("c{at}"), "id").is_some(), at < 3, "c{at}");
    }
    clients[3..].iter_mut().for_each(Client::check_closed);
    assert_eq!(info(&mut control, "evicted_clients"), 3);
    assert!(figure(&mut control, "spared", "flags").unwrap().contains('e'));
    // Who grows beyond the limit goes at once, if it is the largest.
    let more = format!("\r\n$1500000\r\n{}", "v".repeat(1_500_000));
    let _ = clients[0].try_send(more.as_bytes());
    clients[0].check_closed();
    assert!(figure(&mut control, "c2", "id").is_some());
    // A part of maxmemory; without one there is no limit.
    control.check("CONFIG SET maxmemory-clients 1%", "+OK");
    control.check("CONFIG GET maxmemory-clients", "[$maxmemory-clients $1%]");
    assert!(figure(&mut control, "c1", "id").is_some());
    control.check("CONFIG SET maxmemory 80mb", "+OK");
    clients[2].check_closed();
    assert!(figure(&mut control, "c1", "id").is_some());
    assert!(figure(&mut control, "spared", "id").is_some());
}

#[test]
fn what_a_session_has_counts() {
    let server = Server::builder().set("maxmemory-clients", 200_000).start();
    let mut control = server.client();
    let value = "v".repeat(20_000);
    let endless: [(&str, &dyn Fn(usize) -> String); 3] = [
        ("MULTI", &|_| format!("SET k {value}")),
        ("PING", &|at| format!("WATCH {{t}}{at}")),
        ("PING", &|at| format!("CLIENT TRACKING ON BCAST PREFIX {at:08}")),
    ];
    for (first, line) in endless {
        let mut client = server.client();
        client.run(first);
        let ended = (0..10_000).find(|at| {
            client.send_line(&line(*at));
            !matches!(client.try_read(), Ok(Some(_)))
        });
        assert!(ended.is_some_and(|at| at > 3), "{ended:?} {first}");
    }
    assert_eq!(info(&mut control, "evicted_clients"), 3);
}

#[test]
fn subscribers_over_the_hard_limit_are_closed_and_others_are_not() {
    let server = Server::builder().start();
    let mut control = server.client();
    let limits = "\"pubsub 1mb 0 0\"";
    control.check(&format!("CONFIG SET client-output-buffer-limit {limits}"), "+OK");
    let (mut reader, mut listener) = (named(&server, "reader"), named(&server, "listener"));
    listener.check("SUBSCRIBE c", "[$subscribe $c :1]");
    control.check(&format!("SET big {}", "x".repeat(3_000_000)), "+OK");
    reader.send_line("GET big");
    let payload = "x".repeat(100_000);
    let mut most = 0;
    poll("the end of the listener", || {
        most =
            most.max(figure(&mut control, "listener", "omem").map_or(0, |it| it.parse().unwrap()));
        (control.run(&format!("PUBLISH c {payload}")) == ":0").then_some(())
    });
    assert!((600_000..1 << 20).contains(&most), "{most}");
    assert_eq!(info(&mut control, "client_output_buffer_limit_disconnections"), 1);
    assert_eq!(reader.read().text().len(), 3_000_000);
    reader.check("PING", "+PONG");
}

#[test]
fn subscribers_over_the_soft_limit_are_closed_after_its_seconds() {
    let server = Server::builder().start();
    let mut control = server.client();
    let limits = "\"pubsub 0 200kb 1\"";
    control.check(&format!("CONFIG SET client-output-buffer-limit {limits}"), "+OK");
    let mut listener = named(&server, "listener");
    listener.check("SUBSCRIBE c", "[$subscribe $c :1]");
    let payload = "x".repeat(100_000);
    while number(&mut control, "listener", "omem") < 200 << 10 {
        control.check(&format!("PUBLISH c {payload}"), ":1");
    }
    let start = Instant::now();
    assert_eq!(figure(&mut control, "listener", "events").as_deref(), Some("rw"));
    // Nothing more is published: it is found all the same.
    poll("the end of the listener", || {
        figure(&mut control, "listener", "id").is_none().then_some(())
    });
    assert!(start.elapsed() > Duration::from_millis(700), "{:?}", start.elapsed());
    assert_eq!(info(&mut control, "client_output_buffer_limit_disconnections"), 1);
}

#[test]
fn a_reply_over_the_limit_is_not_sent() {
    let server = Server::builder().set("client-output-buffer-limit", "normal 1mb 0 0").start();
    let mut control = server.client();
    control.check(&format!("SET {{t}}big {}", "x".repeat(700_000)), "+OK");
    let mut client = named(&server, "one");
    assert_eq!(client.value("GET {t}big").text().len(), 700_000);
    client.check("MULTI", "+OK");
    for line in ["GET {t}big", "GET {t}big", "SET {t}done 1"] {
        client.check(line, "+QUEUED");
    }
    client.send_line("EXEC");
    client.check_closed();
    // What was asked for has been done all the same.
    control.check("GET {t}done", "$1");
    assert_eq!(info(&mut control, "client_output_buffer_limit_disconnections"), 1);
}

#[test]
fn a_pipeline_of_large_replies_is_served_as_they_are_read() {
    let server = Server::builder().shards(2).start();
    let mut control = server.client();
    let keys: Vec<String> = (0..2).map(|shard| e2e::slot::key_of_shard(shard, 2)).collect();
    for key in &keys {
        control.check(&format!("SET {key} {}", "x".repeat(100_000)), "+OK");
    }
    let mut client = named(&server, "slow");
    let lines: String = (0..200).map(|at| format!("GET {}\r\n", keys[at / 3 % 2])).collect();
    client.send(format!("{lines}PING\r\n").as_bytes());
    poll("it does not read", || (number(&mut control, "slow", "tot-mem") > 60_000).then_some(()));
    // Twenty megabytes would wait otherwise.
    assert!(number(&mut control, "slow", "tot-mem") < 6 << 20);
    for _ in 0..200 {
        assert_eq!(client.read().text().len(), 100_000);
    }
    assert_eq!(client.read().to_string(), "+PONG");
    poll("all is given back", || (number(&mut control, "slow", "tot-mem") < 200_000).then_some(()));
}

#[test]
fn who_sends_too_much_is_closed() {
    let server = Server::builder().set("client-query-buffer-limit", 1 << 20).start();
    let mut control = server.client();
    let mut client = server.client();
    fill(&mut client, 900_000);
    client.send(b"\r\n$1000000\r\n");
    let _ = client.try_send(&vec![b'v'; 400_000]);
    client.check_closed();
    let mut client = server.client();
    client.check("MULTI", "+OK");
    let set = format!("SET k {}", "v".repeat(200_000));
    (0..5).for_each(|_| client.check(&set, "+QUEUED"));
    client.send_line(&set);
    client.check_closed();
    assert_eq!(info(&mut control, "client_query_buffer_limit_disconnections"), 2);
}

#[test]
fn clients_are_found_by_what_they_are() {
    let server = Server::builder().shards(2).start();
    let mut me = named(&server, "me");
    let (mut one, mut two) = (named(&server, "one"), named(&server, "two"));
    one.check("CLIENT SETINFO lib-name x", "+OK");
    one.check("CLIENT NO-EVICT ON", "+OK");
    two.check("SUBSCRIBE c", "[$subscribe $c :1]");
    let mut names = |filter: &str| {
        let list = me.value(&format!("CLIENT LIST {filter}"));
        if list.is_error() {
            return list.to_string();
        }
        let list = list.text();
        let name = |line: &str| Some(line.split(" name=").nth(1)?.split(' ').next()?.to_owned());
        let names: Vec<String> =
            list.lines().filter_map(name).filter(|name| !name.is_empty()).collect();
        names.join(" ")
    };
    for (filter, found) in [
        ("TYPE pubsub", "two"),
        ("NAME one", "one"),
        ("NOT-NAME one", "me two"),
        ("LIB-NAME x", "one"),
        ("FLAGS e", "one"),
        ("NOT-FLAGS P", "me one"),
        ("SKIPME yes NOT-TYPE pubsub", "one"),
        ("USER default IP 127.0.0.1 DB 0 NAME me", "me"),
        ("MAXAGE 1000", ""),
        ("CAPA r", ""),
        ("ID 1 2 3 4 5 NAME two", "two"),
        ("ID 0", ""),
        ("ID x", "-ERR Invalid client ID"),
        ("ID 1 x", "-ERR Invalid client ID"),
        ("FLAGS z", "-ERR Unknown flags found in the provided filter: z"),
        ("NOT-FLAGS z", "-ERR Unknown flags found in the NOT-FLAGS filter: z"),
        ("MAXAGE 0", "-ERR maxage should be greater than 0"),
        ("IDLE x", "-ERR idle is not an integer or out of range"),
        ("NOT-IDLE 1", "-ERR syntax error"),
        ("USER nobody", "-ERR No such user 'nobody'"),
        ("TYPE what", "-ERR Unknown client type 'what'"),
        ("DB 1", "-ERR DB number should be between 0 and 0"),
    ] {
        assert_eq!(names(filter), found, "{filter}");
    }
    me.check("CLIENT KILL ID x", "-ERR client-id should be greater than 0");
    me.check("CLIENT KILL NAME one FLAGS P", ":0");
    me.check("CLIENT KILL NOT-TYPE normal", ":1");
    two.check_closed();
    me.check("CLIENT KILL LIB-NAME x FLAGS e", ":1");
    one.check_closed();
}

#[test]
fn what_a_client_sees_of_itself() {
    let server = Server::start();
    let mut client = server.client();
    client.send(b"*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r\n");
    let line = client.read().text();
    for part in [" qbuf=26 ", " argv-mem=10 ", " tot-net-in=26 ", " tot-net-out=0 ", " tot-cmds=0"]
    {
        assert!(line.contains(part), "{part} in {line}");
    }
    client.check("WATCH k", "+OK");
    client.check("SET k v", "+OK");
    client.check("MULTI", "+OK");
    client.check("GET k", "+QUEUED");
    client.check("CLIENT NO-TOUCH ON", "+QUEUED");
    let mut other = server.client();
    let list = other.value("CLIENT LIST FLAGS x").text();
    assert!(list.contains(" flags=xd ") && list.contains(" watch=1 "), "{list}");
    assert!(list.contains(" multi=2 ") && !list.contains(" multi-mem=0 "), "{list}");
}

#[test]
fn nothing_expires_or_is_evicted_during_a_pause() {
    let server = Server::builder().set("maxmemory-policy", "allkeys-random").start();
    let (mut client, mut other) = (server.client(), server.client());
    client.check("SET lazy v PX 50", "+OK");
    client.check("SET active v PX 50", "+OK");
    client.check("CLIENT PAUSE 100000 WRITE", "+OK");
    client.check("CONFIG SET maxmemory 1", "+OK");
    // Some rounds of active expiry and of eviction.
    std::thread::sleep(Duration::from_millis(400));
    client.check("GET lazy", "_");
    client.check("TTL lazy", ":-2");
    client.check("DBSIZE", ":2");
    assert_eq!(info(&mut client, "expired_keys") + info(&mut client, "evicted_keys"), 0);
    client.check("CONFIG SET maxmemory 0", "+OK");
    other.send_line("SET lazy new");
    assert!(other.is_silent_for(Duration::from_millis(100)));
    client.check("CLIENT UNPAUSE", "+OK");
    assert_eq!(other.read().to_string(), "+OK");
    client.check("TTL lazy", ":-1");
    poll("active expiry", || (client.run("DBSIZE") == ":1").then_some(()));
    // A pause that comes to its end by itself, too.
    client.check("SET short v PX 10", "+OK");
    client.check("CLIENT PAUSE 300", "+OK");
    poll("active expiry", || (client.run("DBSIZE") == ":1").then_some(()));
}
