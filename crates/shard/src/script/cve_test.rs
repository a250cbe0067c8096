//! Tests named after the holes that Lua, LuaJIT and servers with Lua in them have had.
//!
//! What is not tested here, and why:
//!
//! | | |
//! |---|---|
//! | CVE-2020-15888, 2020-15889, 2020-15945, 2021-44964, 2022-28805, 2022-33099 | holes of Lua 5.4: none of that code is in LuaJIT |
//! | CVE-2024-39702 | OpenResty's fork of LuaJIT only; the one in here is Mike Pall's |
//! | CVE-2026-23631 | no more is known than that it is in Redis's own Lua |
//! | CVE-2026-23479 | unblocking of clients: no script is needed for it, and no such code is in here |
//! | endless loops of all kinds | a clock and a signal are needed: the package `e2e`, `t51_limits` |
//! | patterns, `upper` of 50 MB and the like | the string library has tests of its own |
//!
//! Every script here must be answered; what would be wrong is a crash, a hang, or an answer that shows
//! memory which is not the script's.

use crate::script::limits::Limits;
use crate::script::trial::{check, check_contains, check_error, eval, on_stack};
use crate::testing::Rig;

/// A function of many parameters that is called with few arguments needs room on the stack.
#[test]
fn cve_2014_5461_vararg_call() {
    let names: Vec<String> = (1..=190).map(|at| format!("a{at}")).collect();
    let names = names.join(",");
    check(
        &format!(
            "local function f({names}, ...) return a190, select('#', ...) end \
             local function deep(n) if n == 0 then return f(1) end return (deep(n - 1)) end \
             for n = 1, 300 do deep(n) coroutine.wrap(function() return deep(n) end)() end \
             return {{tostring(f(1)), select('#', f())}}"
        ),
        "[$nil :2]",
    );
}

#[test]
fn cve_2015_4335_bytecode() {
    for chunk in ["string.dump(function() return 1 end)", "'\\27Lua'", "'\\27LJ\\2\\0'", "'\\27'"] {
        for load in [
            "loadstring(s)",
            "loadstring(s, 'name')",
            "loadstring(s, '=name', 'b')",
            "loadstring(s, '=name', 'bt', _G)",
            "load(function() n = n + 1 if n == 1 then return s end end)",
            "load(function() n = n + 1 return n <= #s and s:sub(n, n) or nil end, '=name', 'b')",
            "load(coroutine.wrap(function() coroutine.yield(s) end))",
        ] {
            let script =
                format!("local s, n = {chunk}, 0 local f, e = {load} return {{f == nil, e}}");
            check_contains(&script, "[:1 $");
            check_contains(&script, "unexpected symbol near \\'char(27)\\'");
        }
    }
}

/// Neither is it bytecode behind something else, or in a longer text.
#[test]
fn cve_2015_4335_bytecode_behind_a_header() {
    for header in ["#\\n", "#!lua\\n", "\\239\\187\\191", " ", "\\n", "--\\n", "\\0"] {
        for tail in ["''", "(' '):rep(20000)", "('x'):rep(1e6)"] {
            let text = format!("'{header}' .. string.dump(function() return 1 end) .. {tail}");
            check(&format!("return loadstring({text}) == nil"), ":1");
            let pieces = format!(
                "local text, at = {text}, 0 return load(function() at = at + 7 \
                 return text:sub(at - 6, at) end) == nil"
            );
            check(&pieces, ":1");
        }
    }
    let mut rig = Rig::new().once();
    for body in
        [&b"\x1bLua"[..], b"\x1bLJ\x02\x00", b"#\n\x1bLJ\x02\x00", b"\xef\xbb\xbf\x1bLJ\x02"]
    {
        let reply = rig.run_parts(&[&b"EVAL"[..], body, b"0"]);
        assert!(reply.starts_with("-ERR Error compiling script"), "{reply}");
        let reply = rig.run_parts(&[&b"SCRIPT"[..], b"LOAD", body]);
        assert!(reply.starts_with("-ERR Error compiling script"), "{reply}");
    }
}

#[test]
fn cve_2015_8080_and_2020_14147_struct_number_overflow() {
    for (format, text) in [
        ("i99999999999999999999", "overflow"),
        ("i4294967296", "overflow"),
        ("i2147483648", "overflow"),
        ("i33", "integral size 33 is larger than limit of 32"),
        ("!99999999999999999999", "overflow"),
        ("c99999999999999999999", "overflow"),
    ] {
        for call in ["pack('F', 1)", "unpack('F', ('x'):rep(100))", "size('F')"] {
            check_error(&format!("struct.{}", call.replace('F', format)), text);
        }
    }
}

#[test]
fn cve_2018_11218_cmsgpack() {
    check_error("cmsgpack.unpack('\\221\\255\\255\\255\\255')", "Missing bytes in input");
    check_error("cmsgpack.unpack(('\\145'):rep(1e6))", "");
    check_error("cmsgpack.unpack('\\219\\255\\255\\255\\255x')", "Missing bytes in input");
    check_error("cmsgpack.unpack_one('x', 2^31)", "Start offset");
    check_error("cmsgpack.unpack_limit('x', 1, -1)", "");
    check_error("cmsgpack.unpack_limit('x', -1, 0)", "");
    check("local t = {} t[1] = t return #cmsgpack.pack(t)", ":17");
}

#[test]
fn cve_2018_11219_struct() {
    for call in [
        "struct.unpack('i', 'abcd', 0)",
        "struct.unpack('i', 'abcd', -1)",
        "struct.unpack('i', 'abcd', 2^31)",
        "struct.unpack('i', 'abcd', 2^53)",
        "struct.unpack('c0', 'abcd')",
        "struct.unpack('bc0', '\\127x')",
        "struct.unpack('s', 'abcd')",
        "struct.unpack('c2147483647', 'abcd')",
        "struct.unpack('!3i', 'abcd')",
        "struct.pack('c0')",
    ] {
        check_error(call, "");
    }
}

/// Functions of C that pushed more than they had made room for.
#[test]
fn cve_2021_32626_stack_room() {
    check("return #cjson.encode(cjson.decode(('['):rep(999) .. (']'):rep(999)))", ":1998");
    check_error("cjson.decode(('['):rep(1e5))", "Found too many nested data structures");
    check_error("local t = {} for i = 1, 2000 do t = {t} end cjson.encode(t)", "excessive nesting");
    check("return select('#', cmsgpack.unpack(('\\1'):rep(5000)))", ":5000");
    check_error("cmsgpack.unpack(('\\1'):rep(1e6))", "");
    check_error("struct.unpack(('b'):rep(1e6), ('x'):rep(1e6))", "");
    check("return select('#', string.byte(('x'):rep(5000), 1, -1))", ":5000");
    check_error("string.byte(('x'):rep(1e6), 1, -1)", "string slice too long");
    // A reply that is nested deeply (the test itself follows it down), and a coroutine whose stack is
    // full.
    on_stack(64 << 20, || {
        let deep = "local t = {} for i = 1, 1e5 do t = {t} end return t";
        assert!(eval(&mut Rig::new().once(), deep).contains("-ERR reached lua stack limit"));
    });
    check_contains(
        "local function f(n) local ok, e = pcall(cjson.decode, '[[[[1]]]]') \
         if not ok then return e end return (f(n + 1)) end \
         return {pcall(coroutine.wrap(function() return f(1) end))}",
        "stack overflow",
    );
}

#[test]
fn cve_2021_32672_debugger() {
    // What its client can say: `whatever_is_said_the_session_goes_on` in `script::debug`. Scripts
    // do not reach the library `debug`.
    check("return rawget(_G, 'debug') == nil", ":1");
}

#[test]
fn cve_2022_0543_package() {
    for name in ["package", "require", "module", "loadlib", "io", "dofile", "loadfile", "ffi"] {
        check_error(&format!("return {name}"), "nonexistent global variable");
        check(&format!("return rawget(_G, '{name}') == nil"), ":1");
        check(&format!("return pcall(loadstring('return {name}.loaded'))"), "_");
    }
    check_error("return os.execute('true')", "attempt to call field 'execute' (a nil value)");
}

/// A script that changes what a script of another user calls. More of it in `sandbox_test`.
#[test]
fn cve_2022_24735_globals_of_others() {
    let mut rig = Rig::new().once();
    for change in [
        "redis.call = function() return 'mine' end",
        "rawset(redis, 'call', function() return 'mine' end)",
        "_G.redis = {call = function() return 'mine' end}",
        "tostring = function() return 'mine' end",
        "string.format = function() return 'mine' end",
        "cjson.encode = function() return 'mine' end",
        "getmetatable('').__index = function() return 'mine' end",
    ] {
        assert!(eval(&mut rig, change).contains("Attempt to modify a readonly table"), "{change}");
    }
    let look = "return {redis.call('echo', 'x'), tostring(1), ('%d'):format(1), cjson.encode(1)}";
    assert_eq!(eval(&mut rig, look), "[$x $1 $1 $1]");
}

/// Errors that are no errors: nil, tables without a text, functions, in handlers of errors.
#[test]
fn cve_2022_24736_error_values() {
    check_error("error()", "ERR nil");
    check_error("error({})", "ERR unknown error");
    check_error("error({err = {}})", "ERR unknown error");
    check_error("error({err = print})", "nonexistent global variable");
    check_error("error(function() end)", "ERR function");
    check_error("error(coroutine.create(function() end))", "ERR thread");
    check_error("error(cjson.null)", "ERR userdata");
    check_error("error(setmetatable({}, {__index = function() error('x') end}))", "unknown error");
    check_error("error(setmetatable({}, {__tostring = error}))", "unknown error");
    check_error("xpcall(error, error) error()", "ERR nil");
    check_error("return loadstring(nil)", "string expected, got nil");
    check_error("loadstring('')() loadstring(' ')() error((loadstring('x x')))", "ERR nil");
    check_error("pcall(error) pcall(pcall) pcall(nil) error(nil, 2)", "ERR nil");
}

#[test]
fn cve_2022_24834_encoder_overflow() {
    let mut rig = Rig::new().once();
    let limits = Limits { memory_bytes: 24 << 20, ..Limits::default() };
    rig.shard().scripts_mut().configure(limits);
    for (script, reply) in [
        ("return #cjson.encode(('\\0'):rep(1e6))", ":6000002"),
        ("return #cjson.encode(('\\127'):rep(1e6))", ":6000002"),
        ("return #cjson.encode(('\"'):rep(2e6))", ":4000002"),
        ("return #cmsgpack.pack(('x'):rep(5e6))", ":5000005"),
    ] {
        assert_eq!(eval(&mut rig, script), reply, "{script}");
    }
    for script in [
        "return #cjson.encode(('\\0'):rep(5e6))",
        "local s, t = ('\\0'):rep(1e6), {} for i = 1, 1000 do t[i] = s end return #cjson.encode(t)",
        "local s, t = ('x'):rep(1e6), {} for i = 1, 5000 do t[i] = s end return #cmsgpack.pack(t)",
    ] {
        let reply = eval(&mut rig, script);
        assert!(reply.starts_with("-OOM Script used more than"), "{script}: {reply}");
    }
}

#[test]
fn cve_2024_31449_tohex() {
    for (call, text) in [
        ("bit.tohex(65535, -2147483648)", "0000FFFF"),
        ("bit.tohex(65535, 2147483647)", "0000ffff"),
        ("bit.tohex(65535, 2147483648)", "0000FFFF"),
        ("bit.tohex(65535, 100)", "0000ffff"),
        ("bit.tohex(65535, -100)", "0000FFFF"),
        ("bit.tohex(65535, 8)", "0000ffff"),
        ("bit.tohex(65535, 0)", ""),
        ("bit.tohex(-1)", "ffffffff"),
        ("bit.tohex(-1, -8)", "FFFFFFFF"),
        ("bit.tohex(1, '3')", "001"),
    ] {
        check(&format!("return {call}"), &format!("${text}"));
        // Compiled, too.
        let hot = format!("local s for i = 1, 200 do s = {call} end return s");
        check(&hot, &format!("${text}"));
    }
    check_error("bit.tohex(1, {})", "bad argument #2 to 'tohex' (number expected, got table)");
}

/// Finalisers that run when the VM is closed. Scripts can make nothing that has one.
#[test]
fn cve_2024_46981_closing_the_vm() {
    let mut rig = Rig::new().once();
    for script in [
        "local t = setmetatable({}, {__gc = function(t) t[1] = redis.call('ping') end}) return 1",
        "local t = {} setmetatable(t, {__gc = function() t = nil end, __mode = 'kv'}) t[1] = t return 1",
        "KEYS[1] = coroutine.create(function() coroutine.yield(KEYS) end) \
         coroutine.resume(KEYS[1]) return 1",
        "for i = 1, 1000 do coroutine.wrap(function() coroutine.yield() end)() end return 1",
        "KEYS.x = setmetatable({}, {__index = KEYS, __gc = error}) return 1",
    ] {
        assert_eq!(eval(&mut rig, script), ":1", "{script}");
        rig.check("SCRIPT FLUSH", "+OK");
        assert_eq!(eval(&mut rig, script), ":1", "{script}");
    }
    check("return rawget(_G, 'newproxy') == nil", ":1");
}

#[test]
fn cve_2025_46817_unpack() {
    for call in [
        "unpack({}, -2, 2^31 - 1)",
        "unpack({}, 0, 2^31 - 1)",
        "unpack({}, 1, 2^31 - 1)",
        "unpack({}, -2^31, 2^31 - 1)",
        "unpack({}, -2^31 + 1, 2^31 - 2)",
        "unpack({}, 1, 1e8)",
        "unpack({}, -1e8, 1)",
        "unpack({}, 1, 8000)",
    ] {
        let caught = format!("return {{pcall({}}}", call.replacen('(', ", ", 1));
        check(&caught, "[_ $too many results to unpack]");
        check_error(call, "too many results to unpack");
        check_error(&format!("for i = 1, 100 do {call} end"), "too many results to unpack");
    }
    check("return select('#', unpack({}, 1, 7990))", ":7990");
    check("return select('#', unpack({}, 2^31 - 1, -2))", ":0");
    check("return select('#', unpack({}, 1, 0))", ":0");
}

#[test]
fn cve_2025_46818_metatables_of_basic_types() {
    for value in [
        "nil",
        "true",
        "1",
        "'x'",
        "function() end",
        "coroutine.create(function() end)",
        "cjson.null",
        "redis.call",
    ] {
        let refused = check_error;
        refused(&format!("setmetatable({value}, {{}})"), "table expected");
        if value == "'x'" {
            check(&format!("return getmetatable({value}).__index == string"), ":1");
            for change in [".x = 1", ".__index = 1", ".__index.x = 1", ".__add = print"] {
                let change = change.replace("print", "1");
                refused(&format!("getmetatable({value}){change}"), "readonly table");
            }
        } else {
            check(&format!("return getmetatable({value}) == nil"), ":1");
        }
    }
}

#[test]
fn cve_2025_46819_long_brackets() {
    for brackets in ["[EQ", "[EQ[", "[EQ[x]EQ", "--[EQ[x", "--[EQ", "[EQ[x]EQ]"] {
        for count in [0, 1, 200, 70_000, 1_000_000] {
            let body = format!("return {}", brackets.replace("EQ", &"=".repeat(count)));
            let reply = eval(&mut Rig::new().once(), &body);
            let compiles = reply == "$x" || reply == "_" || reply == "[]";
            assert!(compiles || reply.starts_with("-ERR Error compiling"), "{}", &reply[..80]);
            let text = format!(
                "local e = ('='):rep({count}) return loadstring('return {}') == nil",
                brackets.replace("EQ", "' .. e .. '")
            );
            let refused = if compiles { "_" } else { ":1" };
            check(&text, refused);
        }
    }
}

/// The name of a chunk must live as long as the chunk is being compiled.
#[test]
fn cve_2025_49844_collection_while_compiling() {
    for text in ["return 1", "x = = 1", "return 'a' .. 'b' --[[", "local a <x> = 1"] {
        let script = format!(
            "local text, answers = {text:?}, {{}} \
             for round = 1, 20 do local at = 0 \
               local f, e = load(function() at = at + 1 \
                 for i = 1, 50 do local s = ('junk' .. i .. at):rep(50) end collectgarbage() \
                 if at <= #text then return text:sub(at, at) end \
               end, '=na' .. 'me' .. tostring({{}}):sub(1, 5) .. round) \
               answers[#answers + 1] = (f and f() or e):gsub('%d+', 'N') \
             end \
             for i = 2, #answers do if answers[i] ~= answers[1] then return answers end end \
             return answers[1]"
        )
        .replace("(f and f() or e)", "tostring(f and f() or e)");
        let reply = eval(&mut Rig::new().once(), &script);
        assert!(reply == "$N" || reply.starts_with("$nametableN:N: "), "{text}: {reply}");
    }
}

/// Coroutines that resume coroutines take the thread's own stack; an executor's has 16 MiB.
#[test]
fn cve_2021_43519_nested_coroutines() {
    on_stack(16 << 20, || {
        check_error(
            "local f f = function() return coroutine.wrap(f)() end f()",
            "C stack overflow",
        );
        check_error("local f f = function() coroutine.wrap(f)() end f()", "C stack overflow");
        check_contains(
            "local n, last = 0 local function f() n = n + 1 \
             local ok, e = coroutine.resume(coroutine.create(f)) last = last or e end f() \
             return {last, n > 190}",
            "[$C stack overflow :1]",
        );
        // What else nests calls of C functions, on its own and within coroutines.
        for call in [
            "table.sort({2, 1}, f)",
            "table.sort({setmetatable({}, {__lt = f}), setmetatable({}, {__lt = f})})",
            "string.format('%s', setmetatable({}, {__tostring = f}))",
            "tostring(setmetatable({}, {__tostring = f}))",
            "load(f)",
            "string.gsub('x', 'x', f)",
            "string.gsub('x', 'x', setmetatable({}, {__index = f}))",
            "redis.atomic(f)",
            "xpcall(error, f)",
            "table.foreach({1}, f)",
            "pcall(f)",
            "local x = setmetatable({}, {__index = f})[1]",
            "local x = setmetatable({}, {__concat = f}) .. 'x'",
            "local x = setmetatable({}, {__eq = f}) == setmetatable({}, {__eq = f})",
        ] {
            let alone = format!("local function f() {call} end pcall(f) return 1");
            check(&alone, ":1");
            let nested = format!(
                "local n = 0 local function f() n = n + 1 if n % 500 == 0 then \
                 coroutine.wrap(f)() else {call} end end pcall(f) return 1"
            );
            let reply = eval(&mut Rig::new().once(), &nested);
            assert!(reply == ":1" || reply.starts_with("-OOM"), "{nested}: {reply}");
        }
    });
}

/// Reads out of bounds that need `debug` or `newproxy`.
#[test]
fn cve_2019_19391_2020_15890_2020_24372_luajit() {
    check("return rawget(_G, 'debug') == nil and rawget(_G, 'newproxy') == nil", ":1");
    check_contains(
        "local function f() return f() + 1 end \
         local ok, e = xpcall(f, function(e) return xpcall(f, function(e) return e end) end) \
         return {ok, tostring(e)}",
        "[",
    );
    check_error("xpcall(function() error() end, coroutine.yield) error('x')", "x");
}

#[test]
fn cve_2024_25176_format_of_wide_numbers() {
    for format in ["%.99f", "%99.99f", "%-99.99f", "%.99e", "%.99g", "%99d", "%.99d", "%+99.99f"] {
        for number in ["1e308", "-1e308", "5e-324", "2^53", "0", "1/0", "-1/0"] {
            let script = format!("return #string.format('{format}', {number}) < 500");
            let reply = eval(&mut Rig::new().once(), &script);
            assert!(reply == ":1" || reply.starts_with("-ERR"), "{script}: {reply}");
        }
    }
}

/// The compiler keeps a table from being made and has to make it after all, without a metatable.
#[test]
fn cve_2024_25177_unsinking_a_metatable() {
    check(
        "local function f(stop) for i = 1, 300 do local t = {} \
         t = setmetatable(t, i == stop and {} or nil) t = setmetatable(t, nil) \
         if i == stop then return t end end end \
         for stop = 1, 300 do local t = f(stop) \
         if type(t) ~= 'table' or getmetatable(t) ~= nil then return stop end end return 0",
        ":0",
    );
}

#[test]
fn cve_2024_25178_stack_overflow_handler() {
    check_contains(
        "local depth = 0 local function f(...) depth = depth + 1 return f(1, 2, 3, ...) end \
         local ok, e = pcall(f) return {ok, e, depth > 10}",
        "stack overflow",
    );
    check_error("local function f(...) return f(unpack({}, 1, 7000)) + f(...) end f()", "");
    check_contains(
        "local function f() return (xpcall(f, function(e) return f() end)) end \
         return {pcall(f)}",
        "[",
    );
}
