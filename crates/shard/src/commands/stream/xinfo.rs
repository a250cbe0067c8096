//! XINFO: the container of its subcommands.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Command, Run};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xinfo",
        family: Family::Stream,
        arity: Arity::at_least(2),
        flags: Flags::CONTAINER,
        since: "5.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for stream introspection commands.",
        ..CommandSpec::NEW
    },
    run: |_, _| Err(CommandError::Arity("xinfo")),
};

/// A subcommand that reads the key at part 2.
pub(super) const fn about_key(
    name: &'static str,
    arity: Arity,
    tips: &'static [&'static str],
    summary: &'static str,
    run: Run,
) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Stream,
            arity,
            flags: Flags::READONLY,
            keys: const { &[KeySpec::at(2, Access::Ro, &["access"])] },
            tips,
            since: "5.0.0",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}
