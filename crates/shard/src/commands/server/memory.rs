//! MEMORY USAGE key: about how many bytes a key and its value take. The other subcommands are the
//! node's.

use protocol::args::Args;
use protocol::error::ArgsError;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Call, Command};
use crate::error::CommandError;

pub(super) const MEMORY: Command = Command {
    spec: CommandSpec {
        name: "memory",
        family: Family::Server,
        arity: Arity::at_least(2),
        flags: Flags::CONTAINER,
        since: "4.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for memory diagnostics commands.",
        ..CommandSpec::NEW
    },
    run: |_, _| Err(CommandError::Arity("memory")),
};

pub(super) const USAGE: Command = Command {
    spec: CommandSpec {
        name: "memory|usage",
        family: Family::Server,
        arity: Arity::at_least(3),
        flags: Flags::READONLY,
        keys: &[KeySpec::at(2, Access::Ro, &[])],
        since: "4.0.0",
        complexity: "O(N) where N is the number of samples.",
        summary: "Estimates the memory usage of a key.",
        ..CommandSpec::NEW
    },
    run: usage,
};

/// Nothing is sampled: sizes are added up. SAMPLES is understood and not needed.
fn usage(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let mut at = 3;
    while at < args.len() {
        if !args.is(at, "SAMPLES") || at + 1 >= args.len() {
            return Err(ArgsError::Syntax.into());
        }
        if args.int(at + 1)? < 0 {
            return Err(ArgsError::Syntax.into());
        }
        at += 2;
    }
    match call.keyspace.memory_of(args.at(2)) {
        Some(bytes) => call.reply.count(bytes),
        None => call.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    #[test]
    fn larger_values_take_more() {
        let mut rig = Rig::new();
        rig.check("MEMORY USAGE none", "_");
        let mut usage = |value: &str| {
            rig.check(&format!("SET k \"{value}\""), "+OK");
            let reply = rig.run("MEMORY USAGE k SAMPLES 5");
            reply[1..].parse::<usize>().unwrap()
        };
        let (small, large) = (usage("v"), usage(&"x".repeat(1000)));
        assert!((48..128).contains(&small) && (1000..1200).contains(&large), "{small} {large}");
        rig.check("MEMORY USAGE k SAMPLES", "-ERR syntax error");
        rig.check("MEMORY USAGE k SAMPLES -1", "-ERR syntax error");
        rig.check("MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range");
        rig.check("MEMORY", "-ERR wrong number of arguments for 'memory' command");
    }
}
