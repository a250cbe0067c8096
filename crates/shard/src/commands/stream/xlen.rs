//! XLEN key: how many entries there are.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::types::stream::Stream;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xlen",
        family: Family::Stream,
        arity: Arity::exactly(2),
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Ro, &[])],
        since: "5.0.0",
        summary: "Return the number of messages in a stream.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let len = call.keyspace.stream(args.at(1))?.map_or(0, Stream::len);
    call.reply.count(len);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn counts_what_is_there() {
        let mut rig = Rig::new();
        rig.check("XLEN s", ":0");
        rig.check("XADD s 1 f v", "$1-0");
        rig.check("XADD s 2 f v", "$2-0");
        rig.check("XLEN s", ":2");
        rig.check("XDEL s 1", ":1");
        rig.check("XLEN s", ":1");
        rig.check("SET k v", "+OK");
        rig.check_error("XLEN k", "WRONGTYPE");
        rig.check("XLEN", "-ERR wrong number of arguments for 'xlen' command");
    }
}
