//! `atoll log`: what the data directory of a stopped node holds, whether it is sound, and cutting what
//! is damaged.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use e2e::poll;
use e2e::resp::Client;
use e2e::server::{Builder, Server, command, folder, output};
use nix::sys::signal::Signal;

fn node(folder: &Path) -> Builder {
    Server::builder().directory(folder).shards(2).set("durability", "always")
}

/// Ends a server as its operator does.
fn stop(mut server: Server) {
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// Runs a tool. Returns its exit code, and what it has said.
fn tool(name: &str, folder: &Path, more: &[&str]) -> (i32, String) {
    let mut arguments = vec!["log", name, folder.to_str().unwrap()];
    arguments.extend(more);
    let Output { status, stdout, stderr } = output(&arguments);
    let text = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (status.code().unwrap(), text)
}

#[track_caller]
fn says(said: &(i32, String), code: i32, words: &[&str]) {
    assert_eq!(said.0, code, "{}", said.1);
    for word in words {
        assert!(said.1.contains(word), "no {word:?} in {}", said.1);
    }
}

/// The files of the log, oldest first.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension() == Some("wal".as_ref())).collect();
    paths.sort();
    paths
}

fn fill(client: &mut Client) {
    for n in 0..20 {
        client.check(&format!("SET key{n} value{n}"), "+OK");
    }
}

/// Where a file has these bytes.
fn find(path: &Path, text: &[u8]) -> Option<usize> {
    fs::read(path).unwrap().windows(text.len()).position(|window| window == text)
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_log_is_shown_as_commands() {
    const LIBRARY: &str = "#!lua name=lib\nredis.register_function('f', function() return 7 end)";
    let folder = folder();
    let server = node(folder.path()).start();
    let mut client = server.client();
    client.check("SET plain text", "+OK");
    client.call(&[&b"SET"[..], b"odd", b"a \"b\"\\\r\n\x00\xff"]);
    client.check("MULTI", "+OK");
    client.check("HSET {m}hash f v g w", "+QUEUED");
    client.check("EXPIREAT {m}hash 4000000000", "+QUEUED");
    client.check("EXEC", "[:2 :1]");
    client.check_start("EVAL \"redis.call('SET', KEYS[1], 'half') error('no')\" 1 undone", "-");
    client.check("DEL plain", ":1");
    client.check("SCRIPT LOAD 'return 1'", "$e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    assert_eq!(client.call(&["FUNCTION", "LOAD", LIBRARY]), "$lib");
    stop(server);

    let all = tool("dump", folder.path(), &[]);
    says(
        &all,
        0,
        &[
            "## log-0000000000000001.wal\n",
            "\n\"SET\" \"plain\" \"text\"\n",
            "\n\"SET\" \"odd\" \"a \\\"b\\\"\\\\\\r\\n\\x00\\xff\"\n",
            // One after the other, with nothing between: they are one entry.
            "\"HSET\" \"{m}hash\" \"f\" \"v\"\n\"HSET\" \"{m}hash\" \"g\" \"w\"\n\
             \"PEXPIREAT\" \"{m}hash\" \"4000000000000\"\n",
            "\n\"DEL\" \"plain\"\n",
            " node index ",
            "\n\"SCRIPT\" \"LOAD\" \"return 1\"\n",
            "\n# \"FUNCTION\" \"RESTORE\" (",
        ],
    );
    assert!(!all.1.contains("undone"), "{}", all.1);
    let heads: Vec<&str> = all.1.lines().filter(|line| line.starts_with("# 2")).collect();
    let is_head = |line: &&str| line.contains("Z shard ") || line.contains("Z node index ");
    assert!(heads.iter().all(is_head), "{heads:?}");

    let of_node = tool("dump", folder.path(), &["--shard", "node", "--full"]);
    says(&of_node, 0, &["\"FUNCTION\" \"RESTORE\" \"", "register_function", "return 1"]);
    assert!(!of_node.1.contains(" shard "), "{}", of_node.1);
    let of_key = tool("dump", folder.path(), &["--key", "{m}*"]);
    assert_eq!(of_key.1.lines().filter(|line| line.starts_with('"')).count(), 3, "{}", of_key.1);
    let shards: usize = ["0", "1", "node"]
        .iter()
        .map(|shard| tool("dump", folder.path(), &["--shard", shard]).1)
        .map(|text| text.lines().filter(|line| line.starts_with("# 2")).count())
        .sum();
    assert_eq!(shards, heads.len());
    let later = tool("dump", folder.path(), &["--from", "3", "--shard", "0"]).1;
    assert!(!later.contains("index 1\n") && !later.contains("index 2\n"), "{later}");
    says(
        &tool("dump", folder.path(), &["--shard", "many"]),
        2,
        &["expected the number of a shard"],
    );
}

#[test]
fn whoever_has_seen_enough_of_a_log_may_go() {
    let folder = folder();
    let server = node(folder.path()).start();
    let mut client = server.client();
    let value = "x".repeat(300_000);
    client.call(&["SET", "k", &value]);
    client.call(&["SET", "l", &value]);
    stop(server);
    let mut command = command();
    command.args(["log", "dump"]).arg(folder.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut some = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_sound_directory_is_described() {
    let folder = folder();
    let server = node(folder.path()).start();
    let mut client = server.client();
    fill(&mut client);
    client.check("SAVE", "+OK");
    client.check("SET after 1", "+OK");
    // Nobody looks while it runs.
    for name in ["check", "dump", "repair"] {
        says(&tool(name, folder.path(), &[]), 1, &["atoll: ", "in use by another process"]);
    }
    stop(server);
    let said = tool("check", folder.path(), &[]);
    says(
        &said,
        0,
        &[
            "snapshot-0000000000000001: taken at 2",
            "shard 0: ",
            "log-",
            " entries and ",
            "\nsound: a node can start with this\n",
        ],
    );
    says(&tool("repair", folder.path(), &[]), 0, &["the log is sound"]);
    says(&tool("repair", folder.path(), &["--accept-data-loss"]), 0, &["the log is sound"]);
    let server = node(folder.path()).start();
    // It serves a moment before it says so.
    let ready = poll("it says what came back", || {
        server.log().lines().find(|line| line.contains(" ready ")).map(str::to_owned)
    });
    assert!(ready.contains("keys=21") && ready.contains("loading_millis="), "{ready}");
    server.client().check("GET after", "$1");
}

#[test]
fn a_directory_that_is_none_is_named() {
    let folder = folder();
    let missing = folder.path().join("missing");
    for name in ["check", "dump", "repair"] {
        says(&tool(name, &missing, &[]), 1, &["atoll: data directory", "missing"]);
        says(&tool(name, &missing, &["--no-such"]), 2, &["--no-such"]);
    }
    assert!(!missing.exists());
    says(&tool("check", folder.path(), &[]), 0, &["there is no snapshot", "there is no log"]);
    says(&tool("dump", folder.path(), &[]), 0, &["there is no log"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_damaged_log_is_described_refused_and_cut() {
    let folder = folder();
    let server = node(folder.path()).start();
    fill(&mut server.client());
    stop(server);
    let server = node(folder.path()).start();
    server.client().check("SET later 1", "+OK");
    stop(server);

    let paths = segments(folder.path());
    let first = &paths[0];
    assert_eq!(paths.len(), 2);
    flip(first, find(first, b"key10").unwrap());
    let damaged = fs::read(first).unwrap();
    let name = first.file_name().unwrap().to_str().unwrap();
    let later = paths[1].file_name().unwrap().to_str().unwrap();
    let where_it_is = format!("{name} is damaged at byte ");

    let check = tool("check", folder.path(), &[]);
    says(&check, 1, &[&where_it_is, "atoll log repair --accept-data-loss", "NOT SOUND"]);
    let offset = check.1.split(&where_it_is).nth(1).unwrap();
    let offset: usize = offset.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(&damaged[offset..offset + 4], b"AtFr");
    assert!(find(first, b"key9").unwrap() < offset);
    let dump = tool("dump", folder.path(), &[]);
    says(&dump, 1, &["\"SET\" \"key9\" \"value9\"\n", &where_it_is]);
    assert!(!dump.1.contains("key11"), "{}", dump.1);

    let refused = tool("repair", folder.path(), &[]);
    says(&refused, 1, &[&where_it_is, later, "nothing was changed", "--accept-data-loss"]);
    assert_eq!(fs::read(first).unwrap(), damaged);
    assert_eq!(segments(folder.path()), paths);

    let repaired = tool("repair", folder.path(), &["--accept-data-loss"]);
    let cut = format!("{name} was cut at byte {offset}\n");
    let kept =
        [name, later].map(|name| format!("kept: {}/{name}.damaged", folder.path().display()));
    says(&repaired, 0, &[&cut, &kept[0], &kept[1], "the log is sound now"]);
    assert_eq!(fs::read(folder.path().join(format!("{name}.damaged"))).unwrap(), damaged);
    says(&tool("check", folder.path(), &[]), 0, &["sound: "]);
    let server = node(folder.path()).start();
    let mut client = server.client();
    client.check("DBSIZE", ":10");
    client.check("GET key9", "$value9");
    client.check("GET later", "_");
    client.check("SET later 2", "+OK");
    stop(server);
    let server = node(folder.path()).start();
    server.client().check("GET later", "$2");
}

#[test]
fn a_damaged_snapshot_is_named() {
    let folder = folder();
    let server = node(folder.path()).start();
    let mut client = server.client();
    fill(&mut client);
    client.check("SAVE", "+OK");
    stop(server);
    let set = folder.path().join("snapshot-0000000000000001");
    let file = set.join("shard-0.snap");
    let sound = fs::read(&file).unwrap();
    flip(&file, find(&file, b"value").unwrap());
    let damage = "snapshot-0000000000000001/shard-0.snap is damaged at byte 84";
    says(&tool("check", folder.path(), &[]), 1, &[damage, "NOT SOUND"]);
    fs::remove_file(&file).unwrap();
    let missing = "snapshot-0000000000000001/shard-0.snap is missing";
    says(&tool("check", folder.path(), &[]), 1, &[missing, "NOT SOUND"]);
    fs::write(&file, sound).unwrap();
    says(&tool("check", folder.path(), &[]), 0, &["sound: "]);
    // Nor is that of another node sound.
    fs::write(folder.path().join("node-id"), "f".repeat(40)).unwrap();
    says(&tool("check", folder.path(), &[]), 1, &["belongs to node", "NOT SOUND"]);
}

#[test]
fn a_log_without_the_snapshot_that_it_follows_is_not_sound() {
    let folder = folder();
    let server = node(folder.path()).start();
    fill(&mut server.client());
    stop(server);
    let server = node(folder.path()).start();
    let first = segments(folder.path()).remove(0);
    server.client().check("SAVE", "+OK");
    poll("what the snapshot covers goes", || (!first.exists()).then_some(()));
    stop(server);
    says(&tool("check", folder.path(), &[]), 0, &["sound: "]);
    fs::remove_dir_all(folder.path().join("snapshot-0000000000000001")).unwrap();
    let words = ["there is no snapshot", "the log begins behind index", "NOT SOUND"];
    says(&tool("check", folder.path(), &[]), 1, &words);
    // There is nothing that a cut would help.
    says(&tool("repair", folder.path(), &[]), 0, &["the log is sound"]);
}

/// As `cp` does it with these options.
fn copy_all(options: &str, from: &Path, to: &Path, is_wanted: impl Fn(&str) -> bool) {
    let names = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap()).filter(|name| is_wanted(name));
    let mut command = Command::new("cp");
    command.arg(options).args(names.map(|name| from.join(name))).arg(to);
    assert!(command.status().unwrap().success());
}

#[test]
fn a_copy_is_a_back_up() {
    let folder = folder();
    let server = node(folder.path()).start();
    let mut client = server.client();
    fill(&mut client);
    client.check("SAVE", "+OK");
    client.check("SET after 1", "+OK");
    stop(server);
    let copy = e2e::server::folder();
    copy_all("-r", folder.path(), copy.path(), |_| true);
    fs::remove_file(copy.path().join("atoll.lock")).unwrap();
    says(&tool("check", copy.path(), &[]), 0, &["sound: "]);
    assert!(!copy.path().join("atoll.lock").exists());
    let server = node(copy.path()).start();
    server.client().check("GET after", "$1");
    server.client().check("DBSIZE", ":21");
}

#[test]
fn a_snapshot_of_a_running_node_is_a_back_up() {
    let folder = folder();
    let server = node(folder.path()).start();
    let mut client = server.client();
    fill(&mut client);
    client.check("SAVE", "+OK");
    let copy = e2e::server::folder();
    let is_wanted = |name: &str| name == "node-id" || name.starts_with("snapshot-");
    copy_all("-rl", folder.path(), copy.path(), is_wanted);
    // Links outlive the next snapshot.
    client.check("SET after 1", "+OK");
    client.check("SAVE", "+OK");
    says(&tool("check", copy.path(), &[]), 0, &["there is no log", "sound: "]);
    let restored = node(copy.path()).start();
    let mut other = restored.client();
    other.check("DBSIZE", ":20");
    other.check("GET key7", "$value7");
    other.check("SET more 1", "+OK");
    other.check("SAVE", "+OK");
    stop(restored);
    says(&tool("check", copy.path(), &[]), 0, &["sound: "]);
    stop(server);
    says(&tool("check", folder.path(), &[]), 0, &["sound: "]);
}
