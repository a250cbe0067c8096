//! A node that runs: every family of commands answers, and clients find what they look for.

use std::time::Duration;

use e2e::poll;
use e2e::resp::Value;
use e2e::server::Server;

/// The fields of INFO.
fn info(text: &str) -> Vec<(&str, &str)> {
    text.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

#[test]
fn there_are_no_modules() {
    let server = Server::start();
    let mut client = server.client();
    client.check("MODULE LIST", "[]");
    client.check("MODULE LIST x", "-ERR wrong number of arguments for 'module|list' command");
    client.check("MODULE LOAD x", "-ERR unknown subcommand 'LOAD'. Try MODULE HELP.");
    assert_eq!(client.value("MODULE HELP").items().len(), 5);
}

#[test]
fn what_a_cluster_does_not_allow_has_redis_s_answer() {
    let server = Server::start();
    let mut client = server.client();
    client.check("SET k v", "+OK");
    for (line, reply) in [
        ("MOVE k 1", "-ERR MOVE is not allowed in cluster mode"),
        ("MOVE k", "-ERR wrong number of arguments for 'move' command"),
        ("SWAPDB 0 1", "-ERR SWAPDB is not allowed in cluster mode"),
        ("REPLICAOF NO ONE", "-ERR REPLICAOF not allowed in cluster mode."),
        ("SLAVEOF 127.0.0.1 6379", "-ERR REPLICAOF not allowed in cluster mode."),
        (
            "FAILOVER",
            "-ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.",
        ),
        ("LOLWUT VERSION x", "-ERR value is not an integer or out of range"),
        ("GET k", "$v"),
    ] {
        client.check(line, reply);
    }
    assert_eq!(client.value("LOLWUT").text(), "Redis ver. 7.2.4\n");
}

#[test]
fn hello_names_server_and_protocol() {
    let server = Server::start();
    let mut client = server.client();
    let id = client.value("CLIENT ID").int();
    let fields = |id| format!("server:$redis $version:$7.2.4 $proto::3 $id::{id} $mode:$cluster");
    let hello = client.run("HELLO 3");
    assert_eq!(hello, format!("%{{${} $role:$master $modules:[]}}", fields(id)));
    assert_eq!(client.run("HELLO"), hello);
    client.check("HELLO 3 SETNAME worker", &hello);
    client.check("CLIENT GETNAME", "$worker");
    client.check("GET missing", "_");
    let hello = client.value("HELLO 2 AUTH default anything");
    assert_eq!(hello.items().len(), 14, "{hello}");
}

#[test]
fn every_family_answers() {
    let server = Server::start();
    let mut client = server.client();
    for (line, reply) in [
        ("SET {a}s v", "+OK"),
        ("GET {a}s", "$v"),
        ("INCRBY {a}n 5", ":5"),
        ("HSET {a}h f 1 g 2", ":2"),
        ("HGETALL {a}h", "[$f $1 $g $2]"),
        ("EXPIRE {a}s 100", ":1"),
        ("TYPE {a}h", "+hash"),
        ("DEL {a}s {a}n", ":2"),
        ("EVAL \"return redis.call('hlen',KEYS[1])\" 1 {a}h", ":2"),
        ("MULTI", "+OK"),
        ("HDEL {a}h f", "+QUEUED"),
        ("EXEC", "[:1]"),
        ("DBSIZE", ":1"),
        ("CLUSTER KEYSLOT {a}h", ":15495"),
        ("PING", "+PONG"),
    ] {
        client.check(line, reply);
    }
    let now = client.value("TIME").items()[0].text().parse::<u64>().unwrap();
    assert!(now > 1_700_000_000);
}

#[test]
fn info_has_what_clients_and_operators_look_for() {
    let server = Server::start();
    let mut client = server.client();
    client.check("SET k v EX 1000", "+OK");
    client.check("GET k", "$v");
    client.check("GET missing", "_");
    let port = server.port().to_string();
    // The shard of the key publishes its figures once in a while.
    let text = poll("the key is counted", || {
        let text = client.value("INFO").text();
        text.contains("db0:keys=1,expires=1").then_some(text)
    });
    let fields = info(&text);
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("INFO has no {name}:\n{text}")).1
    };
    for (name, value) in [
        ("redis_version", "7.2.4"),
        ("redis_mode", "cluster"),
        ("tcp_port", &port),
        ("role", "master"),
        ("cluster_enabled", "1"),
        ("loading", "0"),
        ("shards", "4"),
        ("keyspace_hits", "1"),
        ("keyspace_misses", "1"),
        ("rolled_back_scripts", "0"),
    ] {
        assert_eq!(field(name), value, "{name}");
    }
    for name in
        ["connected_clients", "used_memory", "uptime_in_seconds", "total_commands_processed"]
    {
        assert!(field(name).parse::<u64>().is_ok(), "{name}");
    }
    assert_eq!(field("run_id").len(), 40);
    let section = client.value("INFO replication").text();
    assert!(section.starts_with("# Replication\r\nrole:master\r\n"), "{section}");
    assert!(!section.contains("redis_version"));
    assert!(client.value("INFO commandstats").text().contains("cmdstat_get:calls=2"));
    assert_eq!(client.value("INFO nonsense").text(), "");
}

#[test]
fn command_describes_the_commands() {
    let server = Server::start();
    let mut client = server.client();
    let count = client.value("COMMAND COUNT").int();
    assert!(count > 80, "{count}");
    let all = client.value("COMMAND");
    assert_eq!(all.items().len() as i64, count);
    let list = client.value("COMMAND LIST");
    let names: Vec<String> = list.items().iter().map(Value::text).collect();
    for name in ["get", "hset", "eval", "evalsha", "multi", "client", "cluster"] {
        assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
    }
    // Cluster clients route by these numbers: arity, first key, last key, step.
    let info = client.value("COMMAND INFO get mset eval");
    let numbers = |row: &Value| {
        let row = row.items();
        [1, 3, 4, 5].map(|at| row[at].int())
    };
    let rows: Vec<[i64; 4]> = info.items().iter().map(numbers).collect();
    assert_eq!(rows, [[2, 1, 1, 1], [-3, 1, -1, 2], [-3, 0, 0, 0]]);
    let docs = client.value("COMMAND DOCS get").to_string();
    assert!(docs.contains("$summary"), "{docs}");
}

#[test]
fn settings_can_be_changed_while_it_runs() {
    let server = Server::start();
    let (mut client, mut other) = (server.client(), server.client());
    client.check("CONFIG SET script-time-limit 1234 hash-max-listpack-entries 2", "+OK");
    other.check("CONFIG GET script-time-limit", "[$script-time-limit $1234]");
    client.check("HSET h a 1 b 2 c 3", ":3");
    client.check("OBJECT ENCODING h", "$hashtable");
    client.check("CONFIG SET hash-max-listpack-entries 128", "+OK");
    client.check("CONFIG GET *script-mem*", &format!("[$script-memory-limit ${}]", 256 << 20));
    client.check_start("CONFIG SET script-memory-limit 1", "-ERR CONFIG SET failed");
    // All or none: the second is refused, so the first is not set either.
    client.check_start("CONFIG SET timeout 77 shards 9", "-ERR CONFIG SET failed");
    client.check("CONFIG GET timeout", "[$timeout $0]");
    client.check("CONFIG SET script-time-limit 0", "+OK");
}

#[test]
fn clients_are_listed_and_killed() {
    let server = Server::start();
    let mut clients: Vec<_> = (0..5).map(|_| server.client()).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        client.check(&format!("CLIENT SETNAME c{at}"), "+OK");
    }
    let ids: Vec<i64> = clients.iter_mut().map(|client| client.value("CLIENT ID").int()).collect();
    let mut me = server.client();
    // The connection that found the server ready goes first.
    let list = poll("six clients", || {
        let list = me.value("CLIENT LIST").text();
        (list.lines().count() == 6).then_some(list)
    });
    for (at, id) in ids.iter().enumerate() {
        let line = list.lines().find(|line| line.starts_with(&format!("id={id} "))).unwrap();
        assert!(line.contains(&format!(" addr={} ", clients[at].address())), "{line}");
        assert!(line.contains(&format!(" name=c{at} ")) && line.contains(" cmd=client|id "));
    }
    let info = me.value("CLIENT INFO").text();
    assert!(info.contains(" cmd=client|info ") && info.contains("resp=2"), "{info}");

    me.check(&format!("CLIENT KILL ID {}", ids[0]), ":1");
    me.check(&format!("CLIENT KILL {}", clients[1].address()), "+OK");
    me.check(&format!("CLIENT KILL ADDR {}", clients[2].address()), ":1");
    for client in &mut clients[..3] {
        client.check_closed();
    }
    me.check("CLIENT KILL TYPE normal", ":2");
    for client in &mut clients[3..] {
        client.check_closed();
    }
    me.check("PING", "+PONG");
    let own = me.value("CLIENT ID").int();
    me.check(&format!("CLIENT KILL ID {own} SKIPME no"), ":1");
    me.check_closed();
}

#[test]
fn pauses_hold_commands_back() {
    let server = Server::start();
    let (mut client, mut other) = (server.client(), server.client());
    client.check("CLIENT PAUSE 60000 WRITE", "+OK");
    other.check("GET k", "_");
    other.send_line("SET k v");
    assert!(other.is_silent_for(Duration::from_millis(60)));
    client.check("GET k", "_");
    client.check("CLIENT UNPAUSE", "+OK");
    assert_eq!(other.read().to_string(), "+OK");

    client.check("CLIENT PAUSE 60000", "+OK");
    other.check("MGET a b", "-CROSSSLOT Keys in request don't hash to the same slot");
    other.check("GET", "-ERR wrong number of arguments for 'get' command");
    other.send_line("GET k");
    assert!(other.is_silent_for(Duration::from_millis(60)));
    client.check("CLIENT UNPAUSE", "+OK");
    assert_eq!(other.read().to_string(), "$v");

    client.check("CLIENT PAUSE 40", "+OK");
    other.check("GET k", "$v");
}

#[test]
fn a_pause_of_writes_lets_scripts_through_that_cannot_write() {
    let server = Server::start();
    let (mut client, mut other) = (server.client(), server.client());
    let reading = "#!lua flags=no-writes\\nreturn redis.call('get', KEYS[1])";
    let sha = other.value(&format!("SCRIPT LOAD \"{reading}\"")).text();
    let library = "#!lua name=lib\nredis.register_function{function_name = 'reads', \
                   callback = function() return 'value' end, flags = {'no-writes'}}";
    assert_eq!(other.call(&["FUNCTION", "LOAD", library]), "$lib");
    client.check("CLIENT PAUSE 60000 WRITE", "+OK");
    other.check(&format!("EVAL \"{reading}\" 1 k"), "_");
    other.check(&format!("EVALSHA {sha} 1 k"), "_");
    other.check("EVAL_RO \"return redis.call('get', KEYS[1])\" 1 k", "_");
    other.check("FCALL reads 1 k", "$value");
    other.check("SCRIPT EXISTS x", "[:0]");
    assert_eq!(other.pipeline(&["MULTI", "GET k", "EXEC"])[2], "[_]");
    let info = client.value("INFO clients").text();
    assert!(info.contains("blocked_clients:0\r\n"), "{info}");
    other.send_line("EVAL \"return redis.call('get', KEYS[1])\" 1 k");
    assert!(other.is_silent_for(Duration::from_millis(60)));
    client.check("CLIENT UNPAUSE", "+OK");
    assert_eq!(other.read().to_string(), "_");
}

#[test]
fn replies_can_be_switched_off() {
    let server = Server::start();
    let mut client = server.client();
    // Keys of all shards: also what comes from other threads has to be silent.
    client.send_line("CLIENT REPLY OFF");
    (0..16).for_each(|n| client.send_line(&format!("INCR off{n}")));
    client.send_line("DBSIZE");
    client.check("CLIENT REPLY ON", "+OK");
    client.check("DBSIZE", ":16");
    for n in 0..16 {
        client.send_line("CLIENT REPLY SKIP");
        client.send_line(&format!("INCR off{n}"));
    }
    client.check("DBSIZE", ":16");
    client.send_line("CLIENT REPLY SKIP");
    client.send_line("DBSIZE");
    client.check("GET off3", "$2");
}

#[test]
fn reset_makes_a_connection_as_new() {
    let server = Server::start();
    let (mut client, mut other) = (server.client(), server.client());
    client.value("HELLO 3 SETNAME worker");
    client.check("WATCH k", "+OK");
    client.check("MULTI", "+OK");
    client.check("SET k 1", "+QUEUED");
    client.check("RESET", "+RESET");
    client.check("CLIENT GETNAME", "_");
    client.check("EXEC", "-ERR EXEC without MULTI");
    other.check("SET k 2", "+OK");
    client.check("MULTI", "+OK");
    client.check("HSET h f v", "+QUEUED");
    client.check("EXEC", "[:1]");
    client.check("HGETALL h", "[$f $v]");
}

#[test]
fn quit_answers_and_closes() {
    let server = Server::start();
    let mut client = server.client();
    client.send(b"SET k v\r\nQUIT\r\nSET k w\r\n");
    assert_eq!(client.read().to_string(), "+OK");
    assert_eq!(client.read().to_string(), "+OK");
    client.check_closed();
    server.client().check("GET k", "$v");
}

#[test]
fn too_many_clients_are_refused() {
    let server = Server::builder().set("maxclients", 3).start();
    let mut admitted = Vec::new();
    // The connection that found the server ready may still be counted.
    poll("three are admitted", || {
        let mut client = server.client();
        client.try_send(b"PING\r\n").ok()?;
        match client.try_read() {
            Ok(Some(pong)) if pong.to_string() == "+PONG" => admitted.push(client),
            _ => {}
        }
        (admitted.len() == 3).then_some(())
    });
    let mut refused = server.client();
    assert_eq!(refused.read().to_string(), "-ERR max number of clients reached");
    refused.check_closed();
    admitted[0].check("CONFIG SET maxclients 4", "+OK");
    server.client().check("PING", "+PONG");
}

#[test]
fn idle_clients_are_closed_when_that_is_wanted() {
    let server = Server::start();
    let mut idle = server.client();
    idle.check("PING", "+PONG");
    server.client().check("CONFIG SET timeout 1", "+OK");
    idle.check_closed();
}

#[test]
fn keys_expire_by_themselves() {
    let server = Server::start();
    let mut client = server.client();
    for n in 0..50 {
        client.check(&format!("SET k{n} v PX 30"), "+OK");
    }
    client.check("SET stays v", "+OK");
    poll("expired keys are gone", || (client.run("DBSIZE") == ":1").then_some(()));
    client.check("GET k0", "_");
    poll("they are counted", || {
        client.value("INFO stats").text().contains("expired_keys:50\r\n").then_some(())
    });
}
