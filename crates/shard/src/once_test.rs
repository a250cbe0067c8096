//! What is sent twice runs once.

use proptest::prelude::*;
use protocol::args::Request;
use protocol::encode::Version;
use protocol::slot::Slot;

use super::*;
use crate::keyspace::{Caller, Keyspace, Snapshot};
use crate::script::ScriptEngine;
use crate::testing::table;

const START: Micros = Micros(1_700_000_000_000_000);

fn shard() -> Shard {
    let mut keyspace = Keyspace::new(0, 16384, 1);
    keyspace.record_effects(true);
    Shard::new(keyspace, ScriptEngine::default(), table())
}

fn named(line: &[&str], id: &str, request: u64) -> Queued {
    let request_of = Request::of(line);
    Queued {
        id: table().resolve(request_of.args()).expect("a command"),
        request: request_of,
        slot: Some(Slot::of_key(b"{k}")),
        caller: Caller::default(),
        once: Some(std::sync::Arc::new(Once {
            id: id.as_bytes().into(),
            request,
            window_ms: 1000,
        })),
    }
}

fn send_at(shard: &mut Shard, queued: &Queued, now: Micros, version: Version) -> String {
    let mut out = Vec::new();
    let outcome = shard.attempt_queued(queued, now, &mut Reply::resp(&mut out, version));
    assert_eq!(outcome == Outcome::Blocked, out.is_empty());
    String::from_utf8_lossy(&out).trim_end().to_owned()
}

fn send(shard: &mut Shard, queued: &Queued) -> String {
    send_at(shard, queued, START, Version::Resp2)
}

#[test]
fn the_second_time_nothing_runs() {
    let mut shard = shard();
    let increment = named(&["INCR", "{k}"], "a", 1);
    assert_eq!(send(&mut shard, &increment), ":1");
    let effects = shard.keyspace_mut().take_effects();
    assert_eq!(send(&mut shard, &increment), ":1");
    assert!(shard.keyspace().effects().is_empty());
    assert_eq!(send(&mut shard, &named(&["INCR", "{k}"], "b", 1)), ":2");
    let mut replica = Keyspace::new(0, 16384, 2);
    replica.replay(&effects).expect("own effects");
    let mut replica = Shard::new(replica, ScriptEngine::default(), table());
    assert_eq!(send(&mut replica, &increment), ":1");
    assert_eq!(send(&mut replica, &named(&["GET", "{k}"], "c", 2)), "$1\r\n1");
}

#[test]
fn what_ended_in_an_error_may_run_again() {
    let mut shard = shard();
    send(&mut shard, &named(&["SET", "{k}", "x"], "a", 1));
    let increment = named(&["INCR", "{k}"], "b", 2);
    assert!(send(&mut shard, &increment).starts_with("-ERR value is not an integer"));
    send(&mut shard, &named(&["SET", "{k}", "1"], "c", 3));
    assert_eq!(send(&mut shard, &increment), ":2");
    assert_eq!(send(&mut shard, &increment), ":2");
}

#[test]
fn a_script_that_fails_may_run_again_and_one_that_returns_an_error_not() {
    let mut shard = shard();
    let fails =
        "redis.call('INCR', KEYS[1]) if redis.call('EXISTS', '{k}go') == 0 then error('x') end";
    let fails = named(&["EVAL", fails, "1", "{k}n"], "a", 1);
    assert!(send(&mut shard, &fails).starts_with('-'));
    send(&mut shard, &named(&["SET", "{k}go", "1"], "b", 2));
    assert_eq!(send(&mut shard, &fails), "$-1");
    assert_eq!(send(&mut shard, &fails), "$-1");
    assert_eq!(send(&mut shard, &named(&["GET", "{k}n"], "c", 3)), "$1\r\n1");
    let returns = "redis.call('INCR', KEYS[1]) return {err = 'NO stock'}";
    let returns = named(&["EVAL", returns, "1", "{k}n"], "d", 4);
    assert_eq!(send(&mut shard, &returns), "-NO stock");
    assert_eq!(send(&mut shard, &returns), "-NO stock");
    assert_eq!(send(&mut shard, &named(&["GET", "{k}n"], "e", 5)), "$1\r\n2");
}

#[test]
fn another_request_or_version_is_told_so() {
    let mut shard = shard();
    assert_eq!(send(&mut shard, &named(&["SET", "{k}", "1"], "a", 1)), "+OK");
    let other = send(&mut shard, &named(&["SET", "{k}", "2"], "a", 2));
    assert_eq!(other, "-ERR this idempotency id is that of another request");
    let again = named(&["SET", "{k}", "1"], "a", 1);
    let other = send_at(&mut shard, &again, START, Version::Resp3);
    assert!(other.starts_with("-ERR the request has run"), "{other}");
    assert_eq!(send(&mut shard, &named(&["GET", "{k}"], "b", 3)), "$1\r\n1");
}

#[test]
fn after_the_window_it_is_another_request() {
    let mut shard = shard();
    let increment = named(&["INCR", "{k}"], "a", 1);
    send(&mut shard, &increment);
    let last = Micros(START.0 + 999_000);
    assert_eq!(send_at(&mut shard, &increment, last, Version::Resp2), ":1");
    let after = Micros(START.0 + 1_000_000);
    assert_eq!(send_at(&mut shard, &increment, after, Version::Resp2), ":2");
    assert_eq!(shard.keyspace().kept_replies().0, 1);
    shard.keyspace_mut().enter(Micros(after.0 + 1_000_000), None);
    assert_eq!(shard.keyspace_mut().forget_replies(10), 1);
    assert_eq!(shard.keyspace().kept_replies(), (0, 0));
}

#[test]
fn what_finds_no_room_has_not_run() {
    let mut shard = shard();
    let mut settings = *shard.keyspace().settings();
    settings.kept_replies_memory_max = 2000;
    shard.keyspace_mut().configure(settings);
    send(&mut shard, &Queued { once: None, ..named(&["SETRANGE", "{k}", "4999", "x"], "", 0) });
    shard.keyspace_mut().take_effects();
    // Its reply is too large, which shows only afterwards.
    let text = send(&mut shard, &named(&["GETDEL", "{k}"], "a", 1));
    assert!(text.starts_with("-OOM 'idempotency-memory-limit'"), "{text}");
    assert!(shard.keyspace().effects().is_empty());
    assert_eq!(send(&mut shard, &named(&["STRLEN", "{k}"], "b", 2)), ":5000");
    // Many small ones fill it up; then there is room again when they are kept no longer.
    let mut refused = 0;
    for n in 0..20 {
        let increment = named(&["INCR", "{k}n"], &format!("id{n}"), n);
        refused += usize::from(send(&mut shard, &increment).starts_with("-OOM"));
    }
    assert!((5..20).contains(&refused), "{refused}");
    let later = Micros(START.0 + 2_000_000);
    let increment = named(&["INCR", "{k}n"], "late", 7);
    let reply = send_at(&mut shard, &increment, later, Version::Resp2);
    assert_eq!(reply, format!(":{}", 21 - refused));
}

#[test]
fn a_pop_that_waits_takes_once() {
    let mut shard = shard();
    let pop = named(&["BLPOP", "{k}", "0"], "a", 1);
    assert_eq!(send(&mut shard, &pop), "");
    send(&mut shard, &named(&["RPUSH", "{k}", "x", "y"], "b", 2));
    let popped = send(&mut shard, &pop);
    assert!(popped.ends_with("\r\nx"), "{popped}");
    assert_eq!(send(&mut shard, &pop), popped);
    assert_eq!(send(&mut shard, &named(&["LLEN", "{k}"], "c", 3)), ":1");
}

proptest! {
    /// Whatever is sent how often, in whatever order, and whenever the log is cut and replayed: each
    /// runs once. A snapshot that is taken meanwhile has it all.
    #[test]
    fn each_runs_once(
        sends in proptest::collection::vec((0u64..30, any::<bool>()), 1..120),
        steps in proptest::collection::vec(1usize..200, 0..40),
    ) {
        let mut shard = shard();
        let mut snapshot = Snapshot::default();
        let (mut written, mut steps) = (Vec::new(), steps.into_iter());
        let (mut seen, mut more) = (std::collections::BTreeMap::new(), true);
        for (n, restarts) in sends {
            let increment = named(&["INCR", "{k}"], &n.to_string(), n);
            let reply = send(&mut shard, &increment);
            let count = seen.len() + 1;
            let first = seen.entry(n).or_insert_with(|| format!(":{count}"));
            prop_assert_eq!(&reply, first);
            let effects = shard.keyspace_mut().take_effects();
            shard.keyspace().follow(&mut snapshot, &effects, &mut written).expect("own effects");
            if more && restarts && let Some(most) = steps.next() {
                more = shard.keyspace().snapshot_step(&mut snapshot, &mut written, most);
            }
        }
        while more {
            more = shard.keyspace().snapshot_step(&mut snapshot, &mut written, 50);
        }
        let mut restored = Keyspace::new(0, 16384, 2);
        restored.replay(&written).expect("own effects");
        let mut restored = Shard::new(restored, ScriptEngine::default(), table());
        for (n, reply) in seen {
            let increment = named(&["INCR", "{k}"], &n.to_string(), n);
            prop_assert_eq!(send(&mut restored, &increment), reply);
        }
    }
}
