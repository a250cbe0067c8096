//! Commands of the family *scripting*. SCRIPT KILL, FUNCTION KILL and FUNCTION STATS are the
//! node's: they speak of other shards.

mod eval;
mod fcall;
mod function;
mod function_delete;
mod function_dump;
mod function_flush;
mod function_help;
mod function_list;
mod function_load;
mod function_restore;
mod script;
mod script_dryrun;
mod script_exists;
mod script_flush;
mod script_help;
mod script_load;
mod script_show;

use protocol::args::Args;

use super::Command;
use crate::error::CommandError;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &eval::EVAL,
    &eval::EVAL_RO,
    &eval::EVALSHA,
    &eval::EVALSHA_RO,
    &fcall::FCALL,
    &fcall::FCALL_RO,
    &function::COMMAND,
    &function_delete::COMMAND,
    &function_dump::COMMAND,
    &function_flush::COMMAND,
    &function_help::COMMAND,
    &function_list::COMMAND,
    &function_load::COMMAND,
    &function_restore::COMMAND,
    &script::COMMAND,
    &script_dryrun::COMMAND,
    &script_exists::COMMAND,
    &script_flush::COMMAND,
    &script_help::COMMAND,
    &script_load::COMMAND,
    &script_show::COMMAND,
];

/// The error of a subcommand of FUNCTION that was given too many parts.
fn function_arity(args: Args<'_>) -> CommandError {
    let name = String::from_utf8_lossy(args.at(1));
    CommandError::dynamic(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try FUNCTION HELP."
    ))
}
