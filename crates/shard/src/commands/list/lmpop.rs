//! LMPOP numkeys key… LEFT|RIGHT \[COUNT count\]: take elements off an end of the first list that
//! is there, and reply its key and them.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::{lpop, notify_popped, parse_end};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::list::End;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "lmpop",
        family: Family::List,
        arity: Arity::at_least(4),
        flags: Flags::WRITE.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(1, Access::Rw, &["access", "delete"])],
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of provided keys and M is the number of elements \
                     returned.",
        summary: "Returns multiple elements from a list after removing them. Deletes the list if \
                  the last element was popped.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let wanted = Wanted::parse(args, 1)?;
    if !wanted.pop(call, args)? {
        call.reply.null_array();
    }
    Ok(())
}

/// What LMPOP and BLMPOP are asked for.
pub(super) struct Wanted {
    /// The part of the first key, and how many there are.
    first: usize,
    keys: usize,
    end: End,
    count: usize,
}

impl Wanted {
    /// Reads the request from the number of keys at part `at` on.
    pub(super) fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        let positive = |at: usize, error: &'static str| {
            let number = args.int(at).ok().and_then(|number| usize::try_from(number).ok());
            number.filter(|number| *number > 0).ok_or(CommandError::Text(error))
        };
        let first = at + 1;
        let keys = positive(at, "ERR numkeys should be greater than 0")?;
        let mut at = first.saturating_add(keys);
        if at >= args.len() {
            return Err(ArgsError::Syntax.into());
        }
        let end = parse_end(args, at)?;
        let mut count = None;
        at += 1;
        while at < args.len() {
            if count.is_some() || !args.is(at, "COUNT") || at + 1 == args.len() {
                return Err(ArgsError::Syntax.into());
            }
            count = Some(positive(at + 1, "ERR count should be greater than 0")?);
            at += 2;
        }
        Ok(Self { first, keys, end, count: count.unwrap_or(1) })
    }

    /// Pops from the first list that is there, and replies; says whether there is one.
    pub(super) fn pop(
        &self,
        call: &mut Call<'_, '_>,
        args: Args<'_>,
    ) -> Result<bool, CommandError> {
        for key in args.iter_from(self.first).take(self.keys) {
            let Some(list) = call.keyspace.list(key)? else { continue };
            call.reply.array(2);
            call.reply.bulk(key);
            lpop::write_ends(call.reply, list, self.end, self.count);
            call.keyspace.list_pop(key, self.end, self.count)?;
            notify_popped(call, key, self.end);
            return Ok(true);
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn from_the_first_list_that_is_there() {
        let mut rig = Rig::new();
        rig.check("RPUSH {t}b 1 2 3", ":3");
        rig.check("RPUSH {t}c x", ":1");
        rig.check("LMPOP 3 {t}a {t}b {t}c LEFT", "[${t}b [$1]]");
        rig.check("LMPOP 3 {t}a {t}b {t}c right COUNT 5", "[${t}b [$3 $2]]");
        rig.check("LMPOP 3 {t}a {t}b {t}c RIGHT count 5", "[${t}c [$x]]");
        rig.check("LMPOP 3 {t}a {t}b {t}c RIGHT", "_");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("LMPOP 1 k LEFT", "WRONGTYPE");
        for count in ["0", "-1", "x"] {
            let error = "-ERR numkeys should be greater than 0";
            rig.check(&format!("LMPOP {count} l LEFT"), error);
            let error = "-ERR count should be greater than 0";
            rig.check(&format!("LMPOP 1 l LEFT COUNT {count}"), error);
        }
        for rest in
            ["3 l LEFT", "1 l UP", "1 l LEFT COUNT", "1 l LEFT COUNT 1 COUNT 2", "1 l LEFT 1"]
        {
            rig.check(&format!("LMPOP {rest}"), "-ERR syntax error");
        }
        rig.check("LMPOP 1 l", "-ERR wrong number of arguments for 'lmpop' command");
    }
}
