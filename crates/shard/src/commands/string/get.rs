//! GET key: reply with the string.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "get",
        family: Family::String,
        arity: Arity::exactly(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        summary: "Returns the string value of a key.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    match call.keyspace.string(args.at(1))? {
        Some(value) => call.reply.string(value),
        None => call.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_the_string_or_the_null() {
        let mut rig = Rig::new();
        rig.check("GET k", "_");
        rig.check("SET k v", "+OK");
        rig.check("GET k", "$v");
    }

    #[test]
    fn a_hash_is_the_wrong_type() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("GET h", "WRONGTYPE");
    }
}
