//! Tests of what a Lua VM as it comes does not do for a server, row by row of a table of checks.
//!
//! | row | tested |
//! |---|---|
//! | `unpack` of everything, bytecode, names, the memory limit | here |
//! | endless loops (plain, in pcall, in coroutines), patterns, `upper` | package `e2e`, `t51_limits` |
//!
//! And replies are read raw (Redis #11032).

use crate::script::limits::Limits;
use crate::script::trial::{check, check_error, eval};
use crate::testing::Rig;

/// Redis #11032: a reply is read raw.
#[test]
fn replies_do_not_call_metamethods() {
    let meta = "{__index = function() error('x') end, __len = error, __pairs = error}";
    check(&format!("return setmetatable({{}}, {meta})"), "[]");
    check(&format!("return {{setmetatable({{1}}, {meta}), 2}}"), "[[:1] :2]");
    check_error(&format!("error(setmetatable({{}}, {meta}))"), "ERR unknown error");
    check(
        &format!("return redis.pcall('echo', setmetatable({{}}, {meta})).err"),
        "$ERR Lua redis lib command arguments must be strings or integers",
    );
}

#[test]
fn vm_unpack_of_everything() {
    check("return {pcall(unpack, {}, -2, 2^31 - 1)}", "[_ $too many results to unpack]");
}

#[test]
fn vm_bytecode_does_not_run() {
    check("return loadstring(string.dump(function() return 1 end)) == nil", ":1");
}

#[test]
fn vm_names_by_default() {
    for name in ["newproxy", "getfenv", "setfenv", "debug"] {
        check_error(&format!("return {name}"), "nonexistent global variable");
    }
    for name in ["collectgarbage", "load", "loadstring"] {
        check(&format!("return type({name})"), "$function");
    }
}

#[test]
fn vm_memory_limit() {
    let mut rig = Rig::new().once();
    let limits = Limits { memory_bytes: 10 << 20, ..Limits::default() };
    rig.shard().scripts_mut().configure(limits);
    for bomb in [
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "return #string.rep('x', 2^30)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t = {t, pcall(string.rep, 'x', 2^30)} end",
        "local function f() local t = {} for i = 1, 1e9 do t[i] = {} end end \
         while true do coroutine.wrap(f)() end",
    ] {
        let reply = eval(&mut rig, bomb);
        assert!(reply.starts_with("-OOM Script used more than 10485760 bytes"), "{bomb}: {reply}");
        assert_eq!(eval(&mut rig, "return 1"), ":1");
    }
}

/// Six of ten MiB are alive in each of these, and much more than the rest becomes garbage.
const LITTERING: &[(&str, &str)] = &[
    ("long texts", "for i = 1, 2000 do local text = ('y'):rep(100000) .. i end"),
    ("small tables", "for i = 1, 1e6 do local t = {i, tostring(i)} end"),
    ("in functions", "local function f(i) return {i} end for i = 1, 1e6 do f(i)[1] = f(i) end"),
    (
        "in a coroutine",
        "coroutine.wrap(function() for i = 1, 5e5 do local t = {i, {i}} \
         if i % 1000 == 0 then coroutine.yield() end end end)()\
         local f = coroutine.wrap(function() while true do coroutine.yield({('z'):rep(9000)}) end end) \
         for i = 1, 5000 do f() end",
    ),
    ("inside pcall", "for i = 1, 3e5 do pcall(function() local t = {i} error(t) end) end"),
    (
        "in a comparator",
        "local t = {} for i = 1, 2000 do t[i] = -i end \
      for i = 1, 20 do table.sort(t, function(a, b) return #{a, b} > 0 and a < b end) end",
    ),
    (
        "replies",
        "redis.call('set', 'k', ('v'):rep(900000)) for i = 1, 500 do redis.call('get', 'k') end",
    ),
    (
        "patterns",
        "local s = ('word '):rep(2000) \
      for i = 1, 30 do for w in (s .. i):gmatch('%a+') do local t = {w} end end",
    ),
];

#[test]
fn garbage_does_not_count_towards_the_memory_limit() {
    let mut rig = Rig::new().once();
    let limits = Limits { memory_bytes: 10 << 20, ..Limits::default() };
    rig.shard().scripts_mut().configure(limits);
    let alive = "local keep = {} for i = 1, 60 do keep[i] = ('x'):rep(100000) .. i end";
    for jit in [true, false] {
        for (name, litter) in LITTERING {
            let script = format!(
                "{alive} {litter} for i = 1, 60 do \
                assert(keep[i] == ('x'):rep(100000) .. i) end return #keep"
            );
            assert_eq!(eval(&mut rig, &script), ":60", "{name}, jit {jit}");
        }
        assert!(rig.shard().scripts_mut().disable_jit());
    }
}

#[test]
fn what_is_alive_counts_towards_the_memory_limit() {
    let mut rig = Rig::new().once();
    let limits = Limits { memory_bytes: 10 << 20, ..Limits::default() };
    rig.shard().scripts_mut().configure(limits);
    let alive = "redis.call('set', 'k', 'v') local keep = {} for i = 1, LAST do \
                 keep[i] = ('x'):rep(100000) .. i local litter = {i} end return #keep";
    assert_eq!(eval(&mut rig, &alive.replace("LAST", "85")), ":85");
    rig.check("DEL k", ":1");
    let reply = eval(&mut rig, &alive.replace("LAST", "130"));
    assert!(reply.starts_with("-OOM Script used more than 10485760 bytes"), "{reply}");
    rig.check("EXISTS k", ":0");
    assert_eq!(eval(&mut rig, "return 1"), ":1");
}
