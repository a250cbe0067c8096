//! ZPOPMIN and ZPOPMAX key \[count\]: remove the members with the lowest or highest scores, and
//! reply them.

use protocol::args::Args;
use protocol::encode::Version;
use protocol::error::ArgsError;
use protocol::number::parse_i64;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::remove_ranks;
use crate::commands::{Call, Command, Run};
use crate::error::CommandError;
use crate::reply::Reply;
use crate::types::zset::ZSet;

pub(super) const ZPOPMIN: Command = command(
    "zpopmin",
    "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted \
     set if the last member was popped.",
    |call, args| run(call, args, End::Min),
);

pub(super) const ZPOPMAX: Command = command(
    "zpopmax",
    "Returns the highest-scoring members from a sorted set after removing them. Deletes the \
     sorted set if the last member was popped.",
    |call, args| run(call, args, End::Max),
);

const fn command(name: &'static str, summary: &'static str, run: Run) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::SortedSet,
            arity: Arity::at_least(2),
            flags: Flags::WRITE.union(Flags::FAST),
            keys: const { &[KeySpec::at(1, Access::Rw, &["access", "delete"])] },
            since: "5.0.0",
            complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M \
                         being the number of elements popped.",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

/// The end of a sorted set that members are popped from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Min,
    Max,
}

impl End {
    /// The end that part `at` names.
    pub(super) fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        if args.is(at, "MIN") {
            Ok(Self::Min)
        } else if args.is(at, "MAX") {
            Ok(Self::Max)
        } else {
            Err(ArgsError::Syntax.into())
        }
    }
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>, end: End) -> Result<(), CommandError> {
    if args.len() > 3 {
        return Err(ArgsError::Syntax.into());
    }
    let count = match args.get(2) {
        Some(text) => {
            let count = parse_i64(text).and_then(|count| usize::try_from(count).ok());
            Some(count.ok_or(CommandError::MustBePositive)?)
        }
        None => None,
    };
    let popped = pop(call, args.at(1), end, count.unwrap_or(1))?;
    // Only the form with a count is new enough to have pairs.
    let nested = count.is_some() && call.reply.version() == Version::Resp3;
    call.reply.array(if nested { popped.len() } else { popped.len() * 2 });
    write_popped(call.reply, &popped, nested);
    Ok(())
}

/// Members that have been popped, with their scores.
type Popped = Vec<(Vec<u8>, f64)>;

/// Removes up to `count` members from one end; none when the key is missing.
pub(super) fn pop(
    call: &mut Call<'_, '_>,
    key: &[u8],
    end: End,
    count: usize,
) -> Result<Popped, CommandError> {
    let len = call.keyspace.zset(key)?.map_or(0, ZSet::len);
    let count = count.min(len);
    let (ranks, event) = match end {
        End::Min => ((0, count), "zpopmin"),
        End::Max => ((len - count, len), "zpopmax"),
    };
    let mut popped = Vec::with_capacity(count);
    remove_ranks(call, key, ranks, event, |(member, score)| popped.push((member.to_vec(), score)))?;
    if end == End::Max {
        popped.reverse();
    }
    Ok(popped)
}

/// Replies members with their scores into the array that has been begun.
pub(super) fn write_popped(reply: &mut Reply<'_>, popped: &[(Vec<u8>, f64)], nested: bool) {
    for (member, score) in popped {
        if nested {
            reply.array(2);
        }
        reply.bulk(member);
        reply.double(*score);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn pops_from_either_end() {
        let mut rig = Rig::new();
        rig.check("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5");
        rig.check("ZPOPMIN z", "[$a $1]");
        rig.check("ZPOPMAX z", "[$e $5]");
        rig.check("ZPOPMAX z 2", "[$d $4 $c $3]");
        rig.check("ZPOPMIN z 10", "[$b $2]");
        rig.check("EXISTS z", ":0");
        rig.check("ZPOPMIN z", "[]");
        rig.check("ZPOPMIN z 3", "[]");
    }

    #[test]
    fn pairs_in_resp3_with_a_count() {
        let mut rig = Rig::new().resp3();
        rig.check("ZADD z 1 a 2 b 3 c", ":3");
        rig.check("ZPOPMIN z", "[$a ,1]");
        rig.check("ZPOPMAX z 1", "[[$c ,3]]");
        rig.check("ZPOPMAX z 0", "[]");
    }

    #[test]
    fn many_of_a_large_set_keep_their_order() {
        let mut rig = Rig::new();
        let mut line = "ZADD z".to_owned();
        (0..300).for_each(|n| line.push_str(&format!(" {n} m{n}")));
        rig.check(&line, ":300");
        let highest: Vec<String> = (150..300).rev().map(|n| format!("$m{n} ${n}")).collect();
        rig.check("ZPOPMAX z 150", &format!("[{}]", highest.join(" ")));
        let lowest: Vec<String> = (0..150).map(|n| format!("$m{n} ${n}")).collect();
        rig.check("ZPOPMIN z 150", &format!("[{}]", lowest.join(" ")));
        rig.check("EXISTS z", ":0");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("ZPOPMIN z -1", "-ERR value is out of range, must be positive");
        rig.check("ZPOPMIN z x", "-ERR value is out of range, must be positive");
        rig.check("ZPOPMIN z 1 2", "-ERR syntax error");
        rig.check("SET k v", "+OK");
        rig.check_error("ZPOPMAX k", "WRONGTYPE");
        rig.check_error("ZPOPMAX k 0", "WRONGTYPE");
    }
}
