//! The scripts that are measured: what people use scripts for, written as they write them.
//!
//! The programs that put load on a server and the one that runs a shard in its own process take
//! them from here, so that their numbers are about the same work. Each script is correct: the
//! tests below hold it to what it is for.

/// What a script costs that does nothing.
pub const NOOP: &str = "return 1";

/// One read.
pub const GET: &str = "return redis.call('GET', KEYS[1])";

/// Takes ARGV[1] from the stock if there is enough.
pub const STOCK: &str = "\
local stock = redis.call('GET', KEYS[1])
if not stock then return -1 end
if tonumber(stock) < tonumber(ARGV[1]) then return 0 end
redis.call('DECRBY', KEYS[1], ARGV[1])
return 1";

/// Gives a lock back, if it is still held by ARGV[1].
pub const RELEASE: &str = "\
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

/// Counts requests in a window of ARGV[1] milliseconds.
pub const COUNTER: &str = "\
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count";

/// A token bucket: ARGV is its capacity, the tokens that come in a millisecond, the time in
/// milliseconds, and how many tokens are wanted. Replies whether they were given and how many
/// whole tokens are left.
pub const TOKEN_BUCKET: &str = "\
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local now, wanted = tonumber(ARGV[3]), tonumber(ARGV[4])
local tokens, at = tonumber(bucket[1]) or capacity, tonumber(bucket[2]) or now
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local given = 0
if tokens >= wanted then
  tokens = tokens - wanted
  given = 1
end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / rate))
return {given, math.floor(tokens)}";

/// A sliding window: ARGV is the time in milliseconds, the window's length, how many requests it
/// may hold, and a name of the request. Replies whether the request is within the limit.
pub const SLIDING_WINDOW: &str = "\
local now, window, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - window)
if redis.call('ZCARD', KEYS[1]) >= limit then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('PEXPIRE', KEYS[1], window)
return 1";

/// A hundred writes in one script. Replies the sum so far.
pub const HINCRBY_100: &str = "\
local sum
for i = 1, 100 do sum = redis.call('HINCRBY', KEYS[1], ARGV[1], i) end
return sum";

/// Reads a document and writes it again. Replies its length, which does not depend on the order
/// of the fields, as that differs from one VM to the next.
pub const CJSON: &str = "return #cjson.encode(cjson.decode(ARGV[1]))";

/// Four writes on four keys, as a job queue or an account does them.
pub const WRITE_4: &str = "\
redis.call('SET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'state', ARGV[1])
redis.call('INCRBY', KEYS[3], 1)
redis.call('PEXPIRE', KEYS[4], 60000)
return 1";

/// The document of [`CJSON`]: 1 KB of JSON as services pass it around.
pub fn document() -> String {
    const ITEMS: usize = 10;
    let items: Vec<String> = (0..ITEMS)
        .map(|at| {
            format!(
                r#"{{"sku":"item-{at:04}","count":{},"price":{}.25,"tags":["new","sale"],"gift":{}}}"#,
                at + 1,
                at * 10 + 9,
                at % 2 == 0,
            )
        })
        .collect();
    format!(
        concat!(
            r#"{{"order":"a81bc81b-dead-4e5d-abff-90865d1e13b1","customer":{{"id":184467,"#,
            r#""name":"Ada Example","mail":"ada@example.org","city":"Graz","vip":true}},"#,
            r#""items":[{}],"total":1234.5,"currency":"EUR","paid":false,"note":"line\none, \u00e9"}}"#,
        ),
        items.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inprocess::Local;

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
}
