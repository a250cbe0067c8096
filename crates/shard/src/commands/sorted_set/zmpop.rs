//! ZMPOP numkeys key \[key …\] MIN|MAX \[COUNT count\]: pop members from the first of the keys
//! that has any.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::zpop::{End, pop, write_popped};
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zmpop",
        family: Family::SortedSet,
        arity: Arity::at_least(4),
        flags: Flags::WRITE.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(1, Access::Rw, &["access", "delete"])],
        since: "7.0.0",
        complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the \
                     number of elements in the sorted set, and M being the number of elements \
                     popped.",
        summary: "Returns the highest- or lowest-scoring members from one or more sorted sets \
                  after removing them. Deletes the sorted set if the last member was popped.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let wanted = Wanted::parse(args, 1)?;
    if !pop_first(call, args, &wanted)? {
        call.reply.null_array();
    }
    Ok(())
}

/// What ZMPOP and BZMPOP are asked for.
pub(super) struct Wanted {
    /// The parts that are keys.
    keys: std::ops::Range<usize>,
    end: End,
    count: usize,
}

impl Wanted {
    /// Reads the number of keys at part `at`, and all that follows.
    pub(super) fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        let bad = CommandError::Text("ERR numkeys should be greater than 0");
        let count = args.int(at).ok().filter(|count| *count > 0).ok_or(bad)?;
        let keys_end = usize::try_from(count).ok().and_then(|count| count.checked_add(at + 1));
        let keys_end = keys_end.filter(|end| *end < args.len()).ok_or(ArgsError::Syntax)?;
        let end = End::parse(args, keys_end)?;
        let mut wanted = Self { keys: at + 1..keys_end, end, count: 1 };
        match args.len() - keys_end {
            1 => {}
            3 if args.is(keys_end + 1, "COUNT") => {
                wanted.count = parse_count(args, keys_end + 2)?;
            }
            // A count that does not parse is told before what follows it.
            4.. if args.is(keys_end + 1, "COUNT") => {
                parse_count(args, keys_end + 2)?;
                return Err(ArgsError::Syntax.into());
            }
            _ => return Err(ArgsError::Syntax.into()),
        }
        Ok(wanted)
    }
}

fn parse_count(args: Args<'_>, at: usize) -> Result<usize, CommandError> {
    let bad = CommandError::Text("ERR count should be greater than 0");
    let count = args.int(at).ok().filter(|count| *count > 0).ok_or(bad)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Pops from the first key that has members and replies what it was; says whether there was one.
pub(super) fn pop_first(
    call: &mut Call<'_, '_>,
    args: Args<'_>,
    wanted: &Wanted,
) -> Result<bool, CommandError> {
    for key in wanted.keys.clone().map(|at| args.at(at)) {
        let popped = pop(call, key, wanted.end, wanted.count)?;
        if !popped.is_empty() {
            call.reply.array(2);
            call.reply.bulk(key);
            call.reply.array(popped.len());
            write_popped(call.reply, &popped, true);
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn pops_from_the_first_key_that_has_members() {
        let mut rig = Rig::new();
        rig.check("ZMPOP 2 {t}a {t}b MIN", "_");
        rig.check("ZADD {t}b 1 x 2 y 3 z", ":3");
        rig.check("ZMPOP 2 {t}a {t}b MIN", "[${t}b [[$x $1]]]");
        rig.check("ZMPOP 2 {t}a {t}b max count 5", "[${t}b [[$z $3] [$y $2]]]");
        rig.check("EXISTS {t}b", ":0");
        let mut rig = Rig::new().resp3();
        rig.check("ZADD z 1 x", ":1");
        rig.check("ZMPOP 1 z MIN COUNT 2", "[$z [[$x ,1]]]");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        for count in ["0", "-1", "x"] {
            rig.check(&format!("ZMPOP {count} z MIN"), "-ERR numkeys should be greater than 0");
            rig.check(
                &format!("ZMPOP 1 z MIN COUNT {count}"),
                "-ERR count should be greater than 0",
            );
        }
        for line in [
            "ZMPOP 2 {t}z {t}MIN",
            "ZMPOP 1 z LEAST",
            "ZMPOP 1 z MIN COUNT",
            "ZMPOP 1 z MIN COUNT 1 COUNT 2",
            "ZMPOP 1 z MIN MAX",
            "ZMPOP 9223372036854775807 z MIN",
        ] {
            rig.check(line, "-ERR syntax error");
        }
        rig.check("SET k v", "+OK");
        rig.check_error("ZMPOP 1 k MIN", "WRONGTYPE");
    }
}
