//! ZRANGEBYSCORE, ZRANGEBYLEX, ZREVRANGE, ZREVRANGEBYSCORE and ZREVRANGEBYLEX: ZRANGE as it was
//! before 6.2, with what to pick by and the direction in the name.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::zrange::reply_range;
use super::zrange_options::{By, Fixed};
use crate::commands::{Command, Run};

pub(super) const ZRANGEBYSCORE: Command = command(
    "zrangebyscore",
    "1.0.5",
    "Returns members in a sorted set within a range of scores.",
    |call, args| reply_range(call, args, fixed(By::Score, false)),
);

pub(super) const ZRANGEBYLEX: Command = command(
    "zrangebylex",
    "2.8.9",
    "Returns members in a sorted set within a lexicographical range.",
    |call, args| reply_range(call, args, fixed(By::Lex, false)),
);

pub(super) const ZREVRANGE: Command = command(
    "zrevrange",
    "1.2.0",
    "Returns members in a sorted set within a range of indexes in reverse order.",
    |call, args| reply_range(call, args, fixed(By::Rank, true)),
);

pub(super) const ZREVRANGEBYSCORE: Command = command(
    "zrevrangebyscore",
    "2.2.0",
    "Returns members in a sorted set within a range of scores in reverse order.",
    |call, args| reply_range(call, args, fixed(By::Score, true)),
);

pub(super) const ZREVRANGEBYLEX: Command = command(
    "zrevrangebylex",
    "2.8.9",
    "Returns members in a sorted set within a lexicographical range in reverse order.",
    |call, args| reply_range(call, args, fixed(By::Lex, true)),
);

const fn fixed(by: By, reverse: bool) -> Fixed {
    Fixed { by: Some(by), reverse: Some(reverse), stores: false }
}

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
            arity: Arity::at_least(4),
            flags: Flags::READONLY,
            keys: const { &[KeySpec::at(1, Access::Ro, &["access"])] },
            since,
            complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M \
                         the number of elements being returned.",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn the_name_says_what_to_pick_by() {
        let mut rig = Rig::new();
        rig.check("ZADD z 1 a 2 b 3 c", ":3");
        rig.check("ZRANGEBYSCORE z (1 3", "[$b $c]");
        rig.check("ZRANGEBYSCORE z 0 9 WITHSCORES LIMIT 1 1", "[$b $2]");
        rig.check("ZREVRANGEBYSCORE z 3 (1", "[$c $b]");
        rig.check("ZREVRANGEBYSCORE z 1 3", "[]");
        rig.check("ZREVRANGE z 0 1 WITHSCORES", "[$c $3 $b $2]");
        rig.check("ZADD lex 0 a 0 b 0 c", ":3");
        rig.check("ZRANGEBYLEX lex [b +", "[$b $c]");
        rig.check("ZREVRANGEBYLEX lex + [b LIMIT 1 1", "[$b]");
        for name in ["ZRANGEBYSCORE", "ZREVRANGE", "ZREVRANGEBYSCORE"] {
            rig.check(&format!("{name} nosuch 0 1"), "[]");
        }
    }

    #[test]
    fn what_the_name_says_is_no_option() {
        let mut rig = Rig::new();
        rig.check("ZRANGEBYSCORE z 0 1 REV", "-ERR syntax error");
        rig.check("ZRANGEBYSCORE z 0 1 BYSCORE", "-ERR syntax error");
        rig.check("ZREVRANGE z 0 1 REV", "-ERR syntax error");
        rig.check(
            "ZREVRANGE z 0 1 LIMIT 0 1",
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
             BYLEX",
        );
        rig.check(
            "ZRANGEBYLEX z - + WITHSCORES",
            "-ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        );
    }
}
