//! DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] (Redis 8.4) and DELIFEQ key
//! value (Valkey 9.0): remove a key if its string is what the client thinks it is.
//!
//! So a lock is given back without a script. Without a condition DELEX removes a key of any type.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::compare::Comparison;
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const DELEX: Command = Command {
    spec: CommandSpec {
        name: "delex",
        family: Family::String,
        arity: Arity::at_least(2),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["delete", "variable_flags"])],
        since: "8.4.0",
        complexity: "O(1) for IFEQ/IFNE, O(N) for IFDEQ/IFDNE where N is the length of the string \
                     value.",
        summary: "Conditionally removes the specified key based on value or digest comparison.",
        ..CommandSpec::NEW
    },
    run: delex,
};

pub(super) const DELIFEQ: Command = Command {
    spec: CommandSpec {
        name: "delifeq",
        family: Family::String,
        arity: Arity::exactly(3),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rm, &["delete"])],
        since: "9.0.0",
        summary: "Delete key if value matches string.",
        ..CommandSpec::NEW
    },
    run: delifeq,
};

fn delex(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let wanted = match args.len() {
        2 => true,
        4 => {
            let comparison = Comparison::read(args, 2)?.ok_or(CommandError::Text(
                "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE",
            ))?;
            comparison.holds(call.keyspace.string(key)?)
        }
        _ => return Err(CommandError::Arity("delex")),
    };
    remove_if(call, key, wanted);
    Ok(())
}

fn delifeq(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (key, wanted) = (args.at(1), args.at(2));
    let value = call.keyspace.string(key)?;
    let same = value.is_some_and(|value| value.with_text(|text| text == wanted));
    remove_if(call, key, same);
    Ok(())
}

fn remove_if(call: &mut Call<'_, '_>, key: &[u8], wanted: bool) {
    let removed = wanted && call.keyspace.remove(key);
    if removed {
        call.keyspace.notify(Events::GENERIC, "del", key);
    }
    call.reply.flag(removed);
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn removes_what_is_as_expected() {
        let mut rig = Rig::new();
        for line in ["DELIFEQ k v", "DELEX k IFEQ v", "DELEX k ifne w", "DELEX k"] {
            rig.check("SET k v", "+OK");
            rig.check(line, ":1");
            rig.check(line, ":0");
        }
        rig.check("SET k v", "+OK");
        for line in ["DELIFEQ k w", "DELEX k IFEQ w", "DELEX k IFNE v"] {
            rig.check(line, ":0");
            rig.check("GET k", "$v");
        }
        rig.check("SET k 12", "+OK");
        rig.check("DELIFEQ k 12", ":1");
    }

    #[test]
    fn digests() {
        let mut rig = Rig::new();
        rig.check("SET k \"Hello world\"", "+OK");
        rig.check("DELEX k IFDNE b6acb9d84a38ff74", ":0");
        rig.check("DELEX k IFDEQ b6acb9d84a38ff75", ":0");
        rig.check("DELEX k IFDEQ B6ACB9D84A38FF74", ":1");
        rig.check("SET k x", "+OK");
        rig.check("DELEX k IFDNE b6acb9d84a38ff74", ":1");
        let error = "-ERR must be exactly 16 hexadecimal characters";
        rig.check("DELEX k IFDEQ abc", error);
    }

    #[test]
    fn other_types_and_bad_conditions() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        for line in ["DELIFEQ h v", "DELEX h IFEQ v", "DELEX h IFNE v"] {
            rig.check_error(line, "WRONGTYPE");
        }
        rig.check_error("DELEX h FOO v", "ERR Invalid condition");
        for line in ["DELEX h IFEQ", "DELEX h IFEQ v IFEQ v"] {
            rig.check(line, "-ERR wrong number of arguments for 'delex' command");
        }
        rig.check_error("DELIFEQ h", "ERR wrong number of arguments for 'delifeq' command");
        rig.check("HLEN h", ":1");
        rig.check("DELEX h", ":1");
    }
}
