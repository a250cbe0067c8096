//! Tests of `string` through scripts: what Redis replies, what differs, limits, being stopped.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use protocol::args::Args;
use protocol::slot::Slot;

use crate::commands::table::CommandId;
use crate::error::CommandError;
use crate::reply::Reply;
use crate::script::interrupt::{Control, Request, Run};
use crate::script::lib::tests::check_golden;
use crate::script::{Limits, Services, SlotOwner};
use crate::testing::Rig;

fn eval(rig: &mut Rig, script: &str) -> String {
    rig.run_parts(&["EVAL", script, "0"])
}

#[track_caller]
fn check(script: &str, reply: &str) {
    assert_eq!(eval(&mut Rig::new(), script), reply, "{script}");
}

#[test]
fn replies_are_those_of_redis() {
    check_golden(include_str!("golden.txt"));
}

/// What differs from Redis, as docs/DIFFERENCES.md has it.
#[test]
fn what_differs_from_redis() {
    // Redis: a pattern ends at its first zero.
    check("return string.match('a\\0b', 'a\\0b')", "$a\\x00b");
    check("return {string.gsub('a\\0b', '\\0', '-')}", "[$a-b :1]");
    check("return {string.find('.a\\0b', 'a\\0.')}", "[:2 :4]");
    // Redis: no bound but the stack of C.
    let deep = "local ok, err = pcall(string.find, ('a'):rep(300), ('a?'):rep(300)) return err";
    check(deep, "$pattern too complex");
    // Redis: the name that the caller uses.
    let renamed = "local f = string.rep local ok, err = pcall(function() local r = f('x') end) \
                   return err";
    check(renamed, "$user_script:1: bad argument #2 to \\'rep\\' (number expected, got no value)");
    // Redis: attempt to yield across metamethod/C-call boundary.
    let yields = "local co = coroutine.wrap(function() \
                  return (string.gsub('abc', '%w', function(c) return coroutine.yield(c) end)) \
                  end) \
                  return {co(), co('1'), co('2'), co('3')}";
    check(yields, "[$a $b $c $123]");
    // Redis: C stack overflow.
    let nested = "local function f(n) return n == 0 and 'x' or \
                  (string.gsub('a', 'a', function() return f(n - 1) end)) end return f(1000)";
    check(nested, "$x");
}

#[test]
fn replacements_may_be_proxies_and_nest() {
    check("return (string.gsub('pi x', '%w+', {pi = math.pi}))", "$3.1415926535898 x");
    let proxy = "local ok, err = pcall(string.gsub, 'find', '%w+', string) return err";
    check(proxy, "$invalid replacement value (a function)");
    let nested = "local function f(s, n) return (s:gsub('%w', function(c) \
                  return n > 0 and f(c .. c, n - 1) end)) end return f('ab', 3)";
    check(nested, "$aaaaaaaabbbbbbbb");
    let failing = "redis.call('set', '{t}a', 1) \
                   return (string.gsub('abc', '.', function(c) redis.call('incr', 'b') end))";
    let mut rig = Rig::new();
    assert!(eval(&mut rig, failing).contains("do not hash to the same slot"));
    rig.check("EXISTS {t}a", ":0");
}

#[test]
fn a_loop_that_is_over_stays_over() {
    let script = "local f = ('ab'):gmatch('.') \
                  local r = {f(), f(), tostring((f()))} \
                  local g = ('xyz'):gmatch('.') \
                  r[4], r[5], r[6], r[7] = g(), tostring((f())), g(), g() \
                  r[8], r[9], r[10] = tostring((g())), tostring((f())), tostring((g())) \
                  return r";
    check(script, "[$a $b $nil $x $nil $y $z $nil $nil $nil]");
    let nested = "local n = 0 for i = 1, 3 do for a in ('a b c'):gmatch('%a') do \
                  for b, c in ('xy zw'):gmatch('(%a)(%a)') do n = n + #a + #b + #c \
                  if i == 2 then break end end end end return n";
    check(nested, ":45");
}

#[test]
fn the_line_of_an_error_is_the_scripts() {
    let mut rig = Rig::new();
    for (script, line) in [
        ("\n\nlocal x = string.find('a', '[')", 3),
        ("\nlocal f = function() local r = ('a'):gsub('[', f) end\n\nf()", 2),
        ("\nlocal r = ('a'):gsub('a', function()\nerror('x') end)", 3),
        ("\nlocal r = ('a'):gsub('a', function() return {} end)", 2),
        ("\nfor w in ('a'):gmatch('%') do\nend", 2),
        ("\nlocal s = string.format('%d')", 2),
    ] {
        let reply = eval(&mut rig, script);
        assert!(reply.starts_with(&format!("-ERR user_script:{line}: ")), "{script}: {reply}");
        assert!(reply.ends_with(&format!("@user_script:{line}.")), "{script}: {reply}");
    }
}

#[test]
fn results_stay_within_the_memory_limit() {
    let mut rig = Rig::new().once();
    let limits = Limits { memory_bytes: 16 << 20, ..Limits::default() };
    rig.shard().scripts_mut().configure(limits);
    let million = "local s = string.rep('a', 1e6) ";
    for script in [
        "return #string.rep('x', 2^30)",
        "return #string.rep('xyz', 2^31 - 1)",
        &format!("{million} return #s:gsub('a', s)"),
        &format!("{million} return #s:gsub('a', '%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0')"),
        &format!("{million} return #s:gsub('a', {{a = s}})"),
        &format!("{million} return #s:gsub('a', function() return s end)"),
        &format!(
            "{million} return #string.format(string.rep('%s', 30), unpack({{s, s, s, s, s, \
                  s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s}}))"
        ),
        "local s = string.rep('\\0', 5e6) return #string.format('%q', s)",
        "while true do pcall(string.rep, 'x', 2^30) end",
    ] {
        let reply = eval(&mut rig, script);
        assert!(reply.starts_with("-OOM Script used more than 16777216"), "{script}: {reply}");
        assert_eq!(eval(&mut rig, "return 1"), ":1");
    }
    let used = rig.shard().scripts().memory_used();
    assert!(used < 4 << 20, "{used}");
}

/// Scripts each of which is for a long time in one call.
const LONG: &[&str] = &[
    "return string.find(string.rep('a', 200000), string.rep('a?', 30) .. 'b')",
    "return (('a'):rep(100000)):match('.-.-.-.-b')",
    "return ('a'):rep(5000):find(('a-'):rep(4) .. 'b')",
    "return (('a'):rep(100000)):gsub('.-.-.-b', '')",
    "return (('a'):rep(100000)):gsub('.-.-.-b', {})",
    "return (('a'):rep(100000)):gsub('.-.-.-b', function() end)",
    "for w in (('a'):rep(100000)):gmatch('.-.-.-b') do end",
    "return (('('):rep(300000)):match('%b()')",
    "return (('ab'):rep(50000)):match('(a.-)%1%1b%1')",
    "return (('a'):rep(3e7)):find(('a'):rep(1e7) .. 'b', 1, true)",
    "pcall(string.match, ('a'):rep(100000), '.-.-.-.-b') while true do end",
];

/// Runs a script while another thread watches it, and says how long it took.
fn run_watched(rig: &mut Rig, script: &str, watch: impl FnOnce(&Control, Run) + Send) -> Duration {
    let control = rig.shard().scripts().control().clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let run = loop {
                match control.running() {
                    Some(run) => break run,
                    None => std::thread::yield_now(),
                }
            };
            watch(&control, run);
        });
        let start = Instant::now();
        let reply = eval(rig, script);
        let killed = "-ERR Script killed by user with SCRIPT KILL...";
        assert!(reply.starts_with(killed), "{script}: {reply}");
        start.elapsed()
    })
}

#[test]
fn a_kill_ends_what_works_for_long() {
    let mut rig = Rig::new().once();
    for script in LONG {
        let took = run_watched(&mut rig, script, |control, run| {
            // Long enough to be within the call.
            std::thread::sleep(Duration::from_millis(100));
            control.ask(run, Request::Kill);
        });
        assert!(took < Duration::from_secs(2), "{script}: {took:?}");
    }
}

/// Counts how often it is asked to look after the sockets.
struct Attended(Arc<AtomicUsize>);

impl Services for Attended {
    fn answer(&self, _: CommandId, _: Args<'_>, _: &mut Reply<'_>) -> Result<(), CommandError> {
        Err(CommandError::Text("ERR nothing is answered here"))
    }

    fn attend(&self, _: Option<Args<'_>>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn owner(&self, _: Slot) -> SlotOwner {
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

#[test]
fn sockets_are_looked_after_meanwhile() {
    let mut rig = Rig::new().once();
    let count = Arc::new(AtomicUsize::new(0));
    rig.shard().scripts_mut().set_services(Rc::new(Attended(count.clone())));
    run_watched(&mut rig, LONG[0], |control, run| {
        let start = Instant::now();
        let times = || count.load(Ordering::Acquire);
        while times() < 3 && start.elapsed() < Duration::from_secs(20) {
            control.ask(run, Request::Attend);
            std::thread::yield_now();
        }
        control.ask(run, Request::Kill);
    });
    assert!(count.load(Ordering::Acquire) >= 3);
}
