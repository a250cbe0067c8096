//! ZRANGESTORE destination source min max \[BYSCORE|BYLEX\] \[REV\] \[LIMIT offset count\]: store
//! the members of a range, and reply how many there are.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::store;
use super::zrange_options::{Fixed, Query};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::beat;
use crate::types::zset::ZSet;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zrangestore",
        family: Family::SortedSet,
        arity: Arity::at_least(5),
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: &[KeySpec::at(1, Access::Ow, &["update"]), KeySpec::at(2, Access::Ro, &["access"])],
        since: "6.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                     number of elements stored into the destination key.",
        summary: "Stores a range of members from sorted set in a key.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let query = Query::parse(args, 3, Fixed { by: None, reverse: None, stores: true })?;
    let pulse = call.pulse;
    let mut result = ZSet::large();
    if let Some(zset) = call.keyspace.zset(args.at(2))? {
        for (member, score) in query.members(zset) {
            result.set(member, score);
            beat(pulse)?;
        }
    }
    store(call, args.at(1), result, "zrangestore");
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn stores_the_members_with_their_scores() {
        let mut rig = Rig::new();
        rig.check("ZADD {t}z 1 a 2 b 3 c", ":3");
        rig.check("ZRANGESTORE {t}d {t}z 0 1 REV", ":2");
        rig.check("ZRANGE {t}d 0 -1 WITHSCORES", "[$b $2 $c $3]");
        rig.check("ZRANGESTORE {t}d {t}z (1 +inf BYSCORE LIMIT 1 5", ":1");
        rig.check("ZRANGE {t}d 0 -1 WITHSCORES", "[$c $3]");
        rig.check("OBJECT ENCODING {t}d", "$listpack");
        rig.check("ZRANGESTORE {t}z {t}z 0 0", ":1");
        rig.check("ZRANGE {t}z 0 -1", "[$a]");
    }

    #[test]
    fn replaces_whatever_there_was() {
        let mut rig = Rig::new();
        rig.check("ZADD {t}z 1 a", ":1");
        rig.check("SET {t}d v EX 10", "+OK");
        rig.check("ZRANGESTORE {t}d {t}z 0 -1", ":1");
        rig.check("TYPE {t}d", "+zset");
        rig.check("TTL {t}d", ":-1");
        rig.check("ZRANGESTORE {t}d {t}z 5 6", ":0");
        rig.check("EXISTS {t}d", ":0");
        rig.check("SET {t}d v", "+OK");
        rig.check("ZRANGESTORE {t}d {t}nosuch 0 -1", ":0");
        rig.check("EXISTS {t}d", ":0");
    }

    #[test]
    fn a_large_result_has_the_large_form() {
        let mut rig = Rig::new().once();
        for n in 0..300 {
            rig.check(&format!("ZADD {{t}}z {n} m{n}"), ":1");
        }
        rig.check("ZRANGESTORE {t}d {t}z 0 199", ":200");
        rig.check("OBJECT ENCODING {t}d", "$skiplist");
        rig.check("ZRANGESTORE {t}d {t}z 0 99", ":100");
        rig.check("OBJECT ENCODING {t}d", "$listpack");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("ZRANGESTORE {t}d {t}z 0 1 WITHSCORES", "-ERR syntax error");
        rig.check("SET {t}z v", "+OK");
        rig.check_error("ZRANGESTORE {t}d {t}z 0 1", "WRONGTYPE");
    }
}
