//! What a debugged script tells the debugger: what it calls, and what it says itself.

use std::ffi::c_int;

use super::text;
use crate::script::host::Host;
use crate::script::raw::{Raise, Stack};

impl Host {
    /// A command has replied what is on top of the stack.
    #[inline]
    pub(in crate::script) fn note_reply(&self, stack: Stack) {
        if let Some(attached) = &self.debugger {
            let version = self.run.resp;
            attached.console.note_reply(|limit| text::reply(stack, -1, version, limit));
        }
    }

    /// A command was refused or has failed, with the error on top of the stack.
    pub(in crate::script) fn note_error(&self, stack: Stack, error: &str) {
        if let Some(attached) = &self.debugger {
            let version = self.run.resp;
            attached.console.note_error(error, |limit| text::reply(stack, -1, version, limit));
        }
    }

    /// `redis.breakpoint()`: whether there is a debugger, which then stops at the next line.
    pub(in crate::script) fn breakpoint(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if let Some(attached) = &self.debugger {
            attached.console.stop_soon();
        }
        stack.push_boolean(self.debugger.is_some());
        Ok(1)
    }

    /// `redis.debug(…)`: shows values in the debugger, if there is one.
    pub(in crate::script) fn debug(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if let Some(attached) = &self.debugger {
            let limit = attached.console.debug_limit();
            let values: Vec<Vec<u8>> =
                (1..=stack.top()).map(|at| text::value(stack, at, limit)).collect();
            attached.console.debug(&values);
        }
        Ok(0)
    }
}
