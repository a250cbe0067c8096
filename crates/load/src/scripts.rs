//! The scripts that are measured: what people use scripts for, written as they write them.
//!
//! The programs that put load on a server and the one that runs a shard in its own process take
//! them from here, so that their numbers are about the same work. Each script is correct: tests
//! hold it to what it is for, in `benches/tests/scripts.rs`, as that takes a shard.

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

/// The same, and what was sold is booked on KEYS[2].
pub const SALE: &str = "\
local stock = redis.call('GET', KEYS[1])
if not stock then return -1 end
if tonumber(stock) < tonumber(ARGV[1]) then return 0 end
redis.call('DECRBY', KEYS[1], ARGV[1])
redis.call('INCRBY', KEYS[2], ARGV[1])
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
