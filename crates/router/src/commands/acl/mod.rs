//! ACL: users and what they may do, as far as nothing is changed.
//!
//! Subcommands that change users, close connections, or look at the log or at files are the node's.

mod cat;
mod container;
mod dryrun;
mod getuser;
mod help;
mod list;
mod users;
mod whoami;

use protocol::spec::Flags;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &container::COMMAND,
    &cat::COMMAND,
    &dryrun::COMMAND,
    &getuser::COMMAND,
    &help::COMMAND,
    &list::COMMAND,
    &users::COMMAND,
    &whoami::COMMAND,
];

/// Of those that everybody may use.
const FLAGS: Flags = Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::STALE);

/// Of those that show what others may do.
const ADMIN: Flags = FLAGS.union(Flags::ADMIN);
