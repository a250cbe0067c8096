//! Files of Redis's format: taken in, and written.

use std::path::{Path, PathBuf};
use std::process::Output;

use e2e::redis::Redis;
use e2e::repository;
use e2e::resp::Client;
use e2e::server::{Server, command, folder};
use nix::sys::signal::Signal;

fn tool(action: &str, file: &Path, dir: &Path) -> Output {
    let mut command = command();
    command.args([action]).arg(file).arg("--dir").arg(dir).args(["--shards", "2"]);
    command.output().unwrap()
}

#[track_caller]
fn stop(mut server: Server) {
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// A file that a real server has written.
fn golden(name: &str) -> PathBuf {
    repository().join("crates/shard/testdata/rdb").join(name)
}

fn values(client: &mut Client) {
    for line in [
        "SET string text",
        "SET int 12345",
        "SET expiring v PX 100000000",
        "HSET hash f v g w",
        "RPUSH list a b c 1 2 3",
        "SADD ints 1 2 3",
        "SADD set a b c",
        "ZADD zset 1 a 2.5 b -inf c",
        "XADD stream 1-1 f v",
        "XADD stream 1-2 f v g w",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group consumer COUNT 1 STREAMS stream >",
        "PFADD hll a b c",
        "SETBIT bits 1000 1",
    ] {
        let reply = client.run(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
    for n in 0..300 {
        client.call(&["HSET", "large", &format!("field{n}"), "value"]);
        client.call(&["RPUSH", "long", &format!("element{n}")]);
    }
}

/// What reads say of these values, in an order of their own where there is none.
fn read(client: &mut Client) -> Vec<String> {
    let mut all = Vec::new();
    for line in [
        "DBSIZE",
        "GET string",
        "GET int",
        "GET expiring",
        "HGET hash g",
        "LRANGE list 0 -1",
        "SCARD set",
        "SMISMEMBER ints 1 2 3 4",
        "ZRANGE zset 0 -1 WITHSCORES",
        "XRANGE stream - +",
        "XPENDING stream group",
        "PFCOUNT hll",
        "BITPOS bits 1",
        "HLEN large",
        "HGET large field299",
        "LRANGE long 0 -1",
    ] {
        all.push(client.run(line));
    }
    all
}

#[test]
fn what_is_written_is_taken_in_again() {
    let (data, other) = (folder(), folder());
    let file = data.path().join("dump.rdb");
    let dir = data.path().join("data");
    let server = Server::builder().directory(&dir).shards(3).set("durability", "always").start();
    let mut client = server.client();
    values(&mut client);
    let library = "#!lua name=lib\nredis.register_function('f', function() return 7 end)";
    client.call(&["FUNCTION", "LOAD", library]);
    let digest = client.run("DEBUG DIGEST");
    let before: Vec<_> = {
        let refused = tool("export", &file, &dir);
        assert!(!refused.status.success(), "the server runs");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("in use by another process"));
        stop(server);
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    let written = tool("export", &file, &dir);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert!(String::from_utf8_lossy(&written.stdout).starts_with("13 keys of "), "{written:?}");
    let after: Vec<_> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(after, before, "exporting changes nothing");
    assert!(std::fs::read(&file).unwrap().starts_with(b"REDIS0011"));

    let dir = other.path().join("data");
    let taken = tool("import", &file, &dir);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let again = tool("import", &file, &dir);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("has data already"), "{again:?}");
    let server = Server::builder().directory(&dir).shards(2).start();
    let mut client = server.client();
    assert_eq!(client.run("DEBUG DIGEST"), digest);
    client.check("FCALL f 0", ":7");
    assert!(client.value("PTTL expiring").int() > 90_000_000);
}

#[test]
fn files_of_other_servers_are_taken_in_at_the_start() {
    for name in ["7.0.rdb", "8.2.rdb", "9.1.rdb"] {
        let folder = folder();
        let builder = || {
            Server::builder()
                .directory(folder.path())
                .shards(2)
                .set("import-rdb", golden(name).display())
                .expect_in_log("left out")
        };
        let server = builder().start();
        let mut client = server.client();
        let keys = client.value("DBSIZE").int();
        assert!(keys > 20, "{name}: {keys}");
        let digest = client.run("DEBUG DIGEST");
        client.check("SET {more}k v", "+OK");
        client.check("DEL {more}k", ":1");
        stop(server);
        // The second time it has data.
        let server = builder().start();
        assert!(server.log().contains("not taken in: there is data already"));
        assert_eq!(server.client().run("DEBUG DIGEST"), digest, "{name}");
    }
}

#[test]
fn what_a_real_redis_saves_reads_the_same() {
    let Some(redis) = Redis::start() else { return };
    let mut theirs = redis.client();
    values(&mut theirs);
    theirs.check("SAVE", "+OK");
    let dir = theirs.value("CONFIG GET dir");
    let file = Path::new(&dir.items()[1].text()).join("dump.rdb");
    let folder = folder();
    let server =
        Server::builder().directory(folder.path()).set("import-rdb", file.display()).start();
    assert_eq!(read(&mut server.client()), read(&mut theirs));
}

/// `redis-cli --rdb`, while others write.
#[test]
fn a_file_is_asked_for_while_the_node_serves() {
    let Ok(cli) = std::process::Command::new("redis-cli").arg("--version").output() else {
        eprintln!("no redis-cli on this machine");
        return;
    };
    assert!(cli.status.success());
    let (data, other) = (folder(), folder());
    for durability in ["everysec", "none"] {
        let server = Server::builder().shards(3).set("durability", durability).start();
        let mut client = server.client();
        values(&mut client);
        let digest = client.run("DEBUG DIGEST");
        let file = data.path().join(durability);
        let mut cli = std::process::Command::new("redis-cli");
        cli.args(["-p", &server.port().to_string(), "--rdb"]).arg(&file);
        let output = cli.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        client.check("SET later v", "+OK");
        let dir = other.path().join(durability);
        let taken = tool("import", &file, &dir);
        assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
        let copy = Server::builder().directory(&dir).shards(2).start();
        assert_eq!(copy.client().run("DEBUG DIGEST"), digest, "{durability}");
        client.check_start("REPLCONF listening-port 1", "-ERR Unrecognized REPLCONF option");
        let left = std::fs::read_dir(server.data()).unwrap();
        let left = left.filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp")
        });
        assert_eq!(
            left.filter(|entry| !entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("log-next"))
                .count(),
            0
        );
    }
}

#[test]
fn what_is_no_file_of_redis_is_refused() {
    let folder = folder();
    let file = folder.path().join("wrong.rdb");
    let mut bytes = std::fs::read(golden("8.2.rdb")).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    for (bytes, why) in
        [(&b"nonsense, and more of it"[..], "not a file of this format"), (&bytes, "byte ")]
    {
        std::fs::write(&file, bytes).unwrap();
        let output = tool("import", &file, &folder.path().join("data"));
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("wrong.rdb") && text.contains(why), "{text}");
    }
    let output = tool("import", Path::new("/nowhere.rdb"), &folder.path().join("data"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No such file"), "{output:?}");
}
