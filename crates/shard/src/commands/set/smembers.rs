//! SMEMBERS key: all members. A set in RESP3.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "smembers",
        family: Family::Set,
        arity: Arity::exactly(2),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        tips: &["nondeterministic_output_order"],
        complexity: "O(N) where N is the set cardinality.",
        summary: "Returns all members of a set.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    match call.keyspace.set(args.at(1))? {
        None => call.reply.set(0),
        Some(set) => {
            call.reply.set(set.len());
            set.for_each(|member| call.reply.bulk(member));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn an_array_or_a_set() {
        for (mut rig, all, none) in
            [(Rig::new(), "[$b $a]", "[]"), (Rig::new().resp3(), "~[$b $a]", "~[]")]
        {
            rig.check("SMEMBERS s", none);
            rig.check("SADD s b a", ":2");
            rig.check("SMEMBERS s", all);
        }
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("SMEMBERS k", "WRONGTYPE");
        rig.check("SMEMBERS", "-ERR wrong number of arguments for 'smembers' command");
    }
}
