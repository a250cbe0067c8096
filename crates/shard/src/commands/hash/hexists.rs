//! HEXISTS key field: reply whether the field is there.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hexists",
        family: Family::Hash,
        arity: Arity::exactly(3),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        since: "2.0.0",
        summary: "Determines whether a field exists in a hash.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let hash = call.keyspace.hash(args.at(1))?;
    call.reply.flag(hash.is_some_and(|hash| hash.value(args.at(2)).is_some()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_1_or_0() {
        let mut rig = Rig::new();
        rig.check("HEXISTS h f", ":0");
        rig.check("HSET h f ''", ":1");
        rig.check("HEXISTS h f", ":1");
        rig.check("HEXISTS h F", ":0");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HEXISTS k f", "WRONGTYPE");
        rig.check("HEXISTS k", "-ERR wrong number of arguments for 'hexists' command");
    }
}
