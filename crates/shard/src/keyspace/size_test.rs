//! How many bytes keys and elements take: a change that makes them fatter fails here.
//!
//! Counted by the structures themselves, without what the allocator adds; `benches` has a program
//! that asks the operating system.

use protocol::slot::Slot;

use super::{Keyspace, NewExpiry};
use crate::time::{Micros, Millis};
use crate::types::list::End;
use crate::types::string::StringValue;

const NOW_MS: i64 = 1_700_000_000_000;
const COUNT: usize = 40_000;

/// Bytes for each of the items that `add` adds to a shard that has a key already: the first one takes
/// memory that the next ones share.
fn bytes_for_each(add: impl Fn(&mut Keyspace, usize)) -> f64 {
    let mut keyspace = Keyspace::new(0, 16384, 1);
    let first = enter(&mut keyspace, "first");
    keyspace.set_string(first, StringValue::new(b"value"), NewExpiry::Never);
    let before = keyspace.memory();
    (0..COUNT).for_each(|n| add(&mut keyspace, n));
    (keyspace.memory() - before) as f64 / COUNT as f64
}

fn enter<'k>(keyspace: &mut Keyspace, key: &'k str) -> &'k [u8] {
    keyspace.enter(Micros(NOW_MS * 1000), Some(Slot::of_key(key.as_bytes())));
    key.as_bytes()
}

/// Keys of 16 bytes in 64 slots, so that each slot has about as many as with ten million keys.
fn key(n: usize) -> String {
    format!("{{{:02}}}:{:011}", n % 64, n)
}

/// Names of 16 bytes.
fn member(n: usize) -> Vec<u8> {
    format!("member:{n:09}").into_bytes()
}

fn with_strings(value: &[u8], expiry: NewExpiry) -> f64 {
    bytes_for_each(|keyspace, n| {
        let key = key(n);
        let key = enter(keyspace, &key);
        keyspace.set_string(key, StringValue::new(value), expiry);
    })
}

#[test]
fn keys_with_strings() {
    let short = b"value:0123456789";
    assert!(with_strings(short, NewExpiry::Never) < 59.0);
    assert!(with_strings(short, NewExpiry::At(Millis(NOW_MS + 1_000_000))) < 59.5);
    assert!(with_strings(&[b'x'; 100], NewExpiry::Never) < 159.0);
    assert!(with_strings(b"1234567", NewExpiry::Never) < 59.0);
}

#[test]
fn keys_with_small_hashes() {
    let each = bytes_for_each(|keyspace, n| {
        let key = key(n);
        let key = enter(keyspace, &key);
        for at in 0..10 {
            let field = format!("field{at}");
            let set = keyspace.hash_set(key, field.as_bytes(), b"1234", NewExpiry::Never);
            assert!(set.is_ok());
        }
    });
    assert!(each < 212.0, "{each}");
}

#[test]
fn elements_of_large_collections() {
    let zset = bytes_for_each(|keyspace, n| {
        let score = (n.wrapping_mul(0x9E37_79B1) & 0x7FFF_FFFF) as f64;
        let key = enter(keyspace, "zset");
        assert!(keyspace.zset_update(key, &member(n), |_| Some(score)).is_ok());
    });
    assert!(zset < 65.0, "{zset}");
    let set = bytes_for_each(|keyspace, n| {
        let key = enter(keyspace, "set");
        assert!(keyspace.set_add(key, [&member(n)[..]].into_iter()).is_ok());
    });
    assert!(set < 35.0, "{set}");
    let hash = bytes_for_each(|keyspace, n| {
        let key = enter(keyspace, "hash");
        assert!(keyspace.hash_set(key, &member(n), &member(n), NewExpiry::Never).is_ok());
    });
    assert!(hash < 51.0, "{hash}");
    let list = bytes_for_each(|keyspace, n| {
        let key = enter(keyspace, "list");
        assert!(keyspace.list_push(key, End::Tail, [&member(n)[..]].into_iter()).is_ok());
    });
    assert!(list < 18.5, "{list}");
}
