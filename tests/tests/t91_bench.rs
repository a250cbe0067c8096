//! `atoll bench`: what it tells agrees with what the servers counted, a stall and a node that goes
//! away are seen, and clusters that it starts leave nothing behind.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use e2e::cluster::Cluster;
use e2e::poll;
use e2e::resp::Client;
use e2e::server::{Process, Server, command, folder};
use nix::sys::signal::Signal;
use serde_json::Value;

/// The workloads, and the commands that their requests are.
const WORKLOADS: &[(&str, &[&str])] = &[
    ("get", &["get"]),
    ("set", &["set"]),
    ("mixed", &["get", "set"]),
    ("stock", &["evalsha"]),
    ("lock", &["set", "evalsha"]),
    ("rate-limit", &["evalsha"]),
    ("token-bucket", &["evalsha"]),
    ("queue", &["lpush", "brpoplpush", "rpop"]),
];
/// These set each key before they begin.
const PRELOADED: &[&str] = &["get", "mixed"];
const KEYS: u64 = 500;

fn bench(line: &str) -> Output {
    let mut command = command();
    command.arg("bench").args(line.split_whitespace()).env_remove("REDISCLI_AUTH");
    command.output().unwrap()
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// Runs it with `--json -`. Returns the exit code and the document.
#[track_caller]
fn json(line: &str) -> (i32, Value) {
    parsed(&bench(&format!("{line} --json -")))
}

#[track_caller]
fn parsed(output: &Output) -> (i32, Value) {
    let (stdout, stderr) = texts(output);
    assert!(!stderr.contains("panicked"), "{stderr}");
    let document = serde_json::from_str(&stdout);
    (output.status.code().unwrap(), document.unwrap_or_else(|error| panic!("{error}: {stderr}")))
}

/// How often a command was called, by INFO commandstats.
fn calls(client: &mut Client, command: &str) -> u64 {
    let info = client.value("INFO commandstats").text();
    let prefix = format!("cmdstat_{command}:calls=");
    let line = info.lines().find_map(|line| line.strip_prefix(&prefix));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a number: {value}"))
}

fn microseconds(result: &Value, name: &str) -> f64 {
    result["latency_us"][name].as_f64().unwrap()
}

/// Runs each workload for a number of requests and compares with what the servers have counted.
fn adds_up(nodes: &[&Server]) {
    let port = nodes[0].port();
    for (workload, commands) in WORKLOADS {
        let mut clients: Vec<Client> = nodes.iter().map(|node| node.client()).collect();
        clients.iter_mut().for_each(|client| client.check("CONFIG RESETSTAT", "+OK"));
        let (code, document) = json(&format!(
            "--port {port} -w {workload} -n 1001 --keys {KEYS} -c 7 -t 2 --value-size 10 -P 2"
        ));
        assert_eq!((code, &document["well"], &document["version"]), (0, &true.into(), &1.into()));
        let result = &document["results"][0];
        assert_eq!(result["workload"], *workload);
        // Rounded up to whole batches, on each of two threads.
        let requests = number(&result["requests"]);
        assert!((1001..=1003).contains(&requests), "{requests}");
        let by_node = result["nodes"].as_array().unwrap();
        assert_eq!(by_node.len(), nodes.len());
        assert_eq!(by_node.iter().map(|node| number(&node["requests"])).sum::<u64>(), requests);

        let mut counted = 0;
        for command in *commands {
            counted += clients.iter_mut().map(|client| calls(client, command)).sum::<u64>();
        }
        let before =
            if PRELOADED.contains(workload) && commands.contains(&"set") { KEYS } else { 0 };
        assert_eq!(counted - before, requests, "{workload}");
        let checked = ["stock", "lock", "queue"].contains(workload);
        assert_eq!(result["check"].is_object(), checked, "{workload}");
        assert!(!checked || result["check"]["right"] == true, "{}", result["check"]);
        assert_eq!((number(&result["errors"]["count"]), number(&result["moved"])), (0, 0));
        assert!(microseconds(result, "p50") > 0.0);
        assert!(microseconds(result, "max") >= microseconds(result, "p99"));
        assert!(result["server_cpu_us_per_request"].is_number(), "{result}");
    }
}

#[test]
fn what_it_tells_is_what_a_server_counted() {
    let server = Server::start();
    adds_up(&[&server]);
}

#[test]
fn what_it_tells_is_what_a_cluster_counted() {
    let cluster = Cluster::start(3);
    adds_up(&cluster.nodes().iter().collect::<Vec<_>>());
    // One key is on one node; no connection goes to the others.
    let port = cluster.nodes()[0].port();
    let (code, document) = json(&format!("--port {port} -w set -n 50 --keys 1 -c 3"));
    let result = &document["results"][0];
    assert_eq!((code, number(&result["requests"]), number(&result["moved"])), (0, 50, 0));
}

#[test]
fn stock_sells_what_there_is_and_no_more() {
    let server = Server::start();
    let line = format!("--port {} -w stock -n 900 --keys 10 --stock 7 -c 20 -P 3", server.port());
    let (code, document) = json(&line);
    assert_eq!(code, 0);
    let text = document["results"][0]["check"]["text"].as_str().unwrap();
    assert!(text.contains("70 sold, 0 left, 70 confirmed: nothing was sold twice"), "{text}");
}

#[test]
fn sums_that_do_not_add_up_are_a_failure() {
    let server = Server::start();
    let mut client = server.client();
    let line = format!(
        "bench --port {} -w stock -d 1.5 --warm-up 0 --keys 3 -c 2 --json -",
        server.port()
    );
    let mut command = command();
    command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    poll("the load has begun", || (calls(&mut client, "evalsha") > 10).then_some(()));
    // Somebody takes an article away who does not say so.
    client.check_start("DECR {sa:0000000001}l", ":");
    let (code, document) = parsed(&running.wait_with_output().unwrap());
    assert_eq!(code, 1);
    let check = &document["results"][0]["check"];
    assert_eq!(check["right"], false);
    assert!(check["text"].as_str().unwrap().contains("1 ARTICLES DO NOT ADD UP"), "{check}");
}

#[test]
fn an_open_loop_holds_its_rate_and_sees_a_stall_as_clients_would() {
    let server = Server::builder().shards(1).start();
    let mut client = server.client();
    let line = format!(
        "bench --port {} -w get --keys 100 --rate 500 -d 2 --warm-up 0 -c 4 --json -",
        server.port()
    );
    let mut command = command();
    command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    poll("the load has begun", || (calls(&mut client, "get") > 100).then_some(()));
    client.check("DEBUG SLEEP 0.5", "+OK");
    let (code, document) = parsed(&running.wait_with_output().unwrap());
    assert_eq!(code, 0);
    let result = &document["results"][0];
    assert_eq!(number(&result["requests"]) + number(&result["unsent"]), 1000);
    assert!(number(&result["unsent"]) <= 20, "{result}");
    // A quarter of the requests were due in the stall. With four connections a closed loop, or one
    // that measures from when it sends, would see four slow ones of a thousand.
    assert!(microseconds(result, "p99.9") > 450_000.0, "{result}");
    assert!(microseconds(result, "p90") > 150_000.0, "{result}");
    assert!(microseconds(result, "p50") < 150_000.0, "{result}");
}

/// A node of a cluster of three that is started on its own, and again.
fn node(ports: &[u16], index: usize, data: &Path) -> Server {
    let list: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    Server::builder()
        .shards(1)
        .port(ports[index])
        .directory(data)
        .set("cluster.initial-nodes", list.join(","))
        .set("durability", "always")
        .launch()
}

#[test]
fn a_node_that_is_killed_is_counted_and_comes_back() {
    let folder = folder();
    let first = e2e::ports::take(3);
    let ports: Vec<u16> = (first..first + 3).collect();
    let data = |index: usize| folder.path().join(index.to_string());
    let mut nodes: Vec<Server> = (0..3).map(|index| node(&ports, index, &data(index))).collect();
    nodes = nodes.into_iter().map(Server::wait_ready).collect();

    let line = format!("bench --port {first} -w stock -d 4 --warm-up 0 --keys 300 -c 9 --json -");
    let mut command = command();
    command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    let mut victim = nodes.remove(1);
    let mut client = victim.client();
    poll("the load has begun", || (calls(&mut client, "evalsha") > 50).then_some(()));
    victim.signal(Signal::SIGKILL);
    victim.wait();
    let again = node(&ports, 1, &data(1)).wait_ready();
    let (code, document) = parsed(&running.wait_with_output().unwrap());
    assert_eq!(code, 1);
    let result = &document["results"][0];
    // Its three connections.
    assert!(number(&result["disconnects"]) >= 3, "{result}");
    assert!(number(&result["lost"]) <= number(&result["errors"]["count"]), "{result}");
    // It has taken requests again, and what it acknowledged before is still there.
    assert!(calls(&mut again.client(), "evalsha") > 0);
    assert_eq!(result["check"]["right"], true, "{result}");
}

#[test]
fn a_server_that_is_gone_ends_the_test_with_what_was_measured() {
    let mut server = Server::start();
    let mut client = server.client();
    let port = server.port();
    let line = format!("bench --port {port} -w set --keys 10 -d 2 --warm-up 0 --rate 300 --json -");
    let mut command = command();
    command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    poll("the load has begun", || (calls(&mut client, "set") > 50).then_some(()));
    server.signal(Signal::SIGKILL);
    server.wait();
    let (code, document) = parsed(&running.wait_with_output().unwrap());
    assert_eq!(code, 1);
    let result = &document["results"][0];
    let classes = result["errors"]["classes"].as_array().unwrap();
    let unreachable = classes.iter().find(|class| class["class"] == "unreachable").unwrap();
    assert!(number(&unreachable["count"]) > 0);
    assert!(unreachable["first"].as_str().unwrap().len() > 5, "{unreachable}");
    let all = number(&result["requests"]) + number(&result["errors"]["count"]);
    assert_eq!(all + number(&result["unsent"]), 600, "{result}");
}

#[test]
fn errors_are_told_apart_and_make_it_fail() {
    let server = Server::builder().set("maxmemory", "1").start();
    let output = bench(&format!("--port {} -w set -n 40 -c 4", server.port()));
    assert_eq!(output.status.code(), Some(1));
    let (stdout, _) = texts(&output);
    assert!(
        stdout.contains("set: error: 40 x OOM, the first: OOM command not allowed"),
        "{stdout}"
    );
}

#[test]
fn it_logs_in() {
    let server = Server::builder().set("requirepass", "secret").start();
    let port = server.port();
    let refused = |line: &str, words: &str| {
        let output = bench(&format!("--port {port} -w set -n 10 -c 2 {line}"));
        let (_, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    };
    refused("", "give --password (and --user), or set REDISCLI_AUTH");
    refused("--password wrong", "WRONGPASS");
    for line in ["--password secret", "--user default --password secret"] {
        let (code, _) = json(&format!("--port {port} -w set,stock -n 10 -c 2 --keys 5 {line}"));
        assert_eq!(code, 0, "{line}");
    }
    let mut command = command();
    command.args(["bench", "--port", &port.to_string(), "-w", "set", "-n", "10", "-c", "2"]);
    let output = command.env("REDISCLI_AUTH", "secret").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{:?}", texts(&output));
    let text = format!("{:?}", texts(&output));
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn what_is_asked_wrongly_is_said() {
    for (line, words) in [
        ("--workload nonsense", "possible values: get, set, mixed, stock, lock"),
        ("--clients 0", "--clients"),
        ("--pipeline 0", "--pipeline"),
        ("--duration 1 --requests 1", "cannot be used with"),
    ] {
        let output = bench(line);
        let (_, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {stderr}");
        assert!(stderr.contains(words), "{line}: {stderr}");
    }
    let port = e2e::ports::take(1);
    let nobody = bench(&format!("--port {port} -n 1"));
    let (stdout, stderr) = texts(&nobody);
    assert_eq!((nobody.status.code(), stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.contains(&format!("connect to 127.0.0.1:{port}: Connection refused")),
        "{stderr}"
    );
    let help = bench("--help");
    let (stdout, _) = texts(&help);
    assert!(help.status.success() && stdout.contains("Examples:"), "{stdout}");
}

#[test]
fn a_server_without_cluster_mode_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(b"-ERR This instance has cluster support disabled\r\n");
        }
    });
    let output = bench(&format!("--port {port} -n 1"));
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("--no-cluster"), "{stderr}");
}

#[test]
fn keys_are_removed_when_that_is_asked_for() {
    let server = Server::start();
    let line = format!("--port {} -w get,stock,queue -n 300 --keys 100", server.port());
    assert_eq!(json(&format!("{line} --clean-up")).0, 0);
    server.client().check("DBSIZE", ":0");
    assert_eq!(json(&line).0, 0);
    assert!(server.client().value("DBSIZE").int() >= 300);
}

/// What is left of the clusters that were started with this folder for their files.
fn left(folder: &Path) -> (Vec<String>, usize) {
    let path = folder.to_str().unwrap();
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(path) {
            processes.push(line);
        }
    }
    (processes, fs::read_dir(folder).unwrap().count())
}

#[test]
fn clusters_that_it_starts_are_measured_and_removed() {
    let folder = folder();
    let mut command = command();
    // A variable that its nodes would not start with.
    command.env("TMPDIR", folder.path()).env("ATOLL_PORT", "nonsense");
    command.args(["bench", "--scale", "1,2", "-w", "set,stock", "-d", "0.3", "--warm-up", "0.1"]);
    command.args(["--keys", "500", "-c", "6", "--durability", "everysec", "--json", "-"]);
    let output = command.output().unwrap();
    let (code, document) = parsed(&output);
    let (_, table) = texts(&output);
    assert_eq!(code, 0, "{table}");
    assert!(table.contains("speed-up"), "{table}");
    let results = document["results"].as_array().unwrap();
    let steps: Vec<(u64, &str)> = results
        .iter()
        .map(|result| (number(&result["started_nodes"]), result["workload"].as_str().unwrap()))
        .collect();
    assert_eq!(steps, [(1, "set"), (1, "stock"), (2, "set"), (2, "stock")]);
    assert_eq!(results[0]["speed_up"], 1.0);
    assert!(results[2]["speed_up"].as_f64().unwrap() > 0.0);
    for result in results {
        let nodes = result["nodes"].as_array().unwrap();
        assert_eq!(nodes.len() as u64, number(&result["started_nodes"]));
        assert!(nodes.iter().all(|node| number(&node["requests"]) > 0), "{result}");
        assert!(result["server_cpu_us_per_request"].is_number(), "{result}");
    }
    assert_eq!(left(folder.path()), (Vec::new(), 0));
}

#[test]
fn clusters_that_it_starts_are_removed_at_an_interrupt() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let folder = folder();
        let mut command = command();
        command.env("TMPDIR", folder.path());
        command.args(["bench", "--scale", "2", "-w", "set", "-d", "600", "-c", "4"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut running = Process::start(command);
        poll("two nodes run", || {
            let (processes, directories) = left(folder.path());
            (processes.len() == 2 && directories == 2).then_some(())
        });
        // In the midst of whatever it does then.
        std::thread::sleep(Duration::from_millis(u64::from(running.id() % 300)));
        running.signal(signal);
        assert_eq!(running.wait().code(), Some(128 + signal as i32));
        assert_eq!(left(folder.path()), (Vec::new(), 0));
    }
}
