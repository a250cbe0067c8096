//! SETNX key value: set a string if the key is missing; reply 1 or 0.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::{Events, NewExpiry};
use crate::types::string::StringValue;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "setnx",
        family: Family::String,
        arity: Arity::exactly(3),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ow, &["insert"])],
        summary: "Set the string value of a key only when the key doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let missing = !call.keyspace.contains(key);
    if missing {
        call.keyspace.set_string(key, StringValue::new(args.at(2)), NewExpiry::Never);
        call.keyspace.notify(Events::STRING, "set", key);
    }
    call.reply.flag(missing);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn sets_a_missing_key_only() {
        let mut rig = Rig::new();
        rig.check("SETNX k v", ":1");
        rig.check("SETNX k w", ":0");
        rig.check("GET k", "$v");
        rig.check_error("SETNX k", "ERR wrong number of arguments for 'setnx' command");
    }

    #[test]
    fn an_expired_key_is_missing() {
        let mut rig = Rig::new();
        rig.check("SET k v PX 1", "+OK");
        rig.advance_ms(2);
        rig.check("SETNX k w", ":1");
        rig.check("GET k", "$w");
    }

    #[test]
    fn another_type_is_there_too() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check("SETNX h v", ":0");
        rig.check("HLEN h", ":1");
    }
}
