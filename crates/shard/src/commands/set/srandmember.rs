//! SRANDMEMBER key \[count\]: members picked at random.
//!
//! Without a count, one member. A positive count picks each member at most once; a negative one
//! picks that often, with repetition.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::places::visit_places;
use crate::commands::{Call, Command, random_picks};
use crate::error::CommandError;
use crate::script::beat;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "srandmember",
        family: Family::Set,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output"],
        complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value \
                     of the passed count.",
        summary: "Get one or multiple random members from a set.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let count = parse_count(args)?;
    let pulse = call.pulse;
    // A source of its own: the set borrows the keyspace, and the shard's source lies in there.
    let mut rng = call.keyspace.rng().fork();
    let set = call.keyspace.set(args.at(1))?;
    let Some(count) = count else {
        match set {
            None => call.reply.null(),
            Some(set) => {
                set.with_member(rng.usize(..set.len()), |member| call.reply.bulk(member));
            }
        }
        return Ok(());
    };
    let Some(set) = set.filter(|_| count != 0) else {
        call.reply.array(0);
        return Ok(());
    };
    let places = random_picks::places(set.len(), count, &mut rng, || beat(pulse))?;
    call.reply.array(places.len());
    visit_places(set, &places, |member| call.reply.bulk(member));
    Ok(())
}

/// Negative: with repetition. `None` when there is none.
fn parse_count(args: Args<'_>) -> Result<Option<i64>, CommandError> {
    match args.len() {
        2 => Ok(None),
        3 => random_picks::parse_count(args).map(Some),
        _ => Err(ArgsError::Syntax.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::Rig;

    /// Sets of integers, packed ones and tables.
    fn rigs() -> impl Iterator<Item = (Rig, usize)> {
        [("", 10), ("", 300), ("m", 10), ("m", 100), ("m", 300)].into_iter().map(
            |(letter, size)| {
                let mut rig = Rig::new().once();
                for n in 0..size {
                    rig.check(&format!("SADD s {letter}{n}"), ":1");
                }
                (rig, size)
            },
        )
    }

    fn words(reply: &str) -> Vec<String> {
        let inner = reply.trim_start_matches('[').trim_end_matches(']');
        inner.split(' ').filter(|word| !word.is_empty()).map(|word| word[1..].into()).collect()
    }

    #[test]
    fn one_member_without_a_count() {
        for (mut rig, size) in rigs() {
            let replies: BTreeSet<String> =
                (0..size * 15).map(|_| rig.run("SRANDMEMBER s")).collect();
            assert_eq!(replies.len(), size);
        }
    }

    #[test]
    fn a_positive_count_picks_each_member_at_most_once() {
        for (mut rig, size) in rigs() {
            for count in [1, 3, size / 2, size - 1, size, size + 7] {
                let picked = words(&rig.run(&format!("SRANDMEMBER s {count}")));
                assert_eq!(picked.len(), count.min(size));
                assert_eq!(picked.iter().collect::<BTreeSet<_>>().len(), picked.len());
            }
        }
    }

    #[test]
    fn a_negative_count_picks_that_often() {
        for (mut rig, size) in rigs() {
            assert_eq!(words(&rig.run("SRANDMEMBER s -2")).len(), 2);
            let picked = words(&rig.run(&format!("SRANDMEMBER s -{}", size * 15)));
            assert_eq!(picked.len(), size * 15);
            assert_eq!(picked.iter().collect::<BTreeSet<_>>().len(), size);
        }
    }

    #[test]
    fn a_missing_key_is_the_null_or_empty() {
        let mut rig = Rig::new().resp3();
        rig.check("SRANDMEMBER s", "_");
        rig.check("SRANDMEMBER s 3", "[]");
        rig.check("SRANDMEMBER s -3", "[]");
        rig.check("SADD s m", ":1");
        rig.check("SRANDMEMBER s 0", "[]");
        rig.check("SRANDMEMBER s -2", "[$m $m]");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("SRANDMEMBER k", "WRONGTYPE");
        rig.check_error("SRANDMEMBER k 0", "WRONGTYPE");
        rig.check("SRANDMEMBER s x", "-ERR value is not an integer or out of range");
        rig.check("SRANDMEMBER s 1 2", "-ERR syntax error");
        rig.check("SRANDMEMBER", "-ERR wrong number of arguments for 'srandmember' command");
        rig.check(
            "SRANDMEMBER s -9223372036854775808",
            "-ERR value is out of range, value must between \
             -9223372036854775807 and 9223372036854775807",
        );
    }
}
