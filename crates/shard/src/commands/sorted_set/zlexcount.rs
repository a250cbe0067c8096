//! ZLEXCOUNT key min max: how many members lie within a range of members.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::bounds::LexRange;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zlexcount",
        family: Family::SortedSet,
        arity: Arity::exactly(4),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "2.8.9",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        summary: "Returns the number of members in a sorted set within a lexicographical range.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let range = LexRange::parse(args.at(2), args.at(3))?;
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
        rig.check("ZADD z 0 a 0 b 0 bb 0 c 0 ''", ":5");
        for (range, count) in [
            ("- +", 5),
            ("[b [c", 3),
            ("(b [c", 2),
            ("(b (c", 1),
            ("(b (b", 0),
            ("[b [b", 1),
            ("+ -", 0),
            ("- -", 0),
            ("+ +", 0),
            ("[ (a", 1),
            ("( +", 4),
            ("[c [b", 0),
        ] {
            rig.check(&format!("ZLEXCOUNT z {range}"), &format!(":{count}"));
        }
        rig.check("ZLEXCOUNT nosuch - +", ":0");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        for range in ["a +", "- b", "-x +", "- ++", "'' +"] {
            let error = "-ERR min or max not valid string range item";
            rig.check(&format!("ZLEXCOUNT z {range}"), error);
        }
        rig.check("SET k v", "+OK");
        rig.check_error("ZLEXCOUNT k - +", "WRONGTYPE");
    }
}
