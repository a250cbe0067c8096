//! HSTRLEN key field: length of the value of a field, in bytes; 0 when there is none.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hstrlen",
        family: Family::Hash,
        arity: Arity::exactly(3),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        since: "3.2.0",
        summary: "Returns the length of the value of a field.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let hash = call.keyspace.hash(args.at(1))?;
    call.reply.count(hash.and_then(|hash| hash.value(args.at(2))).map_or(0, <[u8]>::len));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_bytes() {
        let mut rig = Rig::new();
        rig.check("HSTRLEN h f", ":0");
        rig.check("HSET h f abc n -123 e ''", ":3");
        rig.check("HSTRLEN h f", ":3");
        rig.check("HSTRLEN h n", ":4");
        rig.check("HSTRLEN h e", ":0");
        rig.check("HSTRLEN h missing", ":0");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HSTRLEN k f", "WRONGTYPE");
        rig.check("HSTRLEN k", "-ERR wrong number of arguments for 'hstrlen' command");
    }
}
