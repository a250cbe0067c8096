//! HLEN key: reply how many fields there are; 0 for a missing key.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::hash::HashView;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hlen",
        family: Family::Hash,
        arity: Arity::exactly(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        since: "2.0.0",
        summary: "Returns the number of fields in a hash.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    call.reply.count(call.keyspace.hash(args.at(1))?.map_or(0, HashView::len));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_fields() {
        let mut rig = Rig::new();
        rig.check("HLEN h", ":0");
        rig.check("HSET h a 1 b 2 a 3", ":2");
        rig.check("HLEN h", ":2");
        rig.check(&format!("HSET h c {}", "x".repeat(65)), ":1");
        rig.check("HLEN h", ":3");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HLEN k", "WRONGTYPE");
        rig.check("HLEN", "-ERR wrong number of arguments for 'hlen' command");
    }
}
