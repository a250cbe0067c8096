//! The rest of the `redis` table: what is neither `call` nor `pcall`.

use std::ffi::c_int;

use protocol::encode::Version;

use super::Host;
use crate::script::raw::{Kind, Raise, Stack};
use crate::script::sha::Sha;
use crate::script::sink::push_error;

impl Host {
    /// `redis.error_reply(text)`.
    pub(in crate::script) fn error_reply(&mut self, stack: Stack) -> Result<c_int, Raise> {
        let text = if stack.top() == 1 { stack.with_bytes(1, <[u8]>::to_vec) } else { None };
        let Some(text) = text else {
            push_error(stack, b"ERR wrong number or type of arguments", false);
            return Ok(1);
        };
        let text = text.strip_prefix(b"-").unwrap_or(&text);
        let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        let text = &text[..end.map_or(0, |last| last + 1)];
        if text.contains(&b' ') {
            push_error(stack, text, false);
        } else {
            push_error(stack, &[b"ERR ", text].concat(), false);
        }
        Ok(1)
    }

    /// `redis.status_reply(text)`.
    pub(in crate::script) fn status_reply(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() != 1 || stack.kind(1) != Kind::String {
            push_error(stack, b"ERR wrong number or type of arguments", false);
            return Ok(1);
        }
        stack.push_table(0, 1);
        stack.push_value(1);
        stack.raw_set_name(-2, b"ok");
        Ok(1)
    }

    /// `redis.sha1hex(text)`.
    pub(in crate::script) fn sha1hex(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() != 1 {
            return raise_error(stack, "ERR wrong number of arguments");
        }
        let text = stack.text(1).unwrap_or_default();
        stack.push_bytes(Sha::of(&text).hex().as_bytes());
        Ok(1)
    }

    /// `redis.log(level, text, …)`.
    pub(in crate::script) fn log(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() < 2 {
            return raise_error(stack, "ERR redis.log() requires two arguments or more.");
        }
        if !stack.is_numeric(1) {
            return raise_error(stack, "ERR First argument must be a number (log level).");
        }
        let level = stack.number(1);
        if !(0.0..=3.0).contains(&level) {
            return raise_error(stack, "ERR Invalid log level.");
        }
        let parts: Vec<Vec<u8>> = (2..=stack.top()).filter_map(|at| stack.text(at)).collect();
        let text = parts.join(&b' ');
        // A script must not fill the log with what it pleases: one line, cut (Redis cuts at 1024).
        let text = String::from_utf8_lossy(&text[..text.len().min(1024)]).into_owned();
        match level as u8 {
            0 => tracing::debug!(target: "script", "{text}"),
            1 => tracing::info!(target: "script", "{text}"),
            2 => tracing::info!(target: "script", "{text}"),
            _ => tracing::warn!(target: "script", "{text}"),
        }
        Ok(0)
    }

    /// `redis.setresp(version)`.
    pub(in crate::script) fn setresp(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() != 1 {
            return raise_error(stack, "ERR redis.setresp() requires one argument.");
        }
        self.run.resp = match stack.number(1) as i64 {
            2 => Version::Resp2,
            3 => Version::Resp3,
            _ => return raise_error(stack, "ERR RESP version must be 2 or 3."),
        };
        Ok(0)
    }

    /// `redis.set_repl(flags)`: checked and otherwise without effect. What a script has done is
    /// recorded whole or not at all, so a part of it cannot be left out.
    pub(in crate::script) fn set_repl(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() != 1 {
            return raise_error(stack, "ERR redis.set_repl() requires one argument.");
        }
        if !(0..=3).contains(&(stack.number(1) as i64)) {
            return raise_error(
                stack,
                "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            );
        }
        Ok(0)
    }
}

/// Raises an error table with this text.
fn raise_error(stack: Stack, text: &str) -> Result<c_int, Raise> {
    push_error(stack, text.as_bytes(), false);
    Err(Raise::Top)
}
