//! HRANDFIELD key \[count \[WITHVALUES\]\]: fields picked at random.
//!
//! Without a count, one field. A positive count picks each field at most once; a negative one
//! picks that often, with repetition. In RESP3 a field with its value is a pair; in RESP2 the two
//! follow one another.

use protocol::args::Args;
use protocol::encode::Version;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::random_picks::{Pairs, Picked, Wanted};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::script::beat;
use crate::types::hash::HashView;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hrandfield",
        family: Family::Hash,
        arity: Arity::at_least(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output"],
        since: "6.2.0",
        complexity: "O(N) where N is the number of fields returned",
        summary: "Returns one or more random fields from a hash.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let wanted = Wanted::parse(args, "WITHVALUES")?;
    let pulse = call.pulse;
    // A source of its own: the hash borrows the keyspace, and the shard's source lies in there.
    let mut rng = call.keyspace.rng().fork();
    let hash = call.keyspace.hash(args.at(1))?;
    let Some(Wanted { count, both }) = wanted else {
        let field = hash.and_then(|hash| hash.random(&mut rng)).map(|(field, _)| field);
        call.reply.bulk_or_null(field);
        return Ok(());
    };
    let Some(hash) = hash.filter(|_| count != 0) else {
        call.reply.array(0);
        return Ok(());
    };
    let picked = Picked::from(hash, count, &mut rng, || beat(pulse))?;
    let nested = both && call.reply.version() == Version::Resp3;
    let len = picked.iter().len();
    call.reply.array(if both && !nested { len * 2 } else { len });
    for (field, value) in picked.iter() {
        if nested {
            call.reply.array(2);
        }
        call.reply.bulk(field);
        if both {
            call.reply.bulk(value);
        }
    }
    Ok(())
}

impl<'a> Pairs<'a> for HashView<'a> {
    type Value = &'a [u8];

    fn len(self) -> usize {
        HashView::len(self)
    }

    fn list(self) -> Vec<(&'a [u8], &'a [u8])> {
        self.pairs()
    }

    fn random(self, rng: &mut fastrand::Rng) -> Option<(&'a [u8], &'a [u8])> {
        HashView::random(self, rng)
    }

    fn is_sparse(self) -> bool {
        self.hides_some()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::testing::Rig;

    /// A hash of fields f0, f1, …, each its own number as the value.
    fn rig_with_hash(fields: usize) -> Rig {
        let mut rig = Rig::new().once();
        for n in 0..fields {
            rig.check(&format!("HSET h f{n} {n}"), ":1");
        }
        rig
    }

    fn words(reply: &str) -> Vec<String> {
        let inner = reply.trim_start_matches('[').trim_end_matches(']');
        inner.split(' ').filter(|word| !word.is_empty()).map(|word| word[1..].into()).collect()
    }

    #[test]
    fn one_field_without_a_count() {
        for fields in [3, 200] {
            let mut rig = rig_with_hash(fields);
            let replies: BTreeSet<String> = (0..3000).map(|_| rig.run("HRANDFIELD h")).collect();
            assert_eq!(replies.len(), fields);
        }
    }

    #[test]
    fn a_positive_count_picks_each_field_at_most_once() {
        for (fields, count) in [(10, 1), (10, 9), (10, 10), (200, 5), (200, 150), (200, 500)] {
            let mut rig = rig_with_hash(fields);
            for _ in 0..20 {
                let picked = words(&rig.run(&format!("HRANDFIELD h {count}")));
                assert_eq!(picked.len(), count.min(fields));
                assert_eq!(picked.iter().collect::<BTreeSet<_>>().len(), picked.len());
            }
        }
    }

    #[test]
    fn every_field_comes_up() {
        for (fields, count) in [(10, 4), (300, 20)] {
            let mut rig = rig_with_hash(fields);
            let line = format!("HRANDFIELD h {count}");
            let picked: BTreeSet<String> = (0..300).flat_map(|_| words(&rig.run(&line))).collect();
            assert_eq!(picked.len(), fields);
        }
    }

    #[test]
    fn a_negative_count_picks_that_often() {
        for fields in [3, 200] {
            let mut rig = rig_with_hash(fields);
            assert_eq!(words(&rig.run("HRANDFIELD h -2")).len(), 2);
            assert_eq!(words(&rig.run("HRANDFIELD h -1000")).len(), 1000);
        }
    }

    #[test]
    fn values_follow_their_fields() {
        let mut rig = rig_with_hash(200);
        for count in [3, 100, 1000, -3, -100] {
            let reply = words(&rig.run(&format!("HRANDFIELD h {count} WITHVALUES")));
            assert!(reply.chunks(2).all(|pair| pair[0] == format!("f{}", pair[1])), "{reply:?}");
        }
    }

    #[test]
    fn the_shape_of_pairs_depends_on_the_version() {
        for (mut rig, once, twice) in [
            (Rig::new(), "[$f $v]", "[$f $v $f $v]"),
            (Rig::new().resp3(), "[[$f $v]]", "[[$f $v] [$f $v]]"),
        ] {
            rig.check("HSET h f v", ":1");
            rig.check("HRANDFIELD h 5 WITHVALUES", once);
            rig.check("HRANDFIELD h -2 withvalues", twice);
            rig.check("HRANDFIELD h -2", "[$f $f]");
            rig.check("HRANDFIELD h", "$f");
        }
    }

    #[test]
    fn a_missing_key_is_the_null_or_empty() {
        let mut rig = Rig::new();
        rig.check("HRANDFIELD h", "_");
        rig.check("HRANDFIELD h 3", "[]");
        rig.check("HRANDFIELD h -3 WITHVALUES", "[]");
        rig.check("HSET h f v", ":1");
        rig.check("HRANDFIELD h 0", "[]");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HRANDFIELD k", "WRONGTYPE");
        rig.check_error("HRANDFIELD k 0", "WRONGTYPE");
        rig.check("HRANDFIELD", "-ERR wrong number of arguments for 'hrandfield' command");
        rig.check("HRANDFIELD h x", "-ERR value is not an integer or out of range");
        rig.check("HRANDFIELD h 1 VALUES", "-ERR syntax error");
        rig.check("HRANDFIELD h 1 WITHVALUES x", "-ERR syntax error");
        rig.check(
            "HRANDFIELD h -9223372036854775808",
            "-ERR value is out of range, value must between \
             -9223372036854775807 and 9223372036854775807",
        );
        for count in ["9223372036854775807", "-9223372036854775807"] {
            rig.check(&format!("HRANDFIELD h {count} WITHVALUES"), "-ERR value is out of range");
        }
    }
}
