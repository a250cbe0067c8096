//! Tests of FUNCTION LOAD: metadata, registration, and what code sees while it is loaded.

use crate::testing::Rig;

fn load(rig: &mut Rig, code: &str) -> String {
    rig.run_parts(&["FUNCTION", "LOAD", code])
}

/// Loads a library `lib` of this code, in place of one that is there.
fn replace(rig: &mut Rig, lua: &str) -> String {
    rig.run_parts(&["FUNCTION", "LOAD", "REPLACE", &format!("#!lua name=lib\n{lua}")])
}

fn rig() -> Rig {
    Rig::new().once()
}

const F: &str = "redis.register_function('f', function() return 1 end)";

#[test]
fn a_library_is_loaded_and_replaced() {
    let mut rig = rig();
    let code = |name: &str, lua: &str| format!("#!lua name={name}\n{lua}");
    assert_eq!(load(&mut rig, &code("a", F)), "$a");
    rig.check("FCALL f 0", ":1");
    assert_eq!(load(&mut rig, &code("a", F)), "-ERR Library 'a' already exists");
    // The name is looked at before the code.
    assert_eq!(load(&mut rig, &code("a", "bad code")), "-ERR Library 'a' already exists");
    assert_eq!(load(&mut rig, &code("b", F)), "-ERR Function f already exists");
    assert_eq!(load(&mut rig, &code("A", F)), "-ERR Function f already exists");
    let two = code("a", &F.replace("return 1", "return 2"));
    assert_eq!(rig.run_parts(&["FUNCTION", "LOAD", "replace", &two]), "$a");
    rig.check("FCALL f 0", ":2");
    let other = code("b", &F.replace("'f'", "'F'"));
    assert_eq!(
        rig.run_parts(&["FUNCTION", "LOAD", "REPLACE", "REPLACE", &other]),
        "-ERR Function F already exists"
    );
    assert_eq!(
        rig.run_parts(&["FUNCTION", "LOAD", "FOO", &other]),
        "-ERR Unknown option given: FOO"
    );
    rig.check("FUNCTION LOAD", "-ERR wrong number of arguments for 'function|load' command");
}

#[test]
fn a_library_that_does_not_load_leaves_the_old_one() {
    let mut rig = rig();
    assert_eq!(replace(&mut rig, F), "$lib");
    for (lua, text) in [
        ("return 1", "No functions registered"),
        ("bad code", "Error compiling function: user_function:2: '=' expected near 'code'"),
        (
            "redis.register_function('g', function() end) error('x')",
            "Error registering functions: ERR user_function:2: Script attempted to access \
          nonexistent global variable 'error'",
        ),
        (
            "\n\nlocal t t.x = 1",
            "Error registering functions: ERR user_function:4: attempt to index local 't' \
          (a nil value)",
        ),
    ] {
        assert_eq!(replace(&mut rig, lua), format!("-ERR {text}"), "{lua}");
        rig.check("FCALL f 0", ":1");
        rig.check("FCALL g 0", "-ERR Function not found");
    }
    rig.check(
        "FUNCTION LIST",
        "[[$library_name $lib $engine $LUA $functions [[$name $f $description _ $flags []]]]]",
    );
}

#[test]
fn first_lines_that_redis_refuses() {
    let mut rig = rig();
    for (code, text) in [
        ("return 1", "ERR Missing library metadata"),
        ("#!lua name=x", "ERR Invalid library metadata"),
        ("#!lua\nreturn 1", "ERR Library name was not given"),
        ("#!nope name=x\nreturn 1", "ERR Engine 'nope' not found"),
    ] {
        assert_eq!(load(&mut rig, code), format!("-{text}"), "{code}");
    }
    assert_eq!(load(&mut rig, &format!("#!LUA NAME=x\n{F}")), "$x");
}

#[test]
fn what_register_function_refuses() {
    let mut rig = rig();
    let bad_name = "Library names can only contain letters, numbers, or underscores(_) and must be \
                    at least one character long";
    for (arguments, text) in [
        ("", "wrong number of arguments to redis.register_function"),
        ("'f', redis.log, 1", "wrong number of arguments to redis.register_function"),
        (
            "'f'",
            "calling redis.register_function with a single argument is only applicable to Lua \
                 table (representing named arguments).",
        ),
        ("nil, redis.log", "first argument to redis.register_function must be a string"),
        ("'f', 1", "second argument to redis.register_function must be a function"),
        ("'f', {}", "second argument to redis.register_function must be a function"),
        ("'', redis.log", bad_name),
        ("'a-b', redis.log", bad_name),
        ("{}", "redis.register_function must get a function name argument"),
        ("{callback=redis.log}", "redis.register_function must get a function name argument"),
        ("{function_name='f'}", "redis.register_function must get a callback argument"),
        (
            "{function_name={}}",
            "function_name argument given to redis.register_function must be a string",
        ),
        ("{callback='f'}", "callback argument given to redis.register_function must be a function"),
        (
            "{description={}}",
            "description argument given to redis.register_function must be a string",
        ),
        (
            "{flags='no-writes'}",
            "flags argument to redis.register_function must be a table representing function flags",
        ),
        ("{flags={'bad'}}", "unknown flag given"),
        ("{flags={{}}}", "unknown flag given"),
        ("{flags={1}}", "unknown flag given"),
        ("{zzz=1}", "unknown argument given to redis.register_function"),
        ("{1}", "unknown argument given to redis.register_function"),
        ("{[true]=1}", "named argument key given to redis.register_function is not a string"),
        ("{function_name='a b',callback=redis.log}", bad_name),
    ] {
        let reply = replace(&mut rig, &format!("redis.register_function({arguments})"));
        assert_eq!(reply, format!("-ERR Error registering functions: ERR {text}"), "{arguments}");
    }
    let twice = "redis.register_function('f', redis.log) redis.register_function('F', redis.log)";
    assert_eq!(
        replace(&mut rig, twice),
        "-ERR Error registering functions: ERR Function already exists in the library"
    );
}

#[test]
fn what_register_function_takes() {
    let mut rig = rig();
    let lua = "redis.register_function(1, redis.log)
        redis.register_function{FUNCTION_NAME=2, callback=redis.log, description=3,
            flags={'NO-writes', nil, 'not read'}}
        redis.register_function{function_name='x', callback=redis.log, description='',
            flags={'allow-cross-slot-keys', 'no-cluster', 'allow-stale', 'allow-oom', 'no-writes',
                   'no-writes', named='not read'}}";
    assert_eq!(replace(&mut rig, lua), "$lib");
    rig.check(
        "FUNCTION LIST",
        "[[$library_name $lib $engine $LUA $functions [[$name $1 $description _ $flags []] \
         [$name $2 $description $3 $flags [+no-writes]] \
         [$name $x $description $ $flags [+no-writes +allow-oom +allow-stale +no-cluster \
         +allow-cross-slot-keys]]]]]",
    );
}

#[test]
fn flags_and_limits_beyond_redis() {
    let mut rig = rig();
    let lua = "redis.register_function{function_name='f', callback=redis.log, flags={
        'timeout=50ms', 'memory=1mb', 'declared-keys', 'rollback-on-error-reply'}}";
    assert_eq!(replace(&mut rig, lua), "$lib");
    rig.check(
        "FUNCTION LIST",
        "[[$library_name $lib $engine $LUA $functions [[$name $f $description _ $flags \
         [+declared-keys +rollback-on-error-reply +timeout=50ms +memory=1048576]]]]]",
    );
    let bad = lua.replace("50ms", "soon");
    let error = "-ERR Error registering functions: ERR unknown flag given";
    assert_eq!(replace(&mut rig, &bad), error);
    assert_eq!(replace(&mut rig, &lua.replace("'timeout=50ms'", "'flags=no-writes'")), error);
}

#[test]
fn what_code_sees_while_it_is_loaded() {
    let mut rig = rig();
    for (lua, error) in [
        ("math.random()", "Script attempted to access nonexistent global variable 'math'"),
        ("return _G", "Script attempted to access nonexistent global variable '_G'"),
        ("pcall(f)", "Script attempted to access nonexistent global variable 'pcall'"),
        ("return KEYS", "Script attempted to access nonexistent global variable 'KEYS'"),
        ("redis.call('ping')", "Script attempted to access nonexistent global variable 'call'"),
        ("redis.setresp(3)", "Script attempted to access nonexistent global variable 'setresp'"),
        ("redis.atomic(f)", "Script attempted to access nonexistent global variable 'atomic'"),
        ("a = 1", "Attempt to modify a readonly table"),
        ("redis.x = 1", "Attempt to modify a readonly table"),
        ("redis.log = 1", "Attempt to modify a readonly table"),
        ("function f() end", "Attempt to modify a readonly table"),
    ] {
        let text = format!("-ERR Error registering functions: ERR user_function:2: {error}");
        assert_eq!(replace(&mut rig, lua), text, "{lua}");
    }
    assert_eq!(
        replace(&mut rig, "redis.log()"),
        "-ERR Error registering functions: ERR redis.log() requires two arguments or more."
    );
    let lua = "redis.log(redis.LOG_DEBUG, 'loading', redis.REDIS_VERSION)
        local text = ('x'):rep(redis.LOG_WARNING) .. redis.REDIS_VERSION_NUM
        redis.register_function('f', function() return text end)";
    assert_eq!(replace(&mut rig, lua), "$lib");
    rig.check("FCALL f 0", "$xxx459268");
}

#[test]
fn what_is_kept_of_loading_registers_nothing_later() {
    let mut rig = rig();
    let lua = "local kept, register = redis, redis.register_function
        redis.register_function('gone', function() redis.register_function('x', tonumber) end)
        redis.register_function('kept', function() kept.register_function('x', tonumber) end)
        redis.register_function('local_one', function() register('x', tonumber) end)
        redis.register_function('caught', function() return {pcall(register, 'x', tonumber)} end)
        redis.register_function('changed', function() kept.redis = redis end)
        redis.register_function('set', function() rawset(kept, 'x', redis) end)
        redis.register_function('looked', function() return kept.call end)
        redis.register_function('listed', function()
            local names = {}
            for name in pairs(kept) do names[#names + 1] = name end
            table.sort(names)
            return table.concat(names, ' ')
        end)";
    assert_eq!(replace(&mut rig, lua), "$lib");
    let only = "ERR redis.register_function can only be called on FUNCTION LOAD command";
    rig.check(
        "FCALL gone 0",
        "-ERR user_function:3: attempt to call field 'register_function' (a nil value) \
         script: gone, on @user_function:3.",
    );
    rig.check("FCALL kept 0", &format!("-{only} script: kept, on @user_function:4."));
    rig.check_error(
        "FCALL local_one 0",
        &format!("{only} script: local_one, on @user_function:5."),
    );
    rig.check("FCALL caught 0", &format!("[_ ${only}]"));
    rig.check_error("FCALL changed 0", "ERR user_function:7: Attempt to modify a readonly table");
    rig.check_error("FCALL set 0", "ERR Attempt to modify a readonly table");
    rig.check_error(
        "FCALL looked 0",
        "ERR user_function:9: Script attempted to access nonexistent global variable 'call'",
    );
    rig.check(
        "FCALL listed 0",
        "$LOG_DEBUG LOG_NOTICE LOG_VERBOSE LOG_WARNING REDIS_VERSION REDIS_VERSION_NUM log \
         register_function",
    );
    rig.check("FCALL x 0", "-ERR Function not found");
}

#[test]
fn a_failed_load_leaves_calls_as_they_were() {
    let mut rig = rig();
    let uses = "redis.register_function('f', function() return math.floor(1.5) end)";
    assert_eq!(replace(&mut rig, uses), "$lib");
    assert!(replace(&mut rig, "local t t.x = 1").starts_with("-ERR Error registering"));
    rig.check("FCALL f 0", ":1");
}

#[test]
fn one_shard_sees_what_another_has_loaded() {
    let mut rig = rig();
    assert_eq!(replace(&mut rig, F), "$lib");
    let mut sibling = rig.sibling().once();
    sibling.check("FCALL f 0", ":1");
    assert_eq!(replace(&mut sibling, &F.replace("return 1", "return 2")), "$lib");
    rig.check("FCALL f 0", ":2");
    // What this one has not noticed yet goes to another library, here.
    sibling.check("FUNCTION DELETE lib", "+OK");
    let other = format!("#!lua name=other\n{F}");
    assert_eq!(load(&mut rig, &other), "$other");
    rig.check("FCALL f 0", ":1");
    sibling.check("FCALL f 0", ":1");
    rig.check("FUNCTION FLUSH", "+OK");
    sibling.check("FCALL f 0", "-ERR Function not found");
}

#[test]
fn shards_that_are_shown_as_masters_agree_once() {
    let mut rig = rig();
    let mut sibling = rig.sibling().once();
    for shard in [&mut rig, &mut sibling] {
        shard.shard().scripts_mut().answer_as_master();
    }
    let code = format!("#!lua name=lib\n{F}");
    let exists = "-ERR Library 'lib' already exists";
    assert_eq!(load(&mut rig, &code), "$lib");
    // Other code of that name is another matter.
    assert_eq!(load(&mut sibling, &code.replace("return 1", "return 2")), exists);
    assert_eq!(load(&mut sibling, &code), "$lib");
    for shard in [&mut rig, &mut sibling] {
        assert_eq!(load(shard, &code), exists);
    }
    rig.check("FUNCTION DELETE lib", "+OK");
    sibling.check("FUNCTION DELETE lib", "+OK");
    for shard in [&mut rig, &mut sibling] {
        shard.check("FUNCTION DELETE lib", "-ERR Library not found");
    }
    assert_eq!(load(&mut sibling, &code), "$lib");
    assert_eq!(load(&mut rig, &code), "$lib");
    sibling.check("FUNCTION FLUSH", "+OK");
    rig.check("FUNCTION FLUSH", "+OK");
    rig.check("FUNCTION DELETE lib", "-ERR Library not found");
}

#[test]
fn local_variables_of_a_library_stay_on_their_shard() {
    let mut rig = rig();
    let lua = "local n = 0 redis.register_function('count', function() n = n + 1 return n end)";
    assert_eq!(replace(&mut rig, lua), "$lib");
    let mut sibling = rig.sibling().once();
    rig.check("FCALL count 0", ":1");
    rig.check("FCALL count 0", ":2");
    sibling.check("FCALL count 0", ":1");
    // Another library comes and goes; SCRIPT FLUSH is about scripts.
    assert_eq!(load(&mut sibling, &format!("#!lua name=other\n{F}")), "$other");
    rig.check("FUNCTION DELETE other", "+OK");
    rig.check("SCRIPT FLUSH", "+OK");
    rig.check("FCALL count 0", ":3");
    assert_eq!(replace(&mut sibling, lua), "$lib");
    rig.check("FCALL count 0", ":1");
}

#[test]
fn limits_on_what_a_library_registers() {
    let mut rig = rig();
    let many = "for i = 1, 70000 do redis.register_function('f' .. i, redis.log) end";
    assert_eq!(
        replace(&mut rig, many),
        "-ERR Error registering functions: ERR a library cannot have more than 65536 functions"
    );
    let long = "local text = ('x'):rep(1e6)
        for i = 1, 20 do
            redis.register_function{function_name=i, callback=redis.log, description=text}
        end";
    assert_eq!(
        replace(&mut rig, long),
        "-ERR Error registering functions: ERR the names and descriptions of a library are too long"
    );
    let large = "local text = 'x' while true do text = text .. text end";
    assert!(replace(&mut rig, large).starts_with("-ERR Error registering functions: OOM"));
    assert_eq!(replace(&mut rig, F), "$lib");
}

#[test]
fn libraries_that_are_replaced_leave_no_memory_behind() {
    let mut rig = rig();
    let lua = "redis.register_function('f', function() return #kept end)
        redis.register_function('memory', function()
            collectgarbage()
            collectgarbage()
            return collectgarbage('count')
        end)";
    let mut memory = |rounds: std::ops::Range<u32>| -> i64 {
        for round in rounds {
            let lua = format!("local kept = ('x'):rep(20000) .. {round} {lua}");
            assert_eq!(replace(&mut rig, &lua), "$lib");
            assert!(replace(&mut rig, &format!("{lua} error()")).starts_with("-ERR"));
        }
        rig.run("FCALL memory 0").trim_start_matches(':').parse().unwrap()
    };
    let (before, after) = (memory(0..20), memory(20..200));
    assert!(after < before + 100, "{before} KB before and {after} KB after");
}
