//! COMMAND GETKEYSANDFLAGS command [arg …]: the keys of a request and what is done with them.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::{FLAGS, keys_of};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "command|getkeysandflags",
        family: Family::Server,
        arity: Arity::at_least(3),
        flags: FLAGS,
        acl_extra: &["connection"],
        since: "7.0.0",
        complexity: "O(N) where N is the number of arguments to the command",
        summary: "Extracts the key names and access flags for an arbitrary command.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let keys = keys_of(call.table, args)?;
    call.reply.array(keys.len());
    for key in keys {
        call.reply.array(2);
        call.reply.bulk(args.at(key.at));
        call.reply.set(key.flags.len());
        for flag in key.flags {
            call.reply.status(flag);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn each_key_has_its_flags() {
        let mut rig = Rig::new();
        rig.check("COMMAND GETKEYSANDFLAGS get k", "[[$k [+RO +access]]]");
        let mut rig = Rig::new().resp3();
        rig.check("COMMAND GETKEYSANDFLAGS get k", "[[$k ~[+RO +access]]]");
        rig.check("COMMAND GETKEYSANDFLAGS nosuch k", "-ERR Invalid command specified");
    }
}
