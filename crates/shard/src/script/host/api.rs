//! The rest of the `redis` table: what is neither `call` nor `pcall`.

use std::ffi::c_int;

use protocol::args::Request as CommandRequest;
use protocol::encode::Version;

use super::Host;
use super::arguments::read_arguments;
use crate::script::raw::{Kind, Raise, Stack};
use crate::script::sink::push_error;

impl Host {
    /// `redis.error_reply(text)`.
    pub(in crate::script) fn error_reply(&mut self, stack: Stack) -> Result<c_int, Raise> {
        let replied = match stack.top() {
            1 => stack.with_bytes(1, |text| push_error_reply(stack, text)),
            _ => None,
        };
        if replied.is_none() {
            push_error(stack, b"ERR wrong number or type of arguments", false);
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

    /// `redis.log(level, text, …)`.
    pub(in crate::script) fn log(&mut self, stack: Stack) -> Result<c_int, Raise> {
        if stack.top() < 2 {
            return raise_error(stack, "ERR redis.log() requires two arguments or more.");
        }
        if !stack.is_numeric(1) {
            return raise_error(stack, "ERR First argument must be a number (log level).");
        }
        let level = stack.number(1).trunc();
        if !(0.0..=3.0).contains(&level) {
            return raise_error(stack, "ERR Invalid log level.");
        }
        let text = String::from_utf8_lossy(&log_line(stack)).into_owned();
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

    /// `redis.replicate_commands()`: what it asked for is how scripts are recorded anyway.
    pub(in crate::script) fn replicate_commands(&mut self, stack: Stack) -> Result<c_int, Raise> {
        stack.push_boolean(true);
        Ok(1)
    }

    /// `redis.acl_check_cmd(command, …)`: whether the caller may run it. How many arguments there
    /// are is not looked at.
    pub(in crate::script) fn acl_check_cmd(&mut self, stack: Stack) -> Result<c_int, Raise> {
        let mut request = CommandRequest::default();
        if let Err(text) = read_arguments(stack, &mut request) {
            return raise_error(stack, text);
        }
        let Some(id) = self.table.named(request.args()) else {
            return raise_error(stack, "ERR Invalid command passed to redis.acl_check_cmd()");
        };
        let may = self.run.restricted.as_ref().is_none_or(|restricted| {
            restricted.permissions().check(id, self.table.spec(id), request.args()).is_ok()
        });
        stack.push_boolean(may);
        Ok(1)
    }
}

/// Pushes the error table that `redis.error_reply` makes of a text: one word gets a code in front.
fn push_error_reply(stack: Stack, text: &[u8]) {
    // Redis's are C's texts: they end at a NUL.
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    let text = &text[..end.map_or(0, |last| last + 1)];
    if text.contains(&b' ') {
        push_error(stack, text, false);
    } else {
        push_error(stack, &[b"ERR ", text].concat(), false);
    }
}

/// The arguments from the second on as one line. A script must not fill the log with what it pleases:
/// it is cut, where Redis cuts it.
fn log_line(stack: Stack) -> Vec<u8> {
    const LINE_MAX: usize = 1024;
    let mut line = Vec::new();
    for at in 2..=stack.top() {
        let before = line.len();
        if at > 2 {
            line.push(b' ');
        }
        let copied = match stack.kind(at) {
            Kind::Number => stack.text(at).map(|text| line.extend(text)),
            _ => stack.with_bytes(at, |text| line.extend(text.iter().take(LINE_MAX))),
        };
        if copied.is_none() {
            line.truncate(before);
        }
        if line.len() >= LINE_MAX {
            break;
        }
    }
    line.truncate(LINE_MAX);
    line
}

/// Raises an error table with this text.
fn raise_error(stack: Stack, text: &str) -> Result<c_int, Raise> {
    push_error(stack, text.as_bytes(), false);
    Err(Raise::Top)
}
