//! CLUSTER KEYSLOT key: the slot that a key hashes to. The key is not looked at: any node answers.

use protocol::args::Args;
use protocol::slot::Slot;
use protocol::spec::{Arity, CommandSpec, Family, Flags};
use shard::error::CommandError;

use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "cluster|keyslot",
        family: Family::Cluster,
        arity: Arity::exactly(3),
        flags: Flags::STALE,
        since: "3.0.0",
        complexity: "O(N) where N is the number of bytes in the key",
        summary: "Returns the hash slot for a key.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    call.reply.int(i64::from(Slot::of_key(args.at(2)).number()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn hash_tags_count() {
        let mut rig = Rig::new();
        rig.check("CLUSTER KEYSLOT foo", ":12182");
        rig.check("CLUSTER KEYSLOT x{foo}y", ":12182");
        rig.check("CLUSTER KEYSLOT ''", ":0");
        let arity = "-ERR wrong number of arguments for 'cluster|keyslot' command";
        rig.check("CLUSTER KEYSLOT", arity);
    }
}
