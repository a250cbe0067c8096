//! LPOS key element \[RANK rank\] \[COUNT count\] \[MAXLEN len\]: where elements are that equal one.
//!
//! RANK 2 leaves out the first of them, -1 begins at the tail; COUNT replies an array, 0 of all;
//! MAXLEN looks at that many elements at most.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::list::End;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "lpos",
        family: Family::List,
        arity: Arity::at_least(3),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "6.0.6",
        complexity: "O(N) where N is the number of elements in the list, for the average case. \
                     When searching for elements near the head or the tail of the list, or when \
                     the MAXLEN option is provided, the command may run in constant time.",
        summary: "Returns the index of matching elements in a list.",
        ..CommandSpec::NEW
    },
    run,
};

struct Options {
    rank: i64,
    /// None: one, not in an array. 0: all.
    count: Option<usize>,
    /// 0: no limit.
    look_at: usize,
}

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let options = Options::parse(args)?;
    let mut beats = call.beats();
    let mut found = Vec::new();
    if let Some(list) = call.keyspace.list(args.at(1))? {
        let most = options.count.unwrap_or(1);
        let (mut left_out, mut seen) = (options.rank.unsigned_abs() - 1, 0);
        let from = if options.rank < 0 { End::Tail } else { End::Head };
        list.search(args.at(2), from, |index, equal| {
            beats.beat()?;
            seen += 1;
            if equal && left_out > 0 {
                left_out -= 1;
            } else if equal {
                found.push(index);
            }
            let enough = most > 0 && found.len() == most;
            Ok::<bool, CommandError>(!enough && seen != options.look_at)
        })?;
    }
    match (options.count, found.first()) {
        (Some(_), _) => {
            call.reply.array(found.len());
            found.iter().for_each(|&index| call.reply.count(index));
        }
        (None, Some(&index)) => call.reply.count(index),
        (None, None) => call.reply.null(),
    }
    Ok(())
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self { rank: 1, count: None, look_at: 0 };
        for at in (3..args.len()).step_by(2) {
            if at + 1 == args.len() {
                return Err(ArgsError::Syntax.into());
            }
            let count_or = |error: &'static str| {
                let count = args.int(at + 1).ok().and_then(|count| usize::try_from(count).ok());
                count.ok_or(CommandError::Text(error))
            };
            if args.is(at, "RANK") {
                options.rank = parse_rank(args.int(at + 1)?)?;
            } else if args.is(at, "COUNT") {
                options.count = Some(count_or("ERR COUNT can't be negative")?);
            } else if args.is(at, "MAXLEN") {
                options.look_at = count_or("ERR MAXLEN can't be negative")?;
            } else {
                return Err(ArgsError::Syntax.into());
            }
        }
        Ok(options)
    }
}

fn parse_rank(rank: i64) -> Result<i64, CommandError> {
    match rank {
        0 => Err(CommandError::Text(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
             or use negative to start from the end of the list",
        )),
        i64::MIN => Err(CommandError::Text(
            "ERR value is out of range, value must between \
             -9223372036854775807 and 9223372036854775807",
        )),
        rank => Ok(rank),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn ranks_counts_and_limits() {
        let mut rig = Rig::new();
        rig.check("RPUSH l a b c 1 2 3 c c", ":8");
        for (options, reply) in [
            ("c", ":2"),
            ("c RANK 2", ":6"),
            ("c RANK -1", ":7"),
            ("c rank -3", ":2"),
            ("c RANK 4", "_"),
            ("c COUNT 2", "[:2 :6]"),
            ("c COUNT 0", "[:2 :6 :7]"),
            ("c COUNT 0 RANK -2", "[:6 :2]"),
            ("c MAXLEN 2", "_"),
            ("c COUNT 0 MAXLEN 7", "[:2 :6]"),
            ("c RANK -1 COUNT 0 MAXLEN 2", "[:7 :6]"),
            ("3", ":5"),
            ("x", "_"),
            ("x COUNT 1", "[]"),
        ] {
            rig.check(&format!("LPOS l {options}"), reply);
        }
        rig.check("LPOS missing a", "_");
        rig.check("LPOS missing a COUNT 0", "[]");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("LPOS k a", "WRONGTYPE");
        for options in ["RANK", "COUNT", "x 1", "COUNT 1 RANK"] {
            rig.check(&format!("LPOS l a {options}"), "-ERR syntax error");
        }
        rig.check_error("LPOS l a RANK 0", "ERR RANK can't be zero: use 1");
        rig.check_error("LPOS l a RANK -9223372036854775808", "ERR value is out of range, value");
        rig.check("LPOS l a RANK x", "-ERR value is not an integer or out of range");
        rig.check("LPOS l a COUNT -1", "-ERR COUNT can't be negative");
        rig.check("LPOS l a MAXLEN -1", "-ERR MAXLEN can't be negative");
        rig.check("LPOS l", "-ERR wrong number of arguments for 'lpos' command");
    }
}
