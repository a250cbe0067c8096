//! Generated scripts on Atoll and on Redis: the same replies, and the same keys afterwards, or, where
//! the script failed, none of its changes on Atoll.
//!
//! `ATOLL_SCRIPTS=count` and `ATOLL_SEED=number` say how many scripts are played, and which.

use e2e::generator::{Generator, KEYS, SETUP, Script};
use e2e::redis::Redis;
use e2e::resp::{Client, Value, encode, split};
use e2e::server::Server;

const SCRIPTS: u64 = 2_000;

/// Differences that are looked at before a test gives up.
const DIFFERENCES_MAX: usize = 20;

/// Texts of LuaJIT, and what PUC Lua says instead. docs/DIFFERENCES.md has them.
const TEXTS: &[(&str, &str)] = &[("-nan", "nan")];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What came of a script.
struct Outcome {
    reply: String,
    failed: bool,
    keys: Vec<String>,
}

/// Connections to a server, one for each version of the protocol.
struct Peer([Client; 2]);

impl Peer {
    fn new(port: u16) -> Self {
        let (two, mut three) = (Client::connect(port), Client::connect(port));
        three.value("HELLO 3");
        Self([two, three])
    }

    /// Runs a script on what [`SETUP`] makes.
    fn run(&mut self, script: &Script) -> Outcome {
        self.0[0].pipeline(&SETUP);
        let client = &mut self.0[usize::from(script.resp3)];
        client.send(&encode(&script.request()));
        let reply = client.read();
        Outcome { failed: has_failed(&reply), reply: normal(&reply), keys: self.keys() }
    }

    /// Everything that the keys hold.
    fn keys(&mut self) -> Vec<String> {
        const ASKED: [&str; 4] = ["TYPE", "GET", "HGETALL", "PERSIST"];
        let asked = KEYS.iter().flat_map(|key| ASKED.map(|word| format!("{word} {key}")));
        let asked: Vec<String> = asked.collect();
        let bytes: Vec<u8> = asked.iter().flat_map(|line| encode(&split(line))).collect();
        self.0[0].send(&bytes);
        let mut show = |line: &String| format!("{line}: {}", normal(&sorted(self.0[0].read())));
        asked.iter().map(&mut show).collect()
    }
}

/// Whether the script has failed, rather than returned an error. Only then is there a place.
fn has_failed(reply: &Value) -> bool {
    reply.is_error() && reply.to_string().contains(" script: ")
}

/// Hashes give their fields in any order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array('*', items) => {
            let mut pairs: Vec<&[Value]> = items.chunks(2).collect();
            pairs.sort_by_key(|pair| pair[0].to_string());
            Value::Array('*', pairs.concat())
        }
        other => other,
    }
}

/// A reply as text, without what differs and is known to.
fn normal(reply: &Value) -> String {
    let mut text = reply.to_string();
    for (luajit, puc) in TEXTS {
        text = text.replace(luajit, puc);
    }
    without_negative_zero(&text)
}

/// PUC Lua's compiler takes a negative zero for the zero that it has met before.
fn without_negative_zero(text: &str) -> String {
    let mut parts = text.split("-0");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_zero = !part.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '.');
        out.push_str(if is_zero { "0" } else { "-0" });
        out.push_str(part);
    }
    out
}

/// Two servers that are compared.
struct Pair {
    atoll: Peer,
    redis: Peer,
    /// What Atoll's keys are like when nothing has been done to them.
    untouched: Vec<String>,
}

impl Pair {
    fn new(atoll: u16, redis: u16) -> Self {
        let mut atoll = Peer::new(atoll);
        let nothing = Script { lines: vec![], keys: 0, resp3: false, read_only: false };
        let untouched = atoll.run(&nothing).keys;
        Self { atoll, redis: Peer::new(redis), untouched }
    }

    /// Whether a script fails, and what is wrong then, if anything is.
    fn compare(&mut self, script: &Script) -> (bool, Option<String>) {
        let ours = self.atoll.run(script);
        let theirs = self.redis.run(script);
        if ours.reply != theirs.reply {
            let text = format!("atoll {}\nredis {}", ours.reply, theirs.reply);
            return (ours.failed, Some(text));
        }
        // A script that failed on Redis has left there what it did before.
        let (name, wanted) =
            if ours.failed { ("before", &self.untouched) } else { ("redis ", &theirs.keys) };
        let differ = ours.keys.iter().zip(wanted).filter(|(ours, wanted)| ours != wanted);
        let differ: Vec<String> =
            differ.map(|(ours, wanted)| format!("atoll  {ours}\n{name} {wanted}")).collect();
        (ours.failed, (!differ.is_empty()).then(|| differ.join("\n")))
    }

    /// The script without the lines that the difference does not need. `None`: a second look shows none,
    /// as when a clock went on in the first.
    fn shorten(&mut self, mut script: Script) -> Option<String> {
        let mut at = 0;
        while at < script.lines.len() {
            let mut shorter = script.clone();
            shorter.lines.remove(at);
            match self.compare(&shorter).1 {
                Some(_) => script = shorter,
                None => at += 1,
            }
        }
        let text = self.compare(&script).1?;
        let Script { keys, resp3, read_only, .. } = script;
        Some(format!(
            "{}\n-- {keys} keys, RESP3: {resp3}, read-only: {read_only}\n{text}\n",
            script.lines.join("\n")
        ))
    }
}

#[test]
fn generated_scripts_do_what_they_do_on_redis() {
    let Some(redis) = Redis::start() else { return };
    let server = Server::start();
    let mut pair = Pair::new(server.port(), redis.port());
    let (seed, count) = (setting("ATOLL_SEED", 1), setting("ATOLL_SCRIPTS", SCRIPTS));
    let mut generator = Generator::new(seed);
    let mut differences = Vec::new();
    let (mut done, mut failures) = (0, 0);
    while done < count && differences.len() < DIFFERENCES_MAX {
        let script = generator.script();
        let (failed, difference) = pair.compare(&script);
        done += 1;
        failures += u64::from(failed);
        if difference.is_some() {
            differences.extend(pair.shorten(script));
        }
    }
    println!("{done} scripts of seed {seed}, of which {failures} failed");
    assert!(differences.is_empty(), "seed {seed}, {done} scripts:\n\n{}", differences.join("\n"));
    // Both are worth comparing.
    assert!(failures * 10 > done && failures * 10 < done * 9, "{failures} of {done} failed");
}
