//! HMGET key field…: the values of fields in the order asked for, the null where there is none.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "hmget",
        family: Family::Hash,
        arity: Arity::at_least(3),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields being requested.",
        summary: "Returns the values of all fields in a hash.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let hash = call.keyspace.hash(args.at(1))?;
    call.reply.array(args.len() - 2);
    for field in args.iter_from(2) {
        call.reply.bulk_or_null(hash.and_then(|hash| hash.value(field)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_in_the_order_asked_for() {
        let mut rig = Rig::new();
        rig.check("HSET h a 1 b 2", ":2");
        rig.check("HMGET h b missing a b", "[$2 _ $1 $2]");
    }

    #[test]
    fn a_missing_key_has_no_fields() {
        Rig::new().check("HMGET h a b", "[_ _]");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("HMGET k f", "WRONGTYPE");
        rig.check("HMGET k", "-ERR wrong number of arguments for 'hmget' command");
    }
}
