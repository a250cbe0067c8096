//! ZRANDMEMBER key \[count \[WITHSCORES\]\]: members picked at random.
//!
//! Without a count, one member. A positive count picks each member at most once; a negative one
//! picks that often, with repetition.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::write_pairs;
use crate::commands::random_picks::{Pairs, Picked, Wanted};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::beat;
use crate::types::zset::{Pair, ZSet};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zrandmember",
        family: Family::SortedSet,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output"],
        since: "6.2.0",
        complexity: "O(N) where N is the number of members returned",
        summary: "Returns one or more random members from a sorted set.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let wanted = Wanted::parse(args, "WITHSCORES")?;
    let pulse = call.pulse;
    // A source of its own: the set borrows the keyspace, and the shard's source lies in there.
    let mut rng = call.keyspace.rng().fork();
    let zset = call.keyspace.zset(args.at(1))?;
    let Some(Wanted { count, both }) = wanted else {
        let picked = zset.and_then(|zset| zset.random(&mut rng)).map(|(member, _)| member);
        call.reply.bulk_or_null(picked);
        return Ok(());
    };
    let Some(zset) = zset.filter(|_| count != 0) else {
        call.reply.array(0);
        return Ok(());
    };
    let picked = Picked::from(zset, count, &mut rng, || beat(pulse))?;
    write_pairs(call.reply, picked.iter(), both);
    Ok(())
}

impl<'a> Pairs<'a> for &'a ZSet {
    type Value = f64;

    fn len(self) -> usize {
        ZSet::len(self)
    }

    fn list(self) -> Vec<Pair<'a>> {
        self.iter().collect()
    }

    fn random(self, rng: &mut fastrand::Rng) -> Option<Pair<'a>> {
        ZSet::random(self, rng)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::Rig;

    fn rig_with(members: usize) -> Rig {
        let mut rig = Rig::new().once();
        for n in 0..members {
            rig.check(&format!("ZADD z {n} m{n}"), ":1");
        }
        rig
    }

    fn words(reply: &str) -> Vec<String> {
        let inner = reply.trim_start_matches('[').trim_end_matches(']');
        inner.split(' ').filter(|word| !word.is_empty()).map(|word| word[1..].into()).collect()
    }

    #[test]
    fn one_member_without_a_count() {
        for members in [3, 200] {
            let mut rig = rig_with(members);
            let replies: BTreeSet<String> = (0..3000).map(|_| rig.run("ZRANDMEMBER z")).collect();
            assert_eq!(replies.len(), members);
        }
    }

    #[test]
    fn a_positive_count_picks_each_member_at_most_once() {
        for (members, count) in [(10, 1), (10, 9), (10, 10), (200, 5), (200, 150), (200, 500)] {
            let mut rig = rig_with(members);
            let picked = words(&rig.run(&format!("ZRANDMEMBER z {count}")));
            assert_eq!(picked.len(), count.min(members));
            assert_eq!(picked.iter().collect::<BTreeSet<_>>().len(), picked.len());
        }
    }

    #[test]
    fn a_negative_count_picks_that_often() {
        let mut rig = rig_with(200);
        for count in [2, 1000] {
            let reply = words(&rig.run(&format!("ZRANDMEMBER z -{count} WITHSCORES")));
            assert_eq!(reply.len(), count * 2);
            assert!(reply.chunks(2).all(|pair| pair[0] == format!("m{}", pair[1])), "{reply:?}");
        }
    }

    #[test]
    fn the_shape_of_pairs_depends_on_the_version() {
        for (mut rig, once) in [(Rig::new(), "[$a $1]"), (Rig::new().resp3(), "[[$a ,1]]")] {
            rig.check("ZADD z 1 a", ":1");
            rig.check("ZRANDMEMBER z 5 WITHSCORES", once);
            rig.check("ZRANDMEMBER z -2", "[$a $a]");
            rig.check("ZRANDMEMBER z", "$a");
            rig.check("ZRANDMEMBER z 0", "[]");
        }
    }

    #[test]
    fn a_missing_key_and_bad_arguments() {
        let mut rig = Rig::new();
        rig.check("ZRANDMEMBER z", "_");
        rig.check("ZRANDMEMBER z 3", "[]");
        rig.check("ZRANDMEMBER z x", "-ERR value is not an integer or out of range");
        rig.check("ZRANDMEMBER z 1 SCORES", "-ERR syntax error");
        rig.check("ZRANDMEMBER z 9223372036854775807 WITHSCORES", "-ERR value is out of range");
        rig.check("SET k v", "+OK");
        rig.check_error("ZRANDMEMBER k", "WRONGTYPE");
    }
}
