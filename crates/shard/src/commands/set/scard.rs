//! SCARD key: how many members there are.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::set::Set;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "scard",
        family: Family::Set,
        arity: Arity::exactly(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        summary: "Returns the number of members in a set.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let count = call.keyspace.set(args.at(1))?.map_or(0, Set::len);
    call.reply.count(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_members() {
        let mut rig = Rig::new();
        rig.check("SCARD s", ":0");
        rig.check("SADD s 1 2 3", ":3");
        rig.check("SCARD s", ":3");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("SCARD k", "WRONGTYPE");
        rig.check("SCARD", "-ERR wrong number of arguments for 'scard' command");
    }
}
