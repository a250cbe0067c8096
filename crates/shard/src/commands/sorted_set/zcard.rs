//! ZCARD key: how many members there are.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::zset::ZSet;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "zcard",
        family: Family::SortedSet,
        arity: Arity::exactly(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        since: "1.2.0",
        summary: "Returns the number of members in a sorted set.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let len = call.keyspace.zset(args.at(1))?.map_or(0, ZSet::len);
    call.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_members() {
        let mut rig = Rig::new();
        rig.check("ZCARD z", ":0");
        rig.check("ZADD z 1 a 1 b 1 a", ":2");
        rig.check("ZCARD z", ":2");
        rig.check("SET k v", "+OK");
        rig.check_error("ZCARD k", "WRONGTYPE");
    }
}
