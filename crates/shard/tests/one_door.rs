//! What the one door promises, for random sequences of every write command: effects replay to an
//! equal state, and what is rolled back leaves the state as it was, byte for byte.
//!
//! Sequences are generated from the command table: a write command that the generator has no
//! arguments for fails `every_write_command_is_covered`.

use proptest::prelude::*;
use proptest::sample::select;
use protocol::args::Request;
use protocol::encode::Version;
use protocol::spec::Slots;
use shard::Shard;
use shard::commands::table::CommandTable;
use shard::keyspace::{Keyspace, Settings, Snapshot};
use shard::reply::Reply;
use shard::script::ScriptEngine;
use shard::testing::table;
use shard::time::Micros;
use shard::types::list::ListLimit;
use shard::types::set::SetLimits;

#[path = "one_door/payloads.rs"]
mod payloads;
use payloads::{PAYLOAD, bytes_of, payloads};

const START: i64 = 1_700_000_000_000_000;

/// Argument lists for each write command. `K` is one key of a few, `F` a field, `V` a value, `W` a
/// long one, `E` an element of a list, `N` a number, `M` a member of a set, `I` one that is an
/// integer, `T` a time in seconds that may be past, `U` the same in milliseconds, as points in time
/// `P` and `Q`; `Z` many scores and members; `R` a payload; for streams `S` a key, `G` a group, `C` a
/// consumer, `D` an id.
const WRITES: &[(&str, &[&str])] = &[
    ("append", &["K V"]),
    ("bitfield", &["K SET u8 3 N", "K INCRBY i16 400 N SET u4 0 N", "K OVERFLOW FAIL SET u2 9 N"]),
    ("bitop", &["AND K K K", "OR K K K", "NOT K K", "DIFF K K K", "ONE K K K K"]),
    ("blmove", &["K K LEFT RIGHT 0", "K K RIGHT LEFT 0"]),
    ("blmpop", &["0 2 K K LEFT COUNT 3"]),
    ("blpop", &["K K 0"]),
    ("brpop", &["K 1"]),
    ("brpoplpush", &["K K 0"]),
    ("bzmpop", &["0 2 K K MIN", "0 2 K K MAX COUNT 2"]),
    ("bzpopmax", &["K K 0"]),
    ("bzpopmin", &["K 0"]),
    ("copy", &["K K", "K K REPLACE", "S S REPLACE"]),
    ("decr", &["K"]),
    ("decrby", &["K N"]),
    ("del", &["K", "K K"]),
    ("delex", &["K", "K IFNE V", "K IFEQ N"]),
    ("delifeq", &["K N"]),
    ("expire", &["K T", "K T NX", "K T GT"]),
    ("expireat", &["K P"]),
    ("flushall", &[""]),
    ("flushdb", &[""]),
    ("geoadd", &["K 13.4 38.1 F 15.1 37.5 F", "K XX CH N N F"]),
    ("georadius", &["K 13 38 500 km STORE K", "K N N 500 km STOREDIST K"]),
    ("georadiusbymember", &["K F 500 km STORE K"]),
    ("geosearchstore", &["K K FROMMEMBER F BYBOX 900 900 km", "K K FROMLONLAT N N BYRADIUS 9 km"]),
    ("getdel", &["K"]),
    ("getex", &["K", "K EX T", "K PERSIST", "K PXAT Q"]),
    ("getset", &["K V"]),
    ("hdel", &["K F", "K F F"]),
    ("hexpire", &["K T FIELDS 1 F", "K T NX FIELDS 2 F F", "K T GT FIELDS 1 F"]),
    ("hexpireat", &["K P FIELDS 1 F", "K P LT FIELDS 2 F F"]),
    ("hgetdel", &["K FIELDS 1 F", "K FIELDS 2 F F"]),
    (
        "hgetex",
        &["K FIELDS 1 F", "K EX T FIELDS 2 F F", "K PERSIST FIELDS 1 F", "K PXAT Q FIELDS 1 F"],
    ),
    ("hincrby", &["K F N"]),
    ("hincrbyfloat", &["K F 0.5"]),
    ("hmset", &["K F V"]),
    ("hpersist", &["K FIELDS 2 F F"]),
    ("hpexpire", &["K U FIELDS 3 F F F", "K U XX FIELDS 1 F"]),
    ("hpexpireat", &["K Q FIELDS 2 F F"]),
    ("hset", &["K F V", "K F V F V", "K F W"]),
    (
        "hsetex",
        &[
            "K FIELDS 1 F V",
            "K PX U FIELDS 2 F V F N",
            "K EX T FIELDS 1 F W",
            "K KEEPTTL FIELDS 1 F V",
            "K FNX PXAT Q FIELDS 1 F V",
            "K FXX EXAT P FIELDS 2 F V F V",
        ],
    ),
    ("hsetnx", &["K F V"]),
    ("incr", &["K"]),
    ("incrby", &["K N"]),
    ("incrbyfloat", &["K 0.1"]),
    ("linsert", &["K BEFORE E E", "K AFTER E W", "K AFTER E E"]),
    ("lmove", &["K K LEFT LEFT", "K K RIGHT RIGHT", "K K LEFT RIGHT"]),
    ("lmpop", &["2 K K RIGHT COUNT 4", "1 K LEFT"]),
    ("lpop", &["K", "K 3"]),
    ("lpush", &["K E E E", "K V", "K W"]),
    ("lpushx", &["K E"]),
    ("lrem", &["K 0 E", "K -1 E", "K 2 E"]),
    ("lset", &["K 0 W", "K -1 E", "K 2 V"]),
    ("ltrim", &["K 1 -2", "K 0 3", "K 5 9"]),
    ("mset", &["K V K V"]),
    ("msetex", &["2 K V K V", "1 K V EX T", "2 K V K N XX KEEPTTL", "1 K W NX"]),
    ("msetnx", &["K V K V"]),
    ("persist", &["K"]),
    ("pexpire", &["K U", "K U XX"]),
    ("pexpireat", &["K Q"]),
    ("pfadd", &["K", "K V", "K V V V"]),
    ("pfdebug", &["TODENSE K", "GETREG K"]),
    ("pfmerge", &["K", "K K", "K K K"]),
    ("psetex", &["K U V"]),
    ("rename", &["K K", "S S"]),
    ("renamenx", &["K K"]),
    ("restore", &["K 0 R REPLACE", "K U R REPLACE", "S Q R ABSTTL REPLACE", "K 0 R"]),
    ("restore-asking", &["K 0 R REPLACE"]),
    ("rpop", &["K", "K 2"]),
    ("rpoplpush", &["K K"]),
    ("rpush", &["K E E E E E E", "K V V", "K W W"]),
    ("rpushx", &["K E E"]),
    ("sadd", &["K M", "K M M M", "K V V", "K W", "K I I I", "K I"]),
    ("sdiffstore", &["K K K"]),
    (
        "set",
        &["K V", "K V EX T", "K V KEEPTTL", "K V NX GET", "K N", "K V XX", "K W", "K V IFNE N"],
    ),
    ("setbit", &["K 5 1", "K 13 0", "K 700 1"]),
    ("setex", &["K T V"]),
    ("setnx", &["K V"]),
    ("setrange", &["K 3 V", "K 40 V"]),
    ("sinterstore", &["K K K", "K K"]),
    ("smove", &["K K M", "K K I"]),
    ("sort", &["K STORE K", "K ALPHA DESC STORE K", "K BY {t}*->field1 ALPHA GET # STORE K"]),
    ("spop", &["K", "K 2", "K 9"]),
    ("srem", &["K M", "K M M I I", "K I"]),
    ("sunionstore", &["K K K", "K K"]),
    ("unlink", &["K"]),
    ("xack", &["S G D", "S G D D"]),
    ("xackdel", &["S G IDS 1 D", "S G ACKED IDS 2 D D", "S G DELREF IDS 1 D"]),
    ("xadd", &["S D F V", "S D F V F V", "S 9-* F V", "S * F V", "S MAXLEN 3 D F V", "K D F V"]),
    ("xautoclaim", &["S G C 0 0", "S G C 5 0 COUNT 1 JUSTID"]),
    ("xclaim", &["S G C 0 D D", "S G C 0 D FORCE", "S G C 0 D LASTID D RETRYCOUNT 3 JUSTID"]),
    ("xdel", &["S D", "S D D D"]),
    ("xdelex", &["S IDS 1 D", "S ACKED IDS 2 D D", "S DELREF IDS 2 D D"]),
    ("xgroup|create", &["S G 0 MKSTREAM", "S G $", "K G 0 MKSTREAM ENTRIESREAD 2"]),
    ("xgroup|createconsumer", &["S G C"]),
    ("xgroup|delconsumer", &["S G C"]),
    ("xgroup|destroy", &["S G"]),
    ("xgroup|setid", &["S G 0", "S G D ENTRIESREAD 1"]),
    (
        "xreadgroup",
        &[
            "GROUP G C STREAMS S >",
            "GROUP G C COUNT 2 STREAMS S >",
            "GROUP G C NOACK STREAMS S >",
            "GROUP G C STREAMS S 0",
            "GROUP G C BLOCK 5 STREAMS S >",
        ],
    ),
    ("xsetid", &["S D", "S 30-0 ENTRIESADDED 40 MAXDELETEDID D"]),
    (
        "xtrim",
        &["S MAXLEN 2", "S MAXLEN ~ 2", "S MINID D", "S MAXLEN 1 DELREF", "S MAXLEN 1 ACKED"],
    ),
    (
        "zadd",
        &["K N F", "K N F N F", "K N W", "K NX CH N F N V", "K GT N F", "K LT INCR N F", "K Z"],
    ),
    ("zdiffstore", &["K 2 K K"]),
    ("zincrby", &["K N F", "K -inf F"]),
    ("zinterstore", &["K 2 K K", "K 2 K K WEIGHTS N 1 AGGREGATE MIN"]),
    ("zmpop", &["2 K K MIN", "2 K K MAX COUNT 2"]),
    ("zpopmax", &["K", "K 2"]),
    ("zpopmin", &["K", "K 200"]),
    ("zrangestore", &["K K 0 -2", "K K N N BYSCORE LIMIT 1 5"]),
    ("zrem", &["K F", "K F F"]),
    ("zremrangebylex", &["K [field1 (field4"]),
    ("zremrangebyrank", &["K 1 2", "K N N", "K 0 99"]),
    ("zremrangebyscore", &["K N N", "K (0 +inf"]),
    ("zunionstore", &["K 2 K K", "K 2 K K WEIGHTS N 1 AGGREGATE MAX"]),
];

/// All in one slot, as the keys of one command must be; some too long to be kept inline.
const KEYS: &[&str] = &["{t}a", "{t}b", "{t}c", "{t}d-a-key-that-is-longer-than-eighteen-bytes"];

fn word(letter: &str) -> BoxedStrategy<String> {
    match letter {
        "K" => select(KEYS).prop_map(Into::into).boxed(),
        // Streams have two keys of their own, that they may meet their groups and consumers.
        "S" => select(vec!["{t}s", "{t}t"]).prop_map(Into::into).boxed(),
        "G" => select(vec!["one", "two"]).prop_map(Into::into).boxed(),
        "C" => (0u32..3).prop_map(|n| format!("consumer{n}")).boxed(),
        "D" => (1u32..25).prop_map(|n| format!("{n}-0")).boxed(),
        "F" => (0u32..6).prop_map(|n| format!("field{n}")).boxed(),
        "V" => prop_oneof![(0i64..100).prop_map(|n| n.to_string()), "[a-z]{0,40}",].boxed(),
        "E" => prop_oneof![(0u32..6).prop_map(|n| n.to_string()), "[ab]{1,2}"].boxed(),
        "M" => prop_oneof![(0u32..9).prop_map(|n| format!("m{n}")), "[a-z]{30}"].boxed(),
        "I" => select(vec![0i64, 1, 7, -300, 70_000, 1 << 40]).prop_map(|n| n.to_string()).boxed(),
        // Longer than what a packed hash takes, so that it becomes a table.
        "W" => "[a-z]{65,90}".boxed(),
        // Scores and members of as many as no packed sorted set takes, so that it grows.
        "Z" => (0u32..3)
            .prop_map(|at| (0..130).map(|n| format!("{} m{}", n / 3, n + at)).collect::<Vec<_>>())
            .prop_map(|pairs| pairs.join(" "))
            .boxed(),
        "R" => (0..payloads().len()).prop_map(|at| format!("{PAYLOAD}{at}")).boxed(),
        "N" => (-5i64..5).prop_map(|n| n.to_string()).boxed(),
        "T" => select(vec![-1i64, 1, 5, 100]).prop_map(|n| n.to_string()).boxed(),
        "U" => select(vec![-1i64, 1, 1500, 100_000]).prop_map(|n| n.to_string()).boxed(),
        "P" => {
            select(vec![-1i64, 2, 100]).prop_map(|n| (START / 1_000_000 + n).to_string()).boxed()
        }
        "Q" => select(vec![-1i64, 3, 90_000]).prop_map(|n| (START / 1000 + n).to_string()).boxed(),
        other => Just(other.to_owned()).boxed(),
    }
}

fn request() -> impl Strategy<Value = Request> {
    let forms: Vec<(&str, &str)> = WRITES
        .iter()
        .flat_map(|(name, forms)| forms.iter().map(move |form| (*name, *form)))
        .collect();
    select(forms).prop_flat_map(|(name, form)| {
        let words: Vec<BoxedStrategy<String>> = form.split_whitespace().map(word).collect();
        words.prop_map(move |words| {
            let words = words.iter().flat_map(|word| match word.as_str() {
                "" => vec![""],
                word => word.split(' ').collect(),
            });
            Request::of(name.split('|').chain(words).map(bytes_of))
        })
    })
}

/// Requests, each with the milliseconds that pass before it.
fn requests(count: usize) -> impl Strategy<Value = Vec<(Request, i64)>> {
    proptest::collection::vec((request(), select(vec![0i64, 0, 0, 1, 800, 3000])), 1..count)
}

fn shard() -> Shard {
    let mut keyspace = Keyspace::new(0, 16384, 1);
    keyspace.record_effects(true);
    // Small, so that values grow out of their small forms and lists have several nodes.
    keyspace.configure(Settings {
        list_limit: ListLimit(4),
        set_limits: SetLimits { ints: 4, entries: 6, value: 64 },
        ..Settings::default()
    });
    Shard::new(keyspace, ScriptEngine::default(), table())
}

fn execute(shard: &mut Shard, request: &Request, now: Micros) -> Vec<u8> {
    let table: &CommandTable = shard.table();
    let id = table.resolve(request.args()).expect("a form of the list fits its command");
    let slot = match table.spec(id).slots(request.args()) {
        Slots::One(slot) => Some(slot),
        Slots::None | Slots::Several { .. } => None,
    };
    let mut out = Vec::new();
    shard.execute(id, request.args(), slot, now, &mut Reply::resp(&mut out, Version::Resp2));
    out
}

#[test]
fn every_write_command_is_covered() {
    let known: Vec<&str> = WRITES.iter().map(|(name, _)| *name).collect();
    let missing: Vec<&str> = table()
        .iter()
        .filter(|(_, row)| row.run.is_some() && row.spec.writes())
        // Libraries are the node's; they are not in the keyspace.
        .filter(|(_, row)| row.spec.container().is_none_or(|(name, _)| name != "function"))
        .map(|(_, row)| row.spec.name)
        .filter(|name| !known.contains(name))
        .collect();
    assert!(missing.is_empty(), "no sequences are generated for {missing:?}");
}

/// A script that runs the requests in ARGV, one to a line, and then fails.
const SCRIPT_THAT_FAILS: &str = "
for _, line in ipairs(ARGV) do
  local words = {}
  for word in line:gmatch('[^\\n]+') do words[#words + 1] = word end
  if words[1] ~= 'flushall' and words[1] ~= 'flushdb' then redis.pcall(unpack(words)) end
end
error('no')";

/// A script that runs the requests in ARGV, one to a line, until one fails that should not: errors
/// of commands are looked over, injected faults are not.
const SCRIPT_OF_WRITES: &str = "
for _, line in ipairs(ARGV) do
  local words = {}
  for word in line:gmatch('[^\\n]+') do words[#words + 1] = word end
  if words[1] ~= 'flushall' and words[1] ~= 'flushdb' then
    local reply = redis.pcall(unpack(words))
    if type(reply) == 'table' and reply.err == 'ERR injected fault' then error(reply) end
  end
end
return redis.status_reply('done')";

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Replaying the effects of any requests into an empty shard gives an equal digest.
    #[test]
    fn effects_replay_to_an_equal_state(requests in requests(60)) {
        let mut shard = shard();
        let mut now = Micros(START);
        let mut entries = Vec::new();
        for (request, ms) in &requests {
            now.0 += ms * 1000;
            if *ms > 1000 {
                shard.keyspace_mut().enter(now, None);
                shard.keyspace_mut().expire_some(5);
            }
            execute(&mut shard, request, now);
            entries.push(shard.keyspace_mut().take_effects());
        }
        let mut replica = Keyspace::new(0, 16384, 2);
        for entry in &entries {
            replica.replay(entry).expect("a shard's own effects decode");
        }
        prop_assert_eq!(replica.digest(), shard.keyspace().digest());
        prop_assert_eq!(replica.len(), shard.keyspace().len());
        prop_assert_eq!(replica.expiring(), shard.keyspace().expiring());
        let fields = shard.keyspace().with_expiring_fields();
        prop_assert_eq!(replica.with_expiring_fields(), fields);
        // Both know what is left to expire, and when.
        for keyspace in [&mut replica, shard.keyspace_mut()] {
            keyspace.enter(Micros(i64::MAX), None);
            keyspace.expire_some(100_000);
            prop_assert_eq!((keyspace.expiring(), keyspace.with_expiring_fields()), (0, 0));
        }
        prop_assert_eq!(replica.digest(), shard.keyspace().digest());
    }

    /// A snapshot that is written while requests run is the state at its end, whatever the steps.
    #[test]
    fn a_snapshot_under_way_follows(
        before in requests(60),
        meanwhile in proptest::collection::vec((requests(6), 1usize..200), 1..25),
        parts in (0usize..4, 1usize..8, 1usize..3),
    ) {
        let mut shard = shard();
        let mut now = Micros(START);
        for (request, ms) in &before {
            now.0 += ms * 1000;
            execute(&mut shard, request, now);
        }
        shard.keyspace_mut().clear_effects();
        let mut snapshot = Snapshot::in_parts(parts.0, parts.1, parts.2);
        let mut written = Vec::new();
        let mut steps = meanwhile.iter();
        while shard.keyspace().snapshot_step(&mut snapshot, &mut written, steps.next().map_or(9, |step| step.1)) {
            let Some((requests, _)) = steps.as_slice().first() else { continue };
            for (request, ms) in requests {
                now.0 += ms * 1000;
                if *ms > 1000 {
                    shard.keyspace_mut().enter(now, None);
                    shard.keyspace_mut().expire_some(5);
                }
                execute(&mut shard, request, now);
                // One entry at a time, or some of them together.
                if *ms != 1 {
                    let effects = shard.keyspace_mut().take_effects();
                    shard.keyspace().follow(&mut snapshot, &effects, &mut written).expect("own");
                }
            }
            let effects = shard.keyspace_mut().take_effects();
            shard.keyspace().follow(&mut snapshot, &effects, &mut written).expect("own");
        }
        let mut restored = Keyspace::new(0, 16384, 3);
        restored.replay(&written).expect("a shard's own effects decode");
        prop_assert_eq!(restored.digest(), shard.keyspace().digest());
        prop_assert_eq!(restored.len(), shard.keyspace().len());
        prop_assert_eq!(restored.expiring(), shard.keyspace().expiring());
    }

    /// Whatever is done between a mark and rolling it back, nothing of it is left, and the state
    /// goes on to behave as if it had not been.
    #[test]
    fn rolled_back_is_as_if_never_done(
        before in requests(30),
        undone in requests(30),
        after in requests(10),
    ) {
        let (mut shard, mut model) = (shard(), shard());
        let mut now = Micros(START);
        for (request, ms) in &before {
            now.0 += ms * 1000;
            prop_assert_eq!(
                execute(&mut shard, request, now),
                execute(&mut model, request, now)
            );
        }
        let digest = shard.keyspace().exact_digest();
        let effects = shard.keyspace().effects().to_vec();
        let mark = shard.keyspace_mut().begin();
        let mut later = now;
        for (request, ms) in &undone {
            later.0 += ms * 1000;
            execute(&mut shard, request, later);
        }
        shard.keyspace_mut().roll_back(mark);
        let fields = shard.keyspace().with_expiring_fields();
        prop_assert_eq!(fields, model.keyspace().with_expiring_fields());
        prop_assert_eq!(shard.keyspace().exact_digest(), digest);
        prop_assert_eq!(shard.keyspace().effects(), &effects[..]);
        // Random picks are no part of the state, and a script that is tried again is to pick anew.
        for (request, ms) in after.iter().filter(|(request, _)| !request.args().is(0, "SPOP")) {
            now.0 += ms * 1000;
            prop_assert_eq!(
                execute(&mut shard, request, now),
                execute(&mut model, request, now)
            );
        }
        prop_assert_eq!(shard.keyspace().digest(), model.keyspace().digest());
    }

    /// A savepoint takes back what came after it and keeps what came before.
    #[test]
    fn savepoints_nest(kept in requests(15), undone in requests(15)) {
        let (mut shard, mut model) = (shard(), shard());
        let now = Micros(START);
        let outer = shard.keyspace_mut().begin();
        for (request, _) in &kept {
            execute(&mut shard, request, now);
            execute(&mut model, request, now);
        }
        let inner = shard.keyspace_mut().begin();
        undone.iter().for_each(|(request, _)| drop(execute(&mut shard, request, now)));
        shard.keyspace_mut().roll_back(inner);
        shard.keyspace_mut().keep(outer);
        prop_assert_eq!(shard.keyspace().exact_digest(), model.keyspace().exact_digest());
    }

    /// The same through the front: a script that writes at random and then fails.
    #[test]
    fn a_script_that_fails_changes_nothing(before in requests(20), written in requests(20)) {
        let mut shard = shard();
        let now = Micros(START);
        before.iter().for_each(|(request, _)| drop(execute(&mut shard, request, now)));
        let digest = shard.keyspace().exact_digest();
        let len = shard.keyspace().effects().len();
        let lines = written.iter().map(|(request, _)| {
            let words: Vec<&[u8]> = request.args().iter_from(0).collect();
            words.join(&b'\n')
        });
        let head = [b"EVAL".to_vec(), SCRIPT_THAT_FAILS.into(), b"1".to_vec(), KEYS[0].into()];
        let eval = Request::of(head.into_iter().chain(lines));
        let reply = execute(&mut shard, &eval, now);
        prop_assert!(reply.starts_with(b"-ERR user_script:"), "{}", reply.escape_ascii());
        prop_assert_eq!(shard.keyspace().exact_digest(), digest);
        prop_assert_eq!(shard.keyspace().effects().len(), len);
    }

    /// A fault after any write of a script, however it goes about it: the state is what it was.
    #[test]
    fn a_fault_after_any_write_changes_nothing(before in requests(15), written in requests(12)) {
        let mut shard = shard();
        let now = Micros(START);
        before.iter().for_each(|(request, _)| drop(execute(&mut shard, request, now)));
        let digest = shard.keyspace().exact_digest();
        let counts = (shard.keyspace().len(), shard.keyspace().expiring());
        let effects = shard.keyspace().effects().len();
        let lines = written.iter().map(|(request, _)| {
            let words: Vec<&[u8]> = request.args().iter_from(0).collect();
            words.join(&b'\n')
        });
        let head = [b"EVAL".to_vec(), SCRIPT_OF_WRITES.into(), b"1".to_vec(), KEYS[0].into()];
        let eval = Request::of(head.into_iter().chain(lines));
        for fault in 1..=written.len() as u64 {
            shard.scripts_mut().inject_fault(Some(fault));
            let reply = execute(&mut shard, &eval, now);
            if reply == b"+done\r\n" {
                // Some of the writes were refused, so the fault was never reached.
                break;
            }
            let expected = b"-ERR injected fault script: ";
            prop_assert!(reply.starts_with(expected), "{}", reply.escape_ascii());
            prop_assert_eq!(shard.keyspace().exact_digest(), digest);
            prop_assert_eq!((shard.keyspace().len(), shard.keyspace().expiring()), counts);
            prop_assert_eq!(shard.keyspace().effects().len(), effects);
        }
    }
}
