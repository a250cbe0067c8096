//! What is refused to scripts, and how they have ended.

use crate::commands::table::CommandId;

/// What is refused to a script, and when it is made to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a script may run, in milliseconds; 0 is no limit. The watchdog enforces it; here
    /// it is for the text of the error.
    pub time_ms: u64,
    /// Most memory of the Lua VM, in bytes.
    pub memory_bytes: usize,
    /// Scripts may touch keys of other slots of their shard.
    pub cross_slot_keys: bool,
    /// Commands that scripts may not call, beyond those that never may.
    pub denied: Vec<CommandId>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time_ms: 5_000,
            memory_bytes: 256 * 1024 * 1024,
            cross_slot_keys: false,
            denied: Vec::new(),
        }
    }
}

/// How scripts of a shard have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScriptCounters {
    /// Scripts run.
    pub runs: u64,
    /// Rolled back because of an error.
    pub errors: u64,
    /// Rolled back because somebody said SCRIPT KILL.
    pub kills: u64,
    /// Rolled back because their time was over.
    pub timeouts: u64,
    /// Rolled back because of the memory limit.
    pub out_of_memory: u64,
}
