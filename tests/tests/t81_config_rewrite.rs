//! CONFIG REWRITE: what runs stands in the file, and a server that starts with it is the same.

use std::fs;
use std::path::Path;

use e2e::server::{Builder, Server, folder};

fn with_file(file: &Path) -> Builder {
    Server::builder().shards(2).arguments(&["--config", file.to_str().unwrap()])
}

/// All parameters but those that the test itself gives each server anew.
fn parameters(server: &Server, password: &str) -> Vec<String> {
    let mut client = server.client();
    if !password.is_empty() {
        client.check(&format!("AUTH {password}"), "+OK");
    }
    let all = client.value("CONFIG GET *");
    let pairs = all.items().chunks(2).map(|pair| format!("{}={}", pair[0].text(), pair[1].text()));
    pairs.filter(|pair| !pair.starts_with("port=") && !pair.starts_with("dir=")).collect()
}

#[test]
fn what_has_been_set_is_there_after_a_restart() {
    let folder = folder();
    let file = folder.path().join("atoll.toml");
    fs::write(&file, "# Ours.\nmaxmemory = 1000000000 # one\ntimeout = 0\n\n[cluster]\n").unwrap();
    let server = with_file(&file).start();
    let mut client = server.client();
    for (name, value) in [
        ("maxmemory", "2gb"),
        ("maxmemory-policy", "allkeys-lfu"),
        ("maxmemory-samples", "7"),
        ("notify-keyspace-events", "KEx"),
        ("slowlog-log-slower-than", "-1"),
        ("commandlog-reply-larger-than", "77"),
        ("hash-max-ziplist-entries", "13"),
        ("list-max-listpack-size", "-3"),
        ("script-cross-slot-keys", "same-shard"),
        ("cluster-slot-stats-enabled", "yes"),
        ("hz", "50"),
        ("maxmemory-clients", "7%"),
        ("client-output-buffer-limit", "\"pubsub 1mb 512kb 10\""),
        ("appendfsync", "no"),
        ("masterauth", "\"a \\\"quoted\\\" one\""),
        ("acl-pubsub-default", "allchannels"),
        ("requirepass", "sesame"),
    ] {
        client.check(&format!("CONFIG SET {name} {value}"), "+OK");
    }
    client.check("CONFIG REWRITE", "+OK");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# Ours.\nmaxmemory = 2147483648 # one\ntimeout = 0\n"), "{text}");
    assert!(text.contains("\nhash-max-listpack-entries = 13\n"), "{text}");
    assert!(!text.contains("set-max-intset-entries") && !text.contains("user"), "{text}");
    let before = parameters(&server, "sesame");
    drop(server);
    let server = with_file(&file).start();
    assert_eq!(parameters(&server, "sesame"), before);
    // Nothing has changed since, and so nothing changes in the file but what the test gives anew.
    let mut client = server.client();
    client.check("AUTH sesame", "+OK");
    client.check("CONFIG REWRITE", "+OK");
    let kept = |text: &str| {
        let own = |line: &&str| !line.starts_with("port =") && !line.starts_with("dir =");
        text.lines().filter(own).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(kept(&fs::read_to_string(&file).unwrap()), kept(&text));
}

#[test]
fn users_are_written_unless_they_have_a_file() {
    let folder = folder();
    let file = folder.path().join("atoll.toml");
    let mine = "user = [\n  # The one.\n  \"alice on >one ~a:* +get\",\n]\n";
    fs::write(&file, mine).unwrap();
    let server = with_file(&file).start();
    let mut client = server.client();
    client.check("CONFIG REWRITE", "+OK");
    assert!(fs::read_to_string(&file).unwrap().starts_with(mine), "nobody has changed them");
    client.check("ACL SETUSER bob on >two allkeys +@all -@dangerous", "+OK");
    client.check("CONFIG SET requirepass one", "+OK");
    client.check("ACL SETUSER default >three", "+OK");
    let users = client.run("ACL LIST");
    client.check("CONFIG REWRITE", "+OK");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("two") && text.contains("bob on "), "no passwords: {text}");
    drop(server);
    let server = with_file(&file).start();
    let mut client = server.client();
    client.check("AUTH three", "+OK");
    client.check("ACL LIST", &users);
    client.check("AUTH bob two", "+OK");
    drop(server);

    let users = folder.path().join("users.acl");
    fs::write(&users, "user alice on >one ~a:* +get\n").unwrap();
    fs::write(&file, format!("aclfile = {users:?}\n")).unwrap();
    let server = with_file(&file).start();
    let mut client = server.client();
    client.check("ACL SETUSER bob on >two allkeys +@all", "+OK");
    client.check("CONFIG REWRITE", "+OK");
    assert!(!fs::read_to_string(&file).unwrap().contains("bob"));
    client.check("CONFIG GET aclfile", &format!("[$aclfile ${}]", users.display()));
}

#[test]
fn what_cannot_be_written_is_told_and_the_old_file_stays() {
    let server = Server::start();
    server.client().check("CONFIG REWRITE", "-ERR The server is running without a config file");
    drop(server);

    let folder = folder();
    let file = folder.path().join("atoll.toml");
    fs::write(&file, "timeout = 7\n").unwrap();
    let server = with_file(&file).expect_in_log("rewrite configuration file").start();
    let mut client = server.client();
    // Somebody is editing it.
    fs::write(&file, "timeout = \n").unwrap();
    client.check_start("CONFIG REWRITE", "-ERR Rewriting config file: configuration: ");
    assert_eq!(fs::read_to_string(&file).unwrap(), "timeout = \n");
    // The disk refuses, whoever runs this test.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    client.check_start("CONFIG REWRITE", "-ERR Rewriting config file: ");
    fs::remove_dir(&file).unwrap();
    // A file that has gone is written anew.
    client.check("CONFIG REWRITE", "+OK");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("timeout = 7\n"), "{text}");
    client
        .check("CONFIG REWRITE now", "-ERR wrong number of arguments for 'config|rewrite' command");
    // In a transaction, too.
    let replies = client.pipeline(&["MULTI", "CONFIG SET timeout 8", "CONFIG REWRITE", "EXEC"]);
    assert_eq!(replies[3], "[+OK +OK]");
    assert!(fs::read_to_string(&file).unwrap().contains("timeout = 8\n"));
}
