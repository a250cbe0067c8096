//! ZSCAN key cursor \[MATCH pattern\] \[COUNT count\]: some of the members, with their scores, and
//! where to go on. A small sorted set comes whole.

use protocol::args::Args;
use protocol::number::write_reply_f64;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::generic::scan::{ScanOf, ScanOptions, parse_cursor};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zscan",
        family: Family::SortedSet,
        arity: Arity::at_least(3),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output"],
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command \
                     calls for the cursor to return back to 0. N is the number of elements inside \
                     the collection.",
        summary: "Iterates over members and scores of a sorted set.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let cursor = parse_cursor(args.at(2))?;
    let options = ScanOptions::parse(args, 3, ScanOf::Members)?;

    let mut found = Vec::new();
    // A number past all positions is no place in any set: nothing follows it.
    let mut position = u32::try_from(cursor).ok();
    if let Some(zset) = call.keyspace.zset(args.at(1))? {
        let mut seen = 0;
        while let Some(at) = position.filter(|_| seen < options.count) {
            position = zset.scan(at, |(member, score)| {
                seen += 1;
                if options.wants(member) {
                    found.push((member, score));
                }
            });
        }
    } else {
        position = None;
    }
    call.reply.array(2);
    call.reply.bulk(position.unwrap_or(0).to_string().as_bytes());
    call.reply.array(found.len() * 2);
    let mut text = Vec::new();
    for (member, score) in found {
        call.reply.bulk(member);
        // Text in RESP3 too.
        text.clear();
        write_reply_f64(&mut text, score);
        call.reply.bulk(&text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::testing::Rig;

    #[test]
    fn a_small_set_comes_whole() {
        for mut rig in [Rig::new(), Rig::new().resp3()] {
            rig.check("ZADD z 1 a 2.5 b 3 ab", ":3");
            rig.check("ZSCAN z 0", "[$0 [$a $1 $b $2.5 $ab $3]]");
            rig.check("ZSCAN z 0 MATCH a* COUNT 1", "[$0 [$a $1 $ab $3]]");
            rig.check("ZSCAN nosuch 0", "[$0 []]");
        }
    }

    #[test]
    fn a_large_set_comes_in_steps_and_complete() {
        let mut rig = Rig::new().once();
        for n in 0..500 {
            rig.check(&format!("ZADD z {n} m{n}"), ":1");
        }
        let (mut cursor, mut all, mut calls) = ("0".to_owned(), BTreeMap::new(), 0);
        loop {
            let reply = rig.run(&format!("ZSCAN z {cursor}"));
            let inner = reply.strip_prefix("[$").and_then(|rest| rest.strip_suffix("]]")).unwrap();
            let (next, found) = inner.split_once(" [").unwrap();
            let found: Vec<&str> = found.split(' ').filter(|text| !text.is_empty()).collect();
            for pair in found.chunks(2) {
                all.insert(pair[0].to_owned(), pair[1].to_owned());
            }
            calls += 1;
            cursor = next.to_owned();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(all.len(), 500);
        assert!(calls > 20);
        assert!(all.iter().all(|(member, score)| member[2..] == score[1..]));
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("ZSCAN z x", "-ERR invalid cursor");
        rig.check("ZSCAN z 0 COUNT 0", "-ERR syntax error");
        rig.check("ZSCAN z 0 NOVALUES", "-ERR syntax error");
        rig.check("SET k v", "+OK");
        rig.check_error("ZSCAN k 0", "WRONGTYPE");
    }
}
