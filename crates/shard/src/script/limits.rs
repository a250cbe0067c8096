//! What is refused to scripts.

use crate::commands::table::CommandId;

/// What is refused to a script, and when it is made to end. Each limit has its own error, and a
/// script that meets one is rolled back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a script may run, in milliseconds; 0 is no limit. The watchdog enforces it; here
    /// it is for the control block and the text of the error.
    pub time_ms: u64,
    /// Most memory of a Lua VM, in bytes.
    pub memory_bytes: usize,
    /// Most memory of what undoes a script, in bytes.
    pub undo_bytes: usize,
    /// Most bytes of a script's reply.
    pub reply_bytes: usize,
    /// Most bytes of a script's text.
    pub script_bytes: usize,
    /// Scripts may touch keys of other slots of their shard.
    pub cross_slot_keys: bool,
    /// Commands that scripts may not call, beyond those that never may.
    pub denied: Vec<CommandId>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time_ms: 5_000,
            memory_bytes: 256 << 20,
            undo_bytes: 1 << 30,
            reply_bytes: 256 << 20,
            script_bytes: 16 << 20,
            cross_slot_keys: false,
            denied: Vec::new(),
        }
    }
}
