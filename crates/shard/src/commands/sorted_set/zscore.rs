//! ZSCORE key member and ZMSCORE key member \[member …\]: the scores of members, the null for one
//! that is not there.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::reply::Reply;

pub(super) const ZSCORE: Command = Command {
    spec: CommandSpec {
        name: "zscore",
        family: Family::SortedSet,
        arity: Arity::exactly(3),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "1.2.0",
        summary: "Returns the score of a member in a sorted set.",
        ..CommandSpec::NEW
    },
    run: |call, args| {
        let score = call.keyspace.zset(args.at(1))?.and_then(|zset| zset.score(args.at(2)));
        write_score(call.reply, score);
        Ok(())
    },
};

pub(super) const ZMSCORE: Command = Command {
    spec: CommandSpec {
        name: "zmscore",
        family: Family::SortedSet,
        arity: Arity::at_least(3),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "6.2.0",
        complexity: "O(N) where N is the number of members being requested.",
        summary: "Returns the score of one or more members in a sorted set.",
        ..CommandSpec::NEW
    },
    run: scores,
};

fn scores(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let zset = call.keyspace.zset(args.at(1))?;
    call.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        write_score(call.reply, zset.and_then(|zset| zset.score(member)));
    }
    Ok(())
}

fn write_score(reply: &mut Reply<'_>, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn scores_are_printed_as_short_as_they_are() {
        let mut rig = Rig::new();
        rig.check("ZADD z 0.1 a 3 b 1e20 c -1.5e-10 d 4503599627370495.5 e", ":5");
        rig.check("ZMSCORE z a b c d", "[$0.1 $3 $1e+20 $-1.5e-10]");
        rig.check("ZSCORE z e", "$4503599627370495.5");
        let mut rig = Rig::new().resp3();
        rig.check("ZADD z 0.1 a 3 b inf c -inf d", ":4");
        rig.check("ZMSCORE z a b c d nosuch", "[,0.1 ,3 ,inf ,-inf _]");
        rig.check("ZSCORE z a", ",0.1");
    }

    #[test]
    fn what_is_missing_is_the_null() {
        let mut rig = Rig::new();
        rig.check("ZSCORE z a", "_");
        rig.check("ZMSCORE z a b", "[_ _]");
        rig.check("ZADD z 1 a", ":1");
        rig.check("ZSCORE z b", "_");
        rig.check("ZMSCORE z b a b", "[_ $1 _]");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("ZSCORE k a", "WRONGTYPE");
        rig.check_error("ZMSCORE k a", "WRONGTYPE");
        rig.check("ZMSCORE k", "-ERR wrong number of arguments for 'zmscore' command");
    }
}
