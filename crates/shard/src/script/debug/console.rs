//! What is told to the client, and what the script leaves for the debugger.
//!
//! The debugger and the host share it: the script says things itself (`redis.debug`) and, while it
//! runs a line at a time, so do its calls.

use std::cell::{Cell, RefCell};

use protocol::args::Args;

use super::text::human_call;

/// Longest value that is shown whole until the client wishes otherwise.
const LEN_MAX: usize = 256;

/// Where values are cut that are not to be cut.
const LEN_UNLIMITED: usize = 1 << 20;

/// Most lines, and most bytes of them, that wait for the next stop.
const LINES_MAX: usize = 100_000;
const BYTES_MAX: usize = 16 << 20;

/// See the module.
pub(in crate::script) struct Console {
    /// The script runs one line: it stops at the next, and what it calls is logged.
    pub(super) step: Cell<bool>,
    /// The script has asked to be stopped (`redis.breakpoint`).
    pub(super) breakpoint: Cell<bool>,
    /// The line of the script that runs.
    pub(super) line: Cell<i64>,
    /// The command that was logged last has got as far as to its handler.
    ran: Cell<bool>,
    /// Longest value that is shown whole, in bytes; 0 is no limit.
    len_max: Cell<usize>,
    /// The client knows that values are cut.
    hinted: Cell<bool>,
    log: RefCell<Log>,
}

#[derive(Default)]
struct Log {
    lines: Vec<Vec<u8>>,
    bytes: usize,
    dropped: usize,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            step: Cell::new(true),
            breakpoint: Cell::new(false),
            line: Cell::new(1),
            ran: Cell::new(false),
            len_max: Cell::new(LEN_MAX),
            hinted: Cell::new(false),
            log: RefCell::default(),
        }
    }
}

impl Console {
    /// Adds a line.
    pub(super) fn say(&self, line: impl Into<Vec<u8>>) {
        let mut log = self.log.borrow_mut();
        let line = line.into();
        if log.lines.len() >= LINES_MAX || log.bytes + line.len() > BYTES_MAX {
            log.dropped += 1;
            return;
        }
        log.bytes += line.len();
        log.lines.push(line);
    }

    /// Adds a line that ends in a value, cut where that is too long.
    pub(super) fn say_value(&self, mut line: Vec<u8>) {
        let limit = self.value_limit();
        let cut = line.len() > limit;
        if cut {
            line.truncate(limit);
            line.extend_from_slice(b" ...");
        }
        self.say(line);
        if cut && self.len_max.get() != 0 && !self.hinted.replace(true) {
            self.say("<hint> The value was cut. Use 'maxlen 0' to see values whole.");
        }
    }

    /// How much of a value is shown, its name included.
    pub(super) fn value_limit(&self) -> usize {
        match self.len_max.get() {
            0 => LEN_UNLIMITED,
            len_max => len_max,
        }
    }

    /// What the client has said of the length of values; 0 is no limit.
    pub(super) fn len_max(&self) -> usize {
        self.len_max.get()
    }

    pub(super) fn set_len_max(&self, len_max: usize) {
        self.len_max.set(len_max);
        self.hinted.set(true);
    }

    /// Takes all lines.
    pub(super) fn take(&self) -> Vec<Vec<u8>> {
        let log = self.log.take();
        let mut lines = log.lines;
        if log.dropped > 0 {
            lines.push(format!("<hint> {} more lines were dropped.", log.dropped).into_bytes());
        }
        lines
    }

    /// The script is about to call a command.
    pub(in crate::script) fn note_call(&self, words: Args<'_>) {
        if self.step.get() {
            self.say(human_call(words, self.value_limit()));
        }
    }

    /// The command has got to its handler.
    pub(in crate::script) fn note_ran(&self) {
        self.ran.set(true);
    }

    /// What the command has replied, as a person reads it: shown when calls are logged.
    pub(in crate::script) fn note_reply(&self, human: impl FnOnce(usize) -> Vec<u8>) {
        self.ran.set(false);
        if self.step.get() {
            let mut line = b"<reply> ".to_vec();
            line.extend(human(self.value_limit()));
            self.say_value(line);
        }
    }

    /// The command was refused, or its handler has failed.
    pub(in crate::script) fn note_error(&self, text: &str, human: impl FnOnce(usize) -> Vec<u8>) {
        let ran = self.ran.take();
        if !self.step.get() {
            return;
        }
        if ran {
            self.say(format!("<error> -{text}"));
            self.note_reply(human);
        } else {
            self.say(format!("<error> {}", text.strip_prefix("ERR ").unwrap_or(text)));
        }
    }

    /// `redis.breakpoint()`.
    pub(in crate::script) fn stop_soon(&self) {
        self.breakpoint.set(true);
    }

    /// `redis.debug(…)` of these values.
    pub(in crate::script) fn debug(&self, values: &[Vec<u8>]) {
        let mut line = format!("<debug> line {}: ", self.line.get()).into_bytes();
        line.extend(values.join(&b", "[..]));
        self.say(line);
    }

    /// How much is shown of a value of `redis.debug`: it is not cut as other values are.
    pub(in crate::script) fn debug_limit(&self) -> usize {
        LEN_UNLIMITED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(console: &Console) -> Vec<String> {
        let text = |line: Vec<u8>| String::from_utf8(line).unwrap();
        console.take().into_iter().map(text).collect()
    }

    #[test]
    fn a_long_value_is_cut_and_the_client_is_told_once() {
        let console = Console::default();
        console.say_value(vec![b'x'; 256]);
        console.say_value(vec![b'y'; 257]);
        console.say_value(vec![b'z'; 1000]);
        let lines = texts(&console);
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], "x".repeat(256));
        assert_eq!(lines[1], format!("{} ...", "y".repeat(256)));
        assert!(lines[2].starts_with("<hint> "), "{lines:?}");
        assert_eq!(lines[3], format!("{} ...", "z".repeat(256)));
        assert!(console.take().is_empty());
    }

    #[test]
    fn without_a_limit_values_are_whole() {
        let console = Console::default();
        console.set_len_max(0);
        console.say_value(vec![b'x'; 100_000]);
        assert_eq!(texts(&console), ["x".repeat(100_000)]);
        console.say_value(vec![b'x'; LEN_UNLIMITED + 1]);
        assert_eq!(console.take()[0].len(), LEN_UNLIMITED + 4);
    }

    #[test]
    fn what_is_said_without_end_is_dropped() {
        let console = Console::default();
        for _ in 0..LINES_MAX + 7 {
            console.say("x");
        }
        let lines = texts(&console);
        assert_eq!(lines.len(), LINES_MAX + 1);
        assert_eq!(lines[LINES_MAX], "<hint> 7 more lines were dropped.");
        console.say(vec![0; BYTES_MAX]);
        console.say("y");
        assert_eq!(console.take().len(), 2);
    }

    #[test]
    fn calls_are_logged_while_the_script_runs_a_line_at_a_time() {
        let console = Console::default();
        let request = protocol::args::Request::of(["get", "k"]);
        console.note_call(request.args());
        console.note_error("ERR no", |_| unreachable!("it has not run"));
        console.note_call(request.args());
        console.note_ran();
        console.note_error("WRONGTYPE x", |_| b"\"-WRONGTYPE x\"".to_vec());
        console.step.set(false);
        console.note_call(request.args());
        console.note_reply(|_| unreachable!("nobody wants to know"));
        assert_eq!(
            texts(&console),
            [
                "<redis> get k",
                "<error> no",
                "<redis> get k",
                "<error> -WRONGTYPE x",
                "<reply> \"-WRONGTYPE x\"",
            ]
        );
    }
}
