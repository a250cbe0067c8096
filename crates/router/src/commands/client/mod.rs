//! CLIENT: what a connection asks and tells about itself.
//!
//! Subcommands that look at other connections (LIST, KILL, PAUSE, …) are the node's.

mod caching;
mod container;
mod getname;
mod getredir;
mod help;
mod id;
mod no_evict;
mod no_touch;
mod reply;
mod setinfo;
mod setname;
mod transaction;

use protocol::spec::Flags;
use shard::error::CommandError;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &container::COMMAND,
    &caching::COMMAND,
    &getname::COMMAND,
    &getredir::COMMAND,
    &help::COMMAND,
    &id::COMMAND,
    &no_evict::COMMAND,
    &no_touch::COMMAND,
    &reply::COMMAND,
    &setinfo::COMMAND,
    &setname::COMMAND,
    &transaction::COMMAND,
];

/// Of nearly all of them.
const FLAGS: Flags = Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE);

/// Names are shown in CLIENT LIST, one connection a line and blanks between fields.
pub(super) fn check_name(name: &[u8]) -> Result<(), CommandError> {
    if printable(name) {
        return Ok(());
    }
    let text = "ERR Client names cannot contain spaces, newlines or special characters.";
    Err(CommandError::Text(text))
}

fn printable(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}
