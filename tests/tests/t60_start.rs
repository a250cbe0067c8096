//! Starting and ending: settings from everywhere, and errors that say what is wrong.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use e2e::resp::Client;
use e2e::server::{Process, Server, binary, folder, output, refusal};
use e2e::{poll, ports, repository};
use nix::sys::signal::Signal;

/// Starts with these arguments must fail with this code and name all of these words.
#[track_caller]
fn refused(arguments: &[&str], variables: &[(&str, &str)], code: i32, words: &[&str]) {
    let folder = folder();
    let dir = folder.path().join("data");
    let port = ports::take(1).to_string();
    // Flags win over variables.
    let mut all = vec![("ATOLL_DIR", dir.to_str().unwrap()), ("ATOLL_PORT", &port)];
    all.extend(variables);
    let refusal = refusal(arguments, &all);
    assert_eq!(refusal.code, Some(code), "{arguments:?}: {}", refusal.text);
    for word in words {
        assert!(refusal.text.contains(word), "{arguments:?}: no {word:?} in {:?}", refusal.text);
    }
    assert!(refusal.text.starts_with("atoll: "), "{}", refusal.text);
}

#[test]
fn unknown_keys_and_bad_values_are_named() {
    const CONFIG: i32 = 78;
    for (setting, words) in [
        ("no-such-key=1", &["no-such-key"][..]),
        ("cluster.no-such=1", &["no-such"]),
        ("maxclients=0", &["maxclients"]),
        ("maxclients=many", &["maxclients"]),
        ("mailbox-size=0", &["mailbox-size"]),
        ("script-memory-limit=5", &["script-memory-limit"]),
        ("proto-max-bulk-len=5", &["proto-max-bulk-len"]),
        ("script-cross-slot-keys=maybe", &["script-cross-slot-keys"]),
        ("script-time-limit=soon", &["script-time-limit"]),
        ("cluster.slots=5-99999", &["cluster.slots", "5-99999"]),
        ("cluster.slots=9-5", &["cluster.slots"]),
        ("cluster.initial-nodes=nonsense", &["cluster.initial-nodes", "nonsense"]),
        ("shard-endpoints=perhaps", &["shard-endpoints"]),
        ("no equals sign", &["KEY=VALUE"]),
    ] {
        refused(&["--set", setting], &[], CONFIG, words);
    }
    refused(&["--port", "99999"], &[], CONFIG, &["port"]);
    refused(&["--shards", "0"], &[], CONFIG, &["shards"]);
    refused(&["--shards", "many"], &[], CONFIG, &["shards", "many"]);
    refused(&[], &[("ATOLL_NO_SUCH_KEY", "1")], CONFIG, &["no-such-key"]);
    refused(&[], &[("ATOLL_MAXCLIENTS", "0")], CONFIG, &["maxclients"]);
    refused(&["--config", "no/such/file.toml"], &[], CONFIG, &["no/such/file.toml"]);
}

#[test]
fn what_cannot_work_is_refused() {
    refused(&["--set", "log=???=!"], &[], 1, &["log"]);
    refused(
        &["--set", "script-denied-commands=nosuch"],
        &[],
        1,
        &["script-denied-commands", "nosuch"],
    );
    refused(&["--set", "cluster.slots=0-5,5-9"], &[], 1, &["5"]);
    refused(
        &["--set", "cluster.initial-nodes=10.0.0.1:7000"],
        &[],
        1,
        &["initial-nodes", "announce"],
    );
    refused(&["--bind", "192.0.2.1"], &[], 1, &["192.0.2.1"]);
    let two = [("ATOLL_LISTENERS", "127.0.0.1:1=a:1,b:2")];
    refused(&[], &two, 1, &["listener", "127.0.0.1:1"]);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    refused(&["--port", &port], &[], 1, &["listen on", &port]);
}

#[test]
fn two_processes_never_share_a_directory() {
    let server = Server::start();
    let dir = server.data();
    refused(
        &["--dir", dir.to_str().unwrap()],
        &[],
        1,
        &["in use by another process", dir.to_str().unwrap()],
    );
    server.client().check("PING", "+PONG");
}

#[test]
fn a_node_keeps_its_id() {
    let folder = folder();
    let dir = folder.path().join("data");
    let id = |server: &Server| server.client().value("CLUSTER MYID").text();
    let mut server = Server::builder().directory(&dir).start();
    let first = id(&server);
    server.signal(Signal::SIGTERM);
    server.wait();
    let server = Server::builder().directory(&dir).start();
    assert_eq!(id(&server), first);
}

#[test]
fn settings_come_from_file_environment_and_flags() {
    let folder = folder();
    let file = folder.path().join("atoll.toml");
    fs::write(&file, "maxclients = 11\ntimeout = 22\ntcp-keepalive = 33\n").unwrap();
    let server = Server::builder()
        .arguments(&["--config", file.to_str().unwrap()])
        .variable("ATOLL_TIMEOUT", "44")
        .variable("ATOLL_TCP_KEEPALIVE", "55")
        .set("tcp-keepalive", 66)
        .start();
    let mut client = server.client();
    client.check("CONFIG GET maxclients", "[$maxclients $11]");
    client.check("CONFIG GET timeout", "[$timeout $44]");
    client.check("CONFIG GET tcp-keepalive", "[$tcp-keepalive $66]");
}

#[test]
fn the_documented_file_works() {
    let file = repository().join("config/atoll.toml");
    let server = Server::builder().arguments(&["--config", file.to_str().unwrap()]).start();
    server.client().check("SET k v", "+OK");
}

#[test]
fn signals_and_shutdown_end_it_cleanly() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = Server::start();
        let mut client = server.client();
        client.check("SET k v", "+OK");
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        client.check_closed();
    }
    let mut server = Server::start();
    server.client().send_line("SHUTDOWN NOSAVE");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn it_ends_while_a_script_runs() {
    let mut server = Server::builder().set("script-time-limit", 0).start();
    server.client().send_line("EVAL 'while true do end' 0");
    poll("the script runs", || server.client().run("SCRIPT KILL").starts_with("+OK").then_some(()));
    server.client().send_line("EVAL 'while true do end' 0");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// A shard that panicked may be half changed: the process must not go on, and must say why.
#[test]
fn a_panic_ends_the_process_and_names_the_command() {
    let mut server = Server::builder().expect_in_log("panic; the process ends").start();
    server.client().send_line("DEBUG PANIC");
    assert_eq!(server.wait().code(), Some(70));
    let log = server.log();
    assert!(log.contains("command=\"debug|panic\""), "{log}");
}

#[test]
fn help_and_version_need_no_server() {
    let help = output(&["--help"]);
    let text = String::from_utf8_lossy(&help.stdout);
    assert!(help.status.success() && text.contains("--config") && text.contains("demo-cluster"));
    let version = output(&["--version"]);
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("atoll "));
    assert!(!output(&["--no-such-flag"]).status.success());
}

/// A machine that allows fewer open files than clients were to have.
#[test]
fn no_more_clients_than_files_may_be_open() {
    let (folder, port) = (folder(), ports::take(1));
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 200 && exec \"$0\" \"$@\" 2> \"$LOG\""])
        .arg(binary())
        .args(["--port", &port.to_string(), "--shards", "2", "--dir"])
        .arg(folder.path().join("data"))
        .env("LOG", folder.path().join("log"));
    let _process = Process::start(command);
    let mut client = poll("it serves", || Client::try_connect(port).ok());
    poll("its data is read", || (client.run("PING") == "+PONG").then_some(()));
    client.check("CONFIG GET maxclients", "[$maxclients $120]");
    client.check("CONFIG SET maxclients 50", "+OK");
    client.check(
        "CONFIG SET maxclients 5000",
        "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system \
         is not able to handle the specified number of clients, try with 120",
    );
    client.check("CONFIG SET maxclients 120", "+OK");
    let mut others: Vec<Client> = (0..119).map(|_| Client::connect(port)).collect();
    for other in &mut others {
        other.check("PING", "+PONG");
    }
    let mut refused = Client::connect(port);
    assert_eq!(refused.read().to_string(), "-ERR max number of clients reached");
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("the limit of open files is too low"), "{log}");
    client.check("SAVE", "+OK");
}
