//! What is asked of a server: commands, keys and scripts, as bytes.
//!
//! Every workload has its own prefix of keys, so that one server can serve all of them one after
//! the other without a WRONGTYPE. All keys are 16 bytes long, whatever the workload.
//!
//! # Not here
//! The order and number of requests (tape), and who sends them (generator).

use clap::ValueEnum;
use fastrand::Rng;

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
    /// MGET of ten keys of one slot.
    Mget10,
    /// HSET of one of ten fields.
    Hset,
}

/// More than any run takes away, and exact as a Lua number.
const STOCK: &str = "1000000000000";

const STOCK_SCRIPT: &str = "\
local stock = redis.call('GET', KEYS[1])
if not stock then return -1 end
if tonumber(stock) < tonumber(ARGV[1]) then return 0 end
redis.call('DECRBY', KEYS[1], ARGV[1])
return 1";

const UNLOCK_SCRIPT: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

const COUNTER_SCRIPT: &str = "\
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count";

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
            Self::Mget10 => "mget10",
            Self::Hset => "hset",
        }
    }

    /// The script that must be loaded on every node beforehand.
    pub fn script(self) -> Option<&'static str> {
        match self {
            Self::Stock => Some(STOCK_SCRIPT),
            Self::Lock => Some(UNLOCK_SCRIPT),
            Self::Counter => Some(COUNTER_SCRIPT),
            Self::EvalNoop => Some("return 1"),
            Self::Ping
            | Self::Get
            | Self::Set
            | Self::Mixed
            | Self::Incr
            | Self::Mget10
            | Self::Hset => None,
        }
    }

    /// Whether keys must be there before the first request.
    pub fn preloaded(self) -> bool {
        matches!(self, Self::Get | Self::Mixed | Self::Stock | Self::Mget10)
    }

    /// How many requests on the same key belong together.
    pub fn steps(self) -> usize {
        if self == Self::Lock { 2 } else { 1 }
    }

    /// How many different key indexes there are in a keyspace of `keys` keys.
    pub fn index_count(self, keys: u64) -> u64 {
        if self == Self::Mget10 { keys.div_ceil(10) } else { keys.max(1) }
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
            Self::Mget10 => mget_key(index, 0),
            Self::Hset => format!("hsh:{index:012}"),
        }
    }
}

/// The braces make ten keys share a slot, as MGET in a cluster demands.
fn mget_key(index: u64, member: u64) -> String {
    format!("{{{index:010}}}:{member:03}")
}

/// Writes the requests of one workload.
#[derive(Debug, Clone)]
pub struct RequestEncoder {
    workload: Workload,
    value: Vec<u8>,
    /// What SCRIPT LOAD has answered; empty for a workload without a script.
    script_sha: String,
}

impl RequestEncoder {
    /// An encoder with values of the given size.
    pub fn new(workload: Workload, value_size: usize, script_sha: String) -> Self {
        Self { workload, value: vec![b'x'; value_size], script_sha }
    }

    /// The workload whose requests these are.
    pub fn workload(&self) -> Workload {
        self.workload
    }

    /// Appends step `step` of the requests on key `index`.
    ///
    /// `token` names the sender, so that a lock is released by the one who took it.
    pub fn append(&self, out: &mut Vec<u8>, target: Target<'_>, random: &mut Rng) {
        let Target { index, step, token } = target;
        let key = self.workload.routing_key(index);
        let key = key.as_bytes();
        match self.workload {
            Workload::Ping => append_command(out, &[b"PING"]),
            Workload::Get => append_command(out, &[b"GET", key]),
            Workload::Mixed if random.u8(0..5) != 0 => append_command(out, &[b"GET", key]),
            Workload::Set | Workload::Mixed => append_command(out, &[b"SET", key, &self.value]),
            Workload::Incr => append_command(out, &[b"INCR", key]),
            Workload::Stock => self.append_script(out, key, Some(b"1")),
            Workload::Lock if step == 0 => {
                append_command(out, &[b"SET", key, token.as_bytes(), b"NX", b"PX", b"30000"]);
            }
            Workload::Lock => self.append_script(out, key, Some(token.as_bytes())),
            Workload::Counter => self.append_script(out, key, Some(b"60000")),
            Workload::EvalNoop => self.append_script(out, key, None),
            Workload::Mget10 => {
                let keys: Vec<String> = (0..10).map(|member| mget_key(index, member)).collect();
                let mut words: Vec<&[u8]> = vec![b"MGET"];
                words.extend(keys.iter().map(String::as_bytes));
                append_command(out, &words);
            }
            Workload::Hset => {
                let field = format!("field{}", random.u8(0..10));
                append_command(out, &[b"HSET", key, field.as_bytes(), &self.value]);
            }
        }
    }

    /// Appends what puts the keys of `index` in place, and says how many requests that took.
    pub fn append_preload(&self, out: &mut Vec<u8>, index: u64) -> u64 {
        match self.workload {
            Workload::Mget10 => {
                for member in 0..10 {
                    let key = mget_key(index, member);
                    append_command(out, &[b"SET", key.as_bytes(), &self.value]);
                }
                10
            }
            workload => {
                let key = workload.routing_key(index);
                let stock = workload == Workload::Stock;
                let value = if stock { STOCK.as_bytes() } else { &self.value };
                append_command(out, &[b"SET", key.as_bytes(), value]);
                1
            }
        }
    }

    fn append_script(&self, out: &mut Vec<u8>, key: &[u8], argument: Option<&[u8]>) {
        let mut words: Vec<&[u8]> = vec![b"EVALSHA", self.script_sha.as_bytes(), b"1", key];
        words.extend(argument);
        append_command(out, &words);
    }
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

    fn encoded(workload: Workload, step: usize) -> String {
        let encoder = RequestEncoder::new(workload, 3, "SHA".to_owned());
        let mut out = Vec::new();
        let target = Target { index: 7, step, token: "me" };
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
    fn the_ten_keys_of_mget_share_a_slot() {
        let slots: Vec<_> =
            (0..10).map(|m| protocol::slot::Slot::of_key(mget_key(5, m).as_bytes())).collect();
        assert!(slots.iter().all(|&slot| slot == slots[0]));
    }
}
