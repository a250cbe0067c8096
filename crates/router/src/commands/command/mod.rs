//! COMMAND: what clients are told of the commands.

mod count;
mod describe;
mod docs;
mod getkeys;
mod getkeysandflags;
mod help;
mod info;
mod list;
mod whole;

use protocol::args::Args;
use protocol::spec::{CommandSpec, Flags, KeySpec};
use shard::acl::{Needs, needs};
use shard::commands::table::CommandTable;
use shard::error::CommandError;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &whole::COMMAND,
    &count::COMMAND,
    &docs::COMMAND,
    &getkeys::COMMAND,
    &getkeysandflags::COMMAND,
    &help::COMMAND,
    &info::COMMAND,
    &list::COMMAND,
];

/// Of all of them.
const FLAGS: Flags = Flags::LOADING.union(Flags::STALE);

/// All commands that are not subcommands, sorted by name.
fn commands(table: &CommandTable) -> impl Iterator<Item = &'static CommandSpec> {
    table.iter().map(|(_, row)| row.spec).filter(|spec| spec.container().is_none())
}

/// The subcommands of a command, sorted by name. None, if it is no container.
fn subcommands(table: &CommandTable, container: &CommandSpec) -> Vec<&'static CommandSpec> {
    if !container.flags.contains(Flags::CONTAINER) {
        return Vec::new();
    }
    let own =
        |spec: &&CommandSpec| spec.container().is_some_and(|(name, _)| name == container.name);
    table.iter().map(|(_, row)| row.spec).filter(own).collect()
}

/// Whether the keys of a group take part in routing only (the channel of SPUBLISH).
fn is_key(spec: &KeySpec) -> bool {
    !spec.notes.contains(&"not_key")
}

/// A key of the request inside COMMAND GETKEYS: its part, and what is done with it.
struct KeyPart {
    at: usize,
    flags: Vec<&'static str>,
}

/// The keys of the request that begins at part 2, as COMMAND GETKEYS finds them.
fn keys_of(table: &CommandTable, args: Args<'_>) -> Result<Vec<KeyPart>, CommandError> {
    let request = args.skip(2);
    let spec = named(table, request).ok_or(CommandError::Text("ERR Invalid command specified"))?;
    let command = spec;
    if !spec.keys.iter().any(is_key) {
        return Err(CommandError::Text("ERR The command has no key arguments"));
    }
    if !spec.arity.fits(request.len()) {
        let text = "ERR Invalid number of arguments specified for command";
        return Err(CommandError::Text(text));
    }
    let mut keys = Vec::new();
    let complete = spec.visit_keys(request, |at, spec| {
        if is_key(spec) {
            keys.push(KeyPart { at: at + 2, flags: flags_of(command, spec, request) });
        }
    });
    if complete.is_ok() && !keys.is_empty() {
        return Ok(keys);
    }
    // EVAL may have no keys, and runs even if their number is wrong.
    if spec.flags.contains(Flags::NO_MANDATORY_KEYS) {
        return Ok(Vec::new());
    }
    Err(CommandError::Text("ERR Invalid arguments specified for command"))
}

/// What the request does with a key: of SET and BITFIELD that depends on their options.
fn flags_of(command: &CommandSpec, key: &KeySpec, request: Args<'_>) -> Vec<&'static str> {
    if !key.notes.contains(&"variable_flags") {
        return describe::key_flags(key);
    }
    match needs(command, key, request) {
        Needs { read: true, write: false } => vec!["RO", "access"],
        Needs { read: false, .. } => vec!["OW", "update"],
        Needs { read: true, write: true } => vec!["RW", "access", "update"],
    }
}

/// The command or subcommand that a request names; its arity is not looked at.
fn named(table: &CommandTable, request: Args<'_>) -> Option<&'static CommandSpec> {
    let name = request.get(0)?;
    // `config|get` names a row of the table, but no request does.
    if name.contains(&b'|') {
        return None;
    }
    let spec = table.spec(table.lookup(name)?);
    let Some(subcommand) = request.get(1).filter(|_| spec.flags.contains(Flags::CONTAINER)) else {
        return Some(spec);
    };
    let joined = [name, b"|", subcommand].concat();
    table.lookup(&joined).map(|id| table.spec(id))
}
