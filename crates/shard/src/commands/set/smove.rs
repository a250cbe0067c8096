//! SMOVE source destination member: move a member from one set to another. Replies 0 when it is
//! not there.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "smove",
        family: Family::Set,
        arity: Arity::exactly(4),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[
            KeySpec::at(1, Access::Rw, &["access", "delete"]),
            KeySpec::at(2, Access::Rw, &["insert"]),
        ],
        summary: "Moves a member from one set to another.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let (from, to, member) = (args.at(1), args.at(2), args.at(3));
    let Some(set) = call.keyspace.set(from)? else {
        call.reply.flag(false);
        return Ok(());
    };
    let present = set.contains(member);
    // The destination's type counts whether or not the member is there.
    call.keyspace.set(to)?;
    if present && from != to {
        call.keyspace.set_remove(from, member)?;
        call.keyspace.notify(Events::SET, "srem", from);
        call.keyspace.notify_if_gone(from);
        if call.keyspace.set_add(to, std::iter::once(member))? > 0 {
            call.keyspace.notify(Events::SET, "sadd", to);
        }
    }
    call.reply.flag(present);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn moves_a_member() {
        let mut rig = Rig::new();
        rig.check("SADD {t}a 1 2", ":2");
        rig.check("SMOVE {t}a {t}b 1", ":1");
        rig.check("SMOVE {t}a {t}b 1", ":0");
        rig.check("SMEMBERS {t}a", "[$2]");
        rig.check("SMEMBERS {t}b", "[$1]");
        rig.check("SMOVE {t}a {t}b 2", ":1");
        rig.check("EXISTS {t}a", ":0");
    }

    #[test]
    fn to_itself_or_where_it_is_already() {
        let mut rig = Rig::new();
        rig.check("SADD {t}a 1 2", ":2");
        rig.check("SADD {t}b 1", ":1");
        rig.check("SMOVE {t}a {t}a 1", ":1");
        rig.check("SMOVE {t}a {t}a 3", ":0");
        rig.check("SMOVE {t}a {t}b 1", ":1");
        rig.check("SMEMBERS {t}a", "[$2]");
        rig.check("SMEMBERS {t}b", "[$1]");
    }

    #[test]
    fn wrong_types_and_arity() {
        let mut rig = Rig::new();
        rig.check("SET {t}k v", "+OK");
        // A missing source is looked at first.
        rig.check("SMOVE {t}a {t}k 1", ":0");
        rig.check("SADD {t}a 1", ":1");
        rig.check_error("SMOVE {t}a {t}k 2", "WRONGTYPE");
        rig.check_error("SMOVE {t}k {t}a 2", "WRONGTYPE");
        rig.check("SMEMBERS {t}a", "[$1]");
        rig.check("SMOVE a b", "-ERR wrong number of arguments for 'smove' command");
    }
}
