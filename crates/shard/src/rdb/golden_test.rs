//! Values that Redis and Valkey have written, see `testdata/rdb/make.py`.

use protocol::args::Request;
use protocol::decode::split_line;

use super::payload;
use crate::testing::Rig;

/// A case of `cases.txt`.
pub(super) struct Case {
    pub(super) key: String,
    words: Vec<String>,
    requests: Vec<Request>,
}

impl Case {
    pub(super) fn is(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    /// Whether servers of that version have its commands.
    pub(super) fn is_known_to(&self, version: f64) -> bool {
        let at = self.words.iter().position(|word| word == "since");
        at.is_none_or(|at| self.words[at + 1].parse::<f64>().unwrap() <= version)
    }

    pub(super) fn make(&self, rig: &mut Rig) {
        for request in &self.requests {
            let reply = rig.run_request(request);
            assert!(!reply.starts_with('-'), "{request:?}: {reply}");
        }
    }
}

fn expand(word: &[u8], key: &str, number: usize) -> Vec<u8> {
    if word == b"KEY" {
        return key.into();
    }
    let text: String = word.iter().map(|&byte| char::from(byte)).collect();
    let text = text.replace("{i}", &number.to_string());
    let text = match text
        .split_once("{x:")
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        Some((before, (count, after))) => {
            format!("{before}{}{after}", "x".repeat(count.parse().unwrap()))
        }
        None => text,
    };
    text.chars().map(|letter| letter as u8).collect()
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in include_str!("../../testdata/rdb/cases.txt").lines() {
        let Some((word, rest)) = line.split_once(' ') else { continue };
        let (count, rest) = match word {
            "case" => {
                let mut words = rest.split(' ').map(str::to_owned);
                let key = words.next().unwrap();
                cases.push(Case { key, words: words.collect(), requests: Vec::new() });
                continue;
            }
            "do" => (1, rest),
            "repeat" => {
                let (count, rest) = rest.split_once(' ').unwrap();
                (count.parse().unwrap(), rest)
            }
            _ => continue,
        };
        let case = cases.last_mut().unwrap();
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        split_line(rest.as_bytes(), &mut text, &mut spans).unwrap();
        for number in 1..=count {
            let words = spans.iter().map(|span| expand(span.of(&text), &case.key, number));
            case.requests.push(Request::of(words));
        }
    }
    cases
}

/// The payloads that Redis 8.2 has dumped, by key.
fn dumps() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    include_str!("../../testdata/rdb/8.2.dumps").lines().map(|line| {
        let (key, digits) = line.split_once(' ').unwrap();
        let (pairs, _) = digits.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        (key, pairs.iter().map(byte).collect())
    })
}

fn dump(rig: &mut Rig, key: &str) -> Vec<u8> {
    let keyspace = rig.shard().keyspace_mut();
    let now = keyspace.now();
    let value = keyspace.whole(key.as_bytes()).expect("the key is there");
    payload::write(value, now, || Ok::<(), ()>(())).unwrap()
}

/// What is between type and trailer: the version in that is 11 or 12.
fn body(payload: &[u8]) -> String {
    payload[..payload.len() - 10].escape_ascii().to_string()
}

#[test]
fn dumped_is_what_redis_dumps() {
    for (key, payload) in dumps() {
        let case = cases().into_iter().find(|case| case.key == key).unwrap();
        if ["unordered", "timed", "plain"].iter().any(|word| case.is(word)) {
            continue;
        }
        let mut rig = Rig::new().once();
        case.make(&mut rig);
        assert_eq!(body(&dump(&mut rig, key)), body(&payload), "{key}");
    }
}

#[test]
fn what_redis_has_dumped_is_restored_and_dumped_again() {
    for (key, payload) in dumps() {
        let mut rig = Rig::new();
        assert_eq!(rig.run_parts(&[b"RESTORE", key.as_bytes(), b"0", &payload]), "+OK", "{key}");
        let case = cases().into_iter().find(|case| case.key == key).unwrap();
        if !case.is("plain") {
            assert_eq!(body(&dump(&mut rig, key)), body(&payload), "{key}");
        }
        let restored = rig.shard().keyspace().digest();
        let encoding = rig.run_parts(&["OBJECT", "ENCODING", key]);
        let mut rig = Rig::new().once();
        case.make(&mut rig);
        if !case.is("timed") {
            assert_eq!(rig.shard().keyspace().digest(), restored, "{key}");
        }
        if !case.is("raw") {
            assert_eq!(rig.run_parts(&["OBJECT", "ENCODING", key]), encoding, "{key}");
        }
    }
}

#[test]
fn the_version_is_that_which_knows_the_type() {
    for (commands, version) in [
        (&["SET k v"][..], 11u16),
        (&["HSET k f v"], 11),
        (&["XADD k 1-1 f v"], 11),
        (&["HSET k f v", "HEXPIRE k 100 FIELDS 1 f"], 12),
    ] {
        let mut rig = Rig::new();
        commands.iter().for_each(|command| drop(rig.run(command)));
        let payload = dump(&mut rig, "k");
        let at = payload.len() - 10;
        assert_eq!(payload[at..at + 2], version.to_le_bytes());
        assert!(payload::open(&payload).is_some());
    }
}

#[test]
fn whoever_writes_or_reads_much_can_be_stopped() {
    // Each with more than a few elements, or bytes.
    let large =
        ["string:very-long", "list:nodes", "set:many", "zset:many", "hash:many", "stream:blocks"];
    for case in cases().iter().filter(|case| large.contains(&case.key.as_str())) {
        let mut rig = Rig::new().once();
        case.make(&mut rig);
        let whole = dump(&mut rig, &case.key);
        let keyspace = rig.shard().keyspace_mut();
        let (now, settings) = (keyspace.now(), *keyspace.settings());
        let value = keyspace.whole(case.key.as_bytes()).unwrap();
        let mut asked = 0;
        let written = payload::write(value, now, || {
            asked += 1;
            if asked == 2 { Err("stop") } else { Ok(()) }
        });
        assert_eq!((written, asked), (Err("stop"), 2), "{}", case.key);
        if case.key.starts_with("string") {
            continue;
        }
        let (body, version) = payload::open(&whole).unwrap();
        let read = payload::read(body, version, &settings, &|| false);
        assert!(matches!(read, Err(super::RdbError::Interrupted)), "{}", case.key);
        assert!(payload::read(body, version, &settings, &|| true).is_ok());
    }
}
