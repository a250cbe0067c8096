//! GETDEL key: reply with the string and remove the key, as one step.
//!
//! A missing key replies nil and changes nothing, so watchers do not notice.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "getdel",
        family: Family::String,
        arity: Arity::exactly(2),
        flags: Flags::WRITE.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["access", "delete"])],
        since: "6.2.0",
        summary: "Returns the string value of a key after deleting the key.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    // Look before removing: a WRONGTYPE reply must leave the key untouched.
    let Some(value) = call.keyspace.string(key)? else {
        call.reply.null();
        return Ok(());
    };
    call.reply.string(value);
    call.keyspace.remove(key);
    call.keyspace.notify(Events::GENERIC, "del", key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn replies_the_value_and_removes_the_key() {
        let mut rig = Rig::new();
        rig.check("SET k v", "+OK");
        rig.check("GETDEL k", "$v");
        rig.check("GETDEL k", "_");
        rig.check("EXISTS k", ":0");
    }

    #[test]
    fn wrong_type_leaves_the_key() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("GETDEL h", "WRONGTYPE");
        rig.check("HLEN h", ":1");
    }
}
