//! Tests that nothing a script makes is there for the next one: values, tables, settings, memory.

use crate::script::limits::Limits;
use crate::script::sandbox_test::{eval, list};
use crate::testing::Rig;

#[track_caller]
fn check(rig: &mut Rig, script: &str, reply: &str) {
    assert_eq!(eval(rig, script, &[]), reply, "{script}");
}

/// What one script may try to leave, where a later one would find it, and what that finds.
const LEAVINGS: &[(&str, &str, &str)] = &[
    ("pcall(rawset, _G, 'left', 1)", "return rawget(_G, 'left') == nil", ":1"),
    ("pcall(function() left = 1 end)", "return rawget(_G, 'left') == nil", ":1"),
    ("pcall(rawset, string, 'left', 1)", "return string.left == nil", ":1"),
    ("pcall(function() getmetatable('').left = 1 end)", "return ('').left == nil", ":1"),
    ("pcall(function() redis.call = nil end)", "return type(redis.call)", "$function"),
    ("KEYS.left = 1 ARGV.left = 1", "return {KEYS.left == nil, ARGV.left == nil}", "[:1 :1]"),
    ("KEYS[1] = 1 ARGV[1] = 1", "return {#KEYS, #ARGV, KEYS[1] == nil}", "[:0 :0 :1]"),
    ("KEYS[0] = 1 ARGV[0] = 1", "return {KEYS[0] == nil, ARGV[0] == nil}", "[:1 :1]"),
    ("KEYS[-1] = 1 KEYS[1.5] = 1", "return {KEYS[-1] == nil, KEYS[1.5] == nil}", "[:1 :1]"),
    ("KEYS[7] = 1 ARGV[7] = 1", "return {KEYS[7] == nil, ARGV[7] == nil}", "[:1 :1]"),
    (
        "setmetatable(KEYS, {__index = function() return 'left' end})",
        "return {KEYS[1] == nil, getmetatable(KEYS) == nil}",
        "[:1 :1]",
    ),
    (
        "setmetatable(ARGV, {__newindex = function() end, __metatable = false})",
        "ARGV[5] = 'x' return {ARGV[5], getmetatable(ARGV) == nil}",
        "[$x :1]",
    ),
    ("setmetatable(KEYS, {__mode = 'kv'})", "return getmetatable(KEYS) == nil", ":1"),
    // A coroutine that holds the table is itself held by nothing but the table.
    (
        "local keys = KEYS KEYS[1] = coroutine.wrap(function() while true do \
         keys[1] = 'left' coroutine.yield() end end) KEYS[1]()",
        "return {#KEYS, KEYS[1] == nil}",
        "[:0 :1]",
    ),
    (
        "local argv = ARGV for i = 1, 100 do local x = coroutine.create(function() argv[1] = 1 end) \
         coroutine.resume(x) end",
        "return #ARGV",
        ":0",
    ),
    ("for i = 1, 1e5 do KEYS[i] = i end", "return #KEYS", ":0"),
    (
        "setmetatable({}, {__gc = function() KEYS[1] = 'left' end}) collectgarbage()",
        "collectgarbage() collectgarbage() return #KEYS",
        ":0",
    ),
    ("redis.setresp(3)", "return type(redis.call('get', 'nosuch'))", "$boolean"),
    ("redis.call('multi')", "return redis.pcall('exec').err", "$ERR EXEC without MULTI"),
    ("math.randomseed(0) math.randomseed(1)", "return type(math.random())", "$number"),
    (
        "collectgarbage('stop') collectgarbage('setpause', 1e6) collectgarbage('setstepmul', 1)",
        "return {collectgarbage('setpause'), collectgarbage('setstepmul')}",
        "[:200 :200]",
    ),
    ("error(redis)", "return redis.source == nil", ":1"),
    ("error(KEYS)", "return KEYS.source == nil", ":1"),
    ("cjson.new().left = 1", "return cjson.left == nil and cjson.new().left == nil", ":1"),
    (
        "cjson.new().encode_max_depth(1)",
        "return cjson.encode({{{}}}) .. cjson.new().encode({{{}}})",
        "$[[{}]][[{}]]",
    ),
    ("local t = pairs({}) pcall(function() t.x = 1 end)", "return type(pairs({}))", "$function"),
    ("xpcall(error, function() while true do error('x') end end)", "return 1", ":1"),
    ("pcall(string.rep, 'x', -1)", "return ('x'):rep(2)", "$xx"),
    ("coroutine.wrap(function() error('x') end)()", "return coroutine.running() == nil", ":1"),
    ("local function f() return f() + 1 end f()", "return 1", ":1"),
    (
        "local f f = function() coroutine.wrap(f)() end f()",
        "return coroutine.wrap(function() return coroutine.wrap(function() return 1 end)() end)()",
        ":1",
    ),
];

#[test]
fn nothing_survives_a_script() {
    for (leave, look, found) in LEAVINGS {
        let mut rig = Rig::new().once();
        let before = list(&mut rig);
        for parts in [&["0"][..], &["1", "k", "a"], &["0"]] {
            eval(&mut rig, leave, parts);
            assert_eq!(eval(&mut rig, look, &[]), *found, "{leave}");
        }
        assert_eq!(list(&mut rig), before, "{leave}");
    }
}

/// The same in one VM, one after the other.
#[test]
fn nothing_survives_many_scripts() {
    let mut rig = Rig::new().once();
    let before = list(&mut rig);
    for (leave, _, _) in LEAVINGS {
        eval(&mut rig, leave, &["2", "{k}1", "{k}2", "a", "b"]);
    }
    for (leave, look, found) in LEAVINGS {
        assert_eq!(eval(&mut rig, look, &[]), *found, "{leave}");
    }
    assert_eq!(list(&mut rig), before);
}

#[test]
fn keys_and_arguments_are_those_of_the_call() {
    let mut rig = Rig::new().once();
    let script = "local all = {} for i, v in ipairs(KEYS) do all[i] = v end all[#all + 1] = '|' \
                  for _, v in ipairs(ARGV) do all[#all + 1] = v end KEYS[#KEYS + 1] = 'left' \
                  return table.concat(all, ',')";
    let items: Vec<String> = (0..600).map(|at| format!("{{k}}{at}")).collect();
    for (keys, arguments) in
        [(0, 0), (2, 1), (0, 3), (600, 0), (1, 0), (0, 600), (0, 0), (300, 300)]
    {
        let count = keys.to_string();
        let mut rest = vec![&count[..]];
        rest.extend(items[..keys + arguments].iter().map(String::as_str));
        let mut expected = items[..keys].to_vec();
        expected.push("|".into());
        expected.extend_from_slice(&items[keys..keys + arguments]);
        assert_eq!(eval(&mut rig, script, &rest), format!("${}", expected.join(",")));
    }
}

fn limited(memory_bytes: usize) -> Rig {
    let mut rig = Rig::new().once();
    rig.shard().scripts_mut().configure(Limits { memory_bytes, ..Limits::default() });
    rig
}

/// A script that stops the collector, or leaves much garbage, does not take the next one's memory.
#[test]
fn every_script_has_the_memory_that_the_limit_says() {
    const LIMIT: usize = 32 << 20;
    for greedy in [
        "collectgarbage('stop') for i = 1, 3e5 do local t = {i} end return 'done'",
        "collectgarbage('setpause', 1e6) for i = 1, 3e5 do local t = {i} end return 'done'",
        "local t = {} for i = 1, 3e5 do t[i] = {} end return 'done'",
        "local t = {} for i = 1, 6e4 do t[i] = i .. ('x'):rep(200) end return 'done'",
        "local s = ('x'):rep(1e7) return 'done'",
        "for i = 1, 1e6 do KEYS[i] = i end for i = 1, 1e6 do KEYS[i] = nil end return 'done'",
    ] {
        let mut rig = limited(LIMIT);
        for _ in 0..5 {
            check(&mut rig, greedy, "$done");
            check(&mut rig, "local t = {} for i = 1, 2.5e5 do t[i] = {} end return #t", ":250000");
        }
        let used = rig.shard().scripts_mut().memory_used();
        assert!(used < LIMIT / 2, "{greedy}: {used} bytes are left");
    }
}

/// The table behind KEYS is looked at before each script: it must not become a long one for ever.
#[test]
fn a_script_that_makes_keys_long_slows_no_other() {
    let mut rig = limited(16 << 20);
    let long = "for i = 1, 5e5 do KEYS[i] = i end for i = 1, 5e5 do KEYS[i] = nil end return #KEYS";
    check(&mut rig, long, ":0");
    check(&mut rig, "return #KEYS", ":0");
    check(&mut rig, "collectgarbage() return #KEYS", ":0");
    let used = rig.shard().scripts_mut().memory_used();
    assert!(used < 2 << 20, "{used} bytes are left");
}

/// The collector works for scripts that ask it to, and at its own pace.
#[test]
fn the_collector_is_the_shards() {
    let mut rig = Rig::new().once();
    for (script, reply) in [
        ("return collectgarbage()", ":0"),
        ("return collectgarbage('collect')", ":0"),
        ("return collectgarbage('count') > 10", ":1"),
        ("return collectgarbage('count') > gcinfo() - 10", ":1"),
        ("return {collectgarbage('stop'), collectgarbage('restart')}", "[:0 :0]"),
        ("return collectgarbage('setpause', 1)", ":200"),
        ("return collectgarbage('setstepmul', 1)", ":200"),
        ("repeat until collectgarbage('step') return 1", ":1"),
        ("return collectgarbage('step', 1e9)", ":1"),
        (
            "local t = setmetatable({}, {__mode = 'k'}) t[{}] = 1 collectgarbage() \
             return next(t) == nil",
            ":1",
        ),
        (
            "local big = {} for i = 1, 2e5 do big[i] = {} end \
             local t = setmetatable({}, {__mode = 'k'}) t[{}] = 1 collectgarbage() \
             return next(t) == nil",
            ":1",
        ),
        (
            "collectgarbage('stop') local before = collectgarbage('count') \
             for i = 1, 1e6 do local t = {i} end return collectgarbage('count') < before + 20000",
            ":1",
        ),
    ] {
        check(&mut rig, script, reply);
    }
    for (call, text) in [
        ("('isrunning')", "invalid option 'isrunning'"),
        ("('x')", "invalid option 'x'"),
        ("(1)", "invalid option '1'"),
        ("({})", "string expected, got table"),
    ] {
        let text = format!("bad argument #1 to 'collectgarbage' ({text})");
        let reply = format!("-ERR user_script:1: {text} script: <sha>, on @user_script:1.");
        check(&mut rig, &format!("collectgarbage{call}"), &reply);
    }
}

#[test]
fn the_compiler_can_be_switched_off() {
    let mut rig = Rig::new().once();
    check(&mut rig, "local n = 0 for i = 1, 1e5 do n = n + i end return n", ":5000050000");
    assert!(rig.shard().scripts_mut().disable_jit());
    check(&mut rig, "local n = 0 for i = 1, 1e5 do n = n + i end return n", ":5000050000");
    rig.check("SCRIPT FLUSH", "+OK");
    check(&mut rig, "return 1", ":1");
    assert!(rig.shard().scripts_mut().disable_jit());
}
