//! What is asked of a server: commands, keys and scripts.
//!
//! Every workload has its own prefix of keys, so that one server can serve all of them one after
//! the other without a WRONGTYPE. All keys are 16 bytes long, whatever the workload.
//!
//! # Not here
//! The bytes of requests (encoder), their order and number (tape), and who sends them (generator).

use clap::ValueEnum;

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
    /// EVALSHA: the same, and book what was sold beside it (GET, DECRBY, INCRBY on two keys).
    Sale,
    /// SET NX PX, then EVALSHA: delete the key if it is still ours.
    Lock,
    /// LPUSH, then BRPOPLPUSH to the list of what is being worked on, then RPOP of that.
    Queue,
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
            Self::Sale => "sale",
            Self::Lock => "lock",
            Self::Queue => "queue",
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
            Self::Sale => Some(scripts::SALE),
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
            || matches!(self, Self::Sale | Self::Lock | Self::Queue)
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
            Self::Queue => 3,
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
            Self::Queue => keys.div_ceil(PER_QUEUE),
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
            Self::Sale => beside(index, 'a', 'l'),
            Self::Lock => format!("lck:{index:012}"),
            Self::Queue => beside(index, 'u', 'r'),
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

    /// The keys of an index that hold what can be checked after a run; the first decides the slot.
    pub fn keys_of(self, index: u64) -> Vec<String> {
        match self {
            Self::Sale => vec![beside(index, 'a', 'l'), beside(index, 'a', 's')],
            Self::Queue => vec![beside(index, 'u', 'r'), beside(index, 'u', 'w')],
            other => vec![other.routing_key(index)],
        }
    }
}

/// Keys that one request names together.
pub(crate) const TOGETHER: u64 = 10;
/// There is one queue for so many keys of the keyspace.
const PER_QUEUE: u64 = 1000;

/// The braces make ten keys share a slot, as MGET in a cluster demands.
pub(crate) fn member_key(index: u64, member: u64, family: char) -> String {
    format!("{{{index:010}}}{family}{member:03}")
}

/// One of two keys of an index, which share a slot.
pub(crate) fn beside(index: u64, family: char, which: char) -> String {
    format!("{{s{family}:{index:010}}}{which}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::{RequestEncoder, Target};
    use fastrand::Rng;
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
    fn two_keys_of_a_sale_or_a_queue_share_a_slot() {
        for workload in [Workload::Sale, Workload::Queue] {
            let slots: Vec<Slot> =
                workload.keys_of(5).iter().map(|key| Slot::of_key(key.as_bytes())).collect();
            assert!(slots.len() == 2 && slots[0] == slots[1], "{workload:?}");
            assert_eq!(workload.keys_of(5)[0], workload.routing_key(5));
        }
    }

    #[test]
    fn a_job_is_taken_after_it_was_put_in() {
        assert!(
            encoded(Workload::Queue, 0).contains("LPUSH\r\n$16\r\n{su:0000000007}r\r\n$3\r\nxxx")
        );
        let taken = encoded(Workload::Queue, 1);
        assert!(taken.contains("BRPOPLPUSH\r\n$16\r\n{su:0000000007}r\r\n$16\r\n{su:0000000007}w"));
        assert!(encoded(Workload::Queue, 2).contains("RPOP\r\n$16\r\n{su:0000000007}w"));
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
                && !matches!(workload, Workload::Lock | Workload::Counter | Workload::Sale);
            assert_eq!(SCRIPTS.contains(&workload), alone, "{workload:?}");
        }
    }
}
