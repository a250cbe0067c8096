//! Files that we write are read by Redis and Valkey, and say the same there.
//!
//! `REDIS_SERVER` names the server; without, it is the `redis-server` of the machine. One that is
//! missing, or older than 7.2, is passed over with a message.

#![expect(clippy::unwrap_used, reason = "these are tests, and so are their helpers")]

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use protocol::args::Request;
use shard::rdb::file::FileWriter;
use shard::testing::Rig;

/// Makes values of all types and forms. `{300}` stands for so many letters.
const VALUES: &[&str] = &[
    "SET text hello",
    "SET int -12345",
    "SET long {300}",
    "SET expiring v PX 4000000000000",
    "RPUSH list a 1 -70000 {100}",
    "RPUSH list:quick {5000} {5000} {5000}",
    "SADD set a b 7",
    "SADD set:ints 1 70000 -5000000000",
    "SADD set:table a {100}",
    "ZADD zset 1 a 2.5 b -inf c",
    "ZADD zset:tree 1 a 2.5 {100} inf c",
    "HSET hash f v g 17",
    "HSET hash:table f {100}",
    "XADD stream 1-1 f v",
    "XADD stream 1-2 g w h x",
    "XADD stream 9-0 f v",
    "XDEL stream 1-2",
    "XGROUP CREATE stream group 0",
    "XREADGROUP GROUP group consumer COUNT 1 STREAMS stream >",
];

const FIELD_EXPIRY: &[&str] = &[
    "HSET hash:expiring f v g w",
    "HPEXPIRE hash:expiring 4000000000000 FIELDS 1 f",
    "HSET hash:expiring-table f v g {100}",
    "HPEXPIRE hash:expiring-table 4000000000000 FIELDS 1 f",
];

fn run(rig: &mut Rig, line: &str) {
    let words = line.split(' ').map(|word| match word.strip_prefix('{') {
        Some(count) => "x".repeat(count.trim_end_matches('}').parse().unwrap()),
        None => word.to_owned(),
    });
    let reply = rig.run_request(&Request::of(words));
    assert!(!reply.starts_with('-'), "{line}: {reply}");
}

/// A server that has read a file, in a folder of its own.
struct Server {
    process: Child,
    folder: PathBuf,
    connection: BufReader<TcpStream>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

impl Server {
    fn start(binary: &OsString, name: &str, file: &[u8]) -> Self {
        let folder = std::env::temp_dir().join(format!("rdb-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("dump.rdb"), file).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(binary)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let connect = || {
            (0..100).find_map(|_| {
                std::thread::sleep(Duration::from_millis(50));
                TcpStream::connect(("127.0.0.1", port)).ok()
            })
        };
        let connection = BufReader::new(connect().expect("the server takes the file and listens"));
        Self { process, folder, connection }
    }

    /// A reply that is a bulk string, an integer or a status.
    fn ask(&mut self, words: &[&str]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        self.connection.get_mut().write_all(&request).unwrap();
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        match line.strip_prefix('$') {
            Some(len) => {
                let mut bytes = vec![0; len.trim_end().parse::<usize>().expect("no null") + 2];
                self.connection.read_exact(&mut bytes).unwrap();
                bytes.truncate(bytes.len() - 2);
                bytes
            }
            None => line.trim_end().as_bytes()[1..].to_vec(),
        }
    }
}

/// The major and the minor number of a server's version, and whether it is Redis.
fn version_of(binary: &OsString) -> Option<((u32, u32), bool)> {
    let output = Command::new(binary).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, version) = text.split_once("v=")?;
    let mut numbers = version.split('.').map_while(|number| number.parse().ok());
    Some(((numbers.next()?, numbers.next()?), text.starts_with("Redis")))
}

fn check(binary: &OsString, field_expiry: bool) {
    let mut rig = Rig::new();
    let more: &[&str] = if field_expiry { FIELD_EXPIRY } else { &[] };
    VALUES.iter().chain(more).for_each(|line| run(&mut rig, line));
    let mut keys = Vec::new();
    let keyspace = rig.shard().keyspace();
    let visit = |key: &[u8], _| {
        keys.push(String::from_utf8(key.to_vec()).unwrap());
        Ok::<(), ()>(())
    };
    keyspace.try_for_each_key(visit).unwrap();

    let mut writer = FileWriter::new(Vec::new(), field_expiry).unwrap();
    writer.note("redis-ver", "7.2.0").unwrap();
    let library = "#!lua name=lib\nredis.register_function('f', function() return 'here' end)";
    writer.library(library.as_bytes()).unwrap();
    writer.begin_keys(keys.len() as u64, 1).unwrap();
    writer.keys_of(keyspace).unwrap();
    let name = if field_expiry { "field-expiry" } else { "plain" };
    let mut server = Server::start(binary, name, &writer.finish().unwrap());

    assert_eq!(server.ask(&["DBSIZE"]), keys.len().to_string().as_bytes());
    assert_eq!(server.ask(&["FCALL", "f", "0"]), b"here");
    let mut copy = Rig::new();
    for key in &keys {
        let payload = server.ask(&["DUMP", key]);
        let expiry = server.ask(&["PEXPIRETIME", key]);
        let expiry: &[u8] = if expiry == b"-1" { b"0" } else { &expiry };
        let words = [b"RESTORE", key.as_bytes(), expiry, &payload, b"ABSTTL"];
        assert_eq!(copy.run_parts(&words), "+OK", "{key}");
    }
    assert_eq!(copy.shard().keyspace().digest(), rig.shard().keyspace().digest());
}

#[test]
fn files_are_read_by_servers() {
    let binary = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
    match version_of(&binary) {
        None => eprintln!("no redis-server on this machine: nothing reads what is written"),
        Some((version, _)) if version < (7, 2) => {
            eprintln!("the redis-server of this machine is older than 7.2 and is not asked");
        }
        Some((version, is_redis)) => {
            check(&binary, false);
            if is_redis && version >= (7, 4) {
                check(&binary, true);
            }
        }
    }
}
