//! GETSET key value: set a string and reply with the one before. Its expiry is dropped.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::string::StringValue;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "getset",
        family: Family::String,
        arity: Arity::exactly(3),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "update"])],
        summary: "Returns the previous string value of a key after setting it to a new value.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    match call.keyspace.string(key)? {
        Some(old) => call.reply.string(old),
        None => call.reply.null(),
    }
    call.keyspace.set_string(key, StringValue::new(args.at(2)), NewExpiry::Never);
    call.keyspace.notify(Events::STRING, "set", key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_what_was_there() {
        let mut rig = Rig::new();
        rig.check("GETSET k 1", "_");
        rig.check("GETSET k 2", "$1");
        rig.check("GET k", "$2");
        rig.check_error("GETSET k", "ERR wrong number of arguments for 'getset' command");
    }

    #[test]
    fn the_expiry_is_dropped() {
        let mut rig = Rig::new();
        rig.check("SET k v PX 10", "+OK");
        rig.check("GETSET k w", "$v");
        rig.advance_ms(11);
        rig.check("GET k", "$w");
    }

    #[test]
    fn wrong_type_leaves_the_key() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("GETSET h v", "WRONGTYPE");
        rig.check("HLEN h", ":1");
    }
}
