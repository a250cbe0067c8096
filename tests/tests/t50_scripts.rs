//! Scripts as users have them: those of examples/scripts, all or nothing, known everywhere.

use std::fs;

use e2e::resp::{Client, Value};
use e2e::server::Server;
use e2e::{repository, slot};

const SHARDS: u16 = 4;

/// A script of examples/scripts.
fn example(name: &str) -> String {
    let path = repository().join("examples/scripts").join(format!("{name}.lua"));
    fs::read_to_string(path).unwrap()
}

/// Runs a script with these keys and arguments and returns the reply as text.
fn eval(client: &mut Client, script: &str, keys: &[&str], arguments: &[&str]) -> String {
    let count = keys.len().to_string();
    let mut parts = vec!["EVAL", script, &count];
    parts.extend(keys);
    parts.extend(arguments);
    client.call(&parts)
}

/// Everything that a server holds, as text: what must not change when a script fails.
pub(crate) fn contents(client: &mut Client) -> Vec<String> {
    let keys = client.value("KEYS *");
    let mut all: Vec<String> = Vec::new();
    for key in keys.items().iter().map(Value::text) {
        let kind = client.call(&["TYPE", &key]);
        let value = match kind.as_str() {
            "+hash" => {
                let fields = client.value(&format!("HGETALL {key}"));
                let mut pairs: Vec<String> = fields
                    .items()
                    .chunks(2)
                    .map(|pair| format!("{}={}", pair[0], pair[1]))
                    .collect();
                pairs.sort();
                pairs.join(" ")
            }
            _ => client.call(&["GET", &key]),
        };
        let expiry = client.call(&["PEXPIRETIME", &key]);
        all.push(format!("{key} {kind} {value} {expiry}"));
    }
    all.sort();
    all
}

#[test]
fn stock_decrement() {
    let server = Server::start();
    let mut client = server.client();
    let script = example("stock_decrement");
    let sell =
        |key: &str, arguments: &[&str]| eval(&mut server.client(), &script, &[key], arguments);
    assert_eq!(sell("stock:{shoes}", &[]), ":-1");
    client.check("SET stock:{shoes} 3", "+OK");
    assert_eq!(sell("stock:{shoes}", &[]), ":1");
    assert_eq!(sell("stock:{shoes}", &["5"]), ":0");
    assert_eq!(sell("stock:{shoes}", &["2"]), ":1");
    assert_eq!(sell("stock:{shoes}", &["1"]), ":0");
    for wrong in ["0", "-1", "1.5", "x", "nan"] {
        let reply = sell("stock:{shoes}", &[wrong]);
        assert_eq!(reply, "-ERR the quantity must be a positive whole number", "{wrong}");
    }
    client.check("GET stock:{shoes}", "$0");
    client.check("SET stock:{shoes} many", "+OK");
    assert_eq!(sell("stock:{shoes}", &[]), "-ERR the stock is not a number");
}

#[test]
fn a_stock_of_a_thousand_sells_a_thousand_to_a_hundred_clients() {
    let server = Server::start();
    let mut client = server.client();
    let script = example("stock_decrement");
    client.check("SET stock:{shoes} 1000", "+OK");
    let sha = client.call(&["SCRIPT", "LOAD", &script]);
    let port = server.port();
    let sha = sha.trim_start_matches('$').to_owned();
    let buy = move |sha: String| {
        let mut client = Client::connect(port);
        let mut sold = 0;
        loop {
            match client.call(&["EVALSHA", &sha, "1", "stock:{shoes}"]).as_str() {
                ":1" => sold += 1,
                ":0" => return sold,
                other => panic!("{other}"),
            }
        }
    };
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let sha = sha.clone();
            std::thread::spawn(move || buy(sha))
        })
        .collect();
    let sold: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(sold.iter().sum::<u64>(), 1000, "{sold:?}");
    client.check("GET stock:{shoes}", "$0");
}

#[test]
fn counters() {
    let server = Server::start();
    let mut client = server.client();
    let counter = example("counter");
    assert_eq!(eval(&mut client, &counter, &["visits"], &["5"]), ":5");
    assert_eq!(eval(&mut client, &counter, &["visits"], &["-7"]), ":-2");
    let reply = eval(&mut client, &counter, &["visits"], &["x"]);
    assert!(reply.starts_with("-ERR value is not an integer or out of range script: "), "{reply}");
    client.check("GET visits", "$-2");

    let limited = example("counter_with_expiry");
    assert_eq!(eval(&mut client, &limited, &["rate"], &["60"]), ":1");
    assert_eq!(eval(&mut client, &limited, &["rate"], &["9999"]), ":2");
    let left = client.value("TTL rate").int();
    assert!((50..=60).contains(&left), "{left}");
    // The INCR before the EXPIRE that fails is taken back.
    let reply = eval(&mut client, &limited, &["fresh"], &["soon"]);
    assert!(reply.starts_with("-ERR value is not an integer"), "{reply}");
    client.check("EXISTS fresh", ":0");

    let ten = example("ten_incrs");
    assert_eq!(eval(&mut client, &ten, &["hits"], &[]), ":10");
    assert_eq!(eval(&mut client, &ten, &["hits"], &[]), ":20");
    client.check("SET hits 9223372036854775800", "+OK");
    let reply = eval(&mut client, &ten, &["hits"], &[]);
    assert!(reply.starts_with("-ERR increment or decrement would overflow"), "{reply}");
    client.check("GET hits", "$9223372036854775800");
}

#[test]
fn ten_increments_are_seen_together() {
    let server = Server::start();
    let port = server.port();
    let script = example("ten_incrs");
    let work = move || {
        let mut client = Client::connect(port);
        (0..50).for_each(|_| drop(eval(&mut client, &script, &["hits"], &[])));
    };
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(work.clone())).collect();
    let mut client = server.client();
    loop {
        let seen = client.run("GET hits");
        let number = seen.trim_start_matches('$').parse::<u64>().unwrap_or(0);
        assert_eq!(number % 10, 0, "half a script was seen: {seen}");
        if number == 2000 {
            break;
        }
        assert!(number < 2000);
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn locks() {
    let server = Server::start();
    let mut client = server.client();
    let (acquire, release) = (example("lock_acquire"), example("lock_release"));
    assert_eq!(eval(&mut client, &acquire, &["lock"], &["ann", "30"]), ":1");
    assert_eq!(eval(&mut client, &acquire, &["lock"], &["bob", "30"]), ":0");
    client.check("GET lock", "$ann");
    assert!((25..=30).contains(&client.value("TTL lock").int()));
    assert_eq!(eval(&mut client, &release, &["lock"], &["bob"]), ":0");
    assert_eq!(eval(&mut client, &release, &["lock"], &["ann"]), ":1");
    assert_eq!(eval(&mut client, &release, &["lock"], &["ann"]), ":0");
    let reply = eval(&mut client, &acquire, &["lock"], &["bob", "a while"]);
    assert!(reply.starts_with("-ERR value is not an integer"), "{reply}");
    client.check("EXISTS lock", ":0");
    // A lock that ended belongs to nobody.
    assert_eq!(eval(&mut client, &acquire, &["lock"], &["ann", "30"]), ":1");
    client.check("PEXPIRE lock 1", ":1");
    e2e::poll("the lock ends", || (client.run("EXISTS lock") == ":0").then_some(()));
    assert_eq!(eval(&mut client, &acquire, &["lock"], &["bob", "30"]), ":1");
    assert_eq!(eval(&mut client, &release, &["lock"], &["ann"]), ":0");
}

#[test]
fn points_transfer() {
    let server = Server::start();
    let mut client = server.client();
    let script = example("points_transfer");
    let (ann, bob) = ("{shop}:ann", "{shop}:bob");
    client.check("HSET {shop}:ann points 100", ":1");
    client.check("HSET {shop}:bob points 5", ":1");
    assert_eq!(eval(&mut client, &script, &[ann, bob], &["30"]), "[:70 :35]");
    client.check("HMGET {shop}:ann points", "[$70]");
    assert_eq!(client.run("HGET {shop}:ann changed").len(), 11);
    for (keys, amount, error) in [
        ([ann, bob], "0", "-AMOUNT must be a positive whole number"),
        ([ann, bob], "-5", "-AMOUNT must be a positive whole number"),
        ([ann, bob], "1.5", "-AMOUNT must be a positive whole number"),
        ([ann, bob], "x", "-AMOUNT must be a positive whole number"),
        ([ann, bob], "71", "-FUNDS not enough points"),
        ([ann, ann], "1", "-ACCOUNT giver and receiver are the same"),
        (["{shop}:none", bob], "1", "-ACCOUNT no such account to give from"),
        ([ann, "{shop}:none"], "1", "-ACCOUNT no such account to give to"),
    ] {
        let before = contents(&mut client);
        assert_eq!(eval(&mut client, &script, &keys, &[amount]), error);
        assert_eq!(contents(&mut client), before);
    }
    let reply = eval(&mut client, &script, &["a", "b"], &["1"]);
    assert!(reply.starts_with("-CROSSSLOT"), "{reply}");
}

#[test]
fn no_points_are_made_or_lost() {
    let server = Server::start();
    let mut client = server.client();
    let script = example("points_transfer");
    for n in 0..5 {
        client.check(&format!("HSET {{shop}}:{n} points 100"), ":1");
    }
    let port = server.port();
    let work = move |seed: usize| {
        let mut client = Client::connect(port);
        for round in 0..60 {
            let (from, to) = ((seed + round) % 5, (seed * 3 + round * 2 + 1) % 5);
            let keys = [format!("{{shop}}:{from}"), format!("{{shop}}:{to}")];
            let amount = (round % 40 + 1).to_string();
            eval(&mut client, &script, &[&keys[0], &keys[1]], &[&amount]);
        }
    };
    let threads: Vec<_> = (0..8)
        .map(|seed| {
            let work = work.clone();
            std::thread::spawn(move || work(seed))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let points = (0..5).map(|n| client.value(&format!("HGET {{shop}}:{n} points")).text());
    assert_eq!(points.map(|text| text.parse::<i64>().unwrap()).sum::<i64>(), 500);
}

#[test]
fn compare_and_set() {
    let server = Server::start();
    let mut client = server.client();
    let script = example("compare_and_set");
    let mismatch = "-MISMATCH the value is not the expected one";
    assert_eq!(eval(&mut client, &script, &["k"], &["old", "new"]), mismatch);
    client.check("SET k old EX 100", "+OK");
    assert_eq!(eval(&mut client, &script, &["k"], &["older", "new"]), mismatch);
    assert_eq!(eval(&mut client, &script, &["k"], &["old", "new"]), "+OK");
    client.check("GET k", "$new");
    assert!(client.value("TTL k").int() > 90);
}

#[test]
fn watch_multi_exec_in_a_script() {
    let server = Server::start();
    let mut client = server.client();
    let script = example("watch_multi_exec");
    let keys = ["{till}:left", "{till}:right"];
    client.check("SET {till}:left 50", "+OK");
    assert_eq!(eval(&mut client, &script, &keys, &["20"]), "[:30 :20]");
    assert_eq!(eval(&mut client, &script, &keys, &["31"]), "_");
    client.check("MGET {till}:left {till}:right", "[$30 $20]");
    client.check("SET {till}:right text", "+OK");
    let reply = eval(&mut client, &script, &keys, &["1"]);
    // EXEC answers as in Redis: the command that failed has an error in its place.
    assert!(reply.contains("ERR value is not an integer"), "{reply}");
}

#[test]
fn a_script_that_fails_leaves_nothing_behind() {
    let server = Server::start();
    let mut client = server.client();
    for line in [
        "SET {t}text old",
        "SET {t}timed old EX 1000",
        "SET {t}number 41",
        "SET {t}big 0123456789012345678901234567890123456789",
        "HSET {t}hash a 1 b 2",
        "SET {t}from x",
    ] {
        client.run(line);
    }
    let before = contents(&mut client);
    let writes = "
        local c = redis.call
        c('set', '{t}text', 'new') c('append', '{t}text', 'er') c('set', '{t}fresh', 1)
        c('incr', '{t}number') c('incrbyfloat', '{t}number', 0.5) c('setrange', '{t}big', 3, 'xyz')
        c('persist', '{t}timed') c('expire', '{t}number', 50) c('getex', '{t}text', 'EX', 9)
        c('hset', '{t}hash', 'a', 9, 'c', 3) c('hdel', '{t}hash', 'b') c('hincrby', '{t}hash', 'a', 1)
        c('rename', '{t}from', '{t}to') c('copy', '{t}text', '{t}copy') c('del', '{t}timed')
        c('mset', '{t}m1', 1, '{t}m2', 2) c('hset', '{t}h2', 'f', 'v') c('unlink', '{t}hash')
        c('getdel', '{t}number') c('setex', '{t}text', 5, 'x') c('expire', '{t}big', -1)
    ";
    for end in [
        "error('boom')",
        "error({err='MY boom'})",
        "return redis.call('incr', '{t}text')",
        "return nothing.at.all",
        "return redis.call('nosuch')",
        "return redis.call('get')",
        "return redis.call('get', 'of another slot')",
        "return redis.call('flushall')",
        "local function f() return f() + 1 end return f()",
        "return ('x'):rep(-1):bogus()",
        "KEYS.x.y = 1",
    ] {
        let reply = eval(&mut client, &format!("{writes} {end}"), &["{t}text"], &[]);
        assert!(reply.starts_with('-'), "{end}: {reply}");
        assert_eq!(contents(&mut client), before, "{end}");
    }
    let reply = eval(&mut client, &format!("{writes} return 7"), &["{t}text"], &[]);
    assert_eq!(reply, ":7");
    assert_ne!(contents(&mut client), before);
    // What is returned is no failure.
    let script = "redis.call('set', KEYS[1], 'kept') return redis.error_reply('MY error')";
    assert_eq!(eval(&mut client, script, &["{t}text"], &[]), "-MY error");
    client.check("GET {t}text", "$kept");
}

#[test]
fn scripts_are_known_on_every_shard() {
    let server = Server::start();
    let keys: Vec<String> = (0..SHARDS).map(|shard| slot::key_of_shard(shard, SHARDS)).collect();
    let mut client = server.client();
    let unknown = "-NOSCRIPT No matching script. Please use EVAL.";
    for connection in 0..SHARDS {
        // By EVAL on any shard, and by SCRIPT LOAD over any connection.
        let body = format!("return {{redis.call('incr', KEYS[1]), 'eval{connection}'}}");
        let loaded = format!("return {{redis.call('incr', KEYS[1]), 'load{connection}'}}");
        let mut other = server.client();
        eval(&mut other, &body, &[&keys[usize::from(connection)]], &[]);
        let sha = other.call(&["EVAL", "return redis.sha1hex(ARGV[1])", "0", &body]);
        let loaded_sha = other.call(&["SCRIPT", "LOAD", &loaded]);
        for _ in 0..SHARDS {
            let mut another = server.client();
            for key in &keys {
                for (sha, what) in [(&sha, "eval"), (&loaded_sha, "load")] {
                    let reply = another.call(&["EVALSHA", &sha[1..], "1", key]);
                    assert!(reply.ends_with(&format!("${what}{connection}]")), "{reply}");
                }
            }
            let line = format!("SCRIPT EXISTS {} {}", &sha[1..], &loaded_sha[1..]);
            another.check(&line, "[:1 :1]");
        }
        client.check("SCRIPT FLUSH", "+OK");
        for key in &keys {
            assert_eq!(other.call(&["EVALSHA", &sha[1..], "1", key]), unknown);
            assert_eq!(client.call(&["EVALSHA", &loaded_sha[1..], "1", key]), unknown);
        }
        client.check("FLUSHALL", "+OK");
    }
}

#[test]
fn what_a_script_leaves_in_memory_is_gone() {
    let server = Server::builder().shards(1).start();
    let mut client = server.client();
    for tampering in [
        "x = 1",
        "_G.x = 1",
        "rawset(_G, 'x', 1)",
        "string.x = 1",
        "getmetatable('').__index = nil",
        "redis.call = nil",
        "setmetatable(_G, nil)",
        "table.insert = nil",
    ] {
        eval(&mut client, tampering, &[], &[]);
        let whole = "return {type(redis.call), type(table.insert), ('x'):upper(), #KEYS, #ARGV}";
        let reply = eval(&mut client, whole, &["k"], &["a", "b"]);
        assert_eq!(reply, "[$function $function $X :1 :2]", "{tampering}");
        let reply = eval(&mut client, "return x", &[], &[]);
        assert!(reply.contains("nonexistent global variable 'x'"), "{tampering}: {reply}");
    }
    for hidden in [
        "io",
        "os.execute",
        "os.exit",
        "dofile",
        "loadfile",
        "require",
        "package",
        "debug",
        "ffi",
        "jit",
        "getfenv",
        "newproxy",
    ] {
        let reply = eval(&mut client, &format!("return type({hidden})"), &[], &[]);
        assert!(reply == "$nil" || reply.contains("nonexistent global"), "{hidden}: {reply}");
    }
    let reply = eval(&mut client, "return loadstring('\\27LJ\\2')", &[], &[]);
    assert!(reply == "_" || reply.starts_with('-'), "bytecode is not loaded: {reply}");
}

#[test]
fn deeply_nested_replies_end_somewhere() {
    let server = Server::start();
    let port = server.port();
    // What comes back is deep, too.
    let read = move || {
        let mut client = Client::connect(port);
        let reply = eval(&mut client, "local a = {} a[1] = a return a", &[], &[]);
        assert!(reply.contains("reached lua stack limit"), "{}", reply.len());
        client.check("PING", "+PONG");
    };
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(read).unwrap();
    thread.join().unwrap();
}
