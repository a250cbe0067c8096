//! Tests of direct globals: which scripts have them, and that nothing can be changed through them.

use crate::script::list::ListUse;
use crate::script::sandbox_test::eval;
use crate::testing::Rig;

/// How the script uses KEYS and ARGV, as a reply of `judge` would say it; `None` when it has no direct
/// globals.
fn judged(rig: &mut Rig, script: &str) -> Option<ListUse> {
    rig.shard().scripts_mut().judged(script.as_bytes())
}

#[test]
fn scripts_as_people_write_them_have_direct_globals() {
    let mut rig = Rig::new();
    let known = |keys, argv, changes| Some(ListUse { keys, argv, changes });
    for (script, expected) in [
        ("return 1", known(false, false, false)),
        ("return redis.call('get', KEYS[1])", known(true, false, false)),
        ("local call = redis.call return call('set', KEYS[1], #ARGV)", known(true, true, false)),
        // More than it has to be: that the list is only measured in between is not looked for.
        ("return KEYS[#KEYS]", known(true, false, true)),
        ("for i = 1, #KEYS do redis.pcall('del', KEYS[i]) end", known(true, false, false)),
        ("return redis.call('del', unpack(KEYS))", known(true, false, true)),
        ("for _, v in ipairs(ARGV) do redis.call('get', v) end", known(false, true, true)),
        ("local function f(k) return KEYS[k] end return f(1)", known(true, false, false)),
        ("local t = {} t.x = cjson.encode(ARGV) return t.x", known(false, true, true)),
        ("local keys = KEYS keys[1] = 1 return math.floor(2.5)", known(true, false, true)),
    ] {
        assert_eq!(judged(&mut rig, script), expected, "{script}");
    }
}

#[test]
fn scripts_that_could_change_a_global_have_none() {
    for script in [
        "redis = nil",
        "KEYS = {}",
        "local r = redis",
        "local r = {redis}",
        "return #redis",
        "redis.call = nil",
        "local f = string string.f = 1",
        "local t = _G t.redis = 1",
        "return loadstring('redis.call = nil')()",
        "return load(function() end)",
        "return (function() redis = nil end)()",
        "return function() return function() return cjson end end",
        "return nosuch",
        "pairs(redis)",
        "local x = redis or string return x.call",
    ] {
        assert_eq!(judged(&mut Rig::new(), script), None, "{script}");
    }
}

#[test]
fn what_a_script_does_not_look_at_is_not_there_for_the_next_either() {
    let mut rig = Rig::new();
    let leave = "local keys = KEYS keys[1] = 'left' keys.left = 1 keys[9] = 1 return 1";
    for between in ["return 1", "return ARGV[1]", "return _G.KEYS[1]"] {
        eval(&mut rig, leave, &["2", "{a}1", "{a}2"]);
        eval(&mut rig, between, &["1", "b"]);
        let look = "return {#KEYS, KEYS[1], KEYS.left or 0, KEYS[9] or 0}";
        assert_eq!(eval(&mut rig, look, &["1", "c"]), "[:1 $c :0 :0]", "{between}");
        assert_eq!(eval(&mut rig, look, &["2", "c", "{c}"]), "[:2 $c :0 :0]", "{between}");
        assert_eq!(eval(&mut rig, "return #_G.KEYS + #KEYS", &["3", "c", "c", "c"]), ":6");
        assert_eq!(eval(&mut rig, "return {#KEYS, KEYS[1] == nil}", &["0"]), "[:0 :1]");
    }
}

#[test]
fn errors_are_the_same_with_and_without() {
    let mut rig = Rig::new().once();
    for body in [
        "return redis.nosuch()",
        "return KEYS[1].x.y",
        "return KEYS + 1",
        "return cjson.decode(KEYS[1])",
        "return redis.call('nosuch')",
        "local x = KEYS[1] return x()",
        "return math.floor({})",
    ] {
        assert!(judged(&mut rig, body).is_some(), "{body}");
        let guarded = format!("{body} local _ = _G");
        let guarded = guarded
            .replacen("return", "if true then return", 1)
            .replace(" local _", " end local _");
        assert_eq!(judged(&mut rig, &guarded), None, "{guarded}");
        let args = ["1", "key"];
        assert_eq!(eval(&mut rig, body, &args), eval(&mut rig, &guarded, &args), "{body}");
    }
}
