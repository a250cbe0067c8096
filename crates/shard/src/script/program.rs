//! A script or a function, compiled for one VM.

use std::ffi::c_int;

use super::interrupt::name_id;
use super::list::ListUse;
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
    /// How it uses KEYS and ARGV; for scripts only.
    pub(super) list_use: ListUse,
    /// The control block knows it by this.
    pub(super) id: u64,
    /// The line of the last `return` of a script.
    return_line: Option<i64>,
    pub(super) stats: ScriptStats,
}

impl Program {
    /// A script. `name` is its SHA-1 in hex.
    pub(super) fn script(
        (function, list_use): (c_int, ListUse),
        flags: ScriptFlags,
        name: String,
        body: &[u8],
    ) -> Self {
        let return_line = return_lines(body).last();
        let stats = ScriptStats::default();
        let id = name_id(name.as_bytes());
        Self { function, flags, name, is_function: false, list_use, id, return_line, stats }
    }

    /// A function of a library. `return_line` is that of its last `return`.
    pub(super) fn function(
        function: c_int,
        flags: ScriptFlags,
        name: String,
        return_line: Option<i64>,
    ) -> Self {
        let stats = ScriptStats::default();
        let id = name_id(name.as_bytes());
        let list_use = ListUse::ANY;
        Self { function, flags, name, is_function: true, list_use, id, return_line, stats }
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

/// The lines with `return`, in order.
pub(super) fn return_lines(code: &[u8]) -> impl Iterator<Item = i64> {
    let has_return = |line: &[u8]| line.windows(6).any(|word| word == b"return");
    let lines = (1i64..).zip(code.split(|&byte| byte == b'\n'));
    lines.filter(move |(_, line)| has_return(line)).map(|(at, _)| at)
}
