//! STRLEN key: reply with the length of the string, in bytes.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::string::StringView;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "strlen",
        family: Family::String,
        arity: Arity::exactly(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        since: "2.2.0",
        summary: "Returns the length of a string value.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let len = call.keyspace.string(args.at(1))?.map_or(0, StringView::len);
    call.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_bytes() {
        let mut rig = Rig::new();
        rig.check("STRLEN k", ":0");
        rig.check("SET k \"\\x00\\xff\"", "+OK");
        rig.check("STRLEN k", ":2");
        rig.check("SET k -123", "+OK");
        rig.check("STRLEN k", ":4");
        rig.check_error("STRLEN", "ERR wrong number of arguments for 'strlen' command");
    }

    #[test]
    fn a_hash_is_the_wrong_type() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("STRLEN h", "WRONGTYPE");
    }
}
