//! Tests of what scripts see: nothing is there that should not be, and nothing of it can be changed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::script::sha::Sha;
use crate::testing::Rig;

pub(super) fn eval(rig: &mut Rig, script: &str, rest: &[&str]) -> String {
    let mut parts = vec!["EVAL", script];
    parts.extend(if rest.is_empty() { &["0"] } else { rest });
    rig.run_parts(&parts).replace(&Sha::of(script.as_bytes()).hex(), "<sha>")
}

#[track_caller]
fn check(rig: &mut Rig, script: &str, reply: &str) {
    assert_eq!(eval(rig, script, &[]), reply, "{script}");
}

/// Lua: calls `visit(path, value, first)` for all that can be reached.
const WALK: &str = include_str!("sandbox/walk_test.lua");
/// Lua: the lines of the golden file.
const LIST: &str = include_str!("sandbox/list_test.lua");
/// Lua: tries every way to change every table.
const CHANGE: &str = include_str!("sandbox/change_test.lua");

pub(super) fn list(rig: &mut Rig) -> String {
    let reply = eval(rig, &format!("{WALK}{LIST}"), &["1", "key", "argument"]);
    let lines = reply.strip_prefix("[$").and_then(|rest| rest.strip_suffix(']'));
    lines.expect(&reply).replace(" $", "\n") + "\n"
}

const GOLDEN: &str = include_str!("sandbox_golden.txt");

/// Lua: the library functions that run without an argument, after calls that leave numbers where
/// arguments would lie.
const WITHOUT_ARGUMENTS: &str = "
local function leave(...) local a, b, c, d = ... return a, b, c, d end
local out = {}
for _, library in ipairs({'bit', 'cmsgpack', 'coroutine', 'math', 'os', 'string', 'struct', 'table'}) do
  for name, f in pairs(_G[library]) do
    leave(1.5, 2.5, 3.5, 4.5, 5.5, 6.5)
    if type(f) == 'function' and pcall(f) then out[#out + 1] = library .. '.' .. name end
  end
end
table.sort(out)
return table.concat(out, ' ')";

/// What an earlier script has left on the stack is nobody's argument. The list is Redis 8.2's.
#[test]
fn arguments_that_are_missing_are_not_made_up() {
    let mut rig = Rig::new().once();
    check(&mut rig, WITHOUT_ARGUMENTS, "$coroutine.running math.random os.clock string.char");
    let text = "-ERR user_script:1: bad argument #1 to 'floor' (number expected, got no value) \
                script: <sha>, on @user_script:1.";
    check(&mut rig, "return math.floor()", text);
    check(
        &mut rig,
        "return {math.floor('3.7'), math.ceil(-3.2), math.floor(2^53)}",
        "[:3 :-3 :9007199254740992]",
    );
}

/// What a script can reach. `UPDATE=1` rewrites the file; look at what has changed.
#[test]
fn what_scripts_can_reach_is_listed() {
    let listed = list(&mut Rig::new().once());
    if std::env::var_os("UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/script/sandbox_golden.txt");
        std::fs::write(path, &listed).unwrap();
        return;
    }
    let (new, old) = (lines(&listed), lines(GOLDEN));
    let more: Vec<_> = new.difference(&old).collect();
    let less: Vec<_> = old.difference(&new).collect();
    assert!(more.is_empty() && less.is_empty(), "more: {more:#?}\nless: {less:#?}");
}

fn lines(text: &str) -> BTreeSet<&str> {
    text.lines().collect()
}

/// Names that Redis 8.2 has.
const OF_REDIS: &[(&str, &str)] = &[
    (
        "_G",
        "ARGV KEYS _G _VERSION __redis__err__handler assert bit cjson cmsgpack collectgarbage \
         coroutine error gcinfo getmetatable ipairs load loadstring math next os pairs pcall \
         rawequal rawget rawset redis select setmetatable string struct table tonumber tostring \
         type unpack xpcall",
    ),
    ("bit", "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex"),
    (
        "cjson",
        "_NAME _VERSION decode decode_invalid_numbers decode_max_depth encode \
         encode_invalid_numbers encode_keep_buffer encode_max_depth encode_number_precision \
         encode_sparse_array new null",
    ),
    ("cmsgpack", "_COPYRIGHT _DESCRIPTION _NAME _VERSION pack unpack unpack_limit unpack_one"),
    ("coroutine", "create resume running status wrap yield"),
    (
        "math",
        "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max \
         min mod modf pi pow rad random randomseed sin sinh sqrt tan tanh",
    ),
    ("os", "clock"),
    (
        "redis",
        "LOG_DEBUG LOG_NOTICE LOG_VERBOSE LOG_WARNING REDIS_VERSION REDIS_VERSION_NUM REPL_ALL \
         REPL_AOF REPL_NONE REPL_REPLICA REPL_SLAVE acl_check_cmd breakpoint call debug \
         error_reply log pcall replicate_commands set_repl setresp sha1hex status_reply",
    ),
    (
        "string",
        "byte char dump find format gfind gmatch gsub len lower match rep reverse sub upper",
    ),
    ("struct", "pack size unpack"),
    ("table", "concat foreach foreachi getn insert maxn remove setn sort"),
];

/// What is missing here, and what is here in addition; docs/DIFFERENCES.md says why.
const MISSING: &[&str] = &["_G.__redis__err__handler"];
const ADDED: &[&str] = &["_G.server", "redis.atomic", "redis.rollback"];

#[test]
fn the_names_are_those_of_redis() {
    let mut rig = Rig::new().once();
    let (mut missing, mut added) = (Vec::new(), Vec::new());
    for (library, names) in OF_REDIS {
        let script = format!(
            "local names = {{}} for name in pairs({library}) do names[#names + 1] = name end \
             return table.concat(names, ' ')"
        );
        let reply = eval(&mut rig, &script, &[]);
        let ours: BTreeSet<&str> = reply.trim_start_matches('$').split(' ').collect();
        let theirs: BTreeSet<&str> = names.split_whitespace().collect();
        missing.extend(theirs.difference(&ours).map(|name| format!("{library}.{name}")));
        added.extend(ours.difference(&theirs).map(|name| format!("{library}.{name}")));
    }
    assert_eq!(missing, MISSING);
    assert_eq!(added, ADDED);
}

#[test]
fn names_of_lua_that_scripts_must_not_have_are_not_there() {
    let mut rig = Rig::new().once();
    for name in [
        "newproxy",
        "setfenv",
        "getfenv",
        "print",
        "loadfile",
        "dofile",
        "require",
        "module",
        "package",
        "io",
        "debug",
        "arg",
        "jit",
        "ffi",
        "rawlen",
        "table.new",
        "table.clear",
        "table.unpack",
        "table.pack",
        "table.move",
        "string.buffer",
        "os.time",
        "os.execute",
        "os.exit",
        "os.getenv",
        "os.remove",
        "coroutine.isyieldable",
        "math.tointeger",
        "bit.band64",
    ] {
        let script = match name.split_once('.') {
            Some((library, field)) => format!("return rawget({library}, '{field}') == nil"),
            None => format!(
                "return rawget(_G, '{name}') == nil and not pcall(function() \
                             return {name} end)"
            ),
        };
        check(&mut rig, &script, ":1");
    }
}

/// Functions see the same, but for KEYS, ARGV and three names.
#[test]
fn functions_see_what_scripts_see() {
    let mut rig = Rig::new().once();
    let code = |body: &str| {
        format!("#!lua name=look\nredis.register_function('look', function() {body} end)")
    };
    let reply = rig.run_parts(&["FUNCTION", "LOAD", &code(&format!("{WALK}{LIST}"))]);
    assert_eq!(reply, "$look");
    let reply = rig.run("FCALL look 0");
    let listed = reply.strip_prefix("[$").and_then(|rest| rest.strip_suffix(']')).expect(&reply);
    let listed = listed.replace(" $", "\n");
    let for_scripts =
        ["KEYS", "ARGV", "redis.breakpoint", "redis.debug", "redis.replicate_commands"];
    let is_for_functions =
        |line: &&str| !for_scripts.iter().any(|name| line.starts_with(&format!("_G.{name}")));
    let expected: BTreeSet<&str> = GOLDEN.lines().filter(is_for_functions).collect();
    let (more, less): (Vec<_>, Vec<_>) = (
        lines(&listed).difference(&expected).copied().collect(),
        expected.difference(&lines(&listed)).copied().collect(),
    );
    assert!(more.is_empty() && less.is_empty(), "more: {more:#?}\nless: {less:#?}");
    let change = code(&format!("{WALK}{CHANGE}"));
    assert_eq!(rig.run_parts(&["FUNCTION", "LOAD", "REPLACE", &change]), "$look");
    let reply = rig.run("FCALL look 0");
    assert!(reply.starts_with(':'), "{reply}");
}

/// While a library is loaded there is `redis` with the little that is for that, and nothing can be
/// changed either.
#[test]
fn libraries_see_little_while_they_are_loaded() {
    let mut rig = Rig::new().once();
    for name in ["math", "pairs", "error", "_G", "KEYS", "tostring", "string", "loadstring", "load"]
    {
        let code = format!("#!lua name=l\nlocal x = {name}");
        let reply = rig.run_parts(&["FUNCTION", "LOAD", &code]);
        let text = format!("Script attempted to access nonexistent global variable '{name}'");
        assert!(reply.contains(&text), "{reply}");
    }
    for change in ["x = 1", "redis.x = 1", "redis.log = nil", "redis = 1", "function f() end"] {
        let code = format!("#!lua name=l\n{change}");
        let reply = rig.run_parts(&["FUNCTION", "LOAD", &code]);
        assert!(reply.contains(READONLY), "{change}: {reply}");
    }
    let code =
        "#!lua name=l\nlocal t = ('').gsub redis.register_function('f', function() return 1 end)";
    assert_eq!(rig.run_parts(&["FUNCTION", "LOAD", code]), "$l");
}

const READONLY: &str = "Attempt to modify a readonly table";

/// Tries every way to change every table that is reachable.
#[test]
fn no_reachable_table_can_be_changed() {
    let mut rig = Rig::new().once();
    let before = list(&mut rig);
    let reply = eval(&mut rig, &format!("{WALK}{CHANGE}"), &[]);
    let tables: usize = reply.strip_prefix(':').expect(&reply).parse().unwrap();
    assert!(tables > 12, "{tables}");
    assert_eq!(list(&mut rig), before);
}

#[test]
fn changes_are_refused_in_the_words_of_redis() {
    let mut rig = Rig::new().once();
    for attempt in [
        "redis.x = 1",
        "string.len = nil",
        "_G.x = 1",
        "x = 1",
        "KEYS = {}",
        "ARGV = nil",
        "_G._G._G.redis = nil",
        "function f() end",
        "getmetatable('').__index = nil",
        "getmetatable('').x = 1",
        "getmetatable(_G).__index = nil",
        "getmetatable('').__index.len = nil",
        "local s = getmetatable('').__index s.x = 1",
        "local env = setmetatable({}, {__newindex = _G}) env.x = 1",
    ] {
        let reply = format!("-ERR user_script:1: {READONLY} script: <sha>, on @user_script:1.");
        check(&mut rig, attempt, &reply);
    }
    for attempt in [
        "rawset(_G, 'a', 1)",
        "rawset(getmetatable(''), '__index', 1)",
        "setmetatable(redis, {})",
        "setmetatable(_G, nil)",
        "setmetatable(getmetatable(''), {})",
        "table.insert(_G, 1)",
        "table.insert(string, 1)",
        "rawset(redis, 'call', nil)",
        "rawset(math, 'pi', 3)",
    ] {
        let reply = format!("-ERR {READONLY} script: <sha>, on @user_script:1.");
        check(&mut rig, attempt, &reply);
    }
    for attempt in ["x = 1", "string.x = 1", "function f() end"] {
        let source = format!("loadstring({attempt:?})()");
        let text = format!("[string \"{attempt}\"]:1: {READONLY}");
        let reply = format!("-ERR {text} script: <sha>, on {attempt}:1.");
        check(&mut rig, &source, &reply);
    }
}

/// An error value is described in a table of its own; the value may be a library.
#[test]
fn raising_a_library_does_not_write_to_it() {
    let mut rig = Rig::new().once();
    let before = list(&mut rig);
    for library in ["redis", "_G", "string", "getmetatable('')", "KEYS"] {
        let reply = eval(&mut rig, &format!("error({library})"), &[]);
        assert_eq!(reply, "-ERR unknown error script: <sha>, on @user_script:1.");
        let look = format!(
            "local t = {library} return tostring(t.source) .. tostring(t.line) .. tostring(t.err)"
        );
        let reply = eval(&mut rig, &look, &[]);
        let absent = "Script attempted to access nonexistent global variable 'source'";
        assert!(reply == "$nilnilnil" || reply.contains(absent), "{library}: {reply}");
    }
    assert_eq!(list(&mut rig), before);
    check(
        &mut rig,
        "local e = {err = 'MY x'} local ok = pcall(error, e) return {e.source == nil, e.err}",
        "[:1 $MY x]",
    );
}
