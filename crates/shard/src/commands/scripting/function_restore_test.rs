//! Tests of FUNCTION DUMP, RESTORE, DELETE and FLUSH.

use protocol::args::Request;

use crate::testing::Rig;

fn load(rig: &mut Rig, name: &str, functions: &[&str]) {
    let one = |function: &&str| {
        format!("redis.register_function('{function}', function() return '{name}' end)\n")
    };
    let lua: String = functions.iter().map(one).collect();
    let code = format!("#!lua name={name}\n{lua}");
    assert_eq!(rig.run_parts(&["FUNCTION", "LOAD", &code]), format!("${name}"));
}

fn dump(rig: &mut Rig) -> Vec<u8> {
    rig.shard().scripts().dump_libraries()
}

fn restore(rig: &mut Rig, payload: &[u8], policy: &[&str]) -> String {
    let parts = [&b"FUNCTION"[..], b"RESTORE", payload].into_iter();
    rig.run_request(&Request::of(parts.chain(policy.iter().map(|word| word.as_bytes()))))
}

#[test]
fn what_is_dumped_is_restored() {
    let mut rig = Rig::new().once();
    load(&mut rig, "one", &["f"]);
    load(&mut rig, "two", &["g", "h"]);
    let list = rig.run("FUNCTION LIST WITHCODE");
    let payload = dump(&mut rig);
    let shown = rig.run("FUNCTION DUMP");
    assert_eq!(shown, format!("${}", payload.escape_ascii()));
    rig.check("FUNCTION FLUSH", "+OK");
    rig.check("FUNCTION LIST", "[]");
    assert_eq!(restore(&mut rig, &payload, &[]), "+OK");
    assert_eq!(rig.run("FUNCTION LIST WITHCODE"), list);
    rig.check("FCALL h 0", "$two");
}

#[test]
fn policies() {
    let mut rig = Rig::new().once();
    load(&mut rig, "one", &["f"]);
    let payload = dump(&mut rig);
    assert_eq!(restore(&mut rig, &payload, &["append"]), "-ERR Library one already exists");
    assert_eq!(restore(&mut rig, &payload, &["REPLACE"]), "+OK");
    rig.check("FUNCTION DELETE one", "+OK");
    load(&mut rig, "two", &["f", "g"]);
    for policy in ["APPEND", "REPLACE"] {
        assert_eq!(restore(&mut rig, &payload, &[policy]), "-ERR Function f already exists");
        rig.check("FCALL f 0", "$two");
    }
    assert_eq!(restore(&mut rig, &payload, &["FLUSH"]), "+OK");
    rig.check("FCALL f 0", "$one");
    rig.check("FCALL g 0", "-ERR Function not found");
}

#[test]
fn shards_that_are_shown_as_masters_agree_to_a_payload() {
    let mut rig = Rig::new().once();
    load(&mut rig, "one", &["f"]);
    load(&mut rig, "two", &["g"]);
    let payload = dump(&mut rig);
    rig.check("FUNCTION FLUSH", "+OK");
    let mut sibling = rig.sibling().once();
    for shard in [&mut rig, &mut sibling] {
        shard.shard().scripts_mut().answer_as_master();
        assert_eq!(restore(shard, &payload, &[]), "+OK");
    }
    for shard in [&mut rig, &mut sibling] {
        assert_eq!(restore(shard, &payload, &[]), "-ERR Library one already exists");
    }
}

#[test]
fn a_refused_payload_changes_nothing() {
    let mut rig = Rig::new().once();
    load(&mut rig, "good", &["f"]);
    let mut payload = dump(&mut rig);
    let list = rig.run("FUNCTION LIST");
    payload[5] ^= 1;
    for policy in [&[][..], &["FLUSH"], &["REPLACE"]] {
        assert_eq!(
            restore(&mut rig, &payload, policy),
            "-ERR DUMP payload version or checksum are wrong"
        );
    }
    // Two libraries, of which the second registers nothing.
    let mut rig2 = Rig::new().once();
    load(&mut rig2, "first", &["x"]);
    let head = dump(&mut rig2);
    let body = [&head[..head.len() - 10], b"\xf5\x15#!lua name=x\nreturn 1"].concat();
    let sealed = crate::script::functions::seal(&body);
    assert_eq!(restore(&mut rig, &sealed, &["FLUSH"]), "-ERR No functions registered");
    let twice = [&head[..head.len() - 10], &head[..head.len() - 10]].concat();
    let sealed = crate::script::functions::seal(&twice);
    assert_eq!(restore(&mut rig, &sealed, &["REPLACE"]), "-ERR Library 'first' already exists");
    assert_eq!(rig.run("FUNCTION LIST"), list);
    rig.check("FCALL f 0", "$good");
    rig.check("FCALL x 0", "-ERR Function not found");
}

#[test]
fn wrong_arguments() {
    let mut rig = Rig::new().once();
    rig.check(
        "FUNCTION RESTORE x y",
        "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
    );
    rig.check(
        "FUNCTION restore x y z",
        "-ERR unknown subcommand or wrong number of arguments for 'restore'. Try FUNCTION HELP.",
    );
    rig.check("FUNCTION DELETE nobody", "-ERR Library not found");
    rig.check("FUNCTION FLUSH x", "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    rig.check(
        "FUNCTION FLUSH sync x",
        "-ERR unknown subcommand or wrong number of arguments for 'FLUSH'. Try FUNCTION HELP.",
    );
    rig.check("FUNCTION", "-ERR wrong number of arguments for 'function' command");
    rig.check("FUNCTION nope", "-ERR unknown subcommand 'nope'. Try FUNCTION HELP.");
}

#[test]
fn deleting_and_flushing() {
    let mut rig = Rig::new().once();
    load(&mut rig, "one", &["f"]);
    load(&mut rig, "two", &["g"]);
    rig.check("FUNCTION DELETE ONE", "-ERR Library not found");
    rig.check("FUNCTION DELETE one", "+OK");
    rig.check("FCALL f 0", "-ERR Function not found");
    rig.check("FCALL g 0", "$two");
    rig.check("FUNCTION FLUSH async", "+OK");
    rig.check("FCALL g 0", "-ERR Function not found");
    rig.check("FUNCTION FLUSH SYNC", "+OK");
    load(&mut rig, "one", &["f", "g"]);
    rig.check("FCALL g 0", "$one");
}

#[test]
fn flushing_makes_the_vm_anew() {
    let mut rig = Rig::new().once();
    rig.check("FUNCTION FLUSH", "+OK");
    assert_eq!(rig.shard().scripts().functions_memory_used(), 0);
    load(&mut rig, "one", &["f"]);
    assert!(rig.shard().scripts().functions_memory_used() > 0);
    rig.check("FUNCTION FLUSH", "+OK");
    assert_eq!(rig.shard().scripts().functions_memory_used(), 0);
}
