//! A command as COMMAND INFO and COMMAND DOCS tell it.
//!
//! Clients build their routing from this: the shape is Redis 7's, element by element.

use protocol::spec::{Begin, CommandSpec, Find, Flags, KeySpec};
use shard::commands::table::CommandTable;
use shard::reply::Reply;

use super::{is_key, subcommands};
use crate::acl::category::CATEGORIES;

/// The names of the flags, in Redis's order. `CONTAINER` is our own and has none.
const FLAG_NAMES: &[(Flags, &str)] = &[
    (Flags::WRITE, "write"),
    (Flags::READONLY, "readonly"),
    (Flags::DENYOOM, "denyoom"),
    (Flags::ADMIN, "admin"),
    (Flags::PUBSUB, "pubsub"),
    (Flags::NOSCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOWLOG, "skip_slowlog"),
    (Flags::ASKING, "asking"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::MAY_REPLICATE, "may_replicate"),
    (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::MOVABLEKEYS, "movablekeys"),
    (Flags::ALLOW_BUSY, "allow_busy"),
];

/// Replies a command as ten elements, its subcommands included.
pub(super) fn write_command(reply: &mut Reply<'_>, table: &CommandTable, spec: &CommandSpec) {
    let (first, last, step) = spec.legacy_range();
    reply.array(10);
    reply.bulk(spec.name.as_bytes());
    reply.int(i64::from(spec.arity.0));
    write_flags(reply, &flags(spec));
    reply.int(first);
    reply.int(last);
    reply.int(step);
    let categories = categories(spec);
    reply.set(categories.len());
    for category in categories {
        reply.status(&format!("@{category}"));
    }
    reply.set(spec.tips.len());
    for tip in spec.tips {
        reply.bulk(tip.as_bytes());
    }
    reply.set(spec.keys.len());
    for keys in spec.keys {
        write_key_spec(reply, keys);
    }
    let subcommands = subcommands(table, spec);
    // Redis: an empty set, but a list.
    match subcommands.len() {
        0 => reply.set(0),
        count => reply.array(count),
    }
    for subcommand in subcommands {
        write_command(reply, table, subcommand);
    }
}

/// Replies the name of a command and a map of what people are told of it.
pub(super) fn write_docs(reply: &mut Reply<'_>, table: &CommandTable, spec: &CommandSpec) {
    let subcommands = subcommands(table, spec);
    reply.bulk(spec.name.as_bytes());
    reply.map(if subcommands.is_empty() { 4 } else { 5 });
    for (name, text) in [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.family.group()),
        ("complexity", spec.complexity),
    ] {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    if subcommands.is_empty() {
        return;
    }
    reply.bulk(b"subcommands");
    reply.map(subcommands.len());
    for subcommand in subcommands {
        write_docs(reply, table, subcommand);
    }
}

/// The ACL categories of a command, `@` not included, in Redis's order.
pub(super) fn categories(spec: &CommandSpec) -> Vec<&'static str> {
    let own = spec.categories();
    CATEGORIES.iter().copied().filter(|category| own.contains(category)).collect()
}

/// What is done with the keys of a group, in Redis's names.
pub(super) fn key_flags(spec: &KeySpec) -> Vec<&'static str> {
    let access = is_key(spec).then(|| spec.access.name());
    access.into_iter().chain(spec.notes.iter().copied()).collect()
}

fn flags(spec: &CommandSpec) -> Vec<&'static str> {
    let mut flags = spec.flags;
    flags.set(
        Flags::MOVABLEKEYS,
        flags.contains(Flags::MOVABLEKEYS) || !spec.keys.iter().all(plain),
    );
    FLAG_NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect()
}

/// Whether first, last and step say where the keys are.
fn plain(spec: &KeySpec) -> bool {
    matches!((spec.begin, spec.find), (Begin::Index(_), Find::Range { limit: 0 | 1, .. }))
}

fn write_flags(reply: &mut Reply<'_>, names: &[&str]) {
    reply.set(names.len());
    for name in names {
        reply.status(name);
    }
}

fn write_key_spec(reply: &mut Reply<'_>, spec: &KeySpec) {
    reply.map(if spec.remark.is_empty() { 3 } else { 4 });
    if !spec.remark.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(spec.remark.as_bytes());
    }
    reply.bulk(b"flags");
    write_flags(reply, &key_flags(spec));
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => write_part(reply, "index", &[("index", i64::from(index))]),
        Begin::Keyword { word, from } => {
            reply.map(2);
            reply.bulk(b"type");
            reply.bulk(b"keyword");
            reply.bulk(b"spec");
            reply.map(2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            reply.bulk(b"startfrom");
            reply.int(i64::from(from));
        }
    }
    reply.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            let last = ("lastkey", i64::from(last));
            let numbers = [last, ("keystep", i64::from(step)), ("limit", i64::from(limit))];
            write_part(reply, "range", &numbers);
        }
        Find::KeyNum { index, first, step } => {
            let index = ("keynumidx", i64::from(index));
            let numbers = [index, ("firstkey", i64::from(first)), ("keystep", i64::from(step))];
            write_part(reply, "keynum", &numbers);
        }
    }
}

/// A map of a type and of the numbers that go with it.
fn write_part(reply: &mut Reply<'_>, kind: &str, numbers: &[(&str, i64)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(numbers.len());
    for (name, number) in numbers {
        reply.bulk(name.as_bytes());
        reply.int(*number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::table;
    use protocol::encode::Version;
    use protocol::spec::{Access, Arity, Family};
    use shard::testing::render;

    fn described(spec: &CommandSpec) -> String {
        let mut out = Vec::new();
        write_command(&mut Reply::resp(&mut out, Version::Resp3), table(), spec);
        render(&mut &out[..])
    }

    /// As Redis 7.0.15 replies.
    #[test]
    fn eval_as_redis_shows_it() {
        const EVAL: CommandSpec = CommandSpec {
            name: "eval",
            family: Family::Scripting,
            arity: Arity::at_least(3),
            flags: Flags::NOSCRIPT
                .union(Flags::SKIP_MONITOR)
                .union(Flags::STALE)
                .union(Flags::NO_MANDATORY_KEYS),
            keys: &[KeySpec::counted(2, Access::Rw, &["access", "update"]).remark("RW")],
            ..CommandSpec::NEW
        };
        assert_eq!(
            described(&EVAL),
            "[$eval :-3 ~[+noscript +stale +skip_monitor +no_mandatory_keys +movablekeys] \
             :0 :0 :0 ~[+@slow +@scripting] ~[] \
             ~[%{$notes:$RW $flags:~[+RW +access +update] \
             $begin_search:%{$type:$index $spec:%{$index::2}} \
             $find_keys:%{$type:$keynum $spec:%{$keynumidx::0 $firstkey::1 $keystep::1}}}] ~[]]"
        );
    }

    #[test]
    fn spublish_has_no_keys_but_a_channel_that_is_routed() {
        const SPUBLISH: CommandSpec = CommandSpec {
            name: "spublish",
            family: Family::PubSub,
            arity: Arity::exactly(3),
            flags: Flags::PUBSUB.union(Flags::LOADING).union(Flags::STALE).union(Flags::FAST),
            keys: &[KeySpec::at(1, Access::Ro, &["not_key"])],
            ..CommandSpec::NEW
        };
        assert_eq!(
            described(&SPUBLISH),
            "[$spublish :3 ~[+pubsub +loading +stale +fast] :1 :1 :1 ~[+@pubsub +@fast] ~[] \
             ~[%{$flags:~[+not_key] $begin_search:%{$type:$index $spec:%{$index::1}} \
             $find_keys:%{$type:$range $spec:%{$lastkey::0 $keystep::1 $limit::0}}}] ~[]]"
        );
    }

    #[test]
    fn keys_behind_a_word_are_movable() {
        const XREAD: CommandSpec = CommandSpec {
            name: "xread",
            family: Family::Stream,
            arity: Arity::at_least(4),
            flags: Flags::READONLY.union(Flags::BLOCKING),
            keys: &[KeySpec {
                begin: Begin::Keyword { word: "STREAMS", from: 1 },
                find: Find::Range { last: -1, step: 1, limit: 2 },
                access: Access::Ro,
                notes: &["access"],
                remark: "",
            }],
            ..CommandSpec::NEW
        };
        assert_eq!(
            described(&XREAD),
            "[$xread :-4 ~[+readonly +blocking +movablekeys] :0 :0 :0 \
             ~[+@read +@stream +@slow +@blocking] ~[] ~[%{$flags:~[+RO +access] \
             $begin_search:%{$type:$keyword $spec:%{$keyword:$STREAMS $startfrom::1}} \
             $find_keys:%{$type:$range $spec:%{$lastkey::-1 $keystep::1 $limit::2}}}] ~[]]"
        );
    }

    #[test]
    fn every_flag_and_category_has_a_name() {
        let named = FLAG_NAMES.iter().fold(Flags::CONTAINER, |all, (flag, _)| all.union(*flag));
        assert_eq!(named, Flags::all());
        for (_, row) in table().iter() {
            for category in row.spec.categories() {
                assert!(CATEGORIES.contains(&category), "{}: {category}", row.spec.name);
            }
        }
    }
}
