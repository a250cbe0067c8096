//! XGROUP DESTROY key group: remove a group, with all that its consumers have not acknowledged.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Flags};

use super::xgroup::{DELETED, NEEDS_KEY, about_key};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;

const ROW: Command = about_key(
    "xgroup|destroy",
    Arity::exactly(4),
    Flags::WRITE,
    DELETED,
    "Destroys a consumer group.",
    run,
);

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        complexity: "O(N) where N is the number of entries in the group's pending entries list \
                     (PEL).",
        ..ROW.spec
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(2);
    if call.keyspace.stream(key)?.is_none() {
        return Err(NEEDS_KEY);
    }
    let removed = call.keyspace.stream_group_remove(key, args.at(3));
    if removed {
        call.keyspace.notify(Events::STREAM, "xgroup-destroy", key);
    }
    call.reply.flag(removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn the_group_and_what_was_pending_are_gone() {
        let mut rig = Rig::new();
        rig.check_error("XGROUP DESTROY s g", "ERR The XGROUP subcommand requires the key");
        rig.check("XADD s 1 f v", "$1-0");
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.run("XREADGROUP GROUP g a STREAMS s >");
        rig.check("XGROUP DESTROY s g", ":1");
        rig.check("XGROUP DESTROY s g", ":0");
        rig.check("XGROUP CREATE s g 0", "+OK");
        rig.check("XPENDING s g", "[:0 _ _ _]");
        rig.check("SET k v", "+OK");
        rig.check_error("XGROUP DESTROY k g", "WRONGTYPE");
    }
}
