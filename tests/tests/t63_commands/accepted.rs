//! Differences from Redis 7.0 that are meant, each as narrow as it can be. Most are what 7.2 has
//! changed; the others are in docs/DIFFERENCES.md.

use e2e::requests::Request;
use e2e::resp::Value;

/// A difference: of these commands, these requests, and these replies, given by how they begin.
struct Difference {
    commands: &'static [&'static str],
    when: fn(&Request) -> bool,
    atoll: &'static str,
    redis: &'static str,
}

const ALWAYS: fn(&Request) -> bool = |_| true;

const WAIT: &[&str] =
    &["blmove", "blmpop", "blpop", "brpop", "brpoplpush", "bzmpop", "bzpopmax", "bzpopmin"];

const MOVABLE_KEYS: &[&str] = &[
    "blmpop",
    "bzmpop",
    "georadius",
    "georadiusbymember",
    "lmpop",
    "sintercard",
    "sort",
    "sort_ro",
    "xread",
    "xreadgroup",
    "zdiff",
    "zdiffstore",
    "zinter",
    "zintercard",
    "zinterstore",
    "zmpop",
    "zunion",
    "zunionstore",
];

const WRONG_TYPE: &str = "-WRONGTYPE ";

const DIFFERENCES: &[Difference] = &[
    // 7.2: another version of the format in each payload, and other forms of some values.
    Difference { commands: &["dump"], when: ALWAYS, atoll: "$", redis: "$" },
    // 7.2: ZRANK has WITHSCORE, so a word more is no matter of arity.
    Difference {
        commands: &["zrank", "zrevrank"],
        when: |request| request.parts.len() == 4,
        atoll: "",
        redis: "-ERR wrong number of arguments for 'z",
    },
    // 7.2: one more text.
    Difference {
        commands: WAIT,
        when: ALWAYS,
        atoll: "-ERR timeout is out of range",
        redis: "-ERR timeout is negative",
    },
    // 7.0 looks at what an earlier request has left in errno.
    Difference {
        commands: &["sort", "sort_ro"],
        when: ALWAYS,
        atoll: "",
        redis: "-ERR One or more scores can't be converted into double",
    },
    // 7.2 does not take the one number that has no opposite.
    Difference {
        commands: &["lpos"],
        when: |request| request.parts.iter().any(|part| part == b"-9223372036854775808"),
        atoll: "-ERR value is out of range, value must between",
        redis: "",
    },
    Difference {
        commands: WAIT,
        when: |request| request.parts.iter().any(|part| part.starts_with(b"92233720368")),
        atoll: "-ERR timeout is out of range",
        redis: "",
    },
    // 7.2 sees that a time would be beyond what the clock can show.
    Difference {
        commands: &["xread", "xreadgroup"],
        when: |request| request.parts.iter().any(|part| part.starts_with(b"92233720368")),
        atoll: "-ERR timeout is out of range",
        redis: "",
    },
    // 7.2 names the command, and the ID that fits it.
    Difference {
        commands: &["xread", "xreadgroup"],
        when: ALWAYS,
        atoll: "-ERR Unbalanced 'xread",
        redis: "-ERR Unbalanced XREAD list of streams: ",
    },
    // 7.2 makes a consumer also when there is nothing for it, so it may be there.
    Difference { commands: &["xgroup|createconsumer"], when: ALWAYS, atoll: ":0", redis: ":1" },
    // DIFFERENCES: keys of requests that are wrong are looked for in other places.
    Difference { commands: MOVABLE_KEYS, when: ALWAYS, atoll: "-CROSSSLOT ", redis: "-ERR " },
    Difference { commands: MOVABLE_KEYS, when: ALWAYS, atoll: "-ERR ", redis: "-CROSSSLOT " },
    // 7.4 knows the entry `+`, and so do we.
    Difference {
        commands: &["xread"],
        when: |request| request.parts.iter().any(|part| part == b"+"),
        atoll: "",
        redis: "-ERR Invalid stream ID specified",
    },
    Difference {
        commands: &["xreadgroup"],
        when: |request| request.parts.iter().any(|part| part == b"+"),
        atoll: "-ERR The + ID is meaningless",
        redis: "-ERR Invalid stream ID specified",
    },
    // 7.2 has listpacks for small sets and lists.
    Difference {
        commands: &["object|encoding"],
        when: ALWAYS,
        atoll: "$listpack",
        redis: "$hashtable",
    },
    Difference {
        commands: &["object|encoding"],
        when: ALWAYS,
        atoll: "$listpack",
        redis: "$quicklist",
    },
    // DIFFERENCES: INCRBYFLOAT that ends in an integer.
    Difference { commands: &["object|encoding"], when: ALWAYS, atoll: "$int", redis: "$embstr" },
    // 7.2 takes patterns when all their keys are in the slot of the list.
    Difference {
        commands: &["sort", "sort_ro"],
        when: ALWAYS,
        atoll: "",
        redis: "-ERR BY option of SORT denied in Cluster mode.",
    },
    Difference {
        commands: &["sort", "sort_ro"],
        when: ALWAYS,
        atoll: "",
        redis: "-ERR GET option of SORT denied in Cluster mode.",
    },
    // DIFFERENCES: a cursor is digits within 64 bits.
    Difference {
        commands: &["scan", "sscan", "hscan", "zscan"],
        when: has_odd_cursor,
        atoll: "-ERR invalid cursor",
        redis: "",
    },
    // DIFFERENCES: they look at their options before they look at the key.
    Difference {
        commands: &["sscan", "hscan", "zscan"],
        when: ALWAYS,
        atoll: "-ERR ",
        redis: "[$0 []]",
    },
    Difference {
        commands: &["sscan", "hscan", "zscan"],
        when: ALWAYS,
        atoll: "-ERR ",
        redis: WRONG_TYPE,
    },
    // DIFFERENCES: so do these, as in 8.2.
    Difference { commands: &["bitcount"], when: ALWAYS, atoll: "-ERR ", redis: ":0" },
    Difference { commands: &["bitpos"], when: ALWAYS, atoll: "-ERR ", redis: ":" },
    Difference {
        commands: &["bitcount", "bitpos"],
        when: ALWAYS,
        atoll: "-ERR ",
        redis: WRONG_TYPE,
    },
];

/// A cursor that is not digits within 64 bits.
fn has_odd_cursor(request: &Request) -> bool {
    let at = if request.name == "scan" { 1 } else { 2 };
    let is_number = |part: &Vec<u8>| {
        part.iter().all(u8::is_ascii_digit)
            && std::str::from_utf8(part).is_ok_and(|text| text.parse::<u64>().is_ok())
    };
    request.parts.get(at).is_some_and(|part| !is_number(part))
}

/// DIFFERENCES: members at the same distance have no order. {t}geo has none of them.
fn has_ties(request: &Request) -> bool {
    request.name.starts_with("geo") && !request.parts.iter().any(|part| part == b"{t}geo")
}

/// The items of a reply, sorted.
fn lines(value: &Value) -> Option<Vec<String>> {
    let Value::Array(_, items) = value else { return None };
    let mut lines: Vec<String> = items.iter().map(Value::to_string).collect();
    lines.sort();
    Some(lines)
}

/// Whether the difference is accepted.
pub(super) fn is_accepted(request: &Request, ours: &Value, theirs: &Value) -> bool {
    // In errors of Redis, words end at a zero byte.
    let text = ours.to_string();
    if ours.is_error() && text.contains('\0') && text.replace('\0', "") == theirs.to_string() {
        return true;
    }
    if has_ties(request) && lines(ours).is_some() && lines(ours) == lines(theirs) {
        return true;
    }
    let (ours, theirs) = (ours.to_string(), theirs.to_string());
    DIFFERENCES.iter().any(|difference| {
        difference.commands.contains(&request.name.as_str())
            && (difference.when)(request)
            && ours.starts_with(difference.atoll)
            && theirs.starts_with(difference.redis)
    })
}
