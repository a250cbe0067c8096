//! ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX: remove the members of a range, and reply
//! how many there were.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::bounds::{LexRange, RankRange, ScoreRange};
use super::remove_ranks;
use crate::commands::{Call, Command, Run};
use crate::error::CommandError;
use crate::types::zset::ZSet;

pub(super) const ZREMRANGEBYRANK: Command = command(
    "zremrangebyrank",
    "2.0.0",
    "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all \
     members were removed.",
    |call, args| {
        let range = RankRange::parse(args, 2, 3)?;
        remove(call, args, "zremrangebyrank", |zset| range.ranks(zset.len(), false))
    },
);

pub(super) const ZREMRANGEBYSCORE: Command = command(
    "zremrangebyscore",
    "1.2.0",
    "Removes members in a sorted set within a range of scores. Deletes the sorted set if all \
     members were removed.",
    |call, args| {
        let range = ScoreRange::parse(args.at(2), args.at(3))?;
        remove(call, args, "zremrangebyscore", |zset| range.ranks(zset))
    },
);

pub(super) const ZREMRANGEBYLEX: Command = command(
    "zremrangebylex",
    "2.8.9",
    "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if \
     all members were removed.",
    |call, args| {
        let range = LexRange::parse(args.at(2), args.at(3))?;
        remove(call, args, "zremrangebylex", |zset| range.ranks(zset))
    },
);

const fn command(
    name: &'static str,
    since: &'static str,
    summary: &'static str,
    run: Run,
) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::SortedSet,
            arity: Arity::exactly(4),
            flags: Flags::WRITE,
            keys: const { &[KeySpec::at(1, Access::Rw, &["delete"])] },
            since,
            complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M \
                         the number of elements removed by the operation.",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn remove(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    event: &'static str,
    ranks: impl Fn(&ZSet) -> (usize, usize),
) -> Result<(), CommandError> {
    let key = args.at(1);
    let (start, end) = call.keyspace.zset(key)?.map_or((0, 0), ranks);
    remove_ranks(call, key, (start, end), event, |_| {})?;
    call.reply.count(end - start);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn removes_what_lies_within() {
        let mut rig = Rig::new();
        rig.check("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5");
        rig.check("ZREMRANGEBYRANK z 1 1", ":1");
        rig.check("ZREMRANGEBYSCORE z (3 4", ":1");
        rig.check("ZRANGE z 0 -1", "[$a $c $e]");
        rig.check("ZREMRANGEBYRANK z -1 -1", ":1");
        rig.check("ZREMRANGEBYSCORE z 7 9", ":0");
        rig.check("ZREMRANGEBYRANK z 5 9", ":0");
        rig.check("ZRANGE z 0 -1", "[$a $c]");
        rig.check("ZADD lex 0 a 0 b 0 c", ":3");
        rig.check("ZREMRANGEBYLEX lex (a [b", ":1");
        rig.check("ZRANGE lex 0 -1", "[$a $c]");
    }

    #[test]
    fn the_key_goes_with_its_last_member() {
        let mut rig = Rig::new();
        for line in
            ["ZREMRANGEBYRANK z 0 -1", "ZREMRANGEBYSCORE z -inf inf", "ZREMRANGEBYLEX z - +"]
        {
            rig.check("ZADD z 0 a 0 b", ":2");
            rig.check(line, ":2");
            rig.check("EXISTS z", ":0");
            rig.check(line, ":0");
        }
    }

    #[test]
    fn many_members_of_a_large_set() {
        let mut rig = Rig::new();
        let mut line = "ZADD z".to_owned();
        (0..1000).for_each(|n| line.push_str(&format!(" {n} a-longer-member-that-is-number-{n}")));
        rig.check(&line, ":1000");
        rig.check("ZREMRANGEBYRANK z 100 499", ":400");
        rig.check("ZCARD z", ":600");
        rig.check(
            "ZRANGE z 99 100 WITHSCORES",
            "[$a-longer-member-that-is-number-99 $99 \
                   $a-longer-member-that-is-number-500 $500]",
        );
        rig.check("ZREMRANGEBYSCORE z 0 2000", ":600");
        rig.check("EXISTS z", ":0");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("ZREMRANGEBYRANK z a 1", "-ERR value is not an integer or out of range");
        rig.check("ZREMRANGEBYSCORE z a 1", "-ERR min or max is not a float");
        rig.check("ZREMRANGEBYLEX z a 1", "-ERR min or max not valid string range item");
        rig.check("SET k v", "+OK");
        rig.check_error("ZREMRANGEBYRANK k 0 1", "WRONGTYPE");
    }
}
