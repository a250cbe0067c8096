//! Tests of EVAL and its relatives: conversions, errors, roll back.

use crate::testing::Rig;

fn eval(rig: &mut Rig, script: &str, rest: &[&str]) -> String {
    let mut parts = vec!["EVAL", script];
    parts.extend(if rest.is_empty() { &["0"] } else { rest });
    rig.run_parts(&parts)
}

#[track_caller]
fn check(script: &str, reply: &str) {
    assert_eq!(eval(&mut Rig::new(), script, &[]), reply, "{script}");
}

#[track_caller]
fn check3(script: &str, reply: &str) {
    assert_eq!(eval(&mut Rig::new().resp3(), script, &[]), reply, "{script}");
}

/// An error reply with the script's own name replaced.
fn error(rig: &mut Rig, script: &str, rest: &[&str]) -> String {
    let sha = crate::script::sha::Sha::of(script.as_bytes()).hex();
    eval(rig, script, rest).replace(&sha, "<sha>")
}

#[track_caller]
fn check_error(script: &str, text: &str) {
    assert_eq!(error(&mut Rig::new(), script, &[]), text, "{script}");
}

#[test]
fn lua_values_become_resp2() {
    check("return {1,2,{3,'a'},false,nil,4}", "[:1 :2 [:3 $a] _]");
    check("return 3.99", ":3");
    check("return -3.99", ":-3");
    check("return 0/0", ":-9223372036854775808");
    check("return 9223372036854775807", ":-9223372036854775808");
    check("return true", ":1");
    check("return false", "_");
    check("return", "_");
    check("return {ok='fine'}", "+fine");
    check("return {err='my err'}", "-my err");
    check("return {err='a\\r\\nb'}", "-a  b");
    check("return {double=3.14}", "$3.14");
    check("return {big_number='123'}", "$123");
    check("return {verbatim_string={format='txt',string='hi'}}", "$hi");
    check("return {map={a=1}}", "[$a :1]");
    check("return {set={a=true}}", "[$a]");
    check("return {1,2,nil,4}", "[:1 :2]");
    check("return {{ok='x'},{err='E y'}}", "[+x -E y]");
}

#[test]
fn lua_values_become_resp3() {
    check3("return {double=3.14}", ",3.14");
    check3("return {big_number='123'}", "(123");
    check3("return {verbatim_string={format='txt',string='hi'}}", "=txt:hi");
    check3("return {map={a=1}}", "%{$a::1}");
    check3("return {set={a=true}}", "~[$a]");
    check3("return true", ":1");
    check3("redis.setresp(3) return true", "#t");
    check3("redis.setresp(3) return false", "#f");
    check("redis.setresp(3) return false", ":0");
}

#[test]
fn replies_become_lua_values() {
    check("return type(redis.call('get','nokey'))", "$boolean");
    check("redis.setresp(3) return type(redis.call('get','nokey'))", "$nil");
    check("return redis.call('set','a','b').ok", "$OK");
    check("return redis.call('set','a','b')", "+OK");
    check("return {redis.call('set','a','b')}", "[+OK]");
    check("return redis.call('incr','n') + 1", ":2");
    check("redis.call('hset','h','f','v') return redis.call('hgetall','h')", "[$f $v]");
    check(
        "redis.setresp(3) redis.call('hset','h','f','v') \
         return redis.call('hgetall','h').map.f",
        "$v",
    );
    check(
        "return redis.pcall('incr','a','b','c').err",
        "$ERR Wrong number of args calling Redis \
           command from script",
    );
}

#[test]
fn numbers_become_arguments() {
    for (number, text) in [
        ("1e15", "1000000000000000"),
        ("3.0", "3"),
        ("-0", "0"),
        ("0.1", "0.1"),
        ("4611686018427387904", "4611686018427387904"),
        ("9007199254740993", "9007199254740992"),
        ("1e20", "1e+20"),
        ("1e-5", "0.00001"),
        ("100/3", "33.333333333333336"),
        ("-2^63", "-9223372036854776000"),
        ("1/0", "inf"),
    ] {
        check(&format!("return redis.call('echo',{number})"), &format!("${text}"));
    }
    check(
        "return tostring(1/3)..','..redis.call('echo',1/3)",
        "$0.33333333333333,0.3333333333333333",
    );
}

#[test]
fn errors_have_the_shape_of_redis() {
    check_error("error('boom')", "-ERR user_script:1: boom script: <sha>, on @user_script:1.");
    check_error("error('x',0)", "-ERR x script: <sha>, on @user_script:1.");
    check_error("error({err='MY boom'})", "-MY boom script: <sha>, on @user_script:1.");
    check_error("error({err=5})", "-5 script: <sha>, on @user_script:1.");
    check_error("error({})", "-ERR unknown error script: <sha>, on @user_script:1.");
    check_error("error()", "-ERR nil script: <sha>, on @user_script:1.");
    check_error("error(true)", "-ERR true script: <sha>, on @user_script:1.");
    check_error("\n\nerror('l3')", "-ERR user_script:3: l3 script: <sha>, on @user_script:3.");
    check_error(
        "error('a\\nb\\r\\nc')",
        "-ERR user_script:1: a b  c script: <sha>, on \
                 @user_script:1.",
    );
    check_error(
        "return foo",
        "-ERR user_script:1: Script attempted to access nonexistent global variable 'foo' \
         script: <sha>, on @user_script:1.",
    );
    check_error(
        "foo = 1",
        "-ERR user_script:1: Attempt to modify a readonly table script: <sha>, on @user_script:1.",
    );
    check_error(
        "KEYS = {}",
        "-ERR user_script:1: Attempt to modify a readonly table script: <sha>, on @user_script:1.",
    );
    check_error(
        "local t=nil; return t.x",
        "-ERR user_script:1: attempt to index local 't' (a nil value) script: <sha>, on \
         @user_script:1.",
    );
    check_error(
        "redis.call('set','a','b') return redis.call('hget','a','f')",
        "-WRONGTYPE Operation against a key holding the wrong kind of value script: <sha>, on \
         @user_script:1.",
    );
    for script in ["rawset(_G,'a',1)", "setmetatable(redis,{})", "table.insert(_G,1)"] {
        check_error(
            script,
            "-ERR Attempt to modify a readonly table script: <sha>, on @user_script:1.",
        );
    }
    check_error(
        "return 1 +",
        "-ERR Error compiling script (new function): user_script:1: unexpected symbol near \
         '<eof>'",
    );
}

#[test]
fn what_pcall_catches() {
    let script = "redis.call('set','a','b') local ok, e = pcall(redis.call,'hget','a','f') \
                  return {tostring(ok), e}";
    check(script, "[$false $WRONGTYPE Operation against a key holding the wrong kind of value]");
    check("return type(redis.pcall('nosuch'))", "$table");
    check("return redis.pcall('nosuch').err", "$ERR Unknown Redis command called from script");
    check(
        "return redis.pcall('get', {}).err",
        "$ERR Lua redis lib command arguments must be strings or integers",
    );
    check(
        "return redis.pcall().err",
        "$ERR Please specify at least one argument for this redis lib call",
    );
    check(
        "return redis.pcall('eval','return 1','0').err",
        "$ERR This Redis command is not allowed from script",
    );
}

#[test]
fn the_redis_table() {
    check("return redis.error_reply('my err')", "-my err");
    check("return redis.error_reply('err')", "-ERR err");
    check("return redis.error_reply('-CODE msg\\r\\n')", "-CODE msg");
    check("return redis.error_reply(1)", "-ERR wrong number or type of arguments");
    check("return redis.status_reply('fine')", "+fine");
    check("return redis.sha1hex('')", "$da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check("return redis.LOG_WARNING", ":3");
    check("return redis.foo == nil", ":1");
    check("redis.log(redis.LOG_DEBUG, 'hello')", "_");
}

#[test]
fn broken_requests() {
    let mut rig = Rig::new();
    let range = "-ERR value is not an integer or out of range";
    let no_script = "-NOSCRIPT No matching script. Please use EVAL.";
    rig.check("EVAL s", "-ERR wrong number of arguments for 'eval' command");
    rig.check("EVAL s abc", range);
    rig.check("EVAL s 1.5", range);
    rig.check("EVAL s -1", "-ERR Number of keys can't be negative");
    rig.check("EVAL s 1", "-ERR Number of keys can't be greater than number of args");
    rig.check("EVALSHA short abc", no_script);
    rig.check("EVALSHA 0123456789012345678901234567890123456789 abc", range);
    rig.check("EVALSHA 0123456789012345678901234567890123456789 0", no_script);
}

#[test]
fn keys_and_arguments() {
    let mut rig = Rig::new();
    let script = "return {KEYS[1],KEYS[2],#KEYS,ARGV[1],#ARGV}";
    let reply = eval(&mut rig, script, &["2", "{t}a", "{t}b", "x"]);
    assert_eq!(reply, "[${t}a ${t}b :2 $x :1]");
    assert_eq!(eval(&mut rig, "return #KEYS + #ARGV", &[]), ":0");
    assert_eq!(eval(&mut rig, "KEYS[1] = 'x' return KEYS[1]", &[]), "$x");
}

#[test]
fn a_script_that_fails_leaves_nothing_behind() {
    let mut rig = Rig::new();
    rig.run("SET {t}kept old");
    rig.run("HSET {t}h f 1 g 2");
    let before = rig.shard().keyspace().exact_digest();
    let script = "redis.call('set','{t}kept','new') redis.call('del','{t}h') \
                  redis.call('set','{t}other','x','ex','100') redis.call('incr','{t}n') \
                  redis.call('rename','{t}other','{t}h') error('no')";
    assert!(eval(&mut rig, script, &["1", "{t}kept"]).starts_with("-ERR user_script:1: no"));
    assert_eq!(rig.shard().keyspace().exact_digest(), before);
    assert_eq!(rig.shard().keyspace().len(), 2);
}

#[test]
fn a_script_that_returns_an_error_keeps_what_it_wrote() {
    let mut rig = Rig::new();
    eval(&mut rig, "redis.call('set','a','b') return {err='MY reason'}", &[]);
    rig.check("GET a", "$b");
}

#[test]
fn a_caught_error_keeps_what_came_before() {
    let mut rig = Rig::new();
    eval(&mut rig, "redis.call('set','a','b') pcall(error,'x') redis.pcall('nosuch')", &[]);
    rig.check("GET a", "$b");
}

#[test]
fn only_keys_of_one_slot() {
    let mut rig = Rig::new();
    assert_eq!(
        error(&mut rig, "redis.call('set','a','1') redis.call('set','b','1')", &["1", "a"]),
        "-ERR Script attempted to access keys that do not hash to the same slot script: <sha>, \
         on @user_script:1."
    );
    rig.check("EXISTS a", ":0");
    assert_eq!(
        error(&mut rig, "redis.call('MGET','a','b')", &[]),
        "-ERR Command 'mget' in script attempted to access keys that don't hash to the same slot \
         script: <sha>, on @user_script:1."
    );
    let flagged = "#!lua flags=allow-cross-slot-keys\nredis.call('set','a','1') \
                   redis.call('set','b','1') return 'done'";
    assert_eq!(eval(&mut rig, flagged, &[]), "$done");
}

#[test]
fn read_only_forms_do_not_write() {
    let mut rig = Rig::new();
    rig.run("SET k v");
    rig.check("EVAL_RO \"return redis.call('get',KEYS[1])\" 1 k", "$v");
    let reply = rig.run("EVAL_RO \"return redis.pcall('set',KEYS[1],'x').err\" 1 k");
    assert_eq!(reply, "$ERR Write commands are not allowed from read-only scripts.");
    rig.check(
        "EVAL_RO \"#!lua\\nreturn 1\" 0",
        "-ERR Can not execute a script with write flag using *_ro command.",
    );
}

#[test]
fn transactions_inside_a_script() {
    check(
        "redis.call('watch','{t}a') redis.call('multi') local q = redis.call('incr','{t}a') \
         redis.call('set','{t}b','x') local r = redis.call('exec') return {q, r}",
        "[+QUEUED [:1 +OK]]",
    );
    check(
        "redis.call('multi') redis.call('incr','a') redis.call('discard') \
         return redis.call('exists','a')",
        ":0",
    );
    check("return redis.pcall('exec').err", "$ERR EXEC without MULTI");
    check(
        "redis.call('multi') return redis.pcall('multi').err",
        "$ERR MULTI calls can not be \
           nested",
    );
}

#[test]
fn script_subcommands() {
    let mut rig = Rig::new();
    let sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    rig.check("SCRIPT LOAD \"return 1\"", &format!("${sha}"));
    rig.check(&format!("EVALSHA {} 0", sha.to_uppercase()), ":1");
    rig.check(&format!("SCRIPT EXISTS {sha} nope"), "[:1 :0]");
    rig.check(&format!("SCRIPT SHOW {sha}"), "$return 1");
    rig.check("SCRIPT FLUSH X", "-ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    rig.check("SCRIPT FLUSH", "+OK");
    rig.check(&format!("EVALSHA {sha} 0"), "-NOSCRIPT No matching script. Please use EVAL.");
    rig.check("SCRIPT NOPE", "-ERR unknown subcommand 'NOPE'. Try SCRIPT HELP.");
    rig.check("SCRIPT LOAD", "-ERR wrong number of arguments for 'script|load' command");
}

#[test]
fn memory_over_the_limit_rolls_back() {
    use crate::script::Limits;
    let mut rig = Rig::new();
    let limits = Limits { memory_bytes: 8 << 20, ..Limits::default() };
    rig.shard().scripts_mut().configure(limits);
    for script in [
        "redis.call('set','a','b') local t = {} for i=1,1e9 do t[i] = {i} end",
        "redis.call('set','a','b') local t = {} while true do pcall(function() t[#t+1] = \
         string.rep('x', 100000 + #t) end) end",
        "redis.call('set','a','b') return string.rep('x', 2^30)",
    ] {
        let reply = eval(&mut rig, script, &[]);
        assert!(reply.starts_with("-OOM Script used more than 8388608 bytes"), "{reply}");
        rig.check("EXISTS a", ":0");
    }
    assert_eq!(eval(&mut rig, "return 1", &[]), ":1");
    assert!(rig.shard().scripts().memory_used() < 4 << 20);
}

#[test]
fn nothing_of_a_script_stays() {
    let mut rig = Rig::new();
    eval(&mut rig, "local t = {} t.x = 1 string.foo = 1", &[]);
    assert_eq!(eval(&mut rig, "return string.foo == nil", &[]), ":1");
    assert_eq!(eval(&mut rig, "return #KEYS", &[]), ":0");
    assert_eq!(eval(&mut rig, "return getmetatable('').__index == string", &[]), ":1");
    let reply = eval(&mut rig, "getmetatable('').__index = 1", &[]);
    assert!(reply.contains("Attempt to modify a readonly table"), "{reply}");
    assert_eq!(eval(&mut rig, "return ('x'):upper()", &[]), "$X");
}

#[test]
fn bytecode_is_refused() {
    check("return type(loadstring(string.dump(function() return 1 end)))", "$nil");
    check("return loadstring('return 41 + 1')()", ":42");
}
