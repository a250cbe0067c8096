//! Tests of runs: what is kept, what is rolled back, and which limits there are.

use crate::script::limits::Limits;
use crate::script::sha::Sha;
use crate::script::{Reason, ScriptStats};
use crate::testing::Rig;

/// Runs a script with the key `{t}k` and returns its reply, the script's name replaced.
fn eval(rig: &mut Rig, script: &str) -> String {
    let reply = rig.run_parts(&["EVAL", script, "1", "{t}k"]);
    reply.replace(&Sha::of(script.as_bytes()).hex(), "<sha>")
}

#[track_caller]
fn check(rig: &mut Rig, script: &str, reply: &str) {
    assert_eq!(eval(rig, script), reply, "{script}");
}

fn stats(rig: &mut Rig, script: &str) -> ScriptStats {
    let sha = Sha::of(script.as_bytes()).hex();
    let engine = rig.shard().scripts();
    let found = engine.stats().find(|(known, _)| *known == sha);
    found.expect("the script has run").1.clone()
}

fn limited(limits: Limits) -> Rig {
    let mut rig = Rig::new();
    rig.shard().scripts_mut().configure(limits);
    rig
}

#[test]
fn atomic_takes_back_what_its_function_did() {
    let mut rig = Rig::new();
    let script = "redis.call('set', '{t}a', 1)
        local ok, err = redis.atomic(function()
          redis.call('set', '{t}a', 2)
          redis.call('hset', '{t}h', 'f', 'v')
          error('no')
        end)
        return {tostring(ok), err, redis.call('get', '{t}a'), redis.call('exists', '{t}h')}";
    check(&mut rig, script, "[$false $user_script:5: no $1 :0]");
    rig.check("GET {t}a", "$1");
}

#[test]
fn atomic_keeps_what_a_function_did_that_returned() {
    let mut rig = Rig::new();
    let script = "local ok, sum, name = redis.atomic(function(a, b)
          redis.call('set', '{t}a', a + b)
          return a + b, 'sum'
        end, 3, 4)
        return {tostring(ok), sum, name}";
    check(&mut rig, script, "[$true :7 $sum]");
    rig.check("GET {t}a", "$7");
}

#[test]
fn atomic_nests() {
    let mut rig = Rig::new();
    let script = "redis.atomic(function()
          redis.call('set', '{t}a', 'outer')
          redis.atomic(function() redis.call('set', '{t}b', 'inner') error('x') end)
          redis.atomic(function() redis.call('set', '{t}c', 'kept') end)
        end)
        redis.atomic(function()
          redis.atomic(function() redis.call('set', '{t}d', 'gone') end)
          error({err = 'MY error'})
        end)
        return redis.call('mget', '{t}a', '{t}b', '{t}c', '{t}d')";
    check(&mut rig, script, "[$outer _ $kept _]");
}

#[test]
fn atomic_gives_errors_as_pcall_does() {
    let mut rig = Rig::new();
    check(&mut rig, "return {redis.atomic(error, {err='E x'})}", "[_ $E x]");
    check(&mut rig, "return select(2, redis.atomic(error, {err='E x'}))", "$E x");
    check(
        &mut rig,
        "return select(2, redis.atomic(redis.call, 'nope'))",
        "$ERR Unknown Redis command called from script",
    );
    check(&mut rig, "return tostring(redis.atomic(nil))", "$false");
}

#[test]
fn an_error_after_atomic_takes_everything_back() {
    let mut rig = Rig::new();
    let script = "redis.atomic(redis.call, 'set', '{t}a', 1) error('late')";
    check(&mut rig, script, "-ERR user_script:1: late script: <sha>, on @user_script:1.");
    rig.check("EXISTS {t}a", ":0");
}

#[test]
fn savepoints_of_coroutines_that_cross_end_the_script() {
    let mut rig = Rig::new();
    let script = "local function work(name)
          redis.atomic(function()
            redis.call('set', name, 1)
            coroutine.yield()
          end)
        end
        local a, b = coroutine.wrap(work), coroutine.wrap(work)
        a('{t}a') b('{t}b') pcall(a) pcall(b)
        return 'done'";
    check(&mut rig, script, "-ERR redis.atomic calls of coroutines do not end in order");
    rig.check("EXISTS {t}a {t}b", ":0");
}

#[test]
fn rollback_ends_the_script_and_cannot_be_caught() {
    let mut rig = Rig::new();
    let script = |call: &str| {
        format!("redis.call('set', '{{t}}a', 1) pcall(function() {call} end) return 'went on'")
    };
    for (call, reply) in [
        ("redis.rollback('no stock')", "-no stock"),
        ("redis.rollback('STOCK is low')", "-STOCK is low"),
        ("redis.rollback('broke')", "-ERR broke"),
        ("redis.rollback(redis.error_reply('MY reason'))", "-MY reason"),
        ("redis.rollback()", "-ERR Script was rolled back by redis.rollback"),
    ] {
        check(&mut rig, &script(call), reply);
        rig.check("EXISTS {t}a", ":0");
    }
    assert_eq!(
        stats(&mut rig, &script("redis.rollback()")).rolled_back[Reason::GaveUp as usize],
        1
    );
    check(&mut rig, "return 'fine'", "$fine");
}

#[test]
fn multi_is_a_transaction_inside() {
    let mut rig = Rig::new();
    let script = "redis.call('watch', KEYS[1])
        local m = redis.call('multi')
        local q = redis.call('set', '{t}a', 1)
        redis.call('incr', '{t}a')
        local before = redis.call('exec')
        redis.call('multi') redis.call('set', '{t}a', 9) redis.call('discard')
        redis.call('unwatch')
        return {m, q, before, redis.call('get', '{t}a')}";
    check(&mut rig, script, "[+OK +QUEUED [+OK :2] $2]");
    let refused = "redis.call('multi')
        redis.call('set', '{t}a', 5)
        redis.pcall('nope')
        redis.pcall('subscribe', 'x')
        local err = redis.pcall('exec').err
        return {err, redis.call('get', '{t}a')}";
    let text = "$EXECABORT Transaction discarded because of previous errors.";
    check(&mut rig, refused, &format!("[{text} $2]"));
    check(&mut rig, "return redis.pcall('exec')", "-ERR EXEC without MULTI");
}

#[test]
fn a_returned_error_keeps_the_writes_unless_the_script_says_otherwise() {
    let mut rig = Rig::new();
    let body = "redis.call('set', '{t}a', 1) return redis.error_reply('MY no')";
    check(&mut rig, body, "-MY no");
    rig.check("GET {t}a", "$1");
    rig.check("DEL {t}a", ":1");
    let strict = format!("#!lua flags=rollback-on-error-reply\n{body}");
    check(&mut rig, &strict, "-MY no");
    rig.check("EXISTS {t}a", ":0");
    let of_both = [stats(&mut rig, body), stats(&mut rig, &strict)];
    assert_eq!(of_both[0].error_replies, 1);
    assert_eq!(of_both[1].rolled_back[Reason::ErrorReply as usize], 1);
    assert_eq!(of_both[1].last_error, "MY no");
    let fine = "#!lua flags=rollback-on-error-reply\nreturn redis.call('set', '{t}a', 1)";
    check(&mut rig, fine, "+OK");
    rig.check("GET {t}a", "$1");
}

#[test]
fn undeclared_keys_are_refused_by_name_when_asked_for() {
    let mut rig = Rig::new();
    let strict = "#!lua flags=declared-keys\n\
        redis.call('set', KEYS[1], 1) return redis.call('set', '{t}other', 1)";
    check(
        &mut rig,
        strict,
        "-ERR Script attempted to access the undeclared key '{t}other' script: <sha>, on \
         @user_script:2.",
    );
    rig.check("EXISTS {t}k {t}other", ":0");
    check(&mut rig, "#!lua flags=declared-keys\nreturn redis.call('set', KEYS[1], 1)", "+OK");
}

#[test]
fn the_undo_log_has_a_limit() {
    let mut rig = limited(Limits { undo_bytes: 64 << 10, ..Limits::default() });
    let script = |count: usize| {
        format!("for n = 1, {count} do redis.call('set', '{{t}}' .. n, ('x'):rep(100)) end")
    };
    check(&mut rig, &script(10), "_");
    rig.check("DBSIZE", ":10");
    let text = "-OOM Script needed more than 65536 bytes of undo and was rolled back. script: \
                <sha>, on @user_script:1.";
    check(&mut rig, &script(5000), text);
    rig.check("DBSIZE", ":10");
    let caught = "for n = 1, 5000 do redis.pcall('set', '{t}' .. n, 1) end return 'survived'";
    check(&mut rig, caught, text);
    rig.check("DBSIZE", ":10");
    let stats = stats(&mut rig, caught);
    assert_eq!(stats.rolled_back[Reason::Undo as usize], 1);
    assert!(stats.undo_bytes_max > 64 << 10 && stats.undo_bytes_max < 128 << 10);
}

#[test]
fn a_reply_has_a_limit() {
    let mut rig = limited(Limits { reply_bytes: 10_000, ..Limits::default() });
    check(&mut rig, "return #('x'):rep(9000)", ":9000");
    let text = "-ERR Script replied more than 10000 bytes and was rolled back.";
    for value in [
        "('x'):rep(20000)",
        "(function() local t = {} for n = 1, 9000 do t[n] = n end return t end)()",
        // Few tables, and exponentially many values.
        "(function() local t = {1} for n = 1, 60 do t = {t, t} end return t end)()",
        "(function() local t = {1} for n = 1, 60 do t = {map = {t, t}} end return t end)()",
        "(function() local s = ('x'):rep(6000) return {ok = s, set = {}}, {s, s} end)()",
    ] {
        let script = format!("redis.call('set', '{{t}}a', 1) return {value}");
        let reply = eval(&mut rig, &script);
        if value.contains("ok = s") {
            assert!(reply.starts_with("+xxx"), "{value}");
            rig.check("DEL {t}a", ":1");
        } else {
            assert_eq!(reply, text, "{value}");
            rig.check("EXISTS {t}a", ":0");
        }
    }
}

#[test]
fn a_script_has_a_greatest_size() {
    let mut rig = limited(Limits { script_bytes: 1000, ..Limits::default() });
    let large = format!("return 1 --{}", "x".repeat(1000));
    check(&mut rig, &large, "-ERR Script is larger than 1000 bytes");
    let load = rig.run_parts(&["SCRIPT", "LOAD", &large]);
    assert_eq!(load, "-ERR Script is larger than 1000 bytes");
    assert!(rig.shard().scripts().store().is_empty());
    check(&mut rig, "return 1", ":1");
}

#[test]
fn a_script_can_limit_its_own_memory() {
    let mut rig = Rig::new();
    let body = "local t = {} for n = 1, 200000 do t[n] = 'text ' .. n end return #t";
    check(&mut rig, body, ":200000");
    let reply = eval(&mut rig, &format!("#!lua memory=1mb\n{body}"));
    let text = "-OOM Script used more than 1048576 bytes of memory and was rolled back.";
    assert!(reply.starts_with(text), "{reply}");
    check(&mut rig, body, ":200000");
}

#[test]
fn a_reply_that_fills_the_memory_is_cut() {
    let mut rig = limited(Limits { memory_bytes: 8 << 20, ..Limits::default() });
    rig.check("HSET {t}h field value", ":1");
    let script = "redis.call('set', '{t}a', 1)
        return #redis.call('hrandfield', '{t}h', -16000000)";
    let reply = eval(&mut rig, script);
    assert!(reply.starts_with("-OOM Script used more than 8388608 bytes"), "{reply}");
    rig.check("EXISTS {t}a", ":0");
    let caught = script.replace("redis.call('hrandfield'", "redis.pcall('hrandfield'");
    assert!(eval(&mut rig, &caught).starts_with("-OOM"), "{reply}");
    check(&mut rig, "return #redis.call('hrandfield', '{t}h', -1000)", ":1000");
    rig.check("HRANDFIELD {t}h -16777217", "-ERR value is out of range");
}

#[test]
fn figures_of_a_script() {
    let mut rig = Rig::new();
    let script = "for n = 1, 5 do redis.call('set', '{t}a', n) end
        if redis.call('get', '{t}a') == '5' and KEYS[1] == '{t}x' then error('bad') end";
    (0..3).for_each(|_| drop(eval(&mut rig, script)));
    rig.run_parts(&["EVAL", script, "1", "{t}x"]);
    let stats = stats(&mut rig, script);
    assert_eq!((stats.calls, stats.commands, stats.all_rolled_back()), (4, 24, 1));
    assert!(stats.undo_bytes_max > 0 && stats.memory_bytes_max > 0);
    assert!(stats.last_error.starts_with("ERR user_script:2: bad"), "{}", stats.last_error);
}

#[test]
fn an_injected_fault_strikes_where_it_is_told_to() {
    let mut rig = Rig::new();
    let script = "redis.call('set', '{t}a', 1) redis.call('get', '{t}a')
        redis.call('hset', '{t}h', 'f', 1) return 'end'";
    for (writes, line) in [(1, 1), (2, 2)] {
        rig.shard().scripts_mut().inject_fault(Some(writes));
        let text = format!("-ERR injected fault script: <sha>, on @user_script:{line}.");
        check(&mut rig, script, &text);
        rig.check("EXISTS {t}a {t}h", ":0");
    }
    rig.shard().scripts_mut().inject_fault(Some(3));
    check(&mut rig, script, "$end");
}
