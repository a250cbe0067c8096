//! BLMPOP timeout numkeys key… LEFT|RIGHT \[COUNT count\]: LMPOP that waits for elements. See
//! [`crate::commands::blocking`].

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::lmpop::Wanted;
use crate::commands::{Call, Command, blocking};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "blmpop",
        family: Family::List,
        arity: Arity::at_least(5),
        flags: Flags::WRITE.union(Flags::BLOCKING).union(Flags::MOVABLEKEYS),
        keys: &[KeySpec::counted(2, Access::Rw, &["access", "delete"])],
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of provided keys and M is the number of elements \
                     returned.",
        summary: "Pops the first element from one of multiple lists. Blocks until an element is \
                  available otherwise. Deletes the list if the last element was popped.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let wanted = Wanted::parse(args, 2)?;
    blocking::seconds(args, 1)?;
    if wanted.pop(call, args)? { Ok(()) } else { Err(CommandError::WouldBlock) }
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn pops_what_is_there() {
        let mut rig = Rig::new();
        rig.check("RPUSH {t}b 1 2 3", ":3");
        rig.check("BLMPOP 0 2 {t}a {t}b LEFT COUNT 2", "[${t}b [$1 $2]]");
        rig.check("BLMPOP 0 2 {t}a {t}b RIGHT", "[${t}b [$3]]");
        rig.check("BLMPOP 0.1 2 {t}a {t}b RIGHT", "_");
    }

    #[test]
    fn bad_arguments_and_wrong_type() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("BLMPOP 0 1 k LEFT", "WRONGTYPE");
        rig.check("BLMPOP x 0 l LEFT", "-ERR numkeys should be greater than 0");
        rig.check("BLMPOP x 1 l LEFT", "-ERR timeout is not a float or out of range");
        rig.check("BLMPOP -1 1 l LEFT", "-ERR timeout is negative");
        rig.check("BLMPOP 0 0 l LEFT", "-ERR numkeys should be greater than 0");
        rig.check("BLMPOP 0 1 l UP", "-ERR syntax error");
        rig.check("BLMPOP 0 1 l", "-ERR wrong number of arguments for 'blmpop' command");
    }
}
