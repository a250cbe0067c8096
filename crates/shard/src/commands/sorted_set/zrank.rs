//! ZRANK and ZREVRANK key member \[WITHSCORE\]: how many members come before a member, or after
//! it.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command, Run};
use crate::error::CommandError;

pub(super) const ZRANK: Command = command(
    "zrank",
    "Returns the index of a member in a sorted set ordered by ascending scores.",
    |call, args| rank(call, args, "zrank", false),
);

pub(super) const ZREVRANK: Command = command(
    "zrevrank",
    "Returns the index of a member in a sorted set ordered by descending scores.",
    |call, args| rank(call, args, "zrevrank", true),
);

const fn command(name: &'static str, summary: &'static str, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::SortedSet,
            arity: Arity::at_least(3),
            flags: Flags::READONLY.union(Flags::FAST),
            keys: const { &[KeySpec::at(1, Access::Ro, &["access"])] },
            since: "2.0.0",
            complexity: "O(log(N))",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

fn rank(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    name: &'static str,
    reverse: bool,
) -> Result<(), CommandError> {
    if args.len() > 4 {
        return Err(CommandError::Arity(name));
    }
    let with_score = args.len() == 4;
    if with_score && !args.is(3, "WITHSCORE") {
        return Err(ArgsError::Syntax.into());
    }
    let zset = call.keyspace.zset(args.at(1))?;
    let found = zset.and_then(|zset| zset.rank(args.at(2)).map(|found| (zset.len(), found)));
    let Some((len, (rank, score))) = found else {
        if with_score {
            call.reply.null_array();
        } else {
            call.reply.null();
        }
        return Ok(());
    };
    if with_score {
        call.reply.array(2);
    }
    call.reply.count(if reverse { len - 1 - rank } else { rank });
    if with_score {
        call.reply.double(score);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_from_either_end() {
        let mut rig = Rig::new();
        rig.check("ZADD z 1 a 2 b 2 bb 3 c", ":4");
        rig.check("ZRANK z a", ":0");
        rig.check("ZRANK z bb", ":2");
        rig.check("ZREVRANK z bb", ":1");
        rig.check("ZREVRANK z a", ":3");
        rig.check("ZRANK z bb WITHSCORE", "[:2 $2]");
        rig.check("ZREVRANK z a withscore", "[:3 $1]");
    }

    #[test]
    fn a_large_set_too() {
        let mut rig = Rig::new().once();
        for n in 0..1000 {
            rig.check(&format!("ZADD z {} m{n}", n / 10), ":1");
        }
        rig.check("ZRANK z m500", ":500");
        rig.check("ZREVRANK z m999", ":0");
        rig.check("ZREVRANK z m0", ":999");
    }

    #[test]
    fn what_is_missing_is_the_null() {
        let mut rig = Rig::new();
        rig.check("ZRANK z a", "_");
        rig.check("ZADD z 1 a", ":1");
        rig.check("ZRANK z b", "_");
        rig.check("ZREVRANK z b WITHSCORE", "_");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("ZRANK z a SCORES", "-ERR syntax error");
        rig.check("ZRANK z a WITHSCORE x", "-ERR wrong number of arguments for 'zrank' command");
        rig.check("ZREVRANK z", "-ERR wrong number of arguments for 'zrevrank' command");
        rig.check("SET k v", "+OK");
        rig.check_error("ZRANK k a", "WRONGTYPE");
    }
}
