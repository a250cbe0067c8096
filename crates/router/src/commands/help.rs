//! The HELP of containers: what each of their subcommands does, in Redis's layout.
//!
//! An entry is shown only if its subcommand is in the table of commands, so the help of a
//! container may describe what another crate answers and still never promises too much.

use protocol::args::Args;
use shard::error::CommandError;

use super::SessionCall;

/// A subcommand and what HELP says of it: usage first, then lines indented by four blanks.
pub(super) struct Entry {
    /// The subcommand's own name, lower-case. Empty: the container itself.
    pub(super) subcommand: &'static str,
    /// The lines.
    pub(super) lines: &'static [&'static str],
}

/// An entry of HELP.
pub(super) const fn entry(subcommand: &'static str, lines: &'static [&'static str]) -> Entry {
    Entry { subcommand, lines }
}

/// Redis's text for subcommands with too many arguments.
pub(super) fn unknown_or_wrong(container: &str, args: Args<'_>) -> CommandError {
    let name = String::from_utf8_lossy(args.get(1).unwrap_or_default()).into_owned();
    CommandError::dynamic(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try {container} HELP."
    ))
}

/// Replies the help of `container` (lower-case).
pub(super) fn reply_help(call: &mut SessionCall<'_, '_>, container: &str, entries: &[Entry]) {
    let known = |entry: &&Entry| {
        let name = format!("{container}|{}", entry.subcommand);
        entry.subcommand.is_empty() || call.table.lookup(name.as_bytes()).is_some()
    };
    let lines: Vec<&str> =
        entries.iter().filter(known).flat_map(|entry| entry.lines).copied().collect();
    let name = container.to_ascii_uppercase();
    call.reply.array(lines.len() + 3);
    call.reply.status(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines {
        call.reply.status(line);
    }
    call.reply.status("HELP");
    call.reply.status("    Prints this help.");
}
