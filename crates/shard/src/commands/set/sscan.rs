//! SSCAN key cursor \[MATCH pattern\] \[COUNT count\]: some of the members, and where to go on. A
//! small set comes whole.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::generic::scan::{ScanOf, ScanOptions, parse_cursor, write_page};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "sscan",
        family: Family::Set,
        arity: Arity::at_least(3),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output"],
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command \
                     calls for the cursor to return back to 0. N is the number of elements inside \
                     the collection.",
        summary: "Iterates over members of a set.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let cursor = parse_cursor(args.at(2))?;
    let options = ScanOptions::parse(args, 3, ScanOf::Members)?;

    let mut found: Vec<Vec<u8>> = Vec::new();
    // A number past all positions is no place in any set: nothing follows it.
    let mut position = u32::try_from(cursor).ok();
    if let Some(set) = call.keyspace.set(args.at(1))? {
        let mut seen = 0;
        while let Some(at) = position.filter(|_| seen < options.count) {
            position = set.scan(at, |member| {
                seen += 1;
                if options.wants(member) {
                    found.push(member.to_vec());
                }
            });
        }
    } else {
        position = None;
    }
    write_page(call.reply, position.map_or(0, u64::from), found.iter().map(Vec::as_slice));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::Rig;

    #[test]
    fn a_small_set_comes_whole() {
        let mut rig = Rig::new();
        rig.check("SADD s a b ab", ":3");
        rig.check("SSCAN s 0 COUNT 1", "[$0 [$a $b $ab]]");
        rig.check("SSCAN s 0 MATCH a*", "[$0 [$a $ab]]");
        rig.check("SADD n 3 1", ":2");
        rig.check("SSCAN n 0", "[$0 [$1 $3]]");
    }

    #[test]
    fn a_large_set_comes_in_steps() {
        let mut rig = Rig::new().once();
        for n in 0..1000 {
            rig.check(&format!("SADD s m{n}"), ":1");
        }
        let (mut cursor, mut all, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
        loop {
            let reply = rig.run(&format!("SSCAN s {cursor} COUNT 20"));
            let inner = reply.strip_prefix("[$").and_then(|rest| rest.strip_suffix("]]")).unwrap();
            let (next, found) = inner.split_once(" [").unwrap();
            let found = found.split(' ').filter(|text| !text.is_empty());
            all.extend(found.map(str::to_owned));
            (cursor, calls) = (next.to_owned(), calls + 1);
            if cursor == "0" {
                break;
            }
            // What is removed meanwhile moves others to its place, and none of those is missed.
            rig.run(&format!("SADD s new{calls}"));
            rig.run(&format!("SREM s new{}", calls - 1));
        }
        assert!(calls > 20, "{calls}");
        assert!((0..1000).all(|n| all.contains(&format!("$m{n}"))));
    }

    #[test]
    fn a_missing_key_is_empty() {
        let mut rig = Rig::new();
        rig.check("SSCAN s 0", "[$0 []]");
        rig.check("SSCAN s 17", "[$0 []]");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("SSCAN k 0", "WRONGTYPE");
        rig.check("SSCAN k", "-ERR wrong number of arguments for 'sscan' command");
        rig.check("SSCAN k x", "-ERR invalid cursor");
        for options in ["MATCH", "COUNT", "COUNT 0", "TYPE set", "NOVALUES"] {
            rig.check(&format!("SSCAN s 0 {options}"), "-ERR syntax error");
        }
    }
}
