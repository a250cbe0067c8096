//! Requests made up from a seed, right ones and wrong ones, for every command of the data model.
//!
//! | module | holds |
//! |---|---|
//! | `patterns` | what requests of each command look like |
//! | `words` | the arguments that the letters of a pattern stand for |
//!
//! A request is made from its command's pattern, and then, once in three times, made worse: a word left
//! out, added, doubled, exchanged or replaced by one of another kind.
//!
//! What cannot be compared is not made: expiry within a second, which one server may see and the
//! other not, and numbers that ask both for gigabytes.

mod patterns;
mod words;

use crate::generator::Random;
use crate::resp::{Client, Value};

/// What is in the keyspace before each round, one key of each type.
pub const SETUP: &[&str] = &[
    "FLUSHALL",
    "SET {t}num 41",
    "SET {t}text hello",
    "SET {t}bits \"\\xf0\\x00\\x0f\" EX 1000",
    "RPUSH {t}list a b c 1 a",
    "SADD {t}set a b c",
    "SADD {t}ints 1 2 3 10",
    "HSET {t}hash a 1 b text c 2.5",
    "ZADD {t}zset 1 a 2 b 3 c 3 d",
    "ZADD {t}lex 0 a 0 b 0 c",
    "GEOADD {t}geo 13.361389 38.115556 a 15.087269 37.502669 b",
    "PFADD {t}hll a b c",
    "XADD {t}stream 1-1 a 1",
    "XADD {t}stream 2-1 b 2",
    "XADD {t}stream 3-1 c 3",
    "XGROUP CREATE {t}stream g 0",
    "XREADGROUP GROUP g c COUNT 2 STREAMS {t}stream >",
    "SET {t}w_1 3",
    "SET {t}w_2 1",
];

/// Commands whose replies or effects are drawn by lot, that wait for something else than data, or whose
/// replies are of another version of a format.
const LEFT_OUT: &[&str] = &[
    "dump",
    "object|help",
    "object|idletime",
    "object|refcount",
    "spop",
    "wait",
    "waitaof",
    "xgroup|help",
    "xinfo|help",
];

/// The data model: a command of one of these categories belongs to it.
const CATEGORIES: &[&str] = &[
    "@keyspace",
    "@string",
    "@list",
    "@set",
    "@sortedset",
    "@hash",
    "@stream",
    "@bitmap",
    "@hyperloglog",
    "@geo",
];

/// A command that there are requests for.
#[derive(Debug, Clone)]
pub struct Command {
    /// In small letters, with its container: `xgroup|create`.
    pub name: String,
    arity: i64,
    /// It may wait, and so is sent in a transaction, where it does not.
    waits: bool,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The command that it is for.
    pub name: String,
    /// Its words.
    pub parts: Vec<Vec<u8>>,
    /// It is to be sent in a transaction.
    pub queued: bool,
    /// The client speaks RESP3.
    pub resp3: bool,
}

/// The commands of the data model that a server has, as it says.
///
/// # Panics
/// When it says something else, or has no command that there is a pattern for.
pub fn commands(client: &mut Client) -> Vec<Command> {
    let mut all = Vec::new();
    for item in client.value("COMMAND").items() {
        add_command(item, &mut all);
    }
    for name in patterns::names() {
        assert!(all.iter().any(|command| command.name == name), "there is no command {name}");
    }
    all
}

fn add_command(item: &Value, all: &mut Vec<Command>) {
    let parts = item.items();
    let has = |part: usize, text: &str| parts[part].items().iter().any(|word| word.text() == text);
    let name = parts[0].text();
    for subcommand in parts[9].items() {
        add_command(subcommand, all);
    }
    let is_data = CATEGORIES.iter().any(|category| has(6, category)) && parts[9].items().is_empty();
    if is_data && !has(2, "admin") && !LEFT_OUT.contains(&name.as_str()) {
        all.push(Command { name, arity: parts[1].int(), waits: has(2, "blocking") });
    }
}

/// Makes requests. See the module.
#[derive(Debug)]
pub struct Requests {
    random: Random,
    commands: Vec<Command>,
    /// The type of key that the command at hand is for.
    kind: &'static str,
}

impl Requests {
    /// A generator whose requests follow from the seed and the commands.
    pub fn new(seed: u64, commands: Vec<Command>) -> Self {
        Self { random: Random::new(seed), commands, kind: "any" }
    }

    /// The next request.
    pub fn request(&mut self) -> Request {
        let command = self.commands[self.random.below(self.commands.len())].clone();
        let mut words = self.arguments(&command);
        while self.random.one_in(3) {
            self.spoil(&mut words);
        }
        let mut parts: Vec<Vec<u8>> =
            command.name.split('|').map(|word| self.any_case(word).into()).collect();
        parts.extend(words.into_iter().map(String::into_bytes));
        make_harmless(&command.name, &mut parts);
        let queued = command.waits;
        Request { name: command.name, parts, queued, resp3: self.random.one_in(2) }
    }

    fn arguments(&mut self, command: &Command) -> Vec<String> {
        let mut out = Vec::new();
        if let Some((kind, pattern)) = patterns::pattern(&command.name) {
            self.kind = kind;
            let words: Vec<&str> = pattern.split_ascii_whitespace().collect();
            self.sequence(&words, &mut out);
            return out;
        }
        self.kind = match command.name.as_bytes()[0] {
            b'h' => "hash",
            b'l' | b'r' => "list",
            b's' => "set",
            b'x' => "stream",
            b'z' => "zset",
            b'g' if command.name.starts_with("geo") => "zset",
            _ => "any",
        };
        let mut count = command.arity.unsigned_abs() as usize - 1;
        if command.arity < 0 {
            count += self.random.below(3);
        }
        for at in 0..count {
            let letter = if at == 0 { "k" } else { self.random.pick(&["m", "m", "k", "v"]) };
            self.word(letter, &mut out);
        }
        out
    }

    /// Adds what the words of a pattern stand for.
    fn sequence(&mut self, words: &[&str], out: &mut Vec<String>) {
        let mut at = 0;
        while at < words.len() {
            let len = item_len(&words[at..]);
            self.item(&words[at..at + len], out);
            at += len;
        }
    }

    /// One word of a pattern or one group, which may be repeated.
    fn item(&mut self, words: &[&str], out: &mut Vec<String>) {
        let last = words[words.len() - 1];
        let word = if last.contains("{t}") { last } else { last.trim_end_matches(['?', '*', '+']) };
        let times = match &last[word.len()..] {
            "?" => self.random.below(2),
            "*" => self.random.below(4),
            "+" => 1 + self.random.below(3),
            _ => 1,
        };
        for _ in 0..times {
            if words.len() == 1 {
                self.word(word, out);
            } else {
                let inner = alternatives(&words[1..words.len() - 1]);
                let chosen = inner[self.random.below(inner.len())];
                self.sequence(chosen, out);
            }
        }
    }

    fn spoil(&mut self, words: &mut Vec<String>) {
        let at = self.random.below(words.len().max(1));
        let mut any = Vec::new();
        let letter = self.random.pick(&["k", "i", "t", "f", "v", "m", "s", "l", "x", "p", "o"]);
        self.word(letter, &mut any);
        match self.random.below(6) {
            0 if !words.is_empty() => drop(words.remove(at)),
            1 => words.extend(any),
            2 => words.insert(at, any.remove(0)),
            3 if words.len() > 1 => words.swap(at, 0),
            4 if !words.is_empty() => words.insert(at, words[at].clone()),
            _ if !words.is_empty() => words[at] = any.remove(0),
            _ => words.extend(any),
        }
    }
}

/// How many words of a pattern the first one or the group at the front has.
fn item_len(words: &[&str]) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate() {
        match word.as_bytes() {
            b"{" => depth += 1,
            [b'}', ..] => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    panic!("a group of a pattern has no end: {words:?}")
}

/// What stands between the bars of a group.
fn alternatives<'a, 'b>(words: &'a [&'b str]) -> Vec<&'a [&'b str]> {
    let (mut all, mut start, mut at) = (Vec::new(), 0, 0);
    while at < words.len() {
        if words[at] == "|" {
            all.push(&words[start..at]);
            start = at + 1;
            at += 1;
        } else {
            at += item_len(&words[at..]);
        }
    }
    all.push(&words[start..]);
    all
}

/// Takes out what would make a key end or an entry stale within the round, ask for too much, or ask for the time; and
/// STORE from a SORT that Redis 7.0 refuses.
fn make_harmless(name: &str, parts: &mut [Vec<u8>]) {
    let is = |parts: &[Vec<u8>], word: &str| {
        parts.iter().any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    let short = matches!(name, "pexpire" | "psetex" | "expire" | "setex")
        || matches!(name, "set" | "getex") && (is(parts, "EX") || is(parts, "PX"));
    let sized = matches!(name, "setbit" | "setrange" | "bitfield" | "srandmember")
        || matches!(name, "hrandfield" | "zrandmember");
    if name.starts_with("zrange") && is(parts, "BYLEX") {
        let source = if name == "zrangestore" { 2 } else { 1 };
        for part in parts.iter_mut().skip(source).filter(|part| part.starts_with(b"{t}")) {
            *part = b"{t}lex".to_vec();
        }
    }
    let idle_at = match name {
        "xclaim" | "xautoclaim" => Some(4),
        _ => parts.iter().position(|part| part.eq_ignore_ascii_case(b"IDLE")).map(|at| at + 1),
    };
    let is_soon =
        |part: &Vec<u8>| part.len() < 4 && part.iter().all(u8::is_ascii_digit) && part != b"0";
    if let Some(idle) = idle_at.and_then(|at| parts.get_mut(at)).filter(|part| is_soon(part)) {
        idle.extend_from_slice(b"00000");
    }
    let is_refused = name == "sort" && (is(parts, "BY") || is(parts, "GET"));
    for part in parts {
        if is_refused && part.eq_ignore_ascii_case(b"STORE") {
            *part = b"ALPHA".to_vec();
        }
        if name == "xadd" && part.as_slice() == b"*" {
            *part = b"9-9".to_vec();
        }
        let number = std::str::from_utf8(part).ok().and_then(|text| text.parse::<i64>().ok());
        match number {
            Some(1..=1000) if short => part.extend_from_slice(b"00000"),
            Some(100_000..4_294_967_296 | ..-100_000) if sized => *part = b"7".to_vec(),
            _ => {}
        }
    }
}
