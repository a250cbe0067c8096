//! Tests of SET with IFEQ, IFNE, IFDEQ and IFDNE.

use crate::testing::Rig;

const DIGEST: &str = "b6acb9d84a38ff74";

#[test]
fn sets_what_is_as_expected() {
    let mut rig = Rig::new();
    rig.check("SET k v IFEQ v", "_");
    rig.check("EXISTS k", ":0");
    rig.check("SET k 1 IFNE v", "+OK");
    rig.check("SET k 2 IFEQ 1", "+OK");
    rig.check("SET k 3 ifeq 1", "_");
    rig.check("SET k 3 IFNE 2", "_");
    rig.check("GET k", "$2");
    rig.check("SET k 3 IFNE 1 EX 10", "+OK");
    rig.check("TTL k", ":10");
    rig.check("SET k 4 KEEPTTL IFEQ 3", "+OK");
    rig.check("TTL k", ":10");
}

#[test]
fn get_replies_what_was_there_whether_it_was_set_or_not() {
    let mut rig = Rig::new();
    rig.check("SET k 2", "+OK");
    rig.check("SET k 3 IFEQ 1 GET", "$2");
    rig.check("GET k", "$2");
    rig.check("SET k 3 GET IFEQ 2", "$2");
    rig.check("GET k", "$3");
    rig.check("SET missing 3 GET IFEQ 2", "_");
    rig.check("EXISTS missing", ":0");
    rig.check("SET missing 3 GET IFNE 2", "_");
    rig.check("GET missing", "$3");
}

#[test]
fn digests() {
    let mut rig = Rig::new();
    rig.check(&format!("SET k v IFDEQ {DIGEST}"), "_");
    rig.check(&format!("SET k \"Hello world\" IFDNE {DIGEST}"), "+OK");
    rig.check(&format!("SET k v IFDNE {DIGEST}"), "_");
    rig.check(&format!("SET k v IFDEQ {}", DIGEST.to_uppercase()), "+OK");
    rig.check(&format!("SET k w IFDEQ {DIGEST}"), "_");
    rig.check("GET k", "$v");
    rig.check("SET k v IFDEQ b6ac", "-ERR must be exactly 16 hexadecimal characters");
}

#[test]
fn other_types_and_contradictions_are_errors() {
    let mut rig = Rig::new();
    rig.run("HSET h f v");
    for condition in ["IFEQ v", "IFNE v", "IFNE v GET", &format!("IFDNE {DIGEST}")] {
        rig.check_error(&format!("SET h v {condition}"), "WRONGTYPE");
    }
    rig.check("HLEN h", ":1");
    for options in ["IFEQ", "IFEQ v NX", "XX IFEQ v", "IFEQ v IFEQ v", "IFEQ v IFNE w", "IFNE"] {
        rig.check(&format!("SET k v {options}"), "-ERR syntax error");
    }
    rig.check("SET k v IFEQ v EX 0", "-ERR invalid expire time in 'set' command");
}
