//! HSETNX key field value: set a field unless it is there. Replies whether it was set.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hsetnx",
        family: Family::Hash,
        arity: Arity::exactly(4),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["insert"])],
        since: "2.0.0",
        summary: "Sets the value of a field in a hash only when the field doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, field) = (args.at(1), args.at(2));
    let free = call.keyspace.hash_to_change(key)?.is_none_or(|hash| hash.value(field).is_none());
    if free {
        call.keyspace.hash_set(key, field, args.at(3), NewExpiry::Never)?;
        call.keyspace.notify(Events::HASH, "hset", key);
    }
    call.reply.flag(free);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn sets_only_what_is_not_there() {
        let mut rig = Rig::new();
        rig.check("HSETNX h f 1", ":1");
        rig.check("HSETNX h f 2", ":0");
        rig.check("HSETNX h g 3", ":1");
        rig.check("HGETALL h", "[$f $1 $g $3]");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HSETNX k f 1", "WRONGTYPE");
        rig.check("HSETNX k f", "-ERR wrong number of arguments for 'hsetnx' command");
        rig.check("GET k", "$v");
    }
}
