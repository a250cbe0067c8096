//! Every command of the data model with right, wrong and random arguments on Atoll and on Redis: the
//! same replies, the same keys afterwards, and on Atoll nothing changed where an error is replied.
//!
//! `ATOLL_REQUESTS=count` and `ATOLL_SEED=number` say how many requests are played, and which. The
//! accepted differences are those from Redis 7.0; with another version, nothing is compared, unless
//! it is asked for: `ATOLL_PEER=path` names a server of 7.2 or later, Redis's or Valkey's. What such
//! a run shows besides has to be looked at: later versions have more, and other texts. So far that
//! is, of Redis 8.2: ENTRIESREAD beyond what was added is taken as that. Of Valkey 9.1: the texts of
//! commands of fields that expire and of geo commands without their member, and SCAN refuses types
//! that it does not know.

mod accepted;
mod reply;

use e2e::redis::Redis;
use e2e::requests::{Request, Requests, SETUP, commands};
use e2e::resp::{Client, Value, encode, split};
use e2e::server::Server;

const REQUESTS: usize = 3_000;

/// Requests on the same keyspace.
const ROUND: usize = 12;

/// Differences that are looked at before a test gives up.
const DIFFERENCES_MAX: usize = 40;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Connections to a server, one for each version of the protocol.
struct Peer {
    clients: [Client; 2],
    /// It is asked for digests before and after each request.
    is_atoll: bool,
}

impl Peer {
    fn new(port: u16, is_atoll: bool) -> Self {
        let (two, mut three) = (Client::connect(port), Client::connect(port));
        three.value("HELLO 3");
        Self { clients: [two, three], is_atoll }
    }

    fn set_up(&mut self) {
        for reply in self.clients[0].pipeline(SETUP) {
            assert!(!reply.starts_with('-'), "{reply}");
        }
    }

    /// The reply, and whether the keys have changed, as far as this is known.
    fn run(&mut self, request: &Request) -> (Value, bool) {
        let mut words = vec![encode(&request.parts)];
        if request.queued {
            words = vec![encode(&["MULTI"]), words.remove(0), encode(&["EXEC"])];
        }
        if self.is_atoll {
            words.insert(0, encode(&["DEBUG", "DIGEST"]));
            words.push(encode(&["DEBUG", "DIGEST"]));
        }
        let client = &mut self.clients[usize::from(request.resp3)];
        client.send(&words.concat());
        let mut replies: Vec<Value> = words.iter().map(|_| client.read()).collect();
        let changed = self.is_atoll && replies.pop() != Some(replies.remove(0));
        let reply = if request.queued { from_transaction(&replies) } else { replies.remove(0) };
        (reply, changed)
    }

    /// Everything that the keys hold.
    fn keys(&mut self) -> Vec<Request> {
        let client = &mut self.clients[0];
        let mut keys: Vec<String> =
            client.value("KEYS *").items().iter().map(Value::text).collect();
        keys.sort();
        let mut asked = Vec::new();
        for key in keys {
            client.send_parts(&["TYPE", &key]);
            let lines: &[&str] = match client.read().text().as_str() {
                "string" => &["get K"],
                "list" => &["lrange K 0 -1"],
                "set" => &["smembers K"],
                "hash" => &["hgetall K"],
                "zset" => &["zrange K 0 -1 WITHSCORES"],
                "stream" => &["xinfo|stream K FULL"],
                _ => &[],
            };
            for line in ["type K", "pttl K"].iter().chain(lines) {
                let mut parts = split(&line.replace('|', " "));
                let at = parts.iter().position(|part| part == b"K").unwrap();
                parts[at] = key.clone().into_bytes();
                let name = line.split(' ').next().unwrap().to_owned();
                asked.push(Request { name, parts, queued: false, resp3: false });
            }
        }
        asked
    }
}

/// The reply to the only command of a transaction: when it was queued, or of EXEC.
fn from_transaction(replies: &[Value]) -> Value {
    match &replies[2] {
        Value::Array(_, items) => items[0].clone(),
        _ => replies[1].clone(),
    }
}

/// What came of a request.
enum Outcome {
    /// The same on both.
    Same,
    /// It is known to fail on one of them, so the keys may no longer be the same.
    Apart,
    /// A difference that nobody knows.
    Wrong(String),
}

/// Two servers that are compared.
struct Pair {
    atoll: Peer,
    redis: Peer,
    /// Replies that have been compared, those of second looks included.
    compared: usize,
    /// The errors among them.
    errors: usize,
    /// Those after which Atoll's keys were others.
    changes: usize,
}

impl Pair {
    /// Runs the requests on fresh keys; what is wrong then, if anything is.
    fn compare(&mut self, requests: &[Request]) -> Option<String> {
        self.atoll.set_up();
        self.redis.set_up();
        for request in requests {
            match self.compare_one(request) {
                Outcome::Same => {}
                Outcome::Apart => return None,
                Outcome::Wrong(text) => return Some(text),
            }
        }
        self.compare_keys()
    }

    fn compare_one(&mut self, request: &Request) -> Outcome {
        let (ours, changed) = self.atoll.run(request);
        let (theirs, _) = self.redis.run(request);
        self.compared += 1;
        self.errors += usize::from(ours.is_error());
        self.changes += usize::from(changed);
        if ours.is_error() && changed {
            return Outcome::Wrong(format!("has changed something, and replies {ours}"));
        }
        if reply::are_same(&request.name, &ours, &theirs) {
            return Outcome::Same;
        }
        if accepted::is_accepted(request, &ours, &theirs) {
            let same = ours.is_error() == theirs.is_error();
            return if same { Outcome::Same } else { Outcome::Apart };
        }
        Outcome::Wrong(format!("{}\natoll {ours}\nredis {theirs}", show(request)))
    }

    fn compare_keys(&mut self) -> Option<String> {
        let (ours, theirs) = (self.atoll.keys(), self.redis.keys());
        let lines = |requests: &[Request]| requests.iter().map(show).collect::<Vec<_>>();
        if lines(&ours) != lines(&theirs) {
            return Some(format!("keys\natoll {:?}\nredis {:?}", lines(&ours), lines(&theirs)));
        }
        ours.iter().find_map(|request| match self.compare_one(request) {
            Outcome::Wrong(text) => Some(text),
            Outcome::Same | Outcome::Apart => None,
        })
    }

    /// The requests without those that the difference does not need. `None`: a second look shows none,
    /// as when a clock went on in the first.
    fn shorten(&mut self, mut requests: Vec<Request>) -> Option<String> {
        self.compare(&requests)?;
        let mut at = 0;
        while at < requests.len() {
            let mut shorter = requests.clone();
            shorter.remove(at);
            match self.compare(&shorter) {
                Some(_) => requests = shorter,
                None => at += 1,
            }
        }
        let text = self.compare(&requests)?;
        let lines: Vec<String> = requests.iter().map(show).collect();
        Some(format!("{}\n-- {text}\n", lines.join("\n")))
    }
}

fn show(request: &Request) -> String {
    let words: Vec<String> =
        request.parts.iter().map(|part| format!("\"{}\"", part.escape_ascii())).collect();
    format!("{}{}", words.join(" "), if request.resp3 { " (RESP3)" } else { "" })
}

/// A real Redis of the version that the accepted differences are for, or the server that is asked for.
fn redis() -> Option<Redis> {
    if let Some(binary) = std::env::var_os("ATOLL_PEER") {
        let peer = Redis::start_at(binary).expect("ATOLL_PEER is a server");
        assert!(peer.version() >= (7, 2), "ATOLL_PEER is {:?}", peer.version());
        return Some(peer);
    }
    let redis = Redis::start()?;
    let version = redis.version();
    if version != (7, 0) {
        eprintln!("Redis {version:?}: the accepted differences are those from 7.0");
        return None;
    }
    Some(redis)
}

#[test]
fn commands_reply_and_do_what_they_do_on_redis_whatever_their_arguments() {
    let Some(redis) = redis() else { return };
    let server = Server::start();
    let mut all = commands(&mut server.client());
    let mut client = redis.client();
    all.retain(|command| client.call(&["COMMAND", "INFO", &command.name]) != "[_]");
    let names = all.len();
    let (seed, count) = (setting("ATOLL_SEED", 1), setting("ATOLL_REQUESTS", REQUESTS));
    let mut requests = Requests::new(seed as u64, all);
    let (atoll, redis) = (Peer::new(server.port(), true), Peer::new(redis.port(), false));
    let mut pair = Pair { atoll, redis, compared: 0, errors: 0, changes: 0 };
    let mut differences = Vec::new();
    let mut done = 0;
    while done < count && differences.len() < DIFFERENCES_MAX {
        let round: Vec<Request> = (0..ROUND).map(|_| requests.request()).collect();
        done += round.len();
        if pair.compare(&round).is_some() {
            differences.extend(pair.shorten(round));
        }
    }
    let Pair { compared, errors, changes, .. } = pair;
    println!("{done} requests of {names} commands, seed {seed}");
    println!("{compared} replies compared, {errors} of them errors; {changes} changed something");
    assert!(differences.is_empty(), "seed {seed}, {done} requests:\n\n{}", differences.join("\n"));
    // All kinds are worth comparing.
    assert!(errors * 10 > done && changes * 10 > done, "{errors} errors, {changes} changes");
}
