//! Tests of FUNCTION LIST.

use crate::testing::Rig;

fn rig() -> Rig {
    let mut rig = Rig::new().once();
    for code in [
        "#!lua name=one\nredis.register_function('f', redis.log)",
        "#!lua name=Two\nredis.register_function{function_name='G', callback=redis.log, \
         flags={'no-writes'}, description='about'}",
    ] {
        assert!(rig.run_parts(&["FUNCTION", "LOAD", code]).starts_with('$'));
    }
    rig
}

const ONE: &str =
    "[$library_name $one $engine $LUA $functions [[$name $f $description _ $flags []]]]";
const TWO: &str = "[$library_name $Two $engine $LUA $functions [[$name $G $description $about \
                   $flags [+no-writes]]]]";

#[test]
fn lists_libraries_by_name() {
    let mut rig = rig();
    rig.check("FUNCTION LIST", &format!("[{TWO} {ONE}]"));
    rig.check("FUNCTION LIST LIBRARYNAME O*", &format!("[{ONE}]"));
    rig.check("function list libraryname tw?", &format!("[{TWO}]"));
    rig.check("FUNCTION LIST LIBRARYNAME nobody", "[]");
    let code = "$library_code $#!lua name=one\\nredis.register_function(\\'f\\', redis.log)]";
    let with_code = format!("[{} {code}]", ONE.strip_suffix(']').unwrap());
    rig.check("FUNCTION LIST WITHCODE LIBRARYNAME one", &with_code);
}

#[test]
fn replies_maps_and_sets_in_resp3() {
    let mut rig = Rig::new().resp3().once();
    rig.check("FUNCTION LIST", "[]");
    let code = "#!lua name=l\nredis.register_function{function_name='f', callback=redis.log, \
                flags={'allow-oom'}}";
    rig.run_parts(&["FUNCTION", "LOAD", code]);
    rig.check(
        "FUNCTION LIST",
        "[%{$library_name:$l $engine:$LUA $functions:[%{$name:$f $description:_ \
         $flags:~[+allow-oom]}]}]",
    );
}

#[test]
fn refuses_what_redis_refuses() {
    let mut rig = rig();
    rig.check("FUNCTION LIST bad", "-ERR Unknown argument bad");
    rig.check("FUNCTION LIST libraryname", "-ERR library name argument was not given");
    rig.check("FUNCTION LIST withcode withcode", "-ERR Unknown argument withcode");
    rig.check(
        "FUNCTION LIST withcode libraryname a libraryname b",
        "-ERR Unknown argument libraryname",
    );
    rig.check(r#"FUNCTION LIST "X\r\n+INJECTED""#, "-ERR Unknown argument X  +INJECTED");
}
