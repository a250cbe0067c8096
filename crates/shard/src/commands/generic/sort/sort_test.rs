//! Tests of SORT and SORT_RO.

use crate::testing::Rig;

fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.check("RPUSH {t}l 3 10 1 2", ":4");
    for (n, weight) in [(1, "9"), (2, "7"), (3, "8")] {
        rig.check(&format!("SET {{t}}w_{n} {weight}"), "+OK");
        rig.check(&format!("HSET {{t}}o_{n} name object{n} weight {weight}"), ":2");
    }
    rig
}

#[test]
fn as_numbers_and_as_texts() {
    let mut rig = rig();
    rig.check("SORT {t}l", "[$1 $2 $3 $10]");
    rig.check("SORT_RO {t}l DESC", "[$10 $3 $2 $1]");
    rig.check("SORT {t}l ALPHA", "[$1 $10 $2 $3]");
    rig.check("sort {t}l desc alpha", "[$3 $2 $10 $1]");
    rig.check("SORT {t}missing", "[]");
    rig.check("RPUSH {t}f 1.5 -3 1e2 ' 2' ''", ":5");
    rig.check("SORT {t}f", "[$-3 $ $1.5 $ 2 $1e2]");
}

#[test]
fn limits() {
    let mut rig = rig();
    for (limit, reply) in [
        ("0 2", "[$1 $2]"),
        ("1 2", "[$2 $3]"),
        ("3 9", "[$10]"),
        ("4 9", "[]"),
        ("-5 1", "[$1]"),
        ("1 -1", "[$2 $3 $10]"),
        ("0 0", "[]"),
        ("0 9223372036854775807", "[$1 $2 $3 $10]"),
        ("9223372036854775807 9223372036854775807", "[]"),
    ] {
        rig.check(&format!("SORT {{t}}l LIMIT {limit}"), reply);
    }
}

#[test]
fn by_and_get() {
    let mut rig = rig();
    rig.check("SORT {t}l BY {t}w_*", "[$10 $2 $3 $1]");
    rig.check("SORT {t}l BY {t}o_*->weight DESC", "[$1 $3 $2 $10]");
    rig.check("SORT {t}l BY {t}o_*->name ALPHA DESC LIMIT 0 2", "[$3 $2]");
    rig.check(
        "SORT {t}l GET # GET {t}o_*->name GET {t}w_*",
        "[$1 $object1 $9 $2 $object2 $7 $3 $object3 $8 $10 _ _]",
    );
    rig.check("SORT {t}l BY nosort", "[$3 $10 $1 $2]");
    rig.check("SORT {t}l BY nosort DESC LIMIT 1 2", "[$1 $10]");
    rig.check("SORT {t}l LIMIT 0 1 GET {t}o_*->", "[_]");
    rig.check("SORT {t}l LIMIT 0 1 GET {t}l*", "[_]");
}

#[test]
fn sets_have_an_order_when_they_are_stored() {
    let mut rig = rig();
    rig.check("SADD {t}s b c a x", ":4");
    rig.check_error("SORT {t}s", "ERR One or more scores can't be converted into double");
    rig.check("SORT {t}s ALPHA", "[$a $b $c $x]");
    rig.check("SORT {t}s BY nosort STORE {t}d", ":4");
    rig.check("LRANGE {t}d 0 -1", "[$a $b $c $x]");
    let script = "return redis.call('SORT', KEYS[1], 'BY', 'nosort')";
    assert_eq!(rig.run_parts(&["EVAL", script, "1", "{t}s"]), "[$a $b $c $x]");
}

#[test]
fn store_replaces_and_an_empty_result_removes() {
    let mut rig = rig();
    rig.check("SET {t}d v EX 100", "+OK");
    rig.check("SORT {t}l STORE {t}d GET {t}w_*", ":4");
    rig.check("LRANGE {t}d 0 -1", "[$9 $7 $8 $]");
    rig.check("TTL {t}d", ":-1");
    rig.check("SORT {t}l STORE {t}l", ":4");
    rig.check("LRANGE {t}l 0 -1", "[$1 $2 $3 $10]");
    rig.check("SORT {t}missing STORE {t}d", ":0");
    rig.check("EXISTS {t}d", ":0");
}

#[test]
fn patterns_must_stay_in_the_slot() {
    let mut rig = rig();
    rig.check(
        "SORT {t}l BY w_*",
        "-ERR BY option of SORT denied in Cluster mode when keys formed by the pattern may be in \
         different slots.",
    );
    rig.check(
        "SORT {t}l GET w_*{t}",
        "-ERR GET option of SORT denied in Cluster mode when keys formed by the pattern may be in \
         different slots.",
    );
    rig.check_error("SORT_RO {t}l GET {u}*", "ERR GET option of SORT denied in Cluster mode");
}

#[test]
fn bad_arguments_and_wrong_type() {
    let mut rig = rig();
    rig.check_error("SORT {t}w_1", "WRONGTYPE");
    rig.check_error("SORT {t}o_1 ALPHA", "WRONGTYPE");
    for options in ["LIMIT", "LIMIT 1", "BY", "GET", "STORE", "UP", "ALPHA 1"] {
        rig.check(&format!("SORT {{t}}l {options}"), "-ERR syntax error");
    }
    rig.check("SORT_RO {t}l STORE {t}d", "-ERR syntax error");
    rig.check("SORT {t}l LIMIT x 1", "-ERR value is not an integer or out of range");
    rig.check("SORT", "-ERR wrong number of arguments for 'sort' command");
    rig.check("SORT_RO", "-ERR wrong number of arguments for 'sort_ro' command");
}

#[test]
fn sorted_sets_are_sorted_by_member_or_left_in_the_order_of_their_scores() {
    let mut rig = Rig::new();
    rig.check("ZADD {t}z 1 30 2 4 3 100", ":3");
    rig.check("SORT {t}z", "[$4 $30 $100]");
    rig.check("SORT {t}z BY nosort", "[$30 $4 $100]");
    rig.check("SORT {t}z BY nosort DESC LIMIT 0 2", "[$100 $4]");
    rig.check("SORT {t}z DESC STORE {t}l", ":3");
    rig.check("LRANGE {t}l 0 -1", "[$100 $30 $4]");
}
