//! Scripts that do not end, or take too much: stopped, rolled back, and felt by nobody else.

use std::time::{Duration, Instant};

use e2e::poll;
use e2e::resp::Client;
use e2e::server::{Builder, Server};
use e2e::slot;

use crate::endless::{ENDLESS, ENDLESS_PATTERNS, LONG_CALLS};

const SHARDS: u16 = 4;
const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const KILLED: &str = "-ERR Script killed by user with SCRIPT KILL...";
/// How much later than its limit a script may end.
const LATE: Duration = Duration::from_millis(500);
/// After this time the sockets of a shard that is in a script are looked after. Nothing tells when
/// they are, so tests of what happens then have to wait.
const ATTENDED: Duration = Duration::from_millis(60);
const SLOW: &str = "a script is slow";

fn key(shard: u16) -> String {
    slot::key_of_shard(shard, SHARDS)
}

/// Runs endless scripts, each after a write.
fn check_endless(scripts: &[(&str, &str)], late: Duration) {
    const LIMIT: Duration = Duration::from_millis(300);
    let server = Server::builder().set("script-time-limit", LIMIT.as_millis()).start();
    let mut client = server.client();
    let key = key(0);
    client.check(&format!("SET {key} 5"), "+OK");
    let mut wrong = Vec::new();
    for (name, body) in scripts {
        let script = format!("redis.call('incr', KEYS[1]) {body}");
        let start = Instant::now();
        let reply = client.call(&["EVAL", &script, "1", &key]);
        let took = start.elapsed();
        if !reply.starts_with("-TIMEOUT Script ran longer than 300 ms and was rolled back.") {
            wrong.push(format!("{name}: {reply} after {took:?}"));
        } else if took < LIMIT || took > LIMIT + late {
            wrong.push(format!("{name}: took {took:?}"));
        }
        client.check(&format!("GET {key}"), "$5");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    poll("they are counted", || {
        let text = client.value("INFO scripts").text();
        text.contains(&format!("rolled_back_timeout:{}\r\n", scripts.len())).then_some(())
    });
}

#[test]
fn the_time_limit_ends_every_script() {
    check_endless(&ENDLESS[..ENDLESS.len() / 2], LATE);
}

#[test]
fn the_time_limit_ends_long_calls_of_library_functions() {
    // Much memory is touched and given back, which takes a while where many tests run at once. A call
    // that is not stopped ends with another reply, or never.
    check_endless(LONG_CALLS, 4 * LATE);
}

#[test]
fn the_time_limit_ends_every_other_script() {
    check_endless(&ENDLESS[ENDLESS.len() / 2..], LATE);
}

#[test]
fn the_time_limit_ends_patterns() {
    check_endless(ENDLESS_PATTERNS, LATE);
}

/// A text that takes seconds to compile: each name is looked for among thousands of variables.
fn slow_text() -> String {
    let names = |level| (0..150).map(|at| format!("v{level}_{at}")).collect::<Vec<_>>().join(",");
    let heads: String = (0..100)
        .map(|level| format!("local function f{level}() local {} ", names(level)))
        .collect();
    format!("{heads} do {} end {}", "x=x ".repeat(1_500_000), " end".repeat(100))
}

#[test]
fn a_text_that_takes_long_to_compile_is_stopped() {
    let server = patient().set("script-time-limit", 300).start();
    let mut client = server.client();
    let text = slow_text();
    let library = format!("#!lua name=slow\n{text}");
    for request in
        [&["EVAL", &text, "0"][..], &["SCRIPT", "LOAD", &text], &["FUNCTION", "LOAD", &library]]
    {
        let start = Instant::now();
        let reply = client.call(request);
        assert!(reply.starts_with("-TIMEOUT Script took longer than"), "{}: {reply}", request[0]);
        assert!(start.elapsed() < Duration::from_secs(2) + LATE, "{:?}", start.elapsed());
    }
    client.check("EVAL 'return 1' 0", ":1");
    client.check("CONFIG SET script-time-limit 60000", "+OK");
    let mut runner = server.client();
    runner.send_parts(&["EVAL", &text, "1", &key(0)]);
    wait_busy(&server, 0);
    client.check("SCRIPT KILL", "+OK");
    assert!(runner.read().to_string().starts_with(KILLED));
}

#[test]
fn the_time_limit_can_be_changed() {
    let server = Server::builder().set("script-time-limit", 60_000).start();
    let mut client = server.client();
    client.check("CONFIG SET script-time-limit 50", "+OK");
    client.check_start("EVAL 'while true do end' 0", "-TIMEOUT Script ran longer than 50 ms");
    // The next script begins with a new time.
    client.check("EVAL 'return 1' 0", ":1");
    let short = "local n = 0 for i = 1, 1000 do n = n + i end return n";
    (0..50).for_each(|_| assert_eq!(client.call(&["EVAL", short, "0"]), ":500500"));
}

/// One port for each shard, so that a test knows where a connection lives; no time limit.
fn patient() -> Builder {
    Server::builder()
        .shard_endpoints()
        .set("script-time-limit", 0)
        .set("busy-reply-threshold", 150)
        .expect_in_log(SLOW)
}

/// Starts an endless script on a shard, after a write, and waits until the shard is busy.
fn block(server: &Server, shard: u16) -> Client {
    let mut client = server.client_on(shard);
    let script = "redis.call('set', KEYS[1], 'half done') while true do end";
    client.send_parts(&["EVAL", script, "1", &key(shard)]);
    wait_busy(server, shard);
    client
}

fn wait_busy(server: &Server, shard: u16) {
    let mut watcher = server.client_on((shard + 1) % SHARDS);
    let busy = format!("shard{shard}:");
    poll("the shard is busy", || {
        let info = watcher.value("INFO shards").text();
        let line = info.lines().find(|line| line.starts_with(&busy)).unwrap().to_owned();
        line.contains("busy=1").then_some(())
    });
}

#[test]
fn a_script_is_killed_from_a_new_connection() {
    let server = patient().start();
    let mut blocked = block(&server, 0);
    let mut killer = server.client_on(0);
    killer.check("SCRIPT KILL", "+OK");
    assert!(blocked.read().to_string().starts_with(KILLED));
    blocked.check(&format!("EXISTS {}", key(0)), ":0");
    killer.check("SCRIPT KILL", "-NOTBUSY No scripts in execution right now.");
    poll("it is counted", || {
        killer.value("INFO scripts").text().contains("rolled_back_kill:1\r\n").then_some(())
    });
}

#[test]
fn a_pattern_is_killed_while_others_of_its_shard_get_answers() {
    /// Answers and the end come within this time, though the shard is in one call.
    const SOON: Duration = Duration::from_millis(200);
    let server = patient().start();
    let mut resident = server.client_on(0);
    resident.check("PING", "+PONG");
    for (name, body) in ENDLESS_PATTERNS {
        let mut blocked = server.client_on(0);
        let script = format!("redis.call('set', KEYS[1], 'half done') {body}");
        blocked.send_parts(&["EVAL", &script, "1", &key(0)]);
        wait_busy(&server, 0);
        for _ in 0..3 {
            let start = Instant::now();
            resident.check(&format!("GET {}", key(0)), BUSY);
            resident.check_start("CLIENT ID", ":");
            assert!(start.elapsed() < SOON, "{name}: {:?}", start.elapsed());
        }
        let start = Instant::now();
        resident.check("SCRIPT KILL", "+OK");
        let reply = blocked.read().to_string();
        assert!(reply.starts_with(KILLED), "{name}: {reply}");
        assert!(start.elapsed() < SOON, "{name}: {:?}", start.elapsed());
        resident.check(&format!("EXISTS {}", key(0)), ":0");
    }
}

#[test]
fn a_script_is_killed_from_a_connection_of_its_own_shard() {
    let server = patient().start();
    let mut resident = server.client_on(1);
    resident.check("PING", "+PONG");
    let mut blocked = block(&server, 1);
    resident.check("SCRIPT KILL", "+OK");
    assert!(blocked.read().to_string().starts_with(KILLED));
    resident.check(&format!("EXISTS {}", key(1)), ":0");
}

#[test]
fn a_script_is_killed_from_another_shard() {
    let server = patient().start();
    let mut blocked = block(&server, 2);
    server.client_on(3).check("SCRIPT KILL", "+OK");
    assert!(blocked.read().to_string().starts_with(KILLED));
    blocked.check(&format!("EXISTS {}", key(2)), ":0");
}

#[test]
fn the_others_of_a_busy_shard_are_told_so() {
    let server = patient().start();
    let mut resident = server.client_on(0);
    let mut elsewhere = server.client_on(1);
    resident.check("PING", "+PONG");
    elsewhere.check(&format!("SET {} v", key(1)), "+OK");
    let mut blocked = block(&server, 0);
    let mut fresh = server.client_on(0);
    let get = format!("GET {}", key(0));
    for client in [&mut resident, &mut elsewhere, &mut fresh] {
        client.check(&get, BUSY);
        client.check(&format!("EVAL 'return 1' 1 {}", key(0)), BUSY);
        // Another shard does not notice.
        let start = Instant::now();
        client.check(&format!("GET {}", key(1)), "$v");
        assert!(start.elapsed() < LATE, "{:?}", start.elapsed());
        client.check("CLUSTER KEYSLOT foo", ":12182");
        client.check_start("CLIENT ID", ":");
        // What concerns all shards cannot be answered.
        client.check("DBSIZE", BUSY);
        client.check("MULTI", "+OK");
        client.check(&get, BUSY);
        let because = format!("-EXECABORT Transaction discarded because of: {}", &BUSY[1..]);
        client.check("EXEC", &because);
        client.check("MULTI", "+OK");
        client.check(&get, BUSY);
    }
    server.client_on(1).check("SCRIPT KILL", "+OK");
    assert!(blocked.read().to_string().starts_with(KILLED));
    for client in [&mut resident, &mut elsewhere, &mut fresh] {
        client.check("EXEC", "-EXECABORT Transaction discarded because of previous errors.");
        client.check(&get, "_");
        client.check("DBSIZE", ":1");
    }
}

#[test]
fn other_shards_keep_their_pace() {
    let server = patient().start();
    let mut blocked = block(&server, 0);
    let mut client = server.client_on(2);
    let start = Instant::now();
    for n in 1..=500 {
        client.check(&format!("INCR {}", key(2)), &format!(":{n}"));
    }
    // One of two cores is the script's.
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    client.check("SCRIPT KILL", "+OK");
    blocked.read();
}

#[test]
fn who_comes_before_the_threshold_waits_for_the_script() {
    let server = Server::builder()
        .shard_endpoints()
        .set("script-time-limit", 400)
        .set("busy-reply-threshold", 60_000)
        .start();
    let mut resident = server.client_on(0);
    let mut elsewhere = server.client_on(1);
    let mut runner = server.client_on(0);
    runner.send_parts(&["EVAL", "while true do end", "1", &key(0)]);
    std::thread::sleep(ATTENDED);
    let mut fresh = server.client_on(0);
    let set = format!("SET {} v", key(0));
    let mut clients = [&mut resident, &mut elsewhere, &mut fresh];
    clients.iter_mut().for_each(|client| client.send_line(&set));
    for client in &mut clients {
        assert_eq!(client.read().to_string(), "+OK");
    }
    assert!(runner.read().to_string().starts_with("-TIMEOUT"));
}

#[test]
fn who_needs_two_shards_that_are_in_scripts_waits_for_both() {
    let server = Server::builder().shard_endpoints().set("script-time-limit", 300).start();
    let mut runners = [server.client_on(0), server.client_on(1)];
    let mut client = server.client_on(0);
    for (shard, runner) in (0..).zip(&mut runners) {
        runner.send_parts(&["EVAL", "while true do end", "1", &key(shard)]);
    }
    std::thread::sleep(ATTENDED);
    let lines = [format!("SET {} v", key(1)), format!("SET {} v", key(0)), "DBSIZE".into()];
    assert_eq!(client.pipeline(&lines), ["+OK", "+OK", ":2"]);
    for runner in &mut runners {
        assert!(runner.read().to_string().starts_with("-TIMEOUT"));
    }
}

/// A client that waits for one shard does not wait for another, where its connection happens to
/// live.
#[test]
fn a_reply_from_elsewhere_arrives_while_the_own_shard_is_in_a_script() {
    let server = Server::builder().shard_endpoints().set("script-time-limit", 5_000).start();
    let mut runner = server.client_on(0);
    let mut client = server.client_on(0);
    let mut in_transaction = server.client_on(0);
    let for_300_ms = "local t = os.clock() while os.clock() < t + 0.3 do end return 'done'";
    in_transaction.check("MULTI", "+OK");
    in_transaction.check(&format!("SET {} v", key(2)), "+QUEUED");
    client.send_parts(&["EVAL", for_300_ms, "1", &key(1)]);
    std::thread::sleep(Duration::from_millis(20));
    runner.send_parts(&["EVAL", "while true do end", "1", &key(0)]);
    std::thread::sleep(ATTENDED);
    in_transaction.check("EXEC", "[+OK]");
    assert_eq!(client.read().text(), "done");
    client.check(&format!("SET {} v", key(1)), "+OK");
    client.check("SCRIPT KILL", "+OK");
    assert!(runner.read().to_string().starts_with(KILLED));
}

#[test]
fn who_waits_when_the_threshold_comes_is_told_then() {
    let server = patient().set("busy-reply-threshold", 400).start();
    let mut resident = server.client_on(0);
    let mut elsewhere = server.client_on(1);
    let mut runner = server.client_on(0);
    runner.send_parts(&["EVAL", "while true do end", "1", &key(0)]);
    std::thread::sleep(ATTENDED);
    let get = format!("GET {}", key(0));
    let start = Instant::now();
    resident.send_line(&get);
    elsewhere.send_line(&get);
    assert_eq!(resident.read().to_string(), BUSY);
    assert_eq!(elsewhere.read().to_string(), BUSY);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    resident.check("SCRIPT KILL", "+OK");
    assert!(runner.read().to_string().starts_with(KILLED));
}

#[test]
fn a_script_that_takes_too_much_memory_is_rolled_back() {
    let server = Server::builder().set("script-memory-limit", 4 << 20).start();
    let mut client = server.client();
    let key = key(0);
    client.check(&format!("SET {key} 5"), "+OK");
    for body in [
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "return #string.rep('x', 100000000)",
        "local t = {} for i = 1, 1e7 do t[i] = tostring(i) end return #t",
        "while true do pcall(function() local t = {} for i = 1, 1e9 do t[i] = {} end end) end",
        "local ok = pcall(string.rep, 'x', 100000000) return ok",
    ] {
        let script = format!("redis.call('incr', KEYS[1]) {body}");
        let reply = client.call(&["EVAL", &script, "1", &key]);
        assert!(reply.starts_with("-OOM "), "{body}: {reply}");
        client.check(&format!("GET {key}"), "$5");
        client.check("EVAL 'local t = {} for i = 1, 100 do t[i] = {} end return #t' 0", ":100");
    }
    poll("they are counted", || {
        client.value("INFO scripts").text().contains("rolled_back_memory:6\r\n").then_some(())
    });
}

#[test]
fn many_scripts_are_stopped_on_all_shards_at_once() {
    let server = Server::builder().set("script-time-limit", 200).start();
    let port = server.port();
    let work = |shard: u16| {
        move || {
            let mut client = Client::connect(port);
            for _ in 0..3 {
                let script = "redis.call('incr', KEYS[1]) while true do end";
                let reply = client.call(&["EVAL", script, "1", &key(shard)]);
                assert!(reply.starts_with("-TIMEOUT"), "{reply}");
                let good = "return redis.call('incr', KEYS[2])";
                let count = format!("{{{}}}n", key(shard));
                let reply = client.call(&["EVAL", good, "2", &key(shard), &count]);
                assert!(reply.starts_with(':'), "{reply}");
            }
        }
    };
    let threads: Vec<_> = (0..SHARDS).map(|shard| std::thread::spawn(work(shard))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let mut client = server.client();
    client.check("DBSIZE", ":4");
    for shard in 0..SHARDS {
        client.check(&format!("GET {{{}}}n", key(shard)), "$3");
    }
}
