//! The admin page: what it answers, to whom, and that nobody holds it or the node up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use e2e::server::{Builder, Server, refusal};
use e2e::{poll, ports};
use serde_json::Value;

/// All endpoints that answer with JSON.
const ENDPOINTS: &[&str] = &[
    "/api/overview",
    "/api/slots",
    "/api/slot?number=1",
    "/api/scripts",
    "/api/clients",
    "/api/slowlog",
    "/api/config",
    "/api/cluster",
];

/// A node with a page.
struct Site {
    server: Server,
    port: u16,
}

/// An answer: status, headers in lower case, and what follows.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Site {
    fn start(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let port = ports::take(1);
        let builder = Server::builder().shards(3).set("admin-port", port);
        Self { server: configure(builder).start(), port }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// What is answered to a request that ends the connection.
    fn send(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        // It may be refused before all of it has been sent.
        let _ = stream.write_all(request.as_bytes());
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        let reply = String::from_utf8(reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or_default(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    fn get_with(&self, path: &str, headers: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n"))
    }

    fn get(&self, path: &str) -> Answer {
        self.get_with(path, "host: localhost\r\n")
    }

    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
        serde_json::from_str(&answer.body).unwrap()
    }
}

fn sum(rows: &Value, name: &str) -> u64 {
    rows.as_array().unwrap().iter().map(|row| row[name].as_u64().unwrap()).sum()
}

#[test]
fn it_is_off_unless_it_is_asked_for() {
    let server = Server::builder().start();
    server.client().check("CONFIG GET admin-port", "[$admin-port $0]");
    assert!(!server.log().contains("listening for pages"));
}

#[test]
fn figures_add_up() {
    let site = Site::start(|builder| builder.set("cluster-slot-stats-enabled", "true"));
    let mut client = site.server.client();
    client.check("CLIENT SETNAME <b>", "+OK");
    for number in 0..300 {
        client.check(&format!("SET key:{number} 1"), "+OK");
    }
    for _ in 0..50 {
        client.check("INCRBY {hot}n 0", ":0");
    }
    client.check("SET {hot}<img> 1", "+OK");
    let overview = site.json("/api/overview");
    let shards = &overview["shards"];
    assert_eq!(shards.as_array().unwrap().len(), 3);
    assert_eq!(sum(shards, "keys"), 302);
    assert_eq!(overview["totals"]["keys"], 302);
    assert_eq!(sum(shards, "clients"), 1);
    assert_eq!(sum(shards, "commands"), overview["totals"]["commands"].as_u64().unwrap());
    assert!(shards.as_array().unwrap().iter().all(|shard| shard["state"] == "serving"));
    assert!(overview["memory"]["used"].as_u64().unwrap() > 100_000);

    let slots = site.json("/api/slots");
    let of = |name: &str| -> Vec<u64> {
        let shards = slots["shards"].as_array().unwrap().iter();
        let columns = shards.flat_map(|shard| shard[name].as_array().unwrap());
        columns.map(|value| value.as_u64().unwrap()).collect()
    };
    assert_eq!((of("keys").len(), of("keys").iter().sum::<u64>()), (16384, 302));
    let hot = client.value("CLUSTER KEYSLOT {hot}n").int() as usize;
    assert_eq!(of("calls").iter().sum::<u64>(), 351);
    assert!((51..60).contains(&of("calls")[hot]), "{}", of("calls")[hot]);
    assert!(of("bytes")[hot] > 51 * 30 && of("micros")[hot] > 0);
    let keys = site.json(&format!("/api/slot?number={hot}"));
    let names: Vec<&str> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["key"].as_str().unwrap()).collect();
    assert!(names.contains(&"{hot}n") && names.contains(&"{hot}<img>"), "{names:?}");

    let clients = site.json("/api/clients");
    assert_eq!((&clients["count"], &clients["clients"][0]["name"]), (&1.into(), &"<b>".into()));
    assert_eq!(clients["clients"][0]["address"], client.address());
    let cluster = site.json("/api/cluster");
    assert_eq!(cluster["nodes"][0]["slots"], serde_json::json!([[0, 16383]]));
    assert_eq!(cluster["slots_assigned"], 16384);
}

#[test]
fn scripts_and_slow_requests_are_shown() {
    let site = Site::start(|builder| builder);
    let mut client = site.server.client();
    client.check("CONFIG SET slowlog-log-slower-than 20000 script-time-limit 60", "+OK");
    client.check("DEBUG SLEEP 0.05", "+OK");
    for key in ["a", "b", "c", "d"] {
        client.check_start(&format!("EVAL error('<i>') 1 {key}"), "-ERR");
    }
    client.check_start("EVAL \"repeat until nil\" 1 a", "-TIMEOUT");
    client.check("EVAL return[[x]] 1 a", "$x");
    let scripts = site.json("/api/scripts");
    let rows = scripts["scripts"].as_array().unwrap();
    assert_eq!((rows.len(), &scripts["known"]), (3, &3.into()));
    let row = |text: &str| rows.iter().find(|row| row["text"] == text).unwrap();
    assert_eq!(rows[0]["text"], "repeat until nil", "the costliest is first");
    assert_eq!(rows[0]["rolled_back_for"]["timeout"], 1);
    assert!(rows[0]["p99_us"].as_f64().unwrap() >= 50_000.0);
    let failing = row("error('<i>')");
    assert_eq!((&failing["calls"], &failing["rolled_back"]), (&4.into(), &4.into()));
    assert!(failing["last_error"].as_str().unwrap().contains("<i>"));
    assert_eq!(row("return[[x]]")["rolled_back"], 0);
    let log = site.json("/api/slowlog");
    let commands: Vec<&Value> =
        log["entries"].as_array().unwrap().iter().map(|entry| &entry["command"]).collect();
    assert!(commands.iter().any(|command| command.to_string().contains("0.05")), "{commands:?}");
}

#[test]
fn endpoints_answer_under_load() {
    let site = Site::start(|builder| builder.set("cluster-slot-stats-enabled", "true"));
    let load = |name: &'static str| {
        let mut client = site.server.client();
        move || {
            let until = Instant::now() + Duration::from_secs(3);
            let mut count = 0;
            while Instant::now() < until {
                client.check(&format!("INCRBY {name}:{} 0", count % 100), ":0");
                count += 1;
            }
            count
        }
    };
    let loads = [load("a"), load("b")].map(std::thread::spawn);
    let until = Instant::now() + Duration::from_secs(2);
    let mut before = 0;
    while Instant::now() < until {
        for path in ENDPOINTS {
            site.json(path);
        }
        let total = site.json("/api/overview")["totals"]["commands"].as_u64().unwrap();
        assert!(total >= before);
        before = total;
    }
    let done: u64 = loads.into_iter().map(|load| load.join().unwrap()).sum();
    assert!(before > 0 && done > 0);
    let counted = || site.json("/api/overview")["totals"]["commands"].as_u64().unwrap();
    poll("all of them are counted", || (counted() >= done).then_some(()));
}

#[test]
fn what_is_no_request_for_the_page_is_refused() {
    let site = Site::start(|builder| builder);
    for path in ["/", "/main.js", "/style.css", "/icon.svg"] {
        let answer = site.get(path);
        assert_eq!(answer.status, 200, "{path}");
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(answer.head.contains(header), "{path}: {}", answer.head);
        }
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
    for path in
        ["/none", "/api", "/api/none", "/../etc/passwd", "/%2e%2e/x", "//", "/api/overview/"]
    {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
    for query in ["", "?number=", "?number=16384", "?number=-1", "?number=1&x=2", "?n=1"] {
        assert_eq!(site.get(&format!("/api/slot{query}")).status, 400, "{query}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = format!(
            "{method} /api/config HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(site.send(&request).status, 405, "{method}");
    }
    let long = "x".repeat(20_000);
    assert_eq!(site.get_with("/", &format!("host: localhost\r\nx: {long}\r\n")).status, 431);
    assert_eq!(site.get_with(&format!("/{long}"), "host: localhost\r\n").status / 100, 4);
    let many = "x: y\r\n".repeat(100);
    assert_eq!(site.get_with("/", &format!("host: localhost\r\n{many}")).status, 431);
    let body = "host: localhost\r\ncontent-length: 100000\r\n";
    assert_eq!(site.get_with("/", body).status, 413);
    assert_eq!(site.send("nonsense\r\n\r\n").status, 400);
    site.server.client().check("PING", "+PONG");
}

#[test]
fn names_of_others_are_refused() {
    let site = Site::start(|builder| builder.set("admin-hosts", "admin.example"));
    let port = site.port;
    for host in ["localhost", "127.0.0.1", "[::1]", "admin.example", "LOCALHOST"] {
        assert_eq!(site.get_with("/", &format!("host: {host}:{port}\r\n")).status, 200, "{host}");
    }
    let others =
        ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.1.2.3", ""];
    for host in others {
        let answer = site.get_with("/api/config", &format!("host: {host}:{port}\r\n"));
        assert!(matches!(answer.status, 400 | 421), "{host}: {}", answer.head);
        assert!(!answer.body.contains("maxclients"), "{host}");
    }
    assert_eq!(site.get_with("/", "").status, 421, "no name at all");
    let two = "host: localhost\r\nhost: evil.example\r\n";
    assert!(matches!(site.get_with("/", two).status, 400 | 421));
}

#[test]
fn users_need_a_password_and_the_commands() {
    let site = Site::start(|builder| builder);
    let mut client = site.server.client();
    client.check("ACL SETUSER ann on >secret +@all", "+OK");
    client.check("ACL SETUSER bob on >secret +@all -slowlog", "+OK");
    client.check("ACL SETUSER eve off >secret +@all", "+OK");
    let rules = "+info +client|list +config|get +slowlog|get +script|stats +cluster +object";
    client.check(&format!("ACL SETUSER viewer on >secret {rules}"), "+OK");
    assert_eq!(site.get("/").status, 200, "nobody needs a password");
    client.check("CONFIG SET requirepass geheim", "+OK");
    let with = |encoded: &str| {
        let headers = format!("host: localhost\r\nauthorization: Basic {encoded}\r\n");
        site.get_with("/api/config", &headers)
    };
    let answer = site.get("/");
    assert_eq!(answer.status, 401);
    assert!(answer.head.contains("www-authenticate: basic realm=\"atoll\""), "{}", answer.head);
    for path in ENDPOINTS {
        assert_eq!(site.get(path).status, 401, "{path}");
    }
    // ann:secret, viewer:secret, default:geheim, :geheim
    for encoded in
        ["YW5uOnNlY3JldA==", "dmlld2VyOnNlY3JldA==", "ZGVmYXVsdDpnZWhlaW0=", "OmdlaGVpbQ=="]
    {
        let answer = with(encoded);
        assert_eq!(answer.status, 200, "{encoded}: {}", answer.body);
        assert!(!answer.body.contains("geheim") && answer.body.contains("(hidden)"));
    }
    // bob:secret
    let answer = with("Ym9iOnNlY3JldA==");
    assert_eq!((answer.status, answer.body.contains("SLOWLOG GET")), (403, true));
    // eve:secret, ann:wrong, nobody:x
    for encoded in ["ZXZlOnNlY3JldA==", "YW5uOndyb25n", "bm9ib2R5Ong="] {
        let began = Instant::now();
        assert_eq!(with(encoded).status, 401, "{encoded}");
        assert!(began.elapsed() >= Duration::from_millis(500), "guessing takes time");
    }
    client.check("AUTH geheim", "+OK");
    let log = client.run("ACL LOG");
    for part in ["$admin-page", "$ann", "$eve", "$nobody", "$slowlog|get", "cmd=admin-page"] {
        assert!(log.contains(part), "{part} in {log}");
    }
}

#[test]
fn passwords_cannot_be_guessed_at_will() {
    let site = Site::start(|builder| builder.set("requirepass", "geheim"));
    let wrong = "host: localhost\r\nauthorization: Basic YW5uOndyb25n\r\n";
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let guesses: Vec<_> =
            (0..30).map(|_| scope.spawn(|| site.get_with("/", wrong).status)).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
    });
    let looked_at = answers.iter().filter(|status| **status == 401).count();
    assert!((1..=14).contains(&looked_at), "{answers:?}");
    assert!(answers.contains(&429), "{answers:?}");
}

#[test]
fn a_page_for_others_without_a_password_is_no_start() {
    let port = ports::take(2);
    let page = format!("admin-port={}", port + 1);
    let (port, folder) = (port.to_string(), e2e::server::folder());
    let dir = folder.path().to_str().unwrap();
    let arguments = ["--port", &port, "--dir", dir, "--set", &page, "--set", "admin-bind=0.0.0.0"];
    let said = refusal(&arguments, &[]).text;
    assert!(said.contains("admin-bind") && said.contains("requirepass"), "{said}");
    let none = [&arguments[..6], &["--set", "admin-bind="]].concat();
    assert!(refusal(&none, &[]).text.contains("admin-bind"));

    let site =
        Site::start(|builder| builder.set("admin-bind", "0.0.0.0").set("requirepass", "geheim"));
    assert_eq!(site.get("/").status, 401);
    // Whoever takes the password away opens the page to this machine only.
    let mut client = site.server.client();
    client.check("AUTH geheim", "+OK");
    client.check("CONFIG SET requirepass ''", "+OK");
    assert_eq!(site.get("/").status, 200);
}

#[test]
fn a_port_in_use_is_no_start() {
    let site = Site::start(|builder| builder);
    let (port, folder) = (ports::take(1).to_string(), e2e::server::folder());
    let page = format!("admin-port={}", site.port);
    let dir = folder.path().to_str().unwrap();
    let said = refusal(&["--port", &port, "--dir", dir, "--set", &page], &[]).text;
    assert!(said.contains(&format!("listen on 127.0.0.1:{}", site.port)), "{said}");
}

#[test]
fn a_busy_shard_is_shown_with_its_last_figures() {
    let site = Site::start(|builder| {
        builder.set("busy-reply-threshold", 300).expect_in_log("answers BUSY")
    });
    let mut client = site.server.client();
    client.check("SET a 1", "+OK");
    assert_eq!(sum(&site.json("/api/overview")["shards"], "keys"), 1);
    site.json("/api/slots");
    let mut runner = site.server.client();
    let busy = std::thread::spawn(move || runner.run("EVAL \"repeat until nil\" 1 a"));
    let shard = |value: &Value| -> Option<Value> {
        value["shards"].as_array()?.iter().find(|shard| shard["state"] == "busy").cloned()
    };
    poll("it is seen", || shard(&site.json("/api/overview")));
    for path in ENDPOINTS.iter().filter(|path| !path.contains("number")) {
        let began = Instant::now();
        site.json(path);
        assert!(began.elapsed() < Duration::from_millis(2_500), "{path} {:?}", began.elapsed());
    }
    let overview = site.json("/api/overview");
    let busy_one = shard(&overview).unwrap();
    assert_eq!((&busy_one["old"], &busy_one["keys"]), (&true.into(), &1.into()));
    assert_eq!(busy_one["script"]["kind"], "script");
    assert!(busy_one["script"]["age_ms"].as_u64().unwrap() >= 300);
    assert_eq!(busy_one["script"]["command"][1], "repeat until nil");
    assert_eq!(overview["totals"]["keys"], 1);
    let slot = client.value("CLUSTER KEYSLOT a").int();
    assert_eq!(site.get(&format!("/api/slot?number={slot}")).status, 503);
    client.check("SCRIPT KILL", "+OK");
    busy.join().unwrap();
    let is_well = |shard: &Value| shard["state"] == "serving" && shard["old"] == false;
    poll("it answers again", || {
        let overview = site.json("/api/overview");
        overview["shards"].as_array()?.iter().all(is_well).then_some(())
    });
    assert_eq!(site.get(&format!("/api/slot?number={slot}")).status, 200);
}

#[test]
fn slow_readers_and_writers_hold_up_nobody() {
    let mut site = Site::start(|builder| builder);
    let idle: Vec<TcpStream> = (0..20).map(|_| site.connect()).collect();
    let mut slow: Vec<TcpStream> = (0..20).map(|_| site.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /api/slots HTTP/1.1\r\nhost: loc").unwrap();
    }
    let began = Instant::now();
    assert_eq!(site.get("/api/slots").status, 200);
    site.server.client().check("PING", "+PONG");
    assert!(began.elapsed() < Duration::from_secs(5));
    let mut last = Vec::new();
    let ended = slow.remove(0).read_to_end(&mut last);
    assert!(ended.is_ok() || began.elapsed() < Duration::from_secs(20), "it was not given up");
    assert!(began.elapsed() < Duration::from_secs(20));
    // Nor the end of the node.
    let began = Instant::now();
    site.server.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(site.server.wait().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(idle);
}
