//! Scripts that meet a limit, again and again: nothing is left behind, in the keyspace or in memory.
//!
//! Each limit is met 10 000 times (`SOAK_ROUNDS` says another number) after a warm-up, and the
//! process has to stay as large as it was.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::args::Args;
use protocol::slot::Slot;
use shard::commands::table::CommandId;
use shard::error::CommandError;
use shard::reply::Reply;
use shard::script::interrupt::{Control, Request};
use shard::script::{Limits, Services, SlotOwner, on_interrupt_signal};
use shard::testing::Rig;

/// Rounds before the size of the process is taken.
const WARM_UP: u32 = 1_000;

/// What the process may grow by afterwards, in bytes: the allocator's pages, not ours.
const GROWTH_MAX: usize = 3 << 20;

const LIMITS: Limits = Limits {
    time_ms: 5_000,
    memory_bytes: 4 << 20,
    undo_bytes: 4 << 10,
    reply_bytes: 4 << 10,
    script_bytes: 1_000,
    cross_slot_keys: false,
    denied: Vec::new(),
};

/// How a limit is met.
struct Case {
    name: &'static str,
    script: &'static str,
    /// How the reply begins.
    reply: &'static str,
    /// What else ends it: a request at the first touch of a key of no declared slot.
    request: Request,
}

const fn case(name: &'static str, script: &'static str, reply: &'static str) -> Case {
    Case { name, script, reply, request: Request::None }
}

const CASES: &[Case] = &[
    Case {
        request: Request::Timeout,
        ..case(
            "time",
            "redis.call('set', 'k', 'new') while true do pcall(error) end",
            "-TIMEOUT Script ran longer than 5000 ms",
        )
    },
    Case {
        request: Request::Kill,
        ..case(
            "time, in a coroutine and in an endless pattern",
            "coroutine.wrap(function() redis.call('del', 'k') \
             while true do pcall(string.find, ('a'):rep(500), '.-.-.-b') end end)()",
            "-ERR Script killed by user",
        )
    },
    case(
        "memory",
        "#!lua memory=32kb\nredis.call('append', 'k', 'x') local t = {} \
         while true do t[#t + 1] = {} end",
        "-OOM Script used more than 32768 bytes of memory",
    ),
    case(
        "memory, in one piece and caught",
        "redis.call('hset', 'h', 'f', 'v') pcall(string.rep, 'x', 1e8) return 1",
        "-OOM Script used more than 4194304 bytes of memory",
    ),
    case(
        "undo",
        "for i = 1, 1e9 do redis.call('hset', 'h', i, redis.call('incr', 'n')) end",
        "-OOM Script needed more than 4096 bytes of undo",
    ),
    case(
        "size of the reply",
        "redis.call('set', 'k', 'new') local t = {} for i = 1, 500 do t[i] = 'value' .. i end \
         return t",
        "-ERR Script replied more than 4096 bytes",
    ),
    case(
        "size of the reply, by what is in it",
        "redis.call('set', 'k', ('x'):rep(5000)) return redis.call('get', 'k')",
        "-ERR Script replied more than 4096 bytes",
    ),
    case(
        "depth of what cjson reads",
        "redis.call('del', 'h') return cjson.decode(('['):rep(1001) .. (']'):rep(1001))",
        "-ERR user_script:1: Found too many nested data structures",
    ),
    case(
        "depth of calls",
        "redis.call('set', 'k', 'new') local function f(...) return #{f(1, 2, ...)} end \
         return f(unpack({}, 1, 900))",
        "-ERR user_script:1: stack overflow",
    ),
    case(
        "results at once",
        "redis.call('set', 'k', 'new') return unpack({}, 1, 1e8)",
        "-ERR user_script:1: too many results to unpack",
    ),
    case("an error", "redis.call('set', 'k', 'new') error({err = 'MY own'})", "-MY own"),
    case("giving up", "redis.call('set', 'k', 'new') redis.rollback('MY own')", "-MY own"),
];

/// What ends a script at its first touch of a key.
struct Stopper {
    control: Arc<Control>,
    request: Rc<Cell<Request>>,
}

impl Services for Stopper {
    fn answer(&self, _: CommandId, _: Args<'_>, _: &mut Reply<'_>) -> Result<(), CommandError> {
        Ok(())
    }

    fn attend(&self, _: Option<Args<'_>>) {}

    fn owner(&self, _: Slot) -> SlotOwner {
        if let (Request::Kill | Request::Timeout, Some(run)) =
            (self.request.get(), self.control.running())
        {
            self.control.ask(run, self.request.get());
            on_interrupt_signal();
        }
        SlotOwner::Here
    }

    fn ticks(&self) -> u64 {
        0
    }

    fn between(&self, _: u64, _: u64) -> Duration {
        Duration::ZERO
    }

    fn libraries_changed(&self) {}
}

/// Resident memory of the process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux shows it");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("the second number") * 4096
}

fn rounds() -> u32 {
    std::env::var("SOAK_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10_000)
}

/// A shard with a few keys, and what ends its scripts.
fn rig() -> (Rig, Rc<Cell<Request>>) {
    let mut rig = Rig::new().once();
    rig.check("SET {t}k value PX 100000", "+OK");
    rig.check("HSET {t}h f 1 g 2", ":2");
    rig.check("SET {t}n 7", "+OK");
    let request = Rc::new(Cell::new(Request::None));
    let scripts = rig.shard().scripts_mut();
    let control = scripts.control().clone();
    scripts.set_services(Rc::new(Stopper { control, request: request.clone() }));
    scripts.configure(LIMITS);
    (rig, request)
}

/// Runs one thing often; nothing may change.
fn soak(rig: &mut Rig, name: &str, rounds: u32, mut round: impl FnMut(&mut Rig)) {
    let warm_up = WARM_UP.min(rounds);
    let digest = rig.shard().keyspace().exact_digest();
    let (mut before, started) = (0, Instant::now());
    for number in 0..warm_up + rounds {
        if number == warm_up {
            before = resident();
        }
        round(rig);
        if number % 1_000 == 0 {
            assert_eq!(rig.shard().keyspace().exact_digest(), digest, "{name}, round {number}");
        }
    }
    assert_eq!(rig.shard().keyspace().exact_digest(), digest, "{name}");
    let growth = resident().saturating_sub(before);
    eprintln!("{name}: {growth} bytes more, {:?}", started.elapsed());
    assert!(growth <= GROWTH_MAX, "{name}: the process has grown by {growth} bytes");
}

#[test]
fn limits_that_are_met_leave_nothing_behind() {
    let (mut rig, request) = rig();
    for case in CASES {
        request.set(case.request);
        let script = case.script.replace("'k'", "'{t}k'").replace("'h'", "'{t}h'");
        let script = script.replace("'n'", "'{t}n'");
        soak(&mut rig, case.name, rounds(), |rig| {
            let reply = rig.run_parts(&["EVAL", &script, "0"]);
            assert!(reply.starts_with(case.reply), "{}: {reply}", case.name);
        });
        request.set(Request::None);
        rig.check("EVAL 'return redis.call(\"get\", KEYS[1])' 1 {t}k", "$value");
    }
    // Each takes milliseconds.
    soak(&mut rig, "depth of coroutines", rounds() / 200, |rig| {
        let script = "redis.call('set', '{t}k', 'new') \
                      local f f = function() return coroutine.wrap(f)() end f()";
        let reply = rig.run_parts(&["EVAL", script, "0"]);
        assert!(reply.contains("C stack overflow"), "{reply}");
    });
    let mut number = 0;
    soak(&mut rig, "size of the script", rounds(), |rig| {
        number += 1;
        let script = format!("return {number} --{}", "x".repeat(1_000));
        let reply = rig.run_parts(&["EVAL", &script, "0"]);
        assert_eq!(reply, "-ERR Script is larger than 1000 bytes");
    });
}
