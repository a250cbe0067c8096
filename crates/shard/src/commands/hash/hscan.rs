//! HSCAN key cursor \[MATCH pattern\] \[COUNT count\] \[NOVALUES\]: some of the fields, with their
//! values, and where to go on. A small hash comes whole. NOVALUES is of Redis 7.4.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::generic::scan::{ScanOf, ScanOptions, parse_cursor, write_page};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hscan",
        family: Family::Hash,
        arity: Arity::at_least(3),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output"],
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command \
                     calls for the cursor to return back to 0. N is the number of elements inside \
                     the collection.",
        summary: "Iterates over fields and values of a hash.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let cursor = parse_cursor(args.at(2))?;
    let options = ScanOptions::parse(args, 3, ScanOf::Fields)?;

    let mut found = Vec::new();
    // A number past all positions is no place in any hash: nothing follows it.
    let mut position = u32::try_from(cursor).ok();
    if let Some(hash) = call.keyspace.hash(args.at(1))? {
        let mut seen = 0;
        while let Some(at) = position.filter(|_| seen < options.count) {
            position = hash.scan(at, |field, value| {
                seen += 1;
                if options.wants(field) {
                    found.push(field);
                    found.extend((!options.no_values).then_some(value));
                }
            });
        }
    } else {
        position = None;
    }
    write_page(call.reply, position.map_or(0, u64::from), found.into_iter());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::testing::Rig;

    /// All that a scan of `h` replies from 0 to 0, and how many calls it took.
    fn scan(rig: &mut Rig, options: &str) -> (Vec<String>, usize) {
        let (mut cursor, mut all) = ("0".to_owned(), Vec::new());
        for calls in 1.. {
            let reply = rig.run(&format!("HSCAN h {cursor} {options}"));
            let inner = reply.strip_prefix("[$").and_then(|rest| rest.strip_suffix("]]")).unwrap();
            let (next, found) = inner.split_once(" [").unwrap();
            let found = found.split(' ').filter(|text| !text.is_empty());
            all.extend(found.map(|text| text[1..].to_owned()));
            cursor = next.to_owned();
            if cursor == "0" {
                return (all, calls);
            }
        }
        unreachable!("counts without an end")
    }

    #[test]
    fn a_small_hash_comes_whole() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2 ab 3", ":3");
        rig.check("HSCAN h 0 COUNT 1", "[$0 [$a $1 $b $2 $ab $3]]");
        rig.check("HSCAN h 0 MATCH a*", "[$0 [$a $1 $ab $3]]");
        rig.check("HSCAN h 0 NOVALUES match a*", "[$0 [$a $ab]]");
    }

    #[test]
    fn a_large_hash_comes_in_steps() {
        let mut rig = Rig::new().once();
        for n in 0..1000 {
            rig.check(&format!("HSET h f{n} {n}"), ":1");
        }
        for (options, calls_min) in [("", 20), ("COUNT 100", 5), ("COUNT 10000", 1)] {
            let (found, calls) = scan(&mut rig, options);
            let pairs: BTreeMap<&String, &String> =
                found.chunks(2).map(|pair| (&pair[0], &pair[1])).collect();
            assert_eq!((found.len(), pairs.len()), (2000, 1000));
            assert!(pairs.iter().all(|(field, value)| **field == format!("f{value}")));
            assert!(calls >= calls_min, "{options}: {calls} calls");
        }
        let (found, _) = scan(&mut rig, "MATCH f99? NOVALUES");
        assert_eq!(found.len(), 10);
    }

    #[test]
    fn a_missing_key_is_empty() {
        let mut rig = Rig::new();
        rig.check("HSCAN h 0", "[$0 []]");
        rig.check("HSCAN h 17", "[$0 []]");
        rig.check("HSET h f v", ":1");
        rig.check("HSCAN h 18446744073709551615", "[$0 []]");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HSCAN k 0", "WRONGTYPE");
        rig.check("HSCAN k", "-ERR wrong number of arguments for 'hscan' command");
        rig.check("HSCAN k x", "-ERR invalid cursor");
        for options in ["MATCH", "COUNT", "COUNT 0", "TYPE hash", "nonsense"] {
            rig.check(&format!("HSCAN h 0 {options}"), "-ERR syntax error");
        }
        rig.check("HSCAN h 0 COUNT x", "-ERR value is not an integer or out of range");
    }
}
