//! Metrics: what Prometheus reads on `metrics-port`, while much goes on and while nothing does.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, spawn};
use std::time::{Duration, Instant};

use e2e::metrics::{Scrape, request};
use e2e::resp::Client;
use e2e::server::{Builder, Server, refusal};
use e2e::{poll, ports, repository, slot};

/// A server of two shards with metrics, and their port.
fn builder() -> (Builder, u16) {
    let port = ports::take(1);
    (Server::builder().shards(2).set("metrics-port", port), port)
}

fn started() -> (Server, u16) {
    let (builder, port) = builder();
    (builder.start(), port)
}

/// Sums of one round of [`work`].
const ROUND: u64 = 12;

/// What clients do all day. One round is [`ROUND`] requests that reach a command.
fn work(client: &mut Client, own: &str, rounds: u64) {
    let script = format!("redis.call('INCR', KEYS[1]) return redis.call('GET', KEYS[1]) -- {own}");
    client.check("SET shared v", "+OK");
    for round in 0..rounds {
        client.check(&format!("SET {own} {round}"), "+OK");
        client.check(&format!("GET {own}"), &format!("${round}"));
        client.check(&format!("GET {own}-none"), "_");
        client.check_start("LPUSH shared x", "-WRONGTYPE");
        client.check_start("GET", "-ERR wrong number");
        client.check_start("NONSENSE", "-ERR unknown command");
        client.pipeline(&["MULTI", &format!("INCR {own}"), &format!("LPUSH {own} x"), "EXEC"]);
        let reply = client.call(&["EVAL", &script, "1", own]);
        assert!(reply.starts_with('$'), "{reply}");
        let fails = "redis.call('SET', KEYS[1], 'x') error('no')";
        assert!(client.call(&["EVAL", fails, "1", own]).starts_with("-ERR"));
        client.check_start("PUBLISH news x", ":");
    }
}

/// Says that it is over when it goes.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn figures_add_up_and_never_go_backwards_under_load() {
    const CLIENTS: u64 = 4;
    const ROUNDS: u64 = 150;
    let (builder, port) = builder();
    let server = builder.set("script-time-limit", 100).set("durability", "everysec").start();
    let done = AtomicBool::new(false);
    scope(|scope| {
        let scraper = scope.spawn(|| {
            let mut before = Scrape::of(port);
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                let now = Scrape::of(port);
                now.check_follows(&before);
                before = now;
                count += 1;
            }
            assert!(count > 10, "only {count} scrapes");
        });
        // Even if a check fails.
        let end = Ends(&done);
        let workers: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let mut client = server.client();
                scope.spawn(move || work(&mut client, &format!("c{number}"), ROUNDS))
            })
            .collect();
        let mut client = server.client();
        for _ in 0..2 {
            client.check_start("EVAL 'while true do end' 1 x", "-TIMEOUT");
        }
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        drop(end);
        scraper.join().unwrap();
    });
    let all = Scrape::of(port);
    let total = (CLIENTS * ROUNDS) as f64;
    let of = |name: &str, labels: &[(&str, &str)]| all.sum(name, labels);
    let commands =
        |family, source| of("atoll_commands_total", &[("family", family), ("source", source)]);
    // SET, GET, GET, INCR in the transaction; the first SET of each client.
    assert_eq!(commands("string", "client"), total * 4.0 + CLIENTS as f64);
    // INCR and GET, and the SET that is rolled back.
    assert_eq!(commands("string", "script"), total * 3.0);
    assert_eq!(commands("list", "client"), total * 2.0);
    assert_eq!(commands("scripting", "client"), total * 2.0 + 2.0);
    assert_eq!(commands("pubsub", "client"), total);
    let errors =
        |family, class| of("atoll_command_errors_total", &[("family", family), ("class", class)]);
    assert_eq!(errors("list", "WRONGTYPE"), total * 2.0);
    assert_eq!(errors("string", "ERR"), total);
    assert_eq!(errors("none", "ERR"), total);
    assert_eq!(errors("scripting", "ERR"), total);
    assert_eq!(errors("scripting", "TIMEOUT"), 2.0);
    assert_eq!(of("atoll_commands_failed_total", &[("family", "list")]), total * 2.0);
    assert_eq!(of("atoll_commands_rejected_total", &[("family", "string")]), total);
    let timed = of("atoll_command_duration_seconds_count", &[("family", "list")]);
    assert_eq!(timed, total * 2.0);
    // A time limit of 100 ms, twice, whoever was served meanwhile.
    let took = of("atoll_command_duration_seconds_sum", &[("family", "scripting")]);
    assert!((0.2..20.0).contains(&took), "{took}");
    let scripts = of("atoll_scripts_total", &[]);
    assert_eq!(scripts, total * 2.0 + 2.0);
    assert_eq!(of("atoll_script_calls_total", &[]), scripts);
    assert_eq!(of("atoll_script_duration_seconds_count", &[]), scripts);
    for name in ["atoll_scripts_rolled_back_total", "atoll_script_rolled_back_total"] {
        assert_eq!(of(name, &[("reason", "error")]), total, "{name}");
        assert_eq!(of(name, &[("reason", "timeout")]), 2.0, "{name}");
    }
    assert_eq!(of("atoll_pubsub_published_total", &[]), total);
    assert_eq!(of("atoll_keyspace_misses_total", &[]), total);
    assert_eq!(of("atoll_keys", &[]), CLIENTS as f64 + 1.0);
    assert_eq!(of("atoll_slots", &[]), 16_384.0);
    assert_eq!(of("atoll_shard_up", &[]), 2.0);
    assert!(of("atoll_network_received_bytes_total", &[]) > total * ROUND as f64 * 10.0);
}

#[test]
fn the_documentation_lists_what_is_exported() {
    let (builder, port) = builder();
    let server = builder.set("durability", "always").start();
    let mut client = server.client();
    client.check_start("EVAL 'error(1)' 1 x", "-ERR");
    client.check("SET x 1", "+OK");
    let text = std::fs::read_to_string(repository().join("docs/metrics.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<&str> = rows.map(|(name, _)| name).collect();
    let scrape = Scrape::of(port);
    let exported: BTreeSet<&str> = scrape.families.keys().map(String::as_str).collect();
    assert_eq!(listed, exported);
    assert!(scrape.sum("atoll_log_sync_duration_seconds_count", &[]) >= 1.0);
    let info = scrape.values("atoll_log_info", "durability");
    assert_eq!(info, ["always".to_owned()].into());
}

#[test]
fn the_log_s_lag_grows_and_goes() {
    let (server, port) = started();
    let mut client = server.client();
    poll("entries are seen before they are synced", || {
        (0..100).for_each(|_| client.check("SET x 1", "+OK"));
        let scrape = Scrape::of(port);
        let entries = scrape.sum("atoll_log_unsynced_entries", &[]);
        let bytes = scrape.sum("atoll_log_unsynced_bytes", &[]);
        (entries >= 100.0 && bytes >= entries * 5.0).then_some(())
    });
    poll("all is on the disk", || {
        let scrape = Scrape::of(port);
        let lag = scrape.sum("atoll_log_unsynced_entries", &[])
            + scrape.sum("atoll_log_unsynced_bytes", &[])
            + scrape.sum("atoll_log_unsynced_age_seconds", &[]);
        (lag == 0.0).then_some(())
    });
}

#[test]
fn a_shard_in_a_script_does_not_hold_scrapes_up() {
    let (builder, port) = builder();
    let server = builder.set("script-time-limit", 60_000).start();
    let (blocked, other) = (slot::key_of_shard(0, 2), slot::key_of_shard(1, 2));
    server.client().check(&format!("SET {blocked} v"), "+OK");
    poll("figures are published", || {
        (Scrape::of(port).sum("atoll_keys", &[]) == 1.0).then_some(())
    });
    let mut slow = server.client();
    slow.send_line(&format!("EVAL 'while true do end' 1 {blocked}"));
    let up = |scrape: &Scrape, shard| scrape.sum("atoll_shard_up", &[("shard", shard)]);
    let first = poll("the script runs", || {
        let scrape = Scrape::of(port);
        (up(&scrape, "0") == 0.0).then_some(scrape)
    });
    assert_eq!(up(&first, "1"), 1.0);
    // What is known of the shard is still shown, and the others go on.
    assert_eq!(first.sum("atoll_keys", &[("shard", "0")]), 1.0);
    let mut client = server.client();
    client.check(&format!("SET {other} v"), "+OK");
    let scrapers: Vec<_> = (0..8)
        .map(|_| {
            spawn(move || {
                let began = Instant::now();
                (Scrape::of(port), began.elapsed())
            })
        })
        .collect();
    for scraper in scrapers {
        let (scrape, took) = scraper.join().unwrap();
        scrape.check_follows(&first);
        // Its own half second, and that of the one before it.
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert_eq!((up(&scrape, "0"), up(&scrape, "1")), (0.0, 1.0));
        assert_eq!(scrape.sum("atoll_keys", &[("shard", "1")]), 1.0);
        assert!(scrape.sum("atoll_shard_script_age_seconds", &[("shard", "0")]) > 0.0);
    }
    poll("the script is old enough to be killed", || {
        (client.run("SCRIPT KILL") == "+OK").then_some(())
    });
    assert!(slow.read().is_error());
    let after = poll("the shard answers", || {
        let scrape = Scrape::of(port);
        (up(&scrape, "0") == 1.0).then_some(scrape)
    });
    after.check_follows(&first);
    assert_eq!(after.sum("atoll_scripts_rolled_back_total", &[("reason", "kill")]), 1.0);
    // It has kept its thread from everything else.
    poll("the delay is counted", || {
        let late = Scrape::of(port);
        let sum = late.sum("atoll_event_loop_delay_seconds_sum", &[("shard", "0")]);
        (sum > 0.5).then_some(())
    });
}

#[test]
fn ever_new_scripts_are_a_bounded_number_of_series() {
    let (server, port) = started();
    let mut client = server.client();
    let mut before = Scrape::of(port);
    for round in 0..4 {
        for number in 0..60 {
            let text = format!("return {number} + {round}000");
            client.call(&["EVAL", &text, "1", &format!("k{number}")]);
        }
        let now = Scrape::of(port);
        now.check_follows(&before);
        before = now;
        assert_eq!(before.sum("atoll_script_calls_total", &[]), f64::from((round + 1) * 60));
    }
    let names = before.values("atoll_script_calls_total", "script");
    assert_eq!(names.len(), 101);
    assert_eq!(before.sum("atoll_script_calls_total", &[("script", "other")]), 140.0);
    // Counters begin anew, all of them.
    client.check("CONFIG RESETSTAT", "+OK");
    client.call(&["EVAL", "return 1", "0"]);
    poll("only what came after is counted", || {
        let scrape = Scrape::of(port);
        (scrape.sum("atoll_script_calls_total", &[]) == 1.0).then_some(())
    });
}

#[test]
fn only_metrics_are_there_and_only_to_be_read() {
    let (_server, port) = started();
    assert_eq!(request(port, "GET", "/").status, 404);
    assert_eq!(request(port, "GET", "/metrics/x").status, 404);
    let refused = request(port, "POST", "/metrics");
    assert_eq!(refused.status, 405);
    assert_eq!(refused.headers["allow"], "GET,HEAD");
    let head = request(port, "HEAD", "/metrics");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.headers["content-length"].parse::<u64>().unwrap() > 1000);
    assert_eq!(request(port, "GET", "/metrics?x=1").status, 200);
}

#[test]
fn who_scrapes_slowly_disturbs_nobody() {
    let (server, port) = started();
    let connect = || TcpStream::connect(("127.0.0.1", port)).unwrap();
    // Some never ask, some never read what they have asked for often.
    let idle: Vec<TcpStream> = (0..8).map(|_| connect()).collect();
    let mut deaf: Vec<TcpStream> = (0..8).map(|_| connect()).collect();
    for stream in &mut deaf {
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let requests = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(400);
        // It takes no more of them than it answers.
        let _ = stream.write(requests.as_bytes());
    }
    let mut client = server.client();
    let began = Instant::now();
    for round in 0..20 {
        client.check(&format!("SET x {round}"), "+OK");
        Scrape::of(port);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(idle);
    let mut start = [0; 12];
    deaf[0].read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
}

#[test]
fn there_is_no_listener_unless_it_is_asked_for() {
    let server = Server::start();
    assert!(!server.log().contains("pages"), "{}", server.log());
    server.client().check("CONFIG GET metrics-*", "[$metrics-bind $127.0.0.1 $metrics-port $0]");
    let tasks = format!("/proc/{}/task", server.id());
    let names = std::fs::read_dir(tasks)
        .unwrap()
        .map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default());
    let names: Vec<String> = names.collect();
    assert!(names.iter().any(|name| name == "shard-0\n"), "{names:?}");
    assert!(!names.iter().any(|name| name == "pages\n"), "{names:?}");
}

#[test]
fn a_port_that_is_taken_is_said_at_the_start() {
    let taken = ports::take(1);
    let _holder = std::net::TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let folder = e2e::server::folder();
    let data = folder.path().join("data");
    let arguments = ["--port", &ports::take(1).to_string(), "--dir", data.to_str().unwrap()];
    let metrics = format!("metrics-port={taken}");
    let refusal = refusal(&[&arguments[..], &["--set", &metrics]].concat(), &[]);
    assert_eq!(refusal.code, Some(1), "{refusal:?}");
    assert!(refusal.text.contains(&format!("127.0.0.1:{taken}")), "{refusal:?}");
    assert!(refusal.text.contains("in use"), "{refusal:?}");
}
