//! LLEN key: how many elements there are.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::list::List;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "llen",
        family: Family::List,
        arity: Arity::exactly(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        summary: "Returns the length of a list.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let len = call.keyspace.list(args.at(1))?.map_or(0, List::len);
    call.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_elements() {
        let mut rig = Rig::new();
        rig.check("LLEN l", ":0");
        rig.check("RPUSH l a a b", ":3");
        rig.check("LLEN l", ":3");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("LLEN k", "WRONGTYPE");
        rig.check("LLEN", "-ERR wrong number of arguments for 'llen' command");
    }
}
