//! Each script that is measured does what it is for.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use bench::inprocess::Local;
use load::scripts::{
    CJSON, HINCRBY_100, RELEASE, SALE, SLIDING_WINDOW, STOCK, TOKEN_BUCKET, WRITE_4, document,
};

fn run(local: &mut Local, script: &str, keys: &[&str], arguments: &[&str]) -> String {
    let sha = local.load(script).unwrap();
    let count = keys.len().to_string();
    let words = [&["EVALSHA", &sha, &count], keys, arguments].concat();
    local.request(&words).unwrap()
}

#[test]
fn a_lock_is_released_by_its_holder_only() {
    let mut local = Local::new();
    local.request(&["SET", "lock", "me"]).unwrap();
    assert_eq!(run(&mut local, RELEASE, &["lock"], &["you"]), ":0\r\n");
    assert_eq!(run(&mut local, RELEASE, &["lock"], &["me"]), ":1\r\n");
    assert_eq!(run(&mut local, RELEASE, &["lock"], &["me"]), ":0\r\n");
}

#[test]
fn a_stock_is_never_oversold() {
    let mut local = Local::new();
    assert_eq!(run(&mut local, STOCK, &["stock"], &["1"]), ":-1\r\n");
    local.request(&["SET", "stock", "2"]).unwrap();
    assert_eq!(run(&mut local, STOCK, &["stock"], &["2"]), ":1\r\n");
    assert_eq!(run(&mut local, STOCK, &["stock"], &["1"]), ":0\r\n");
}

#[test]
fn a_sale_is_booked_or_does_not_take_place() {
    let mut local = Local::new();
    let keys = ["{a}left", "{a}sold"];
    assert_eq!(run(&mut local, SALE, &keys, &["1"]), ":-1\r\n");
    local.request(&["MSET", keys[0], "2", keys[1], "0"]).unwrap();
    assert_eq!(run(&mut local, SALE, &keys, &["2"]), ":1\r\n");
    assert_eq!(run(&mut local, SALE, &keys, &["1"]), ":0\r\n");
    let left = local.request(&["MGET", keys[0], keys[1]]).unwrap();
    assert_eq!(left, "*2\r\n$1\r\n0\r\n$1\r\n2\r\n");
}

#[test]
fn a_bucket_gives_what_it_holds_and_fills_with_time() {
    let mut local = Local::new();
    let mut take = |now: &str, wanted: &str| {
        run(&mut local, TOKEN_BUCKET, &["bucket"], &["10", "0.25", now, wanted])
    };
    assert_eq!(take("1000", "9"), "*2\r\n:1\r\n:1\r\n");
    assert_eq!(take("1000", "2"), "*2\r\n:0\r\n:1\r\n");
    // 3 ms are 0.75 tokens, 4 ms are one.
    assert_eq!(take("1003", "2"), "*2\r\n:0\r\n:1\r\n");
    assert_eq!(take("1004", "2"), "*2\r\n:1\r\n:0\r\n");
    // It does not fill above its capacity.
    assert_eq!(take("999999", "1"), "*2\r\n:1\r\n:9\r\n");
    assert_eq!(local.request(&["PTTL", "bucket"]).unwrap(), ":40\r\n");
}

#[test]
fn a_window_lets_a_limited_number_through() {
    let mut local = Local::new();
    if !local.knows("ZADD") {
        return;
    }
    let mut pass = |now: &str| {
        run(&mut local, SLIDING_WINDOW, &["window"], &[now, "100", "2", now]) == ":1\r\n"
    };
    assert!(pass("1000"));
    assert!(pass("1050"));
    assert!(!pass("1099"));
    assert!(pass("1100"));
    assert!(!pass("1149"));
}

#[test]
fn a_hundred_increments_add_up() {
    let mut local = Local::new();
    assert_eq!(run(&mut local, HINCRBY_100, &["hash"], &["field"]), ":5050\r\n");
    assert_eq!(run(&mut local, HINCRBY_100, &["hash"], &["field"]), ":10100\r\n");
}

#[test]
fn the_document_is_a_kilobyte_that_survives_the_round_trip() {
    let document = document();
    assert!((1000..1050).contains(&document.len()), "{}", document.len());
    let mut local = Local::new();
    let length = run(&mut local, CJSON, &[], &[&document]);
    // The escaped letter comes out as two bytes.
    assert_eq!(length, format!(":{}\r\n", document.len() - 4));
}

#[test]
fn the_four_writes_are_four_changes() {
    let mut local = Local::new();
    let keys = ["{w}1", "{w}2", "{w}3", "{w}4"];
    local.request(&["SET", "{w}4", "x"]).unwrap();
    let before = local.changes();
    assert_eq!(run(&mut local, WRITE_4, &keys, &["value"]), ":1\r\n");
    assert_eq!(local.changes() - before, 4);
}
