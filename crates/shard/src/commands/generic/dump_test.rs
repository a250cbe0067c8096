//! Tests of DUMP. What it writes for values of all kinds: `rdb::golden_test`.

use crate::testing::Rig;

#[test]
fn a_payload_has_a_type_a_value_and_a_trailer() {
    let mut rig = Rig::new();
    rig.check("DUMP k", "_");
    rig.check("SET k hello", "+OK");
    // What Redis 7.2 replies.
    rig.check("DUMP k", r"$\x00\x05hello\x0b\x00\n\xadb\x05\x98\xab\xc9\x83");
    rig.check("DUMP", "-ERR wrong number of arguments for 'dump' command");
}

#[test]
fn fields_that_have_expired_are_left_out() {
    let mut rig = Rig::new().once();
    rig.check("HSET h a 1 b 2", ":2");
    let expected = rig.run("DUMP h");
    rig.check("HSET h c 3 d 4", ":2");
    rig.check("HPEXPIRE h 10 FIELDS 2 c d", "[:1 :1]");
    rig.advance_ms(20);
    assert_eq!(rig.run("DUMP h"), expected);
    rig.check("HPEXPIRE h 10 FIELDS 2 a b", "[:1 :1]");
    rig.advance_ms(20);
    rig.check("DUMP h", "_");
}
