//! PERSIST key: take the expiry away. Replies whether there was one.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "persist",
        family: Family::Generic,
        arity: Arity::exactly(2),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["update"])],
        since: "2.2.0",
        summary: "Removes the expiration time of a key.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let expires = call.keyspace.expiry(key).flatten().is_some();
    if expires {
        call.keyspace.set_expiry(key, None);
        call.keyspace.notify(Events::GENERIC, "persist", key);
    }
    call.reply.flag(expires);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_whether_there_was_an_expiry() {
        let mut rig = Rig::new();
        rig.check("HSET h f v", ":1");
        rig.check("PERSIST h", ":0");
        rig.check("PEXPIRE h 10", ":1");
        rig.check("PERSIST h", ":1");
        rig.check("TTL h", ":-1");
        rig.advance_ms(11);
        rig.check("HGET h f", "$v");
    }

    #[test]
    fn a_missing_key_replies_0() {
        let mut rig = Rig::new();
        rig.check("PERSIST k", ":0");
        rig.check("SET k v", "+OK");
        rig.check("PEXPIRE k 10", ":1");
        rig.advance_ms(11);
        rig.check("PERSIST k", ":0");
    }

    #[test]
    fn takes_one_key() {
        Rig::new().check("PERSIST", "-ERR wrong number of arguments for 'persist' command");
    }
}
