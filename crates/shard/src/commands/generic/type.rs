//! TYPE key: reply with the kind of value, as a status; `none` for a missing key.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Kind;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "type",
        family: Family::Generic,
        arity: Arity::exactly(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        summary: "Determines the type of value stored at a key.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    call.reply.status(call.keyspace.kind(args.at(1)).map_or("none", Kind::name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_the_kind_as_a_status() {
        let mut rig = Rig::new();
        rig.check("TYPE k", "+none");
        rig.check("SET k v", "+OK");
        rig.check("TYPE k", "+string");
        rig.check("HSET h f v", ":1");
        rig.check("TYPE h", "+hash");
    }

    #[test]
    fn takes_one_key() {
        let mut rig = Rig::new();
        rig.check("TYPE", "-ERR wrong number of arguments for 'type' command");
        rig.check("TYPE a b", "-ERR wrong number of arguments for 'type' command");
    }
}
