//! ZCOUNT key min max: how many members lie within a range of scores.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::bounds::ScoreRange;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zcount",
        family: Family::SortedSet,
        arity: Arity::exactly(4),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "2.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        summary: "Returns the count of members in a sorted set that have scores within a range.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let range = ScoreRange::parse(args.at(2), args.at(3))?;
    let ranks = call.keyspace.zset(args.at(1))?.map(|zset| range.ranks(zset));
    call.reply.count(ranks.map_or(0, |(start, end)| end - start));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn bounds_are_inclusive_or_exclusive() {
        let mut rig = Rig::new();
        rig.check("ZADD z 1 a 2 b 2 c 3 d -inf e inf f", ":6");
        for (range, count) in [
            ("-inf +inf", 6),
            ("(-inf (inf", 4),
            ("1 3", 4),
            ("(1 3", 3),
            ("(1 (3", 2),
            ("(2 (2", 0),
            ("2 2", 2),
            ("3 1", 0),
            ("1.5 2.5", 2),
            ("'' 1", 1),
            ("' 1' 1e999", 5),
        ] {
            rig.check(&format!("ZCOUNT z {range}"), &format!(":{count}"));
        }
        rig.check("ZCOUNT nosuch 0 1", ":0");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        for range in ["a 1", "1 b", "[1 2", "nan 1", "1 (nan", "((1 2"] {
            rig.check(&format!("ZCOUNT z {range}"), "-ERR min or max is not a float");
        }
        rig.check("SET k v", "+OK");
        rig.check_error("ZCOUNT k 0 1", "WRONGTYPE");
    }
}
