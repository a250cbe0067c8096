//! COMMAND GETKEYS command [arg …]: the keys of a request.

use protocol::args::Args;
use protocol::spec::{Arity, CommandSpec, Family};
use shard::error::CommandError;

use super::{FLAGS, keys_of};
use crate::commands::{Command, SessionCall};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "command|getkeys",
        family: Family::Server,
        arity: Arity::at_least(3),
        flags: FLAGS,
        acl_extra: &["connection"],
        since: "2.8.13",
        complexity: "O(N) where N is the number of arguments to the command",
        summary: "Extracts the key names from an arbitrary command.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut SessionCall<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let keys = keys_of(call.table, args)?;
    call.reply.array(keys.len());
    for key in keys {
        call.reply.bulk(args.at(key.at));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn keys_are_found_as_the_router_finds_them() {
        let mut rig = Rig::new();
        rig.check("COMMAND GETKEYS get k", "[$k]");
        rig.check("command getkeys GETDEL {a}b", "[${a}b]");
    }

    #[test]
    fn what_has_no_keys_is_an_error() {
        let mut rig = Rig::new();
        let cases = [
            ("nosuch a", "ERR Invalid command specified"),
            ("client nope", "ERR Invalid command specified"),
            ("client|id x", "ERR Invalid command specified"),
            ("ping", "ERR The command has no key arguments"),
            ("client id", "ERR The command has no key arguments"),
            ("client", "ERR The command has no key arguments"),
            ("get a b", "ERR Invalid number of arguments specified for command"),
            ("get", "ERR Invalid number of arguments specified for command"),
        ];
        for (request, error) in cases {
            rig.check(&format!("COMMAND GETKEYS {request}"), &format!("-{error}"));
        }
        let arity = "-ERR wrong number of arguments for 'command|getkeys' command";
        rig.check("COMMAND GETKEYS", arity);
    }
}
