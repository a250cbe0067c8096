//! How a script ended that did not reach its end: why, and the error that is replied.

use super::host::{Stop, display};
use super::limits::Limits;
use super::machine::Machine;
use super::program::Program;
use super::raw::{Kind, Stack};
use crate::error::CommandError;

/// Why a script was rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It raised an error.
    Error,
    /// It returned an error, and has said that this is to roll it back.
    ErrorReply,
    /// It gave up itself (`redis.rollback`).
    GaveUp,
    /// Somebody said SCRIPT KILL or FUNCTION KILL.
    Killed,
    /// Its time was over.
    TimedOut,
    /// Its VM used too much memory.
    Memory,
    /// What undoes it used too much memory.
    Undo,
    /// Its reply was too large.
    Reply,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::Error,
        Self::ErrorReply,
        Self::GaveUp,
        Self::Killed,
        Self::TimedOut,
        Self::Memory,
        Self::Undo,
        Self::Reply,
    ];

    /// The word for it in INFO and SCRIPT STATS.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::ErrorReply => "error_reply",
            Self::GaveUp => "gave_up",
            Self::Killed => "kill",
            Self::TimedOut => "timeout",
            Self::Memory => "memory",
            Self::Undo => "undo",
            Self::Reply => "reply",
        }
    }
}

/// How scripts have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScriptCounters {
    /// Scripts run.
    pub runs: u64,
    /// Scripts rolled back, in the order of [`Reason::ALL`].
    pub rolled_back: [u64; Reason::ALL.len()],
    /// Runs that replied an error and kept what they had written.
    pub error_replies: u64,
    /// The sum of how long they took, in nanoseconds.
    pub nanos: u64,
}

impl ScriptCounters {
    /// Counts a script that was rolled back.
    pub(super) fn note(&mut self, reason: Reason) {
        self.rolled_back[reason as usize] += 1;
    }

    /// Scripts rolled back, for whatever reason.
    pub fn all_rolled_back(&self) -> u64 {
        self.rolled_back.iter().sum()
    }
}

/// Where a script stood: chunk name and line.
pub(super) type Position = (Vec<u8>, i64);

/// What became of a script that did not reach its end.
pub(super) enum Failure {
    /// It was rolled back.
    RolledBack(Reason, CommandError),
    /// It is to run on another shard; here it has not happened.
    Leave(CommandError),
}

/// The failure of the script whose error value is on top of the stack.
pub(super) fn failure(
    machine: &mut Machine,
    limits: &Limits,
    program: &Program,
    stop: Option<Stop>,
) -> Failure {
    let stopped_at = machine.host.with(|host| host.stopped_at.take());
    let rolled_back = |reason, text: String, position: Option<Position>| {
        let suffix = position.map_or_else(String::new, |(source, line)| {
            let source = String::from_utf8_lossy(&source);
            format!(" script: {}, on {source}:{line}.", program.name)
        });
        Failure::RolledBack(reason, CommandError::dynamic(text + &suffix))
    };
    match stop {
        None => {
            let (text, position) = raised(machine.vm.stack(), program);
            rolled_back(Reason::Error, text, position)
        }
        Some(Stop::Killed) => {
            let text = "ERR Script killed by user with SCRIPT KILL...".into();
            rolled_back(Reason::Killed, text, stopped_at)
        }
        Some(Stop::Timeout) => {
            let limit = program.flags.time_ms(limits.time_ms);
            let text = format!("TIMEOUT Script ran longer than {limit} ms and was rolled back.");
            rolled_back(Reason::TimedOut, text, stopped_at)
        }
        Some(Stop::Memory) => {
            let limit = program.flags.memory_bytes(limits.memory_bytes);
            let text =
                format!("OOM Script used more than {limit} bytes of memory and was rolled back.");
            rolled_back(Reason::Memory, text, stopped_at)
        }
        Some(Stop::Undo) => {
            let limit = limits.undo_bytes;
            let text =
                format!("OOM Script needed more than {limit} bytes of undo and was rolled back.");
            rolled_back(Reason::Undo, text, stopped_at)
        }
        Some(Stop::GaveUp) => {
            let text = machine.host.with(|host| std::mem::take(&mut host.last_words));
            let text = String::from_utf8_lossy(&text).into_owned();
            Failure::RolledBack(Reason::GaveUp, CommandError::dynamic(text))
        }
        Some(Stop::Leave) => {
            let slot = machine.host.with(|host| host.leave_for.take());
            let no_slot = CommandError::Text("ERR the script has no slot");
            Failure::Leave(slot.map_or(no_slot, CommandError::Relocate))
        }
    }
}

/// The text of the error that was raised, and where.
fn raised(stack: Stack, program: &Program) -> (String, Option<Position>) {
    let is_marked = stack.flag(-1, b"lost");
    let (text, position) = error_text(stack);
    // Compiled code that fills the stack leaves neither a frame to name nor room to describe the error.
    let lost = is_marked || text == "ERR stack overflow";
    let position = position.or_else(|| program.last_return());
    match (&position, text.strip_prefix("ERR ")) {
        (Some((_, line)), Some(rest)) if lost => {
            (format!("ERR {}:{line}: {rest}", program.chunk()), position)
        }
        _ => (text, position),
    }
}

/// The text of the error value on top of the stack, and where it was raised.
pub(super) fn error_text(stack: Stack) -> (String, Option<Position>) {
    if stack.kind(-1) != Kind::Table {
        let text = String::from_utf8_lossy(&display(stack, -1)).into_owned();
        return (format!("ERR {text}"), None);
    }
    stack.raw_get_name(-1, b"err");
    let text = stack.text(-1).unwrap_or_else(|| b"ERR unknown error".to_vec());
    stack.pop(1);
    stack.raw_get_name(-1, b"source");
    stack.raw_get_name(-2, b"line");
    let line = stack.number(-1) as i64;
    let position = stack.with_bytes(-2, |source| (source.to_vec(), line));
    stack.pop(2);
    // Redis's are C's texts: they end at a NUL.
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    (String::from_utf8_lossy(text).into_owned(), position)
}
