//! Replies without what may differ from server to server: order where there is none, lots, and time.

use e2e::resp::Value;

/// What clocks and the way between two servers may make of a difference in time, in milliseconds.
const SLACK_MS: i64 = 5_000;

/// Names of what only later versions than 7.0 tell about consumers and streams.
const LATER_FIELDS: &[&str] = &["inactive", "active-time"];

/// Whether these replies to a command are the same.
pub(super) fn are_same(name: &str, ours: &Value, theirs: &Value) -> bool {
    if ours == theirs {
        return true;
    }
    let is_time = matches!(name, "ttl" | "pttl" | "expiretime" | "pexpiretime" | "xpending")
        || name.starts_with("xinfo|");
    let slack = if is_time { SLACK_MS } else { 0 };
    are_close(&normal(name, ours), &normal(name, theirs), slack)
        || (name.contains('z') || name.starts_with("geo"))
            && are_same_scores(&normal(name, ours), &normal(name, theirs))
}

/// Whether the replies are the same but for how numbers are written: 7.0 has 17 digits, 7.2 as many
/// as it takes.
fn are_same_scores(ours: &Value, theirs: &Value) -> bool {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<f64>().ok();
    let same = |ours: &[u8], theirs: &[u8]| {
        ours == theirs || matches!((number(ours), number(theirs)), (Some(a), Some(b)) if a == b)
    };
    match (ours, theirs) {
        (Value::Line(',', ours), Value::Line(',', theirs)) => {
            same(ours.as_bytes(), theirs.as_bytes())
        }
        (Value::Bulk(_, ours), Value::Bulk(_, theirs)) => same(ours, theirs),
        (Value::Array(kind, ours), Value::Array(other, theirs)) => {
            kind == other
                && ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(ours, theirs)| are_same_scores(ours, theirs))
        }
        _ => ours == theirs,
    }
}

/// Whether the replies are the same but for integers that differ by a little.
fn are_close(ours: &Value, theirs: &Value, slack: i64) -> bool {
    let all = |ours: &[Value], theirs: &[Value]| {
        ours.len() == theirs.len()
            && ours.iter().zip(theirs).all(|(ours, theirs)| are_close(ours, theirs, slack))
    };
    match (ours, theirs) {
        (Value::Line(':', _), Value::Line(':', _)) => {
            let (ours, theirs) = (ours.int(), theirs.int());
            // Small numbers are counts. Negative ones mean that there is no time.
            ours == theirs || ours > 10 && theirs > 10 && ours.abs_diff(theirs) <= slack as u64
        }
        (Value::Array(kind, ours), Value::Array(other, theirs)) => {
            kind == other && all(ours, theirs)
        }
        _ => ours == theirs,
    }
}

/// The reply as one that other servers should give, too.
fn normal(name: &str, value: &Value) -> Value {
    if value.is_error() {
        return value.clone();
    }
    let sorted = |value: &Value, width: usize| match value {
        Value::Array(kind, items) => {
            let mut chunks: Vec<&[Value]> = items.chunks(width).collect();
            chunks.sort_by_key(|chunk| chunk.iter().map(Value::to_string).collect::<Vec<_>>());
            Value::Array(*kind, chunks.concat())
        }
        Value::Map(pairs) => {
            let mut pairs = pairs.clone();
            pairs.sort_by_key(|pair| pair.0.to_string());
            Value::Map(pairs)
        }
        other => other.clone(),
    };
    match name {
        "keys" | "smembers" | "sinter" | "sunion" | "sdiff" | "hkeys" | "hvals" => sorted(value, 1),
        "hgetall" => sorted(value, 2),
        "scan" | "hscan" | "sscan" | "zscan" => Value::Null,
        "randomkey" | "srandmember" | "hrandfield" | "zrandmember" => shape(value),
        "xpending" => without_idle(value),
        _ if name.starts_with("xinfo|") => without_times(value),
        _ => without_estimates(value),
    }
}

/// The reply with all texts and scores alike.
fn shape(value: &Value) -> Value {
    match value {
        Value::Array(kind, items) => Value::Array(*kind, items.iter().map(shape).collect()),
        Value::Bulk(..) | Value::Line(..) => Value::Line('+', String::new()),
        other => other.clone(),
    }
}

/// XPENDING without the milliseconds since a delivery of this round.
fn without_idle(value: &Value) -> Value {
    let Value::Array(kind, items) = value else { return value.clone() };
    let mut items: Vec<Value> = items.iter().map(without_idle).collect();
    if let [_, _, idle @ Value::Line(':', _), Value::Line(':', _)] = items.as_mut_slice()
        && idle.int() < SLACK_MS
    {
        *idle = Value::Line(':', "0".into());
    }
    Value::Array(*kind, items)
}

/// XINFO with its maps as lists, without what 7.0 does not tell, and without times of this round.
fn without_times(value: &Value) -> Value {
    let items = match value {
        Value::Array(_, items) => items.clone(),
        Value::Map(pairs) => {
            pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect()
        }
        other => return other.clone(),
    };
    let mut out: Vec<Value> = Vec::new();
    let mut at = 0;
    while at < items.len() {
        match &items[at] {
            Value::Bulk(_, name) if LATER_FIELDS.iter().any(|field| field.as_bytes() == name) => {
                at += 1;
            }
            Value::Bulk(_, name) if name == b"idle" => at += 1,
            // How many they are depends on those that are left out below.
            Value::Bulk(_, name)
                if name == b"consumers" && matches!(items[at + 1], Value::Line(..)) =>
            {
                at += 1;
            }
            consumer if has_nothing(consumer) => {}
            // 7.2.6 computes it anew after trims; DIFFERENCES has it.
            Value::Bulk(_, name) if name == b"lag" => at += 1,
            // How a stream lies in memory.
            Value::Bulk(_, name) if name.starts_with(b"radix-tree-") => at += 1,
            other => out.push(without_times(other)),
        }
        at += 1;
    }
    Value::Array('*', out)
}

/// Whether this is a consumer without pending entries. 7.2 makes more of them.
fn has_nothing(value: &Value) -> bool {
    let text = value.to_string();
    let is_idle = |text: &str| text.contains("$pel-count :0") || text.contains("$pending :0");
    (text.starts_with("[$name ") || text.starts_with("%{$name:"))
        && (text.contains("$seen-time") || text.contains("$idle"))
        && !text.contains("$consumers")
        && is_idle(&text.replace("$pending:", "$pending ").replace("$pel-count:", "$pel-count "))
}

/// HyperLogLogs without the estimate that PFCOUNT stores in them on Redis, and its kind.
fn without_estimates(value: &Value) -> Value {
    match value {
        Value::Bulk(kind, bytes) if bytes.starts_with(b"HYLL") && bytes.len() > 16 => {
            Value::Bulk(*kind, [&bytes[..8], &bytes[16..]].concat())
        }
        Value::Array(kind, items) => {
            Value::Array(*kind, items.iter().map(without_estimates).collect())
        }
        other => other.clone(),
    }
}
