//! Tests of FCALL and FCALL_RO.

use crate::testing::Rig;

const LIBRARY: &str = "#!lua name=lib
redis.register_function('echo', function(keys, args) return {keys, args} end)
redis.register_function('Set', function(keys, args)
    return redis.call('set', keys[1], args[1])
end)
redis.register_function('fail', function(keys)
    redis.call('set', keys[1], 'x')
    error('boom')
end)
redis.register_function('code', function() error({err='MY thing'}) end)
redis.register_function('errs', function(keys)
    redis.call('set', keys[1], 'x')
    return {err='MY reply'}
end)
redis.register_function('list', function(keys) return redis.call('incr', keys[1], 1) end)
redis.register_function('count', function(...) return select('#', ...) end)
redis.register_function{function_name='get', flags={'no-writes'}, callback=function(keys)
    return redis.call('get', keys[1])
end}
redis.register_function{function_name='sneak', flags={'no-writes'}, callback=function(keys)
    return redis.call('set', keys[1], 'x')
end}
redis.register_function{function_name='single', flags={'no-cluster'}, callback=redis.log}
redis.register_function('keys_there', function() return KEYS end)
redis.register_function('set_global', function() a = 1 end)
redis.register_function('globals', function()
    local names = {}
    for name in pairs(_G) do names[#names + 1] = name end
    table.sort(names)
    return table.concat(names, ' ')
end)
redis.register_function('loaded', function() return loadstring('return KEYS')() end)
redis.register_function('slots', function(keys)
    redis.call('set', 'a', 1)
    return redis.call('set', 'b', 1)
end)
redis.register_function{function_name='cross', flags={'allow-cross-slot-keys'}, callback=function()
    redis.call('set', 'a', 1)
    return redis.call('set', 'b', 1)
end}
redis.register_function('call_other', function() return redis.call('fcall', 'echo', 0) end)
redis.register_function('functions', function() return redis.call('function', 'list') end)
redis.register_function('scripts_only', function()
    return {redis.breakpoint == nil, redis.debug == nil, redis.replicate_commands == nil}
end)
redis.register_function('help', function() return redis.call('function', 'help')[1] end)
redis.register_function('resp3', function(keys)
    redis.setresp(3)
    return redis.call('hgetall', keys[1])
end)
";

fn rig() -> Rig {
    let mut rig = Rig::new().once();
    assert_eq!(rig.run_parts(&["FUNCTION", "LOAD", LIBRARY]), "$lib");
    rig
}

#[test]
fn keys_and_arguments_are_parameters() {
    let mut rig = rig();
    rig.check("FCALL echo 0", "[[] []]");
    rig.check("FCALL echo 1 k", "[[$k] []]");
    rig.check("FCALL echo 2 {a}k {a}l x y z", "[[${a}k ${a}l] [$x $y $z]]");
    rig.check("FCALL count 1 k x", ":2");
    rig.check("FCALL sEt 1 k v", "+OK");
    rig.check("GET k", "$v");
}

#[test]
fn immediate_errors_in_redis_order() {
    let mut rig = rig();
    rig.check("FCALL nope x", "-ERR Function not found");
    rig.check("FCALL echo x", "-ERR Bad number of keys provided");
    rig.check("FCALL echo 1.5", "-ERR Bad number of keys provided");
    rig.check("FCALL echo -1", "-ERR Number of keys can't be negative");
    rig.check("FCALL echo 2 k", "-ERR Number of keys can't be greater than number of args");
    rig.check("FCALL echo", "-ERR wrong number of arguments for 'fcall' command");
    rig.check("FCALL_RO nope 0", "-ERR Function not found");
}

#[test]
fn a_function_that_fails_leaves_nothing() {
    let mut rig = rig();
    rig.check("FCALL FAIL 1 k", "-ERR user_function:8: boom script: fail, on @user_function:8.");
    rig.check("EXISTS k", ":0");
    rig.check("FCALL code 1 k", "-MY thing script: code, on @user_function:10.");
    rig.check(
        "FCALL list 1 k",
        "-ERR Wrong number of args calling Redis command from script script: list, on \
         @user_function:15.",
    );
    // An error that is returned is a reply: what was written stays.
    rig.check("FCALL errs 1 k", "-MY reply");
    rig.check("GET k", "$x");
    assert_eq!(rig.shard().scripts().counters().all_rolled_back(), 3);
}

#[test]
fn flags_are_held_to() {
    let mut rig = rig();
    let refused = "-ERR Can not execute a script with write flag using *_ro command.";
    rig.check("FCALL_RO echo 0", refused);
    rig.check("FCALL_RO get 1 k", "_");
    rig.check_error(
        "FCALL sneak 1 k",
        "ERR Write commands are not allowed from read-only scripts.",
    );
    rig.check("FCALL single 0", "-ERR Can not run script on cluster, 'no-cluster' flag is set.");
}

#[test]
fn one_slot_unless_it_says_otherwise() {
    let mut rig = rig();
    rig.check_error(
        "FCALL slots 0",
        "ERR Script attempted to access keys that do not hash to the same slot",
    );
    rig.check("EXISTS a", ":0");
    rig.check("FCALL cross 0", "+OK");
    rig.check("GET b", "$1");
}

#[test]
fn what_functions_see() {
    let mut rig = rig();
    rig.check_error(
        "FCALL keys_there 0",
        "ERR user_function:24: Script attempted to access nonexistent global variable 'KEYS'",
    );
    rig.check_error(
        "FCALL set_global 0",
        "ERR user_function:25: Attempt to modify a readonly table",
    );
    rig.check(
        "FCALL loaded 0",
        "-ERR [string \"return KEYS\"]:1: Script attempted to access nonexistent global variable \
         'KEYS' script: loaded, on return KEYS:1.",
    );
    let globals = rig.run("FCALL globals 0");
    assert!(globals.contains("cjson cmsgpack collectgarbage coroutine"), "{globals}");
    assert!(!globals.contains("KEYS") && !globals.contains("ARGV"), "{globals}");
    rig.check("FCALL scripts_only 0", "[:1 :1 :1]");
    rig.run("HSET h f v");
    rig.check("FCALL resp3 1 h", "[$f $v]");
}

#[test]
fn scripts_and_functions_do_not_call_each_other() {
    let mut rig = rig();
    let refused = "ERR This Redis command is not allowed from script";
    rig.check_error("FCALL call_other 0", refused);
    rig.check_error("FCALL functions 0", refused);
    rig.check_error("EVAL \"return redis.call('fcall', 'echo', 0)\" 0", refused);
    rig.check_error("EVAL \"return redis.call('function', 'flush')\" 0", refused);
    let first = "+FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:";
    rig.check("FCALL help 0", first);
    rig.check("EVAL \"return redis.call('function', 'help')[1]\" 0", first);
}

#[test]
fn a_script_sees_nothing_of_functions() {
    let mut rig = rig();
    rig.check("FCALL echo 1 k", "[[$k] []]");
    rig.check("EVAL \"return redis.register_function\" 0", "_");
    rig.check("EVAL \"return #KEYS\" 0", ":0");
}
