//! SISMEMBER and SMISMEMBER: whether one or several are members.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const SISMEMBER: Command = Command {
    spec: CommandSpec {
        name: "sismember",
        family: Family::Set,
        arity: Arity::exactly(3),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        summary: "Determines whether a member belongs to a set.",
        ..CommandSpec::NEW
    },
    run: |call, args| {
        let set = call.keyspace.set(args.at(1))?;
        call.reply.flag(set.is_some_and(|set| set.contains(args.at(2))));
        Ok(())
    },
};

pub(super) const SMISMEMBER: Command = Command {
    spec: CommandSpec {
        name: "smismember",
        family: Family::Set,
        arity: Arity::at_least(3),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &["access"])],
        since: "6.2.0",
        complexity: "O(N) where N is the number of elements being checked for membership",
        summary: "Determines whether multiple members belong to a set.",
        ..CommandSpec::NEW
    },
    run: of_several,
};

fn of_several(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let set = call.keyspace.set(args.at(1))?;
    call.reply.array(args.len() - 2);
    for member in args.iter_from(2) {
        call.reply.flag(set.is_some_and(|set| set.contains(member)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn in_every_form() {
        let mut rig = Rig::new();
        let long = "x".repeat(65);
        for members in ["1 2", "1 2 a", &format!("1 2 {long}")] {
            rig.run(&format!("SADD s {members}"));
            rig.check("SISMEMBER s 2", ":1");
            rig.check("SISMEMBER s 02", ":0");
            rig.check("SMISMEMBER s 1 3 2", "[:1 :0 :1]");
        }
    }

    #[test]
    fn a_missing_key_has_no_members() {
        let mut rig = Rig::new().resp3();
        rig.check("SISMEMBER s a", ":0");
        rig.check("SMISMEMBER s a b", "[:0 :0]");
    }

    #[test]
    fn wrong_type_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check_error("SISMEMBER k a", "WRONGTYPE");
        rig.check_error("SMISMEMBER k a", "WRONGTYPE");
        rig.check("SISMEMBER k", "-ERR wrong number of arguments for 'sismember' command");
        rig.check("SMISMEMBER k", "-ERR wrong number of arguments for 'smismember' command");
    }
}
