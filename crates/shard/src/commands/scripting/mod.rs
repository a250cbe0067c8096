//! Commands of the family *scripting*. SCRIPT KILL is the node's: it speaks of other shards.

mod eval;
mod script;
mod script_debug;
mod script_dryrun;
mod script_exists;
mod script_flush;
mod script_help;
mod script_load;
mod script_show;

use super::Command;

/// Sorted by name.
pub const COMMANDS: &[&Command] = &[
    &eval::EVAL,
    &eval::EVAL_RO,
    &eval::EVALSHA,
    &eval::EVALSHA_RO,
    &script::COMMAND,
    &script_debug::COMMAND,
    &script_dryrun::COMMAND,
    &script_exists::COMMAND,
    &script_flush::COMMAND,
    &script_help::COMMAND,
    &script_load::COMMAND,
    &script_show::COMMAND,
];
