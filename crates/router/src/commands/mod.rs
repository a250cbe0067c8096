//! Commands that are answered from the connection's own state and the view, without a shard.
//!
//! Who lives here: one file for each command, with its specification, its handler and its tests,
//! in a folder for each group. Who does not: what needs a keyspace (`shard::commands`), and what
//! needs sockets, other connections, time or settings (the node). To add one: write the file, then
//! two lines in the `mod.rs` of its group (`mod x;` and the row in the table).
//!
//! A handler parses all arguments first, then changes the session, then replies once. It never
//! redirects and never looks at the transaction: what is queued is not run.

pub mod acl;
pub mod client;
pub mod cluster;
pub mod command;
pub mod connection;
mod help;

use protocol::args::Args;
use protocol::spec::CommandSpec;
use shard::commands::table::CommandTable;
use shard::error::CommandError;
use shard::reply::Reply;

use crate::acl::Acl;
use crate::session::Session;
use crate::view::View;

/// What a handler works with.
pub struct SessionCall<'a, 'r> {
    /// The state of the connection.
    pub session: &'a mut Session,
    /// What clients of the connection's listener are told of the cluster.
    pub view: &'a View,
    /// All commands of the server.
    pub table: &'static CommandTable,
    /// The users of the node.
    pub acl: &'a Acl,
    /// Where the reply goes: exactly one value, unless the handler returns an error. (CLIENT REPLY
    /// OFF and SKIP write none.)
    pub reply: &'a mut Reply<'r>,
}

/// The handler of a command.
///
/// # Errors
/// What to reply instead. The session is unchanged and nothing has been replied then.
pub type Run = fn(&mut SessionCall<'_, '_>, Args<'_>) -> Result<(), CommandError>;

/// A command of a session: what it is, and what it does.
pub struct Command {
    /// What is known of it without running it.
    pub spec: CommandSpec,
    /// Its handler.
    pub run: Run,
}

/// All commands of sessions, by group.
pub const FAMILIES: &[&[&Command]] =
    &[acl::COMMANDS, client::COMMANDS, cluster::COMMANDS, command::COMMANDS, connection::COMMANDS];

/// Stands in the row of a container, which is never run: a request for it resolves to one of its
/// subcommands or to an error.
fn run_container(_: &mut SessionCall<'_, '_>, _: Args<'_>) -> Result<(), CommandError> {
    Err(CommandError::Text("ERR a container does nothing by itself"))
}

/// Replies bytes that are RESP already, in the version of the reply.
fn reply_prebuilt(reply: &mut Reply<'_>, bytes: &[u8]) -> Result<(), CommandError> {
    // Sessions have no scripts, but the type allows for them.
    let error = CommandError::Text("ERR this command is not allowed from script");
    let (out, _) = reply.as_resp().ok_or(error)?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// `ON` or `OFF` at part `index`.
fn switch(args: Args<'_>, index: usize) -> Result<bool, CommandError> {
    match (args.is(index, "ON"), args.is(index, "OFF")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(protocol::error::ArgsError::Syntax.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_is_sorted_by_name_and_documented() {
        for family in FAMILIES {
            let names: Vec<&str> = family.iter().map(|command| command.spec.name).collect();
            assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
            for Command { spec, .. } in *family {
                assert!(
                    spec.summary.ends_with('.') && !spec.complexity.is_empty(),
                    "{}",
                    spec.name
                );
                assert_ne!(spec.arity.0, 0, "{}", spec.name);
            }
        }
    }
}
