//! ZINTERCARD numkeys key \[key …\] \[LIMIT limit\]: how many members all keys have.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::algebra::intersection_len;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zintercard",
        family: Family::SortedSet,
        arity: Arity::at_least(3),
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(1, Access::Ro, &["access"])],
        since: "7.0.0",
        complexity: "O(N*K) worst case with N being the smallest input sorted set, K being the \
                     number of input sorted sets.",
        summary: "Returns the number of members of the intersect of multiple sorted sets.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let len = intersection_len(call, args, "zintercard")?;
    call.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_up_to_the_limit() {
        let mut rig = Rig::new();
        rig.check("ZADD {t}a 1 x 2 y 3 z", ":3");
        rig.check("ZADD {t}b 10 y 20 z", ":2");
        rig.check("ZINTERCARD 2 {t}a {t}b", ":2");
        rig.check("ZINTERCARD 2 {t}a {t}b LIMIT 1", ":1");
        rig.check("ZINTERCARD 2 {t}a {t}b LIMIT 0", ":2");
        rig.check("ZINTERCARD 2 {t}a {t}b limit 9", ":2");
        rig.check("ZINTERCARD 2 {t}a {t}nosuch", ":0");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("ZINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative");
        rig.check("ZINTERCARD 1 a LIMIT x", "-ERR LIMIT can't be negative");
        rig.check("ZINTERCARD 1 a LIMIT", "-ERR syntax error");
        rig.check("ZINTERCARD 1 a WITHSCORES", "-ERR syntax error");
        rig.check("ZINTERCARD 0 a", "-ERR at least 1 input key is needed for 'zintercard' command");
    }
}
