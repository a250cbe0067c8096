//! The script that stands still, seen by the debugger.

use std::ffi::c_int;

use super::text;
use crate::script::host::Host;
use crate::script::interrupt::Control;
use crate::script::machine::Machine;
use crate::script::raw::{Kind, Stack};

/// A frame of Lua code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::script) struct Frame {
    /// What the function is called by; `None` for the script itself and where nobody knows.
    pub(in crate::script) name: Option<Vec<u8>>,
    pub(in crate::script) line: i64,
}

/// What the debugger asks of the script that stands still.
pub(super) trait Target {
    /// A frame of the script's own code; level 0 is the innermost.
    fn frame(&self, level: usize) -> Option<Frame>;

    /// Whether there are more frames than are looked at.
    fn has_more_frames(&self) -> bool;

    /// The name of local variable `index`, from 1 on, of such a frame.
    fn local(&self, level: usize, index: usize) -> Option<Vec<u8>>;

    /// The value of a local variable.
    fn local_value(&self, level: usize, index: usize, limit: usize) -> Vec<u8>;

    /// The value of a global variable.
    fn global_value(&self, name: &[u8], limit: usize) -> Vec<u8>;

    /// Runs Lua code and says what it returns.
    ///
    /// # Errors
    /// What it raises, or why it does not run.
    fn evaluate(&mut self, code: &[u8], limit: usize) -> Result<Vec<u8>, Vec<u8>>;

    /// Calls a command, as `redis.call` does.
    fn call(&mut self, words: &[Vec<u8>]);

    /// Whether the script is to end, by what was asked of it last.
    fn is_over(&self) -> bool;
}

/// A script that is left standing between two lines.
pub(super) struct Standing<'a> {
    pub(super) machine: &'a mut Machine,
    pub(super) control: &'a Control,
    /// The stack of the thread that it runs in.
    pub(super) thread: Stack,
    /// What Lua does not know exactly of the innermost frame: its line, and the names of its local
    /// variables.
    pub(super) line: i64,
    pub(super) locals: Vec<Vec<u8>>,
}

impl Target for Standing<'_> {
    fn frame(&self, level: usize) -> Option<Frame> {
        let mut frame = self.thread.script_frame(level)?;
        if level == 0 {
            frame.line = self.line;
        }
        Some(frame)
    }

    fn has_more_frames(&self) -> bool {
        self.thread.has_more_frames()
    }

    fn local(&self, level: usize, index: usize) -> Option<Vec<u8>> {
        match level {
            0 => self.locals.get(index - 1).cloned(),
            _ => local(self.thread, level, index),
        }
    }

    fn local_value(&self, level: usize, index: usize, limit: usize) -> Vec<u8> {
        local_value(self.thread, level, index, limit)
    }

    fn global_value(&self, name: &[u8], limit: usize) -> Vec<u8> {
        global_value(self.thread, self.machine.globals, name, limit)
    }

    fn evaluate(&mut self, code: &[u8], limit: usize) -> Result<Vec<u8>, Vec<u8>> {
        let stack = self.machine.vm.stack();
        let bottom = stack.top();
        // In parentheses it is no tail call, of which LuaJIT would leave no frame for errors to name.
        let tries = [(&b"return ("[..], &b")"[..]), (b"return ", b"")];
        let is_loaded = |(before, after): (&[u8], &[u8])| {
            stack.load(&[before, code, after].concat(), c"@ldb_eval").is_ok()
        };
        if !tries.into_iter().any(is_loaded) {
            stack.load(code, c"@ldb_eval")?;
        }
        let outcome = self.machine.vm.evaluate(self.control);
        let result = match outcome {
            _ if self.control.take_timeout() => {
                self.machine.host.with(Host::forget_stop);
                Err(b"the code ran for too long and was stopped".to_vec())
            }
            Ok(()) => Ok(text::value(stack, -1, limit)),
            Err(()) => Err(error_text(stack)),
        };
        stack.set_top(bottom);
        result
    }

    fn call(&mut self, words: &[Vec<u8>]) {
        call(self.machine.vm.stack(), words);
    }

    fn is_over(&self) -> bool {
        self.control.is_ending()
    }
}

/// A script that stands still inside of the hook: a coroutine, or a function that a library
/// function calls, cannot be left standing.
pub(in crate::script) struct Hooked<'a> {
    pub(in crate::script) stack: Stack,
    pub(in crate::script) control: &'a Control,
    /// Anchor of the table of global variables.
    pub(in crate::script) globals: c_int,
}

impl Target for Hooked<'_> {
    fn frame(&self, level: usize) -> Option<Frame> {
        self.stack.script_frame(level)
    }

    fn has_more_frames(&self) -> bool {
        self.stack.has_more_frames()
    }

    fn local(&self, level: usize, index: usize) -> Option<Vec<u8>> {
        local(self.stack, level, index)
    }

    fn local_value(&self, level: usize, index: usize, limit: usize) -> Vec<u8> {
        local_value(self.stack, level, index, limit)
    }

    fn global_value(&self, name: &[u8], limit: usize) -> Vec<u8> {
        global_value(self.stack, self.globals, name, limit)
    }

    /// Lua does not call hooks inside of a hook, so nothing could stop the code.
    fn evaluate(&mut self, _code: &[u8], _limit: usize) -> Result<Vec<u8>, Vec<u8>> {
        let why = "nothing can be evaluated inside of a coroutine, or of a function that a \
                   library function calls";
        Err(why.into())
    }

    fn call(&mut self, words: &[Vec<u8>]) {
        call(self.stack, words);
    }

    fn is_over(&self) -> bool {
        self.control.is_ending()
    }
}

fn local(stack: Stack, level: usize, index: usize) -> Option<Vec<u8>> {
    let name = stack.push_local(level, index)?;
    stack.pop(1);
    Some(name)
}

fn local_value(stack: Stack, level: usize, index: usize, limit: usize) -> Vec<u8> {
    if stack.push_local(level, index).is_none() {
        return Vec::new();
    }
    let text = text::value(stack, -1, limit);
    stack.pop(1);
    text
}

fn global_value(stack: Stack, globals: c_int, name: &[u8], limit: usize) -> Vec<u8> {
    if !stack.ensure(4) {
        return Vec::new();
    }
    stack.push_anchored(globals);
    stack.raw_get_name(-1, name);
    let text = text::value(stack, -1, limit);
    stack.pop(2);
    text
}

/// The host function does what `redis.call` does, logging included; what it returns or raises has
/// been said then.
fn call(stack: Stack, words: &[Vec<u8>]) {
    let Ok(count) = i32::try_from(words.len()) else { return };
    if !stack.ensure(words.len() + 4) {
        return;
    }
    stack.push_command_function(false);
    for word in words {
        stack.push_bytes(word);
    }
    if stack.call_trusted(count).is_ok() {
        stack.pop(1);
    }
}

/// The text of the error value on top of the stack.
fn error_text(stack: Stack) -> Vec<u8> {
    if stack.kind(-1) == Kind::Table {
        stack.raw_get_name(-1, b"err");
        let text = stack.text(-1);
        stack.pop(1);
        if let Some(text) = text {
            return text;
        }
    }
    crate::script::host::display(stack, -1)
}
