//! The debugger of scripts over a socket: sessions on any shard, felt by nobody else, leaving
//! nothing behind. tests/clients/ldb.py drives it with redis-cli.

use std::time::{Duration, Instant};

use e2e::poll;
use e2e::resp::{Client, Value, encode};
use e2e::server::Server;
use e2e::slot;
use nix::sys::signal::Signal;

const SHARDS: u16 = 4;
const BUSY: &str =
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const SCRIPT: &str = "redis.call('set', KEYS[1], 'new')\nlocal a = 1\nreturn a";

fn key(shard: u16) -> String {
    slot::key_of_shard(shard, SHARDS)
}

/// A session, stopped at the first line.
struct Debugger(Client);

impl Debugger {
    /// Begins a session with MODE `YES` or `SYNC`.
    #[track_caller]
    fn begin(server: &Server, mode: &str, script: &str, keys: &[&str]) -> Self {
        let mut session = Self::send(server, mode, script, keys);
        session.expect_stop(1);
        session
    }

    #[track_caller]
    fn send(server: &Server, mode: &str, script: &str, keys: &[&str]) -> Self {
        let mut client = server.client();
        client.check(&format!("SCRIPT DEBUG {mode}"), "+OK");
        client.send(&eval(script, keys));
        Self(client)
    }

    /// The lines of the next answer.
    #[track_caller]
    fn lines(&mut self) -> Vec<String> {
        self.0.read().items().iter().map(Value::text).collect()
    }

    #[track_caller]
    fn expect_stop(&mut self, line: i64) {
        let lines = self.lines();
        let stop = format!("* Stopped at {line}, stop reason = ");
        assert!(lines.iter().any(|said| said.starts_with(&stop)), "{lines:?}");
    }

    /// Says a line and returns the lines of the answer.
    #[track_caller]
    fn say(&mut self, line: &str) -> Vec<String> {
        self.0.send_line(line);
        self.lines()
    }

    /// The end of the session: the reply of the script, and then the end of the connection.
    #[track_caller]
    fn end(mut self) -> String {
        let lines = self.lines();
        assert_eq!(lines.last().map(String::as_str), Some("<endsession>"));
        let reply = self.0.read().to_string();
        self.0.check_closed();
        reply
    }

    /// Lets the script run to its end and returns its reply.
    #[track_caller]
    fn finish(mut self) -> String {
        self.0.send_line("c");
        self.end()
    }
}

fn eval(script: &str, keys: &[&str]) -> Vec<u8> {
    let count = keys.len().to_string();
    let mut parts = vec!["EVAL", script, &count];
    parts.extend(keys);
    encode(&parts)
}

#[test]
fn a_session_speaks_lines_and_ends_with_the_reply() {
    let server = Server::start();
    let key = key(0);
    let mut session = Debugger::begin(&server, "YES", SCRIPT, &[&key]);
    assert_eq!(session.say("b 3"), ["   2   local a = 1", "  #3   return a"]);
    assert_eq!(
        session.say("s"),
        [
            &format!("<redis> set {key} new"),
            "<reply> \"+OK\"",
            "* Stopped at 2, stop reason = step over",
            "-> 2   local a = 1",
        ]
    );
    assert_eq!(session.say("c"), ["* Stopped at 3, stop reason = break point", "->#3   return a"]);
    assert_eq!(session.say("p a"), ["<value> 1"]);
    // Lines are statuses, in which no line may end.
    assert_eq!(session.say("e error('a\\r\\nb')"), ["<error> ldb_eval:1: a  b"]);
    assert_eq!(session.finish(), ":1");
    server.client().check(&format!("EXISTS {key}"), ":0");
}

#[test]
fn sessions_are_had_on_every_shard() {
    let server = Server::start();
    // Connections are dealt to the shards in turn: each key is debugged from each of them.
    for _ in 0..SHARDS {
        for shard in 0..SHARDS {
            let key = key(shard);
            let mut client = server.client();
            client.check(&format!("SET {key} old"), "+OK");
            for (mode, value) in [("YES", "$old"), ("SYNC", "$new")] {
                let session = Debugger::begin(&server, mode, SCRIPT, &[&key]);
                assert_eq!(session.finish(), ":1");
                client.check(&format!("GET {key}"), value);
            }
        }
    }
}

#[test]
fn a_session_begins_anew_where_the_first_key_is() {
    let server = Server::start();
    let script = "local k = ARGV[1]\nredis.call('set', k, 'new')\nreturn redis.call('get', k)";
    let mut hints = 0;
    for shard in 0..SHARDS {
        let key = key(shard);
        let mut client = server.client();
        client.check("SCRIPT DEBUG SYNC", "+OK");
        client.send(&encode(&["EVAL", script, "0", &key]));
        let mut session = Debugger(client);
        session.expect_stop(1);
        session.say("s");
        let mut lines = session.say("s");
        if lines[0].starts_with("<hint> ") {
            hints += 1;
            assert!(lines[1].starts_with("* Stopped at 1,"), "{lines:?}");
            session.say("s");
            lines = session.say("s");
        }
        assert_eq!(lines[0], format!("<redis> set {key} new"));
        assert_eq!(session.finish(), "$new");
        server.client().check(&format!("GET {key}"), "$new");
    }
    assert!(hints >= 2, "connections are dealt to the shards in turn: {hints}");
}

#[test]
fn a_script_that_does_not_reach_its_end_leaves_nothing() {
    let server = Server::start();
    let key = key(1);
    let failing = "redis.call('set', KEYS[1], 'new')\nerror('boo')";
    let mut client = server.client();
    for mode in ["YES", "SYNC"] {
        let mut session = Debugger::begin(&server, mode, SCRIPT, &[&key]);
        session.say("s");
        session.0.send_line("abort");
        let reply = session.end();
        assert!(reply.starts_with("-ERR script aborted for user request script: "), "{reply}");
        assert!(reply.ends_with(", on @user_script:2."), "{reply}");

        let session = Debugger::begin(&server, mode, failing, &[&key]);
        let reply = session.finish();
        assert!(reply.starts_with("-ERR user_script:2: boo script: "), "{reply}");

        let mut session = Debugger::begin(&server, mode, SCRIPT, &[&key]);
        session.say("s");
        session.0.send(b"*1\r\n!\r\n");
        let reply = session.end();
        assert!(reply.starts_with("-ERR protocol error script: "), "{reply}");
        client.check(&format!("EXISTS {key}"), ":0");
    }
}

#[test]
fn what_cannot_run_ends_the_session_at_once() {
    let server = Server::start();
    let mut session = Debugger::send(&server, "YES", "return (", &["k"]);
    assert_eq!(session.lines(), ["<endsession>"]);
    let reply = session.0.read().to_string();
    assert!(reply.starts_with("-ERR Error compiling script"), "{reply}");
    session.0.check_closed();

    let mut client = server.client();
    client.check("SCRIPT DEBUG YES", "+OK");
    client.check("EVAL 'return 1' x", "[+<endsession>]");
    assert_eq!(client.read().to_string(), "-ERR value is not an integer or out of range");
    client.check_closed();
}

#[test]
fn a_client_that_goes_ends_its_session() {
    let server = Server::start();
    let mut client = server.client();
    for shard in 0..SHARDS {
        let key = key(shard);
        let mut session = Debugger::begin(&server, "SYNC", SCRIPT, &[&key]);
        session.say("s");
        drop(session);
        let exists = format!("EXISTS {key}");
        // Until the server has seen it the shard is busy, or waited for.
        poll("the shard is free", || (client.run(&exists) == ":0").then_some(()));
    }
    // Also one that another client ends.
    let session = Debugger::begin(&server, "SYNC", SCRIPT, &[&key(0)]);
    let address = session.0.address();
    client.check(&format!("CLIENT KILL {address}"), "+OK");
    poll("the shard is free", || (client.run(&format!("EXISTS {}", key(0))) == ":0").then_some(()));
}

#[test]
fn who_needs_the_shard_is_told_that_it_is_busy() {
    let server = Server::start();
    let mut others: Vec<Client> = (0..SHARDS).map(|_| server.client()).collect();
    let session = Debugger::begin(&server, "YES", SCRIPT, &[&key(2)]);
    for client in &mut others {
        client.check(&format!("SET {} 1", key(1)), "+OK");
        client.check(&format!("GET {}", key(2)), BUSY);
        client.check("DBSIZE", BUSY);
        client.check_start("CLIENT ID", ":");
    }
    // A new connection, too; and another debugger on the same shard, after a while.
    server.client().check(&format!("GET {}", key(2)), BUSY);
    let second = || Debugger::send(&server, "YES", SCRIPT, &[&key(2)]);
    // Wherever it lives, on the busy shard's thread too.
    let mut seconds: Vec<_> = (0..SHARDS).map(|_| second()).collect();
    for second in &mut seconds {
        assert_eq!(second.0.read().to_string(), BUSY);
    }
    let Some(mut second) = seconds.pop() else { unreachable!("there are shards") };
    // On another shard there can be one meanwhile.
    let third = Debugger::begin(&server, "YES", SCRIPT, &[&key(3)]);
    assert_eq!(session.finish(), ":1");
    assert_eq!(third.finish(), ":1");
    // It was not debugged, so it may try again.
    second.0.send(&eval(SCRIPT, &[&key(2)]));
    second.expect_stop(1);
    assert_eq!(second.finish(), ":1");
    for client in &mut others {
        client.check(&format!("EXISTS {}", key(2)), ":0");
        client.check("DBSIZE", ":1");
    }
}

#[test]
fn a_session_is_killed_from_another_connection() {
    let server = Server::start();
    let mut client = server.client();
    let killed = "-ERR Script killed by user with SCRIPT KILL... script: ";
    for shard in 0..SHARDS {
        let key = key(shard);
        // While the client thinks.
        let mut session = Debugger::begin(&server, "SYNC", SCRIPT, &[&key]);
        session.say("s");
        client.check("SCRIPT KILL", "+OK");
        let reply = session.end();
        assert!(reply.starts_with(killed) && reply.ends_with("on @user_script:2."), "{reply}");
        client.check(&format!("EXISTS {key}"), ":0");
    }
    // While the script runs, and while the client's own code does.
    let loops =
        "redis.call('set', KEYS[1], 1)\nwhile true do pcall(function() while true do end end) end";
    for line in ["c", "e while true do pcall(function() while true do end end) end"] {
        let mut session = Debugger::begin(&server, "SYNC", loops, &[&key(1)]);
        session.0.send_line(&format!("\"{}\"", line.replacen(' ', "\" \"", 1)));
        client.check("SCRIPT KILL", "+OK");
        let reply = session.end();
        assert!(reply.starts_with(killed), "{reply}");
        client.check(&format!("EXISTS {}", key(1)), ":0");
    }
}

#[test]
fn a_loop_without_end_stops_after_the_time_limit() {
    let server = Server::builder().set("script-time-limit", 200).start();
    let endless = "local n = 0\nwhile true do\n  n = n + 1\nend";
    let mut session = Debugger::begin(&server, "YES", endless, &[&key(0)]);
    // While the client thinks no time passes for the script.
    assert!(session.0.is_silent_for(Duration::from_millis(400)));
    for _ in 0..2 {
        let begun = Instant::now();
        let lines = session.say("c");
        assert!(lines[0].ends_with("stop reason = timeout reached, infinite loop?"), "{lines:?}");
        assert!(begun.elapsed() >= Duration::from_millis(150), "{:?}", begun.elapsed());
    }
    let begun = Instant::now();
    for code in ["while true do end", "while true do pcall(error) end"] {
        session.0.send_parts(&["e", code]);
        assert_eq!(session.lines(), ["<error> the code ran for too long and was stopped"]);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(session.say("p n")[0].starts_with("<value> "));
    session.0.send_line("a");
    assert!(session.end().starts_with("-ERR script aborted"));
}

#[test]
fn commands_may_be_sent_ahead() {
    let server = Server::start();
    let mut client = server.client();
    client.check("SCRIPT DEBUG YES", "+OK");
    let mut bytes = encode(&["PING"]);
    bytes.extend(eval(SCRIPT, &[&key(3)]));
    for line in ["s", "s", "p", "c"] {
        bytes.extend(encode(&[line]));
    }
    client.send(&bytes);
    assert_eq!(client.read().to_string(), "+PONG");
    let mut session = Debugger(client);
    for line in [1, 2, 3] {
        session.expect_stop(line);
    }
    assert_eq!(session.lines(), ["<value> a = 1"]);
    assert_eq!(session.end(), ":1");
}

#[test]
fn only_scripts_with_their_text_are_debugged() {
    let server = Server::start();
    let mut client = server.client();
    let sha = client.value("SCRIPT LOAD 'return 1'").text();
    client.check("SCRIPT DEBUG YES", "+OK");
    client.check(
        &format!("EVALSHA {sha} 0"),
        "-ERR Please use EVAL instead of EVALSHA for debugging",
    );
    client.check("EVALSHA x 0", "-NOSCRIPT No matching script. Please use EVAL.");
    client.check("SCRIPT DEBUG maybe", "-ERR Use SCRIPT DEBUG YES/SYNC/NO");
    client.check("SCRIPT DEBUG no", "+OK");
    client.check(&format!("EVALSHA {sha} 0"), ":1");
    client.check("EVAL 'return 2' 0", ":2");
    // RESET ends it, too.
    client.check("SCRIPT DEBUG sync", "+OK");
    client.check("RESET", "+RESET");
    client.check("EVAL 'return 3' 0", ":3");
    // Read-only forms are debugged as well.
    client.check("SCRIPT DEBUG YES", "+OK");
    client.send(&encode(&["EVAL_RO", "return 4", "0"]));
    let mut session = Debugger(client);
    session.expect_stop(1);
    assert_eq!(session.finish(), ":4");
}

#[test]
fn the_mode_is_not_set_in_a_pipeline_or_a_transaction() {
    let server = Server::start();
    let mut client = server.client();
    let refused = "-ERR SCRIPT DEBUG must be called outside a pipeline";
    assert_eq!(client.pipeline(&["PING", "SCRIPT DEBUG YES"]), ["+PONG", refused]);
    client.check("EVAL 'return 1' 0", ":1");
    client.check("MULTI", "+OK");
    client.check("SCRIPT DEBUG YES", "+QUEUED");
    client.check("EVAL 'return 2' 0", "+QUEUED");
    client.check("EXEC", &format!("[{refused} :2]"));
    client.check("EVAL 'return 3' 0", ":3");
}

#[test]
fn nothing_of_a_session_stays_on_its_shard() {
    let server = Server::start();
    let key = key(0);
    let mut client = server.client();
    // A compiled loop, so that a hook left behind would be felt.
    let sum = format!("EVAL 'local n = 0 for i = 1, 1e6 do n = n + i end return n' 1 {key}");
    client.check(&sum, ":500000500000");
    for _ in 0..3 {
        let mut session = Debugger::begin(&server, "SYNC", "KEYS.mine = 1\nreturn 1", &[&key]);
        assert_eq!(session.say("b 2").len(), 2);
        assert_eq!(session.say("c").len(), 2);
        assert_eq!(session.finish(), ":1");
        client.check(&sum, ":500000500000");
        client.check(
            &format!("EVAL 'return {{tostring(KEYS.mine), tostring(redis.breakpoint())}}' 1 {key}"),
            "[$nil $false]",
        );
    }
}

#[test]
fn a_server_that_ends_ends_sessions() {
    let mut server = Server::start();
    let mut session = Debugger::begin(&server, "SYNC", SCRIPT, &[&key(1)]);
    session.say("s");
    let begun = Instant::now();
    server.signal(Signal::SIGTERM);
    assert!(server.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let reply = session.end();
    assert!(reply.starts_with("-ERR Script killed by user"), "{reply}");
}
