//! BZMPOP timeout numkeys key \[key …\] MIN|MAX \[COUNT count\]: ZMPOP that waits for members if
//! none of the keys has any.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::zmpop::{Wanted, pop_first};
use crate::commands::blocking::seconds;
use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "bzmpop",
        family: Family::SortedSet,
        arity: Arity::at_least(5),
        flags: Flags::WRITE.union(Flags::BLOCKING).union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(2, Access::Rw, &["access", "delete"])],
        since: "7.0.0",
        complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the \
                     number of elements in the sorted set, and M being the number of elements \
                     popped.",
        summary: "Removes and returns a member by score from one or more sorted sets. Blocks until \
                  a member is available otherwise. Deletes the sorted set if the last element was \
                  popped.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let wanted = Wanted::parse(args, 2)?;
    seconds(args, 1)?;
    if pop_first(call, args, &wanted)? { Ok(()) } else { Err(CommandError::WouldBlock) }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn pops_from_the_first_key_that_has_members() {
        let mut rig = Rig::new();
        rig.check("BZMPOP 0 2 {t}a {t}b MIN", "_");
        rig.check("ZADD {t}b 1 x 2 y 3 z", ":3");
        rig.check("BZMPOP 1 2 {t}a {t}b MIN", "[${t}b [[$x $1]]]");
        rig.check("BZMPOP 0.5 2 {t}a {t}b MAX COUNT 9", "[${t}b [[$z $3] [$y $2]]]");
    }

    #[test]
    fn bad_arguments() {
        let mut rig = Rig::new();
        rig.check("BZMPOP x 1 z MIN", "-ERR timeout is not a float or out of range");
        rig.check("BZMPOP -1 1 z MIN", "-ERR timeout is negative");
        rig.check("BZMPOP 0 0 z MIN", "-ERR numkeys should be greater than 0");
        rig.check("BZMPOP x 1 z LEAST", "-ERR syntax error");
        rig.check("BZMPOP 0 1 z MIN COUNT 0", "-ERR count should be greater than 0");
        rig.check("SET k v", "+OK");
        rig.check_error("BZMPOP 0 1 k MIN", "WRONGTYPE");
    }
}
