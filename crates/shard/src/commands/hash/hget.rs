//! HGET key field: reply with the value of the field, or the null.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hget",
        family: Family::Hash,
        arity: Arity::exactly(3),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "2.0.0",
        summary: "Returns the value of a field in a hash.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let hash = call.keyspace.hash(args.at(1))?;
    call.reply.bulk_or_null(hash.and_then(|hash| hash.value(args.at(2))));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_the_value_or_the_null() {
        let mut rig = Rig::new();
        rig.check("HGET h f", "_");
        rig.check("HSET h f v empty ''", ":2");
        rig.check("HGET h f", "$v");
        rig.check("HGET h empty", "$");
        rig.check("HGET h missing", "_");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HGET k f", "WRONGTYPE");
        rig.check("HGET k", "-ERR wrong number of arguments for 'hget' command");
    }
}
