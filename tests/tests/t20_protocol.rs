//! The wire: golden dialogues, broken requests, large and many requests.

use std::process::{Command, Stdio};

use e2e::golden::{Peer, play};
use e2e::resp::{Client, encode};
use e2e::server::{Process, Server, folder};
use e2e::{poll, ports, slot};

/// The files in tests/data.
const DIALOGUES: &[&str] =
    &["connection", "hashes", "keys", "protocol", "scripts", "strings", "transactions"];

#[test]
fn golden_dialogues() {
    let server = Server::start();
    DIALOGUES.iter().for_each(|name| play(name, server.port(), Peer::Atoll));
}

/// A machine without redis-server can still run the other tests.
#[test]
fn redis_agrees_with_the_golden_dialogues() {
    let folder = folder();
    let port = ports::take(1);
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--cluster-enabled", "yes", "--cluster-port", &ports::take(1).to_string()])
        .arg("--dir")
        .arg(folder.path())
        .stdout(Stdio::null());
    if Command::new("redis-server").arg("--version").output().is_err() {
        return;
    }
    let _redis = Process::start(command);
    let mut client = poll("redis-server answers", || Client::try_connect(port).ok());
    client.check("CLUSTER ADDSLOTSRANGE 0 16383", "+OK");
    poll("its cluster is complete", || {
        client.value("CLUSTER INFO").text().contains("cluster_state:ok").then_some(())
    });
    let play_one = |name: &&str| std::panic::catch_unwind(|| play(name, port, Peer::Redis)).is_ok();
    let agreed: Vec<bool> = DIALOGUES.iter().map(play_one).collect();
    assert!(agreed.iter().all(|agreed| *agreed), "see above: {DIALOGUES:?} {agreed:?}");
}
