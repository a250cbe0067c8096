//! What is asked of a server: commands, keys and scripts, as bytes.
//!
//! Every workload has its own prefix of keys, so that one server can serve all of them one after
//! the other without a WRONGTYPE. All keys are 16 bytes long, whatever the workload.
//!
//! # Not here
//! The order and number of requests (tape), and who sends them (generator).

use clap::ValueEnum;
use fastrand::Rng;

use crate::collections;
use crate::scripts;

/// One kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// PING.
    Ping,
    /// GET of keys that are there.
    Get,
    /// SET.
    Set,
    /// Four GET for one SET.
    Mixed,
    /// INCR.
    Incr,
    /// EVALSHA: take one from the stock if there is enough (GET, DECRBY).
    Stock,
    /// SET NX PX, then EVALSHA: delete the key if it is still ours.
    Lock,
    /// EVALSHA: count requests in a window (INCR, PEXPIRE at the first).
    Counter,
    /// EVALSHA of a script that does nothing.
    EvalNoop,
    /// EVALSHA: one GET.
    EvalGet,
    /// MSET of ten locks, then ten times EVALSHA: delete the lock if it is still ours.
    Release,
    /// EVALSHA: a token bucket (HMGET, arithmetic, HSET, PEXPIRE).
    TokenBucket,
    /// EVALSHA: a sliding window (ZREMRANGEBYSCORE, ZCARD, ZADD, PEXPIRE).
    SlidingWindow,
    /// EVALSHA: HINCRBY a hundred times.
    #[value(name = "hincrby-100")]
    Hincrby100,
    /// EVALSHA: decode and encode 1 KB of JSON.
    #[value(name = "cjson-1k")]
    Cjson,
    /// MGET of ten keys of one slot.
    Mget10,
    /// HSET of one of ten fields.
    Hset,
    /// HGET of one of ten fields.
    Hget,
    /// LPUSH.
    Lpush,
    /// LPUSH, then RPOP of the same list.
    LpushRpop,
    /// SADD of one of a thousand members.
    Sadd,
    /// SISMEMBER in a set of five hundred members; half of the answers are no.
    Sismember,
    /// ZADD: another score for one of a thousand members.
    Zadd,
    /// ZRANK in a sorted set of a thousand members.
    Zrank,
    /// ZRANGEBYSCORE of ten members of a thousand.
    Zrangebyscore,
    /// XADD to a stream of about a hundred entries.
    Xadd,
    /// XADD, then XREADGROUP of that entry.
    Xreadgroup,
}

/// The commands that plain speed is measured by.
pub const COMMANDS: [Workload; 14] = [
    Workload::Get,
    Workload::Set,
    Workload::Incr,
    Workload::Hset,
    Workload::Hget,
    Workload::Lpush,
    Workload::LpushRpop,
    Workload::Sadd,
    Workload::Sismember,
    Workload::Zadd,
    Workload::Zrank,
    Workload::Zrangebyscore,
    Workload::Xadd,
    Workload::Xreadgroup,
];

/// What scripts are measured by, all of them by EVALSHA.
pub const SCRIPTS: [Workload; 8] = [
    Workload::EvalNoop,
    Workload::EvalGet,
    Workload::Stock,
    Workload::Release,
    Workload::TokenBucket,
    Workload::SlidingWindow,
    Workload::Hincrby100,
    Workload::Cjson,
];

/// More than any run takes away, and exact as a Lua number.
const STOCK: &str = "1000000000000";

impl Workload {
    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Get => "get",
            Self::Set => "set",
            Self::Mixed => "mixed",
            Self::Incr => "incr",
            Self::Stock => "stock",
            Self::Lock => "lock",
            Self::Counter => "counter",
            Self::EvalNoop => "eval-noop",
            Self::EvalGet => "eval-get",
            Self::Release => "release",
            Self::TokenBucket => "token-bucket",
            Self::SlidingWindow => "sliding-window",
            Self::Hincrby100 => "hincrby-100",
            Self::Cjson => "cjson-1k",
            Self::Mget10 => "mget10",
            Self::Hset => "hset",
            Self::Hget => "hget",
            Self::Lpush => "lpush",
            Self::LpushRpop => "lpush-rpop",
            Self::Sadd => "sadd",
            Self::Sismember => "sismember",
            Self::Zadd => "zadd",
            Self::Zrank => "zrank",
            Self::Zrangebyscore => "zrangebyscore",
            Self::Xadd => "xadd",
            Self::Xreadgroup => "xreadgroup",
        }
    }

    /// The script that must be loaded on every node beforehand.
    pub fn script(self) -> Option<&'static str> {
        match self {
            Self::Stock => Some(scripts::STOCK),
            Self::Lock | Self::Release => Some(scripts::RELEASE),
            Self::Counter => Some(scripts::COUNTER),
            Self::EvalNoop => Some(scripts::NOOP),
            Self::EvalGet => Some(scripts::GET),
            Self::TokenBucket => Some(scripts::TOKEN_BUCKET),
            Self::SlidingWindow => Some(scripts::SLIDING_WINDOW),
            Self::Hincrby100 => Some(scripts::HINCRBY_100),
            Self::Cjson => Some(scripts::CJSON),
            _ => None,
        }
    }

    /// Whether keys must be there before the first request.
    pub fn preloaded(self) -> bool {
        matches!(self, Self::Get | Self::Mixed | Self::Stock | Self::EvalGet | Self::Mget10)
            || matches!(self, Self::Hget | Self::Sismember | Self::Xreadgroup)
            || matches!(self, Self::Zadd | Self::Zrank | Self::Zrangebyscore)
    }

    /// A command that not every server has yet and that this cannot do without.
    pub fn needs(self) -> Option<&'static str> {
        (self == Self::SlidingWindow).then_some("ZADD")
    }

    /// How many requests on the same key belong together.
    pub fn steps(self) -> usize {
        match self {
            Self::Lock | Self::LpushRpop | Self::Xreadgroup => 2,
            Self::Release => 1 + TOGETHER as usize,
            _ => 1,
        }
    }

    /// How many different key indexes there are in a keyspace of `keys` keys.
    pub fn index_count(self, keys: u64) -> u64 {
        match self {
            Self::Mget10 | Self::Release => keys.div_ceil(TOGETHER),
            // As many members in all.
            Self::Sadd | Self::Sismember | Self::Zadd | Self::Zrank | Self::Zrangebyscore => {
                keys.div_ceil(collections::MEMBERS)
            }
            Self::Hset | Self::Hget | Self::Xadd | Self::Xreadgroup => keys.div_ceil(TOGETHER),
            _ => keys.max(1),
        }
    }

    /// The key that decides the slot of a request; empty when any node will do.
    pub fn routing_key(self, index: u64) -> String {
        match self {
            Self::Ping => String::new(),
            Self::Get | Self::Set | Self::Mixed => format!("key:{index:012}"),
            Self::Incr => format!("inc:{index:012}"),
            Self::Stock => format!("stk:{index:012}"),
            Self::Lock => format!("lck:{index:012}"),
            Self::Counter => format!("cnt:{index:012}"),
            Self::EvalNoop => format!("nop:{index:012}"),
            Self::EvalGet => format!("evg:{index:012}"),
            Self::TokenBucket => format!("bkt:{index:012}"),
            Self::SlidingWindow => format!("win:{index:012}"),
            Self::Hincrby100 => format!("hin:{index:012}"),
            Self::Cjson => format!("jsn:{index:012}"),
            Self::Mget10 => member_key(index, 0, 'm'),
            Self::Release => member_key(index, 0, 'r'),
            Self::Hset => format!("hsh:{index:012}"),
            Self::Hget => format!("hge:{index:012}"),
            Self::Lpush => format!("lst:{index:012}"),
            Self::LpushRpop => format!("que:{index:012}"),
            Self::Sadd => format!("set:{index:012}"),
            Self::Sismember => format!("sis:{index:012}"),
            Self::Zadd => format!("zad:{index:012}"),
            Self::Zrank => format!("zra:{index:012}"),
            Self::Zrangebyscore => format!("zrs:{index:012}"),
            Self::Xadd => format!("xad:{index:012}"),
            Self::Xreadgroup => format!("xrg:{index:012}"),
        }
    }
}

/// Keys that one request names together.
const TOGETHER: u64 = 10;

/// The braces make ten keys share a slot, as MGET in a cluster demands.
fn member_key(index: u64, member: u64, family: char) -> String {
    format!("{{{index:010}}}{family}{member:03}")
}

/// Writes the requests of one workload.
#[derive(Debug, Clone)]
pub struct RequestEncoder {
    workload: Workload,
    value: Vec<u8>,
    /// What is decoded and encoded.
    document: String,
    /// What SCRIPT LOAD has answered; empty for a workload without a script.
    script_sha: String,
}

impl RequestEncoder {
    /// An encoder with values of the given size.
    pub fn new(workload: Workload, value_size: usize, script_sha: String) -> Self {
        Self { workload, value: vec![b'x'; value_size], document: scripts::document(), script_sha }
    }

    /// The workload whose requests these are.
    pub fn workload(&self) -> Workload {
        self.workload
    }

    /// Appends step `step` of the requests on key `index`.
    ///
    /// `token` names the sender, so that a lock is released by the one who took it.
    pub fn append(&self, out: &mut Vec<u8>, target: Target<'_>, random: &mut Rng) {
        let Target { index, step, token, sequence } = target;
        let key = self.workload.routing_key(index);
        let key = key.as_bytes();
        match self.workload {
            Workload::Ping => append_command(out, &[b"PING"]),
            Workload::Get => append_command(out, &[b"GET", key]),
            Workload::Mixed if random.u8(0..5) != 0 => append_command(out, &[b"GET", key]),
            Workload::Set | Workload::Mixed => append_command(out, &[b"SET", key, &self.value]),
            Workload::Incr => append_command(out, &[b"INCR", key]),
            Workload::Stock => self.append_script(out, key, &["1"]),
            Workload::Lock if step == 0 => {
                append_command(out, &[b"SET", key, token.as_bytes(), b"NX", b"PX", b"30000"]);
            }
            Workload::Lock => self.append_script(out, key, &[token]),
            Workload::Counter => self.append_script(out, key, &["60000"]),
            Workload::EvalNoop | Workload::EvalGet => self.append_script(out, key, &[]),
            Workload::Release if step == 0 => {
                append_many(out, "MSET", index, 'r', Some(token));
            }
            Workload::Release => {
                let key = member_key(index, step as u64 - 1, 'r');
                self.append_script(out, key.as_bytes(), &[token]);
            }
            Workload::TokenBucket => {
                let now = time_ms(sequence);
                self.append_script(out, key, &["100", "0.01", &now, "1"]);
            }
            Workload::SlidingWindow => {
                let name = format!("{token}:{sequence}");
                let now = time_ms(sequence);
                self.append_script(out, key, &[&now, "60000", "10", &name]);
            }
            Workload::Hincrby100 => self.append_script(out, key, &["field"]),
            Workload::Cjson => self.append_script(out, key, &[&self.document]),
            Workload::Mget10 => append_many(out, "MGET", index, 'm', None),
            other => collections::append(other, out, key, step, &self.value, random),
        }
    }

    /// Appends what puts the keys of `index` in place, and says how many requests that took.
    pub fn append_preload(&self, out: &mut Vec<u8>, index: u64) -> u64 {
        match self.workload {
            Workload::Mget10 => {
                for member in 0..TOGETHER {
                    let key = member_key(index, member, 'm');
                    append_command(out, &[b"SET", key.as_bytes(), &self.value]);
                }
                TOGETHER
            }
            workload => {
                let key = workload.routing_key(index);
                let key = key.as_bytes();
                match workload {
                    Workload::Stock => append_command(out, &[b"SET", key, STOCK.as_bytes()]),
                    Workload::Get | Workload::Mixed | Workload::EvalGet => {
                        append_command(out, &[b"SET", key, &self.value]);
                    }
                    other => collections::append_preload(other, out, key, &self.value),
                }
                1
            }
        }
    }

    /// Appends what removes the keys of `index`, and says how many requests that took.
    pub fn append_clean_up(&self, out: &mut Vec<u8>, index: u64) -> u64 {
        match self.workload {
            Workload::Ping => return 0,
            Workload::Mget10 => append_many(out, "DEL", index, 'm', None),
            Workload::Release => append_many(out, "DEL", index, 'r', None),
            workload => append_command(out, &[b"DEL", workload.routing_key(index).as_bytes()]),
        }
        1
    }

    fn append_script(&self, out: &mut Vec<u8>, key: &[u8], arguments: &[&str]) {
        let mut words: Vec<&[u8]> = vec![b"EVALSHA", self.script_sha.as_bytes(), b"1", key];
        words.extend(arguments.iter().map(|argument| argument.as_bytes()));
        append_command(out, &words);
    }
}

/// Appends a command on all keys of an index, each followed by `value` if there is one.
fn append_many(out: &mut Vec<u8>, name: &str, index: u64, family: char, value: Option<&str>) {
    let keys: Vec<String> = (0..TOGETHER).map(|member| member_key(index, member, family)).collect();
    let mut words = vec![name.as_bytes()];
    for key in &keys {
        words.push(key.as_bytes());
        words.extend(value.map(str::as_bytes));
    }
    append_command(out, &words);
}

/// The time that request number `sequence` of a connection tells its script: requests are a while
/// apart, so that windows move on.
fn time_ms(sequence: u64) -> String {
    const APART_MS: u64 = 50;
    (1_700_000_000_000 + sequence * APART_MS).to_string()
}

/// What one request is about.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The key's index, below [`Workload::index_count`].
    pub index: u64,
    /// Which of the requests that belong together, below [`Workload::steps`].
    pub step: usize,
    /// The name of the sending connection.
    pub token: &'a str,
    /// How many requests come before this one on the connection.
    pub sequence: u64,
}

/// Appends a request as an array of bulks.
pub fn append_command(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::slot::Slot;

    fn encoded(workload: Workload, step: usize) -> String {
        let encoder = RequestEncoder::new(workload, 3, "SHA".to_owned());
        let mut out = Vec::new();
        let target = Target { index: 7, step, token: "me", sequence: 3 };
        encoder.append(&mut out, target, &mut Rng::with_seed(1));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_key_is_16_bytes_long() {
        for &workload in Workload::value_variants() {
            let length = workload.routing_key(99_999).len();
            assert_eq!(length, if workload == Workload::Ping { 0 } else { 16 }, "{workload:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for &workload in Workload::value_variants() {
            assert_eq!(Workload::from_str(workload.name(), false), Ok(workload));
        }
    }

    #[test]
    fn what_must_be_there_is_made_and_every_step_is_written() {
        for &workload in Workload::value_variants() {
            let encoder = RequestEncoder::new(workload, 3, "SHA".to_owned());
            let mut out = Vec::new();
            if workload.preloaded() {
                assert!(encoder.append_preload(&mut out, 7) > 0, "{workload:?}");
                assert!(out.starts_with(b"*"), "{workload:?}");
            }
            for step in 0..workload.steps() {
                assert!(encoded(workload, step).starts_with('*'), "{workload:?}");
            }
        }
    }

    #[test]
    fn set_is_an_array_of_bulks() {
        let expected = "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000007\r\n$3\r\nxxx\r\n";
        assert_eq!(encoded(Workload::Set, 0), expected);
    }

    #[test]
    fn lock_is_taken_and_released_by_the_same_token() {
        assert!(encoded(Workload::Lock, 0).contains("SET\r\n$16\r\nlck:000000000007\r\n$2\r\nme"));
        let release = encoded(Workload::Lock, 1);
        assert!(release.contains("EVALSHA\r\n$3\r\nSHA\r\n$1\r\n1\r\n$16\r\nlck:000000000007"));
        assert!(release.ends_with("$2\r\nme\r\n"));
    }

    #[test]
    fn ten_keys_that_one_request_names_share_a_slot() {
        let slot = |member| Slot::of_key(member_key(5, member, 'm').as_bytes());
        assert!((0..TOGETHER).all(|member| slot(member) == slot(0)));
    }

    #[test]
    fn ten_locks_are_taken_and_then_released() {
        assert_eq!(Workload::Release.steps(), 11);
        assert!(
            encoded(Workload::Release, 0).contains("MSET\r\n$16\r\n{0000000007}r000\r\n$2\r\nme")
        );
        assert!(encoded(Workload::Release, 10).ends_with("{0000000007}r009\r\n$2\r\nme\r\n"));
    }

    #[test]
    fn all_scripts_are_in_the_list_of_scripts_or_are_sent_among_others() {
        for &workload in Workload::value_variants() {
            let alone = workload.script().is_some()
                && !matches!(workload, Workload::Lock | Workload::Counter);
            assert_eq!(SCRIPTS.contains(&workload), alone, "{workload:?}");
        }
    }
}
