//! What requests of each command look like, so that most of those that are made reach the command's
//! work. A command that has no pattern gets a key and any words, as many as its arity asks for.
//!
//! Words in capitals are written as they are, in any case. `{ a | b }` is one of several, with `?`, `*`
//! or `+` after it as often as these say; so may be any word. Small letters stand for what is made up:
//!
//! | word | is |
//! |---|---|
//! | `k` | a key; three times out of four of the type that the command is for |
//! | `n` | a number of keys, and mostly as many keys |
//! | `i`, `t` | an integer; one for times, bits and sizes, which must not become gigabytes |
//! | `f` | a number with a fraction |
//! | `v`, `m` | a value; a member, field or element |
//! | `s`, `l` | bounds of a range of scores, of members |
//! | `x` | an entry of a stream |
//! | `g`, `c` | a group of a stream, a consumer |
//! | `p` | a glob pattern |
//! | `y` | a type of a field of bits |

const EXPIRY: &str = "{ EX i | PX i | EXAT t | PXAT t | PERSIST | KEEPTTL }";
const AGGREGATE: &str = "{ WEIGHTS f f | AGGREGATE SUM | AGGREGATE MIN | AGGREGATE MAX }*";
const SORTED: &str = "{ LIMIT i i | ASC | DESC | ALPHA }*";
const GEO_OPTIONS: &str = "{ WITHCOORD | WITHDIST | WITHHASH | COUNT i | ASC | DESC }*";
const GEO_BY: &str = "{ FROMMEMBER m | FROMLONLAT f f } { BYRADIUS f u | BYBOX f f u }";
const TRIM: &str = "{ MAXLEN i | MAXLEN = i | MAXLEN ~ i | MINID x | MINID = x }";

/// The pattern of a command, and the type of key that it is for; `any` where there is none.
pub(super) fn pattern(name: &str) -> Option<(&'static str, String)> {
    let row = ROWS.iter().find(|row| row.0 == name)?;
    let mut text = row.2.to_owned();
    let parts = [
        ("EXPIRY", EXPIRY),
        ("AGGREGATED", AGGREGATE),
        ("SORTED", SORTED),
        ("GEO_OPTIONS", GEO_OPTIONS),
        ("GEO_BY", GEO_BY),
        ("TRIM", TRIM),
    ];
    for (part, pattern) in parts {
        text = text.replace(&format!("<{part}>"), pattern);
    }
    Some((row.1, text))
}

/// The commands that have a pattern.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.0)
}

/// Command, type of its keys, arguments.
const ROWS: &[(&str, &str, &str)] = &[
    ("append", "string", "k v"),
    ("bitcount", "string", "k { i i | i i BYTE | i i BIT }?"),
    (
        "bitfield",
        "string",
        "k { GET y b | SET y b i | INCRBY y b i | OVERFLOW { WRAP | SAT | FAIL } }*",
    ),
    ("bitfield_ro", "string", "k { GET y b }*"),
    ("bitop", "string", "{ AND | OR | XOR | NOT } k k k?"),
    ("bitpos", "string", "k { 0 | 1 } { i | i i | i i BIT | i i BYTE }?"),
    ("blmove", "list", "k k { LEFT | RIGHT } { LEFT | RIGHT } f"),
    ("blmpop", "list", "f n { LEFT | RIGHT } { COUNT i }?"),
    ("blpop", "list", "k k* f"),
    ("brpop", "list", "k k* f"),
    ("brpoplpush", "list", "k k f"),
    ("bzmpop", "zset", "f n { MIN | MAX } { COUNT i }?"),
    ("bzpopmax", "zset", "k k* f"),
    ("bzpopmin", "zset", "k k* f"),
    ("copy", "any", "k k REPLACE?"),
    ("decrby", "number", "k i"),
    ("decr", "number", "k"),
    ("expire", "any", "k i { NX | XX | GT | LT }*"),
    ("expireat", "any", "k t { NX | XX | GT | LT }*"),
    ("flushall", "any", "{ SYNC | ASYNC }?"),
    ("flushdb", "any", "{ SYNC | ASYNC }?"),
    ("geoadd", "zset", "k { NX | XX | CH }* { f f m }+"),
    ("geodist", "zset", "k m m u?"),
    ("georadius", "zset", "k f f f u <GEO_OPTIONS> { STORE k | STOREDIST k }?"),
    ("georadius_ro", "zset", "k f f f u <GEO_OPTIONS>"),
    ("georadiusbymember", "zset", "k m f u <GEO_OPTIONS> { STORE k | STOREDIST k }?"),
    ("georadiusbymember_ro", "zset", "k m f u <GEO_OPTIONS>"),
    ("geosearch", "zset", "k <GEO_BY> <GEO_OPTIONS>"),
    ("geosearchstore", "zset", "k k <GEO_BY> { COUNT i | ASC | DESC | STOREDIST }*"),
    ("getbit", "string", "k b"),
    ("getex", "string", "k <EXPIRY>?"),
    ("getrange", "string", "k i i"),
    ("hincrby", "hash", "k m i"),
    ("hincrbyfloat", "hash", "k m f"),
    ("hmset", "hash", "k { m v }+"),
    ("hrandfield", "hash", "k { i | i WITHVALUES }?"),
    ("hscan", "hash", "k i { MATCH p | COUNT i }*"),
    ("hset", "hash", "k { m v }+"),
    ("incr", "number", "k"),
    ("incrby", "number", "k i"),
    ("incrbyfloat", "number", "k f"),
    ("keys", "any", "p"),
    ("lcs", "string", "k k { LEN | IDX | MINMATCHLEN i | WITHMATCHLEN }*"),
    ("lindex", "list", "k i"),
    ("linsert", "list", "k { BEFORE | AFTER } m v"),
    ("lmove", "list", "k k { LEFT | RIGHT } { LEFT | RIGHT }"),
    ("lmpop", "list", "n { LEFT | RIGHT } { COUNT i }?"),
    ("lpop", "list", "k i?"),
    ("lpos", "list", "k m { RANK i | COUNT i | MAXLEN i }*"),
    ("lrange", "list", "k i i"),
    ("lrem", "list", "k i m"),
    ("lset", "list", "k i v"),
    ("ltrim", "list", "k i i"),
    ("mset", "string", "{ k v }+"),
    ("msetnx", "string", "{ k v }+"),
    ("object|encoding", "any", "k"),
    ("object|freq", "any", "k"),
    ("pexpire", "any", "k i { NX | XX | GT | LT }*"),
    ("pexpireat", "any", "k t { NX | XX | GT | LT }*"),
    ("pfadd", "hll", "k m*"),
    ("pfcount", "hll", "k k*"),
    ("pfmerge", "hll", "k k*"),
    ("psetex", "string", "k i v"),
    ("rename", "any", "k k"),
    ("renamenx", "any", "k k"),
    ("restore", "any", "k i v { REPLACE | ABSTTL | IDLETIME i | FREQ i }*"),
    ("restore-asking", "any", "k i v { REPLACE | IDLETIME i }*"),
    ("rpop", "list", "k i?"),
    ("scan", "any", "i { MATCH p | COUNT i | TYPE { STRING | LIST | x } }*"),
    ("set", "string", "k v { NX | XX | GET | <EXPIRY> }*"),
    ("setbit", "string", "k b { 0 | 1 }"),
    ("setex", "string", "k i v"),
    ("setrange", "string", "k b v"),
    ("sintercard", "set", "n { LIMIT i }?"),
    ("smove", "set", "k k m"),
    ("sort", "list", "k <SORTED> { STORE k }?"),
    ("sort_ro", "list", "k <SORTED> { BY {t}w_* | GET # | GET {t}w_* }*"),
    ("srandmember", "set", "k i?"),
    ("sscan", "set", "k i { MATCH p | COUNT i }*"),
    ("substr", "string", "k i i"),
    ("xack", "stream", "k g x+"),
    ("xadd", "stream", "k NOMKSTREAM? <TRIM>? x { m v }+"),
    ("xautoclaim", "stream", "k g c i x { COUNT i | JUSTID }*"),
    ("xclaim", "stream", "k g c i x+ { FORCE | JUSTID | IDLE i | RETRYCOUNT i | LASTID x }*"),
    ("xdel", "stream", "k x+"),
    ("xgroup|create", "stream", "k g x { MKSTREAM | ENTRIESREAD i }*"),
    ("xgroup|createconsumer", "stream", "k g c"),
    ("xgroup|delconsumer", "stream", "k g c"),
    ("xgroup|destroy", "stream", "k g"),
    ("xgroup|setid", "stream", "k g x { ENTRIESREAD i }?"),
    ("xinfo|consumers", "stream", "k g"),
    ("xinfo|groups", "stream", "k"),
    ("xinfo|stream", "stream", "k { FULL | FULL COUNT i }?"),
    ("xpending", "stream", "k g { x x i | x x i c | IDLE i x x i c }?"),
    ("xrange", "stream", "k x x { COUNT i }?"),
    ("xread", "stream", "{ COUNT i | BLOCK i }* STREAMS { k x | k k x x }"),
    ("xreadgroup", "stream", "GROUP g c { COUNT i | NOACK }* STREAMS { k > | k x | k k > x }"),
    ("xrevrange", "stream", "k x x { COUNT i }?"),
    ("xsetid", "stream", "k x { ENTRIESADDED i | MAXDELETEDID x }*"),
    ("xtrim", "stream", "k <TRIM> { LIMIT i }?"),
    ("zadd", "zset", "k { NX | XX | GT | LT | CH | INCR }* { f m }+"),
    ("zcount", "zset", "k s s"),
    ("zdiff", "zset", "n WITHSCORES?"),
    ("zdiffstore", "zset", "k n"),
    ("zincrby", "zset", "k f m"),
    ("zinter", "zset", "n <AGGREGATED> WITHSCORES?"),
    ("zintercard", "zset", "n { LIMIT i }?"),
    ("zinterstore", "zset", "k n <AGGREGATED>"),
    ("zlexcount", "lex", "k l l"),
    ("zmpop", "zset", "n { MIN | MAX } { COUNT i }?"),
    ("zpopmax", "zset", "k i?"),
    ("zpopmin", "zset", "k i?"),
    ("zrandmember", "zset", "k { i | i WITHSCORES }?"),
    ("zrange", "zset", "k { i i | s s BYSCORE | l l BYLEX } { REV | LIMIT i i | WITHSCORES }*"),
    ("zrangebylex", "lex", "k l l { LIMIT i i }?"),
    ("zrangebyscore", "zset", "k s s { LIMIT i i | WITHSCORES }*"),
    ("zrangestore", "zset", "k k { i i | s s BYSCORE | l l BYLEX } { REV | LIMIT i i }*"),
    ("zrank", "zset", "k m"),
    ("zremrangebylex", "lex", "k l l"),
    ("zremrangebyrank", "zset", "k i i"),
    ("zremrangebyscore", "zset", "k s s"),
    ("zrevrange", "zset", "k i i WITHSCORES?"),
    ("zrevrangebylex", "lex", "k l l { LIMIT i i }?"),
    ("zrevrangebyscore", "zset", "k s s { LIMIT i i | WITHSCORES }*"),
    ("zrevrank", "zset", "k m"),
    ("zscan", "zset", "k i { MATCH p | COUNT i }*"),
    ("zunion", "zset", "n <AGGREGATED> WITHSCORES?"),
    ("zunionstore", "zset", "k n <AGGREGATED>"),
];
