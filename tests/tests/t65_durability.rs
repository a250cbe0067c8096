//! What is written comes back: logs, snapshots, modes, and other numbers of shards.

use std::path::Path;
use std::time::Duration;

use e2e::poll;
use e2e::resp::Client;
use e2e::server::{Builder, Server, folder};
use nix::sys::signal::Signal;

/// What may be said at a start after a crash.
const TORN: &str = "the log ends in what was being written";

/// A node of two shards, whose log may be torn when it starts.
pub(crate) fn node(folder: &Path, durability: &str) -> Builder {
    Server::builder().directory(folder).shards(2).set("durability", durability).expect_in_log(TORN)
}

/// Ends a server as a crash does.
pub(crate) fn crash(mut server: Server) {
    server.signal(Signal::SIGKILL);
    server.wait();
}

/// A key of every type and form, with all that belongs to it.
fn fill(client: &mut Client) {
    for line in [
        "SET string text",
        "SET int 12345",
        "SET expiring v PX 100000000",
        "APPEND string more",
        "SETBIT bits 1000 1",
        "PFADD hll a b c",
        "HSET hash f v g w",
        "HPEXPIRE hash 100000000 FIELDS 1 f",
        "RPUSH list a b c 1 2 3",
        "LPOP list",
        "LINSERT list BEFORE b x",
        "SADD ints 1 2 3",
        "SADD {set}a a b c",
        "ZADD {z}zset 1 a 2.5 b -inf c",
        "GEOADD geo 13.361389 38.115556 Palermo",
        "XADD stream 1-1 f v",
        "XADD stream 1-2 f v g w",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group consumer COUNT 1 STREAMS stream >",
        "RENAME {set}a {set}renamed",
        "COPY {z}zset {z}copied",
        "SET gone v",
        "DEL gone",
        "EVAL \"redis.call('SET', KEYS[1], ARGV[1]) redis.call('INCR', KEYS[2])\" 2 {s}a {s}b text",
    ] {
        let reply = client.run(line);
        assert!(!reply.starts_with('-'), "{line}: {reply}");
    }
    assert!(
        client.run("EVAL \"redis.call('SET', KEYS[1], 'half') error('no')\" 1 {s}a").contains("no")
    );
    for n in 0..500 {
        client.call(&["SADD", "large", &format!("member{n}")]);
        client.call(&["RPUSH", "long", &format!("element{n}")]);
    }
}

#[test]
fn everything_survives_a_crash() {
    for durability in ["always", "everysec"] {
        let folder = folder();
        let server = node(folder.path(), durability).start();
        let mut client = server.client();
        fill(&mut client);
        if durability == "everysec" {
            client.check("WAITAOF 1 0 0", "[:1 :0]");
        }
        let (digest, size) = (client.run("DEBUG DIGEST"), client.run("DBSIZE"));
        crash(server);
        let server = node(folder.path(), durability).start();
        let mut client = server.client();
        assert_eq!(client.run("DEBUG DIGEST"), digest, "{durability}");
        assert_eq!(client.run("DBSIZE"), size);
        client.check("GET {s}a", "$text");
        client.check("XPENDING stream group", "[:1 $1-1 $1-1 [[$consumer $1]]]");
        assert!(client.value("PTTL expiring").int() > 90_000_000);
        assert!(client.value("HPTTL hash FIELDS 1 f").items()[0].int() > 90_000_000);
        // And goes on from there.
        client.check("SET string other", "+OK");
        let digest = client.run("DEBUG DIGEST");
        crash(server);
        if durability == "always" {
            let server = node(folder.path(), durability).start();
            assert_eq!(server.client().run("DEBUG DIGEST"), digest);
        }
    }
}

#[test]
fn a_snapshot_and_what_follows_it_come_back() {
    let folder = folder();
    let server = node(folder.path(), "always").start();
    let mut client = server.client();
    fill(&mut client);
    assert!(client.value("LASTSAVE").int() > 1_700_000_000);
    client.check("SAVE", "+OK");
    client.check("BGSAVE", "+Background saving started");
    poll("the snapshot ends", || {
        client.value("INFO persistence").text().contains("rdb_bgsave_in_progress:0").then_some(())
    });
    client.check("APPEND string after", ":13");
    client.check("SREM large member7", ":1");
    let digest = client.run("DEBUG DIGEST");
    crash(server);
    let sets: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("snapshot-"))
        .collect();
    assert_eq!(sets.len(), 1, "older sets go: {sets:?}");
    let server = node(folder.path(), "always").start();
    assert_eq!(server.client().run("DEBUG DIGEST"), digest);
}

#[test]
fn without_a_log_snapshots_come_back_and_nothing_else() {
    let folder = folder();
    let mut server = node(folder.path(), "none").start();
    let mut client = server.client();
    client.check("SET saved 1", "+OK");
    client.check("SAVE", "+OK");
    client.check("SET lost 1", "+OK");
    client.check(
        "CLIENT DURABILITY ALWAYS",
        "-ERR there is no log: CONFIG SET durability everysec begins one",
    );
    client.check_start("WAITAOF 1 0 0", "-ERR WAITAOF cannot be used when numlocal is set");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0));
    let server = node(folder.path(), "none").start();
    let mut client = server.client();
    client.check("GET saved", "$1");
    client.check("GET lost", "_");
}

#[test]
fn the_log_is_switched_on_and_off_while_it_runs() {
    let folder = folder();
    let server = node(folder.path(), "none").start();
    let mut client = server.client();
    fill(&mut client);
    client.check("CONFIG SET durability always", "+OK");
    client.check("CONFIG GET appendfsync", "[$appendfsync $always]");
    client.check("SET logged 1", "+OK");
    let digest = client.run("DEBUG DIGEST");
    crash(server);
    let server = node(folder.path(), "always").start();
    let mut client = server.client();
    assert_eq!(client.run("DEBUG DIGEST"), digest);
    client.check("CONFIG SET appendonly no", "+OK");
    client.check("SET unlogged 1", "+OK");
    client.check("CONFIG SET appendonly yes", "+OK");
    client.check("CONFIG GET durability", "[$durability $everysec]");
    client.check("CONFIG SET appendfsync always", "+OK");
    client.check("SET again 1", "+OK");
    let digest = client.run("DEBUG DIGEST");
    crash(server);
    let server = node(folder.path(), "always").start();
    let mut client = server.client();
    assert_eq!(client.run("DEBUG DIGEST"), digest);
    client.check("GET unlogged", "$1");
}

#[test]
fn one_connection_asks_for_more() {
    let folder = folder();
    let server = node(folder.path(), "everysec").start();
    let mut client = server.client();
    client.check("CLIENT DURABILITY ALWAYS", "+OK");
    for n in 0..50 {
        client.check(&format!("SET k{n} {n}"), "+OK");
    }
    client.check("MULTI", "+OK");
    client.check("SET {m}a 1", "+QUEUED");
    client.check("INCR {m}b", "+QUEUED");
    client.check("EXEC", "[+OK :1]");
    client.check("BLPOP none 0.05", "_");
    crash(server);
    let server = node(folder.path(), "everysec").start();
    let mut client = server.client();
    client.check("GET k49", "$49");
    client.check("MGET {m}a {m}b", "[$1 $1]");
    client.check(
        "CLIENT DURABILITY SOMETIMES",
        "-ERR argument must be one of the following: ALWAYS, EVERYSEC, DEFAULT",
    );
    client.check("CLIENT DURABILITY DEFAULT", "+OK");
}

/// Each of many has its replies, also when others are held in the same moment.
#[test]
fn many_wait_for_the_disk_at_once() {
    let folder = folder();
    let server = node(folder.path(), "always").shards(1).start();
    let port = server.port();
    let writers: Vec<_> = (0..50)
        .map(|writer| {
            std::thread::spawn(move || {
                let mut client = Client::connect(port);
                for n in 0..100 {
                    client.check(&format!("SET w{writer} {n}"), "+OK");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let mut client = server.client();
    client.check("MGET {same}a {same}b", "[_ _]");
    client.check("GET w31", "$99");
}

#[test]
fn functions_and_loaded_scripts_come_back() {
    const LIBRARY: &str = "#!lua name=lib\nredis.register_function('f', function() return 7 end)";
    let folder = folder();
    let server = node(folder.path(), "always").start();
    let mut client = server.client();
    client.check("SCRIPT LOAD 'return 1'", "$e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    assert_eq!(client.call(&["FUNCTION", "LOAD", LIBRARY]), "$lib");
    for save in [false, true] {
        if save {
            client.check("SAVE", "+OK");
        }
    }
    client.check("SCRIPT LOAD 'return 2'", "$7f923f79fe76194c868d7e1d0820de36700eb649");
    crash(server);
    let server = node(folder.path(), "always").start();
    let mut client = server.client();
    client.check("FCALL f 0", ":7");
    client.check("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0", ":1");
    client.check("EVALSHA 7f923f79fe76194c868d7e1d0820de36700eb649 0", ":2");
    client.check("SCRIPT FLUSH", "+OK");
    client.check("FUNCTION DELETE lib", "+OK");
    crash(server);
    let server = node(folder.path(), "always").start();
    let mut client = server.client();
    client.check("FUNCTION LIST", "[]");
    client.check_start("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0", "-NOSCRIPT");
}

#[test]
fn slots_are_dealt_anew_to_another_number_of_shards() {
    let folder = folder();
    let with = |shards: u16| node(folder.path(), "always").shards(shards).start();
    let server = with(2);
    let mut client = server.client();
    fill(&mut client);
    client.check("SAVE", "+OK");
    let mut expected = client.run("DEBUG DIGEST");
    crash(server);
    for shards in [3, 1, 5, 5, 2] {
        let server = with(shards);
        let mut client = server.client();
        assert_eq!(client.run("DEBUG DIGEST"), expected, "{shards} shards");
        for n in 0..30 {
            client.check(&format!("SET with{shards}-{n} v"), "+OK");
        }
        if shards == 1 {
            client.check("FLUSHALL", "+OK");
            fill(&mut client);
        }
        expected = client.run("DEBUG DIGEST");
        crash(server);
    }
}

#[test]
fn segments_go_when_snapshots_cover_them() {
    let folder = folder();
    let server = node(folder.path(), "everysec")
        .set("log-segment-size", 65536)
        .set("auto-aof-rewrite-min-size", 0)
        .set("auto-aof-rewrite-percentage", 0)
        .start();
    let mut client = server.client();
    let value = "x".repeat(1000);
    for n in 0..500 {
        client.call(&["SET", &format!("k{}", n % 10), &value]);
        if n % 50 == 49 {
            // Otherwise all of it could be one frame, in one segment.
            client.check("WAITAOF 1 0 0", "[:1 :0]");
        }
    }
    let segments = || {
        let names = std::fs::read_dir(folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".wal")).count()
    };
    let before = segments();
    assert!(before > 5, "{before}");
    client.check("SAVE", "+OK");
    poll("segments go", || (segments() <= 2).then_some(()));
    // By themselves, too.
    client.check("CONFIG SET auto-aof-rewrite-percentage 100", "+OK");
    let saves = |client: &mut Client| {
        let info = client.value("INFO persistence").text();
        let line = info.lines().find_map(|line| line.strip_prefix("rdb_saves:")).unwrap();
        line.parse::<u64>().unwrap()
    };
    assert_eq!(saves(&mut client), 1);
    for n in 0..200 {
        client.call(&["SET", &format!("k{}", n % 10), &value]);
    }
    poll("a snapshot is taken", || (saves(&mut client) > 1).then_some(()));
}

#[test]
fn a_damaged_log_is_refused_and_left_alone() {
    let folder = folder();
    let server = node(folder.path(), "always").start();
    let mut client = server.client();
    for n in 0..20 {
        client.check(&format!("SET key{n} value"), "+OK");
    }
    // The log is marked as synced when it has been quiet.
    std::thread::sleep(Duration::from_millis(400));
    crash(server);
    let path = folder.path().join("log-0000000000000001.wal");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(5).position(|window| window == b"key10").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let refusal = e2e::server::refusal(
        &["--dir", folder.path().to_str().unwrap(), "--shards", "2", "--set", "durability=always"],
        &[],
    );
    assert!(refusal.text.contains("is damaged at byte"), "{}", refusal.text);
    assert!(refusal.text.contains("atoll log repair"), "{}", refusal.text);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn the_newest_file_of_the_log_is_missed() {
    let folder = folder();
    let started = || node(folder.path(), "always").start();
    let mut server = started();
    server.client().check("SET first 1", "+OK");
    server.signal(Signal::SIGTERM);
    server.wait();
    // Each start begins a file.
    let server = started();
    server.client().check("SET second 1", "+OK");
    crash(server);
    let mut logs: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wal"))
        .collect();
    logs.sort();
    let newest = logs.pop().unwrap();
    assert!(!logs.is_empty());
    std::fs::rename(&newest, folder.path().join("elsewhere")).unwrap();
    let dir = folder.path().to_str().unwrap();
    let arguments = ["--dir", dir, "--shards", "2", "--set", "durability=always"];
    let refusal = e2e::server::refusal(&arguments, &[]);
    let name = newest.file_name().unwrap().to_str().unwrap();
    assert!(refusal.text.contains(&format!("{name} is missing")), "{}", refusal.text);
    let tool = |arguments: &[&str]| {
        let output = e2e::server::command().arg("log").args(arguments).arg(dir).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = tool(&["check"]);
    assert!(code == Some(1) && said.contains("is missing"), "{said}");
    let (code, said) = tool(&["repair"]);
    assert!(code == Some(1) && said.contains("nothing was changed"), "{said}");
    // Restored, it is as it was.
    std::fs::rename(folder.path().join("elsewhere"), &newest).unwrap();
    let server = started();
    server.client().check("GET second", "$1");
    crash(server);
    // Given up, the log ends before it.
    let mut logs: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wal"))
        .collect();
    logs.sort();
    std::fs::remove_file(logs.pop().unwrap()).unwrap();
    let (code, said) = tool(&["repair", "--accept-data-loss"]);
    assert!(code == Some(0) && said.contains("given up"), "{said}");
    let server = started();
    server.client().check("GET first", "$1");
}
