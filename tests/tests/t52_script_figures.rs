//! What the server says of scripts: figures, lists, rehearsals; and limits that scripts set
//! themselves.

use std::time::{Duration, Instant};

use e2e::poll;
use e2e::resp::{Client, Value};
use e2e::server::Server;
use e2e::slot;

const SHARDS: u16 = 4;

fn key(shard: u16) -> String {
    slot::key_of_shard(shard, SHARDS)
}

/// The value of a field in a flat list of names and values.
fn field<'a>(map: &'a Value, name: &str) -> &'a Value {
    let items = map.items();
    let at = items.iter().step_by(2).position(|item| item.text() == name);
    &items[at.unwrap_or_else(|| panic!("no {name} in {map:?}")) * 2 + 1]
}

fn load(client: &mut Client, script: &str) -> String {
    client.call(&["SCRIPT", "LOAD", script]).trim_start_matches('$').to_owned()
}

#[test]
fn figures_of_all_shards_are_one() {
    let server = Server::builder().shards(SHARDS).start();
    let mut client = server.client();
    let sha = load(&mut client, "redis.call('incr', KEYS[1]) if ARGV[1] then error('no') end");
    for shard in 0..SHARDS {
        client.check(&format!("EVALSHA {sha} 1 {}", key(shard)), "_");
        client
            .check_start(&format!("EVALSHA {sha} 1 {} fail", key(shard)), "-ERR user_script:1: no");
    }
    let all = client.value("SCRIPT STATS");
    let one = client.value(&format!("SCRIPT STATS {}", sha.to_uppercase()));
    for stats in [field(&all, &sha), field(&one, &sha)] {
        assert_eq!(field(stats, "calls").int(), 8);
        assert_eq!(field(stats, "redis_calls").int(), 8);
        assert_eq!(field(stats, "rolled_back").int(), 4);
        assert_eq!(field(field(stats, "rolled_back_for"), "error").int(), 4);
        assert!(field(stats, "last_error").text().starts_with("ERR user_script:1: no"));
        let micros = |name| field(stats, name).text().parse::<f64>().unwrap();
        let (p50, p99, max) = (micros("p50_us"), micros("p99_us"), micros("max_us"));
        assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{p50} {p99} {max}");
    }
    client.check_start("SCRIPT STATS nobody", "-NOSCRIPT");
    client.check("CONFIG RESETSTAT", "+OK");
    let stats = client.value(&format!("SCRIPT STATS {sha}"));
    assert_eq!(field(field(&stats, &sha), "calls").int(), 0);
}

#[test]
fn the_list_says_which_scripts_are_pinned() {
    let server = Server::start();
    let mut client = server.client();
    let loaded = load(&mut client, "return 'loaded'");
    client.check("EVAL \"return 'came by eval'\" 0", "$came by eval");
    let list = client.value("SCRIPT LIST");
    let pinned: Vec<(String, i64)> = list
        .items()
        .iter()
        .map(|script| (field(script, "text").text(), field(script, "pinned").int()))
        .collect();
    assert_eq!(pinned.len(), 2);
    assert!(pinned.contains(&("return 'loaded'".into(), 1)), "{pinned:?}");
    assert!(pinned.contains(&("return 'came by eval'".into(), 0)), "{pinned:?}");
    assert!(list.items().iter().any(|script| field(script, "sha1").text() == loaded));
}

#[test]
fn a_rehearsal_runs_on_the_shard_of_its_keys_and_changes_nothing() {
    let server = Server::builder().shards(SHARDS).start();
    let mut client = server.client();
    for shard in 0..SHARDS {
        let key = key(shard);
        client.check(&format!("SET {key} 41"), "+OK");
        let script = "return {redis.call('incr', KEYS[1]), redis.call('get', KEYS[1])}";
        let report = client.call(&["SCRIPT", "DRYRUN", script, "1", &key]);
        let expected = format!(
            "[$reply [:42 $42] $effects [[$SET ${key} $42]] $keys [[${key} $declared $write]]"
        );
        assert!(report.starts_with(&expected), "{report}");
        client.check(&format!("GET {key}"), "$41");
    }
    // No key is declared: it goes to the shard of the first key that it touches.
    let script = format!("return redis.call('get', '{}')", key(3));
    let report = client.call(&["SCRIPT", "DRYRUN", &script, "0"]);
    assert!(report.starts_with("[$reply $41 $effects [] $keys"), "{report}");
}

#[test]
fn a_script_may_lower_its_limit() {
    let server = Server::start();
    let mut client = server.client();
    client.check("SET k 1", "+OK");
    let start = Instant::now();
    let script = "#!lua timeout=120ms\nredis.call('incr', KEYS[1]) while true do end";
    let reply = client.call(&["EVAL", script, "1", "k"]);
    assert!(reply.starts_with("-TIMEOUT Script ran longer than 120 ms"), "{reply}");
    assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
    client.check("GET k", "$1");
    client.check("EVAL \"return 1\" 0", ":1");
}

#[test]
fn a_kill_by_name_ends_that_script_only() {
    let server = Server::builder().shards(SHARDS).set("script-time-limit", 0).start();
    let endless = |number: u8| {
        format!("redis.call('set', KEYS[1], {number}) while true do end return {number}")
    };
    let mut other = server.client();
    let shas: Vec<String> = (0..2).map(|number| load(&mut other, &endless(number))).collect();
    let mut callers: Vec<Client> = (0..2).map(|_| server.client()).collect();
    for (number, caller) in callers.iter_mut().enumerate() {
        // Shards that none of the connections of this test lives on cannot be told from outside:
        // any will do, for kill works from everywhere.
        caller.send_line(&format!("EVALSHA {} 1 {}", shas[number], key(number as u16 + 1)));
    }
    let mut killer = server.client();
    let unknown = "SCRIPT KILL SHA 0123456789012345678901234567890123456789";
    killer.check_start(unknown, "-NOTBUSY");
    poll("the first one is killed", || {
        (killer.run(&format!("SCRIPT KILL SHA {}", shas[0])) == "+OK").then_some(())
    });
    let text = callers[0].read().to_string();
    assert!(text.starts_with("-ERR Script killed by user with SCRIPT KILL"), "{text}");
    assert!(callers[1].is_silent_for(Duration::from_millis(100)));
    killer.check("SCRIPT KILL", "+OK");
    assert!(callers[1].read().is_error());
    for shard in 1..3 {
        killer.check(&format!("EXISTS {}", key(shard)), ":0");
    }
    killer.check("SCRIPT KILL SHA", "-ERR syntax error");
    killer.check_start("SCRIPT KILL SHA abc", "-NOSCRIPT");
}

/// CONFIG SET for a shard that is in a script waits for its end, and is not lost.
#[test]
fn settings_reach_a_shard_that_was_in_a_script() {
    let server = Server::builder().shards(1).start();
    let mut caller = server.client();
    let mut other = server.client();
    caller.send_line("EVAL \"local t = os.clock() while os.clock() < t + 0.4 do end return 1\" 0");
    std::thread::sleep(Duration::from_millis(60));
    other.check("CONFIG SET script-undo-limit 1mb", "+OK");
    assert_eq!(caller.read().int(), 1);
    let script = "for n = 1, 50000 do redis.call('set', '{k}' .. n, 1) end";
    let reply = other.call(&["EVAL", script, "1", "{k}"]);
    assert!(reply.starts_with("-OOM Script needed more than 1048576 bytes of undo"), "{reply}");
    other.check("DBSIZE", ":0");
}
