//! XGROUP: the container of its subcommands, and what is said of them all.

use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use crate::commands::{Command, Run};
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "xgroup",
        family: Family::Stream,
        arity: Arity::at_least(2),
        flags: Flags::CONTAINER,
        since: "5.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for consumer groups commands.",
        ..CommandSpec::NEW
    },
    run: |_, _| Err(CommandError::Arity("xgroup")),
};

/// The key of a subcommand is missing.
pub(super) const NEEDS_KEY: CommandError = CommandError::Text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
     use the MKSTREAM option to create an empty stream automatically.",
);

/// A subcommand that works on the key at part 2. The rest of the row is for the caller to say.
pub(super) const fn about_key(
    name: &'static str,
    arity: Arity,
    flags: Flags,
    keys: &'static [KeySpec],
    summary: &'static str,
    run: Run,
) -> Command {
    Command {
        spec: CommandSpec {
            name,
            family: Family::Stream,
            arity,
            flags,
            keys,
            since: "5.0.0",
            summary,
            ..CommandSpec::NEW
        },
        run,
    }
}

pub(super) const INSERTED: &[KeySpec] = &[KeySpec::at(2, Access::Rw, &["insert"])];
pub(super) const DELETED: &[KeySpec] = &[KeySpec::at(2, Access::Rw, &["delete"])];
pub(super) const UPDATED: &[KeySpec] = &[KeySpec::at(2, Access::Rw, &["update"])];
