//! ZRANDMEMBER key \[count \[WITHSCORES\]\]: members picked at random.
//!
//! Without a count, one member. A positive count picks each member at most once; a negative one
//! picks that often, with repetition.

use std::collections::BTreeSet;

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::write_pairs;
use crate::commands::{Call, Command};
use crate::error::CommandError;
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

/// Most picks with repetition: a reply of gigabytes would take the node with it. Redis has no
/// such limit.
const PICKS_MAX: usize = 1 << 24;

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let wanted = Wanted::parse(args)?;
    // A source of its own: the set borrows the keyspace, and the shard's source lies in there.
    let mut rng = call.keyspace.rng().fork();
    let zset = call.keyspace.zset(args.at(1))?;
    let Some(Wanted { count, with_scores }) = wanted else {
        let picked = zset.and_then(|zset| zset.random(&mut rng)).map(|(member, _)| member);
        call.reply.bulk_or_null(picked);
        return Ok(());
    };
    let Some(zset) = zset.filter(|_| count != 0) else {
        call.reply.array(0);
        return Ok(());
    };
    let many = count.unsigned_abs() as usize;
    if count > 0 {
        let picked = distinct(zset, many, &mut rng);
        write_pairs(call.reply, picked.into_iter(), with_scores);
    } else {
        if many > PICKS_MAX {
            return Err(CommandError::OutOfRange);
        }
        let picked = repeated(zset, many, &mut rng);
        write_pairs(call.reply, picked.into_iter(), with_scores);
    }
    Ok(())
}

struct Wanted {
    /// Negative: with repetition.
    count: i64,
    with_scores: bool,
}

impl Wanted {
    /// `None` when there is no count.
    fn parse(args: Args<'_>) -> Result<Option<Self>, CommandError> {
        if args.len() == 2 {
            return Ok(None);
        }
        let count = args.int(2)?;
        if count == i64::MIN {
            return Err(CommandError::Text(
                "ERR value is out of range, value must between \
                 -9223372036854775807 and 9223372036854775807",
            ));
        }
        let with_scores = args.len() == 4 && args.is(3, "WITHSCORES");
        if args.len() > 3 && !with_scores {
            return Err(ArgsError::Syntax.into());
        }
        // Twice the count is a length in the reply.
        if with_scores && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
            return Err(CommandError::OutOfRange);
        }
        Ok(Some(Self { count, with_scores }))
    }
}

/// Whether that many picks are so many that a list of all members is worth its price.
fn worth_listing(zset: &ZSet, many: usize) -> bool {
    many > zset.len() / 3
}

/// Up to `many` members, each at most once.
fn distinct<'a>(zset: &'a ZSet, many: usize, rng: &mut fastrand::Rng) -> Vec<Pair<'a>> {
    let len = zset.len();
    if worth_listing(zset, many) {
        let mut pairs: Vec<Pair<'_>> = zset.iter().collect();
        if many < len {
            (0..many).for_each(|at| pairs.swap(at, rng.usize(at..len)));
            pairs.truncate(many);
        }
        return pairs;
    }
    // At most a third is taken, so two picks of three are new ones.
    let mut taken = BTreeSet::new();
    let picks = std::iter::from_fn(|| zset.random(rng));
    picks.filter(|(member, _)| taken.insert(*member)).take(many).collect()
}

/// A member picked at random, `many` times.
fn repeated<'a>(zset: &'a ZSet, many: usize, rng: &mut fastrand::Rng) -> Vec<Pair<'a>> {
    if worth_listing(zset, many) {
        let pairs: Vec<Pair<'_>> = zset.iter().collect();
        (0..many).map(|_| pairs[rng.usize(..pairs.len())]).collect()
    } else {
        (0..many).filter_map(|_| zset.random(rng)).collect()
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
