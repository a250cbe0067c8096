//! A script or a function, compiled for one VM.

use std::ffi::c_int;

use super::interrupt::name_id;
use super::outcome::Position;
use super::shebang::ScriptFlags;
use super::stats::ScriptStats;

/// What is run. See the module.
pub(super) struct Program {
    /// Anchor of the Lua function.
    pub(super) function: c_int,
    pub(super) flags: ScriptFlags,
    /// What errors call it: the SHA-1 of a script in hex, the name of a function.
    pub(super) name: String,
    /// It was registered by a library; its keys and arguments are parameters, not globals.
    pub(super) is_function: bool,
    /// The control block knows it by this.
    pub(super) id: u64,
    /// The line of the last `return` of a script.
    return_line: Option<i64>,
    pub(super) stats: ScriptStats,
}

impl Program {
    /// A script. `name` is its SHA-1 in hex.
    pub(super) fn script(function: c_int, flags: ScriptFlags, name: String, body: &[u8]) -> Self {
        let return_line = last_return(body);
        let stats = ScriptStats::default();
        let id = name_id(name.as_bytes());
        Self { function, flags, name, is_function: false, id, return_line, stats }
    }

    /// The name of its chunk, as Lua's messages show it.
    pub(super) fn chunk(&self) -> &'static str {
        if self.is_function { "user_function" } else { "user_script" }
    }

    /// Where `return redis.call(…)` may have been that left no frame behind: LuaJIT replaces the
    /// frame in a tail call, PUC Lua keeps it for calls of C functions. A chunk's own return is
    /// its last statement, so the last line with that word is the best guess.
    pub(super) fn last_return(&self) -> Option<Position> {
        self.return_line.map(|line| (format!("@{}", self.chunk()).into_bytes(), line))
    }
}

fn last_return(body: &[u8]) -> Option<i64> {
    let has_return = |line: &[u8]| line.windows(6).any(|word| word == b"return");
    let line = body.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| has_return(line));
    line.last().map(|(at, _)| at as i64 + 1)
}
