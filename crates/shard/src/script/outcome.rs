//! How a script ended that did not reach its end: the error that is replied.

use super::engine::Compiled;
use super::host::{Stop, display};
use super::limits::{Limits, ScriptCounters};
use super::machine::Machine;
use super::raw::{Kind, Stack};
use crate::error::CommandError;

/// The error of a script that did not reach its end, its error value on top of the stack.
pub(super) fn failure(
    machine: &mut Machine,
    limits: &Limits,
    counters: &mut ScriptCounters,
    compiled: &Compiled,
    stop: Option<Stop>,
) -> CommandError {
    let hex = &compiled.hex;
    let stopped_at = machine.host.with(|host| host.stopped_at.take());
    let at = |position: Option<(Vec<u8>, i64)>| match position {
        Some((source, line)) => {
            format!(" script: {hex}, on {}:{line}.", String::from_utf8_lossy(&source))
        }
        None => String::new(),
    };
    let (text, position) = match stop {
        None => {
            counters.errors += 1;
            let lost = machine.vm.stack().flag(-1, b"lost");
            let (text, position) = error_text(machine.vm.stack());
            let position = position.or_else(|| last_return(&compiled.source.body));
            match (&position, text.strip_prefix("ERR ")) {
                (Some((_, line)), Some(rest)) if lost => {
                    (format!("ERR user_script:{line}: {rest}"), position)
                }
                _ => (text, position),
            }
        }
        Some(Stop::Killed) => {
            counters.kills += 1;
            ("ERR Script killed by user with SCRIPT KILL...".into(), stopped_at)
        }
        Some(Stop::Timeout) => {
            counters.timeouts += 1;
            let text = format!(
                "TIMEOUT Script ran longer than {} ms and was rolled back.",
                limits.time_ms
            );
            (text, stopped_at)
        }
        Some(Stop::Memory) => {
            counters.out_of_memory += 1;
            let text = format!(
                "OOM Script used more than {} bytes of memory and was rolled back.",
                limits.memory_bytes
            );
            (text, stopped_at)
        }
        Some(Stop::Leave) => {
            counters.runs -= 1;
            let slot = machine.host.with(|host| host.leave_for.take());
            return slot.map_or(CommandError::Text("ERR the script has no slot"), |slot| {
                CommandError::Relocate(slot)
            });
        }
    };
    CommandError::dynamic(text + &at(position))
}

/// Where `return redis.call(…)` may have been that left no frame behind: LuaJIT replaces the frame
/// in a tail call, PUC Lua keeps it for calls of C functions. A chunk's own return is its last
/// statement, so the last line with that word is the best guess.
fn last_return(body: &[u8]) -> Option<(Vec<u8>, i64)> {
    let has_return = |line: &[u8]| line.windows(6).any(|word| word == b"return");
    let line = body.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| has_return(line));
    line.last().map(|(at, _)| (b"@user_script".to_vec(), at as i64 + 1))
}

/// The text of the error value on top of the stack, and where it was raised.
fn error_text(stack: Stack) -> (String, Option<(Vec<u8>, i64)>) {
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
    (String::from_utf8_lossy(&text).into_owned(), position)
}
