//! FUNCTION: the container of its subcommands.

use protocol::spec::{Arity, CommandSpec, Family, Flags};

use crate::commands::Command;
use crate::error::CommandError;

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "function",
        family: Family::Scripting,
        arity: Arity::at_least(2),
        flags: Flags::CONTAINER,
        since: "7.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for function commands.",
        ..CommandSpec::NEW
    },
    run: |_, _| Err(CommandError::Arity("function")),
};
