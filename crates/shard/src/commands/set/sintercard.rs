//! SINTERCARD numkeys key… \[LIMIT limit\]: how many members all of several sets have, counted up
//! to a limit.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::combine;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "sintercard",
        family: Family::Set,
        arity: Arity::at_least(3),
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(1, Access::Ro, &["access"])],
        since: "7.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
                     number of sets.",
        summary: "Returns the number of members of the intersect of multiple sets.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let count = args.int(1).ok().and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| *count > 0);
    let count = count.ok_or(CommandError::Text("ERR numkeys should be greater than 0"))?;
    if count > args.len() - 2 {
        return Err(CommandError::Text("ERR Number of keys can't be greater than number of args"));
    }
    let limit = parse_limit(args, 2 + count)?;
    let mut beats = call.beats();
    let sets = call.keyspace.sets(args.iter_from(2).take(count))?;
    let mut found = 0;
    combine::intersect(&sets, &mut beats, |_| {
        found += 1;
        found != limit
    })?;
    call.reply.count(found);
    Ok(())
}

/// The limit in the options from part `at` on; 0 is none.
fn parse_limit(args: Args<'_>, mut at: usize) -> Result<usize, CommandError> {
    let mut limit = 0;
    while at < args.len() {
        if !args.is(at, "LIMIT") || at + 1 == args.len() {
            return Err(ArgsError::Syntax.into());
        }
        let value = args.int(at + 1).ok().and_then(|limit| usize::try_from(limit).ok());
        limit = value.ok_or(CommandError::Text("ERR LIMIT can't be negative"))?;
        at += 2;
    }
    Ok(limit)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_up_to_the_limit() {
        let mut rig = Rig::new();
        rig.check("SADD {t}a 1 2 3 x", ":4");
        rig.check("SADD {t}b 3 x 1 y", ":4");
        rig.check("SINTERCARD 2 {t}a {t}b", ":3");
        rig.check("SINTERCARD 2 {t}a {t}b LIMIT 2", ":2");
        rig.check("SINTERCARD 2 {t}a {t}b limit 0", ":3");
        rig.check("SINTERCARD 2 {t}a {t}b LIMIT 9", ":3");
        rig.check("SINTERCARD 2 {t}a {t}missing", ":0");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SINTERCARD 1", "-ERR wrong number of arguments for 'sintercard' command");
        for count in ["0", "-1", "x"] {
            let line = format!("SINTERCARD {count} a");
            rig.check(&line, "-ERR numkeys should be greater than 0");
        }
        rig.check("SINTERCARD 2 a", "-ERR Number of keys can't be greater than number of args");
        rig.check("SINTERCARD 1 a b", "-ERR syntax error");
        rig.check("SINTERCARD 1 a LIMIT", "-ERR syntax error");
        rig.check("SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative");
        rig.check("SINTERCARD 1 a LIMIT x", "-ERR LIMIT can't be negative");
        rig.check("SET k v", "+OK");
        rig.check_error("SINTERCARD 1 k", "WRONGTYPE");
    }
}
