//! ZRANGE key start stop \[BYSCORE|BYLEX\] \[REV\] \[LIMIT offset count\] \[WITHSCORES\]: the
//! members of a range, in order.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::write_pairs;
use super::zrange_options::{Fixed, Query};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zrange",
        family: Family::SortedSet,
        arity: Arity::at_least(4),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the \
                     number of elements returned.",
        summary: "Returns members in a sorted set within a range of indexes.",
        ..CommandSpec::NEW
    },
    run: |call, args| reply_range(call, args, Fixed { by: None, reverse: None, stores: false }),
};

/// Replies the members of the range that a request asks for.
pub(super) fn reply_range(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    fixed: Fixed,
) -> Result<(), CommandError> {
    let query = Query::parse(args, 2, fixed)?;
    match call.keyspace.zset(args.at(1))? {
        Some(zset) => write_pairs(call.reply, query.members(zset), query.with_scores()),
        None => call.reply.array(0),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    fn rig() -> Rig {
        let mut rig = Rig::new();
        rig.check("ZADD z 1 a 2 b 2 c 3 d", ":4");
        rig
    }

    #[test]
    fn by_rank() {
        let mut rig = rig();
        for (range, reply) in [
            ("0 -1", "[$a $b $c $d]"),
            ("1 2", "[$b $c]"),
            ("-2 -1", "[$c $d]"),
            ("0 100", "[$a $b $c $d]"),
            ("-100 0", "[$a]"),
            ("3 1", "[]"),
            ("4 5", "[]"),
            ("0 -5", "[]"),
            ("0 1 REV", "[$d $c]"),
            ("-1 -1 rev withscores", "[$a $1]"),
            ("1 2 LIMIT -1 -1", "[$b $c]"),
            ("0 9223372036854775807", "[$a $b $c $d]"),
            ("-9223372036854775808 9223372036854775807", "[$a $b $c $d]"),
        ] {
            rig.check(&format!("ZRANGE z {range}"), reply);
        }
        rig.check("ZRANGE nosuch 0 -1", "[]");
    }

    #[test]
    fn by_score() {
        let mut rig = rig();
        for (range, reply) in [
            ("(1 3 BYSCORE", "[$b $c $d]"),
            ("3 (1 BYSCORE REV", "[$d $c $b]"),
            ("-inf +inf BYSCORE LIMIT 1 2", "[$b $c]"),
            ("+inf -inf BYSCORE REV LIMIT 1 2", "[$c $b]"),
            ("-inf inf BYSCORE LIMIT 3 -1", "[$d]"),
            ("-inf inf BYSCORE LIMIT -1 10", "[]"),
            ("-inf inf BYSCORE LIMIT 0 0", "[]"),
            ("-inf inf BYSCORE LIMIT 9 1", "[]"),
            ("3 1 BYSCORE", "[]"),
            ("2 2 BYSCORE WITHSCORES", "[$b $2 $c $2]"),
        ] {
            rig.check(&format!("ZRANGE z {range}"), reply);
        }
    }

    #[test]
    fn by_member() {
        let mut rig = Rig::new();
        rig.check("ZADD z 0 a 0 b 0 c 0 d", ":4");
        for (range, reply) in [
            ("- + BYLEX", "[$a $b $c $d]"),
            ("(a [c BYLEX", "[$b $c]"),
            ("[c (a BYLEX REV", "[$c $b]"),
            ("+ - BYLEX REV LIMIT 1 2", "[$c $b]"),
        ] {
            rig.check(&format!("ZRANGE z {range}"), reply);
        }
    }

    #[test]
    fn scores_are_pairs_in_resp3() {
        let mut rig = Rig::new().resp3();
        rig.check("ZADD z 1 a 2.5 b", ":2");
        rig.check("ZRANGE z 0 -1 WITHSCORES", "[[$a ,1] [$b ,2.5]]");
        rig.check("ZRANGE z 0 -1", "[$a $b]");
    }

    #[test]
    fn a_large_set_too() {
        let mut rig = Rig::new().once();
        for n in 0..300 {
            rig.check(&format!("ZADD z {n} m{n}"), ":1");
        }
        rig.check("ZRANGE z 100 102", "[$m100 $m101 $m102]");
        rig.check("ZRANGE z 100 102 REV", "[$m199 $m198 $m197]");
        rig.check("ZRANGE z 200 300 BYSCORE LIMIT 50 2", "[$m250 $m251]");
        rig.check("ZRANGE z 300 200 BYSCORE REV LIMIT 50 2", "[$m249 $m248]");
    }

    #[test]
    fn options_that_do_not_fit() {
        let mut rig = rig();
        for range in ["0 1 BYNAME", "0 1 LIMIT 1", "0 1 BYSCORE BYLEX", "0 1 REV REV"] {
            rig.check(&format!("ZRANGE z {range}"), "-ERR syntax error");
        }
        rig.check(
            "ZRANGE z 0 1 LIMIT 0 1",
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
             BYLEX",
        );
        rig.check(
            "ZRANGE z - + BYLEX WITHSCORES",
            "-ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        );
        rig.check("ZRANGE z a 1", "-ERR value is not an integer or out of range");
        rig.check("ZRANGE z 0 1 BYSCORE LIMIT a 1", "-ERR value is not an integer or out of range");
        rig.check("ZRANGE z a 1 BYSCORE", "-ERR min or max is not a float");
        rig.check("ZRANGE z a 1 BYLEX", "-ERR min or max not valid string range item");
        rig.check("SET k v", "+OK");
        rig.check_error("ZRANGE k 0 1", "WRONGTYPE");
    }
}
