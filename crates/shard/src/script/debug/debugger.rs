//! What a command of the client does.
//!
//! Knows neither VM nor socket: the script that stands still is a [`Target`], what is said goes to
//! the [`Console`]. Commands, texts and their order are those of Redis's debugger.

use std::rc::Rc;

use super::console::Console;
use super::target::Target;

/// Most breakpoints of a session.
const BREAKPOINTS_MAX: usize = 64;

/// The shortest value that is shown whole, when values are cut at all.
const LEN_MIN: i64 = 60;

/// Lines around the current one that `list` shows.
const CONTEXT: i64 = 5;

const UNKNOWN: &str = "<error> Unknown Redis Lua debugger command or wrong number of arguments.";

const HELP: &str = "\
Commands of the debugger, each also by the letter in brackets:
[h]elp               These lines.
[s]tep               Run the current line and stop at the next.
[n]ext               The same.
[c]ontinue           Run to the next breakpoint.
[l]ist               Show the lines around the current one.
[l]ist [line]        Show the lines around that one; 0 is the current.
[l]ist [line] [ctx]  Show so many lines before and after it.
[w]hole              Show the whole script.
[p]rint              Show all local variables.
[p]rint <name>       Show one local variable, or KEYS, or ARGV.
[b]reak              Show all breakpoints.
[b]reak <line>       Add a breakpoint.
[b]reak -<line>      Remove that breakpoint.
[b]reak 0            Remove all breakpoints.
[t]race              Show which functions have been called from where.
[e]val <code>        Run Lua code, which does not see local variables.
[r]edis <command>    Call a command as redis.call does; also [v]alkey.
[m]axlen [len]       Cut values and replies after so many bytes; 0: do not.
[a]bort              End the script and take back what it has done.

In the script:
redis.breakpoint()   Stop at the next line.
redis.debug(...)     Show values here.";

/// What becomes of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stands.
    Stay,
    /// It goes on.
    Go,
    /// It ends.
    Abort,
}

/// Why the script has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::script) enum Reason {
    Step,
    Breakpoint,
    Asked,
    Timeout,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Self::Step => "step over",
            Self::Breakpoint => "break point",
            Self::Asked => "redis.breakpoint() called",
            Self::Timeout => "timeout reached, infinite loop?",
        }
    }
}

/// The debugger of one session. See the module.
pub(super) struct Debugger {
    console: Rc<Console>,
    source: Vec<Vec<u8>>,
    breakpoints: Vec<i64>,
}

impl Debugger {
    /// A debugger of a script with this text, that stops at its first line.
    pub(super) fn new(body: &[u8], console: Rc<Console>) -> Self {
        let end = body.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'));
        let body = &body[..end.map_or(0, |last| last + 1)];
        let source = match body {
            [] => Vec::new(),
            _ => body.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect(),
        };
        Self { console, source, breakpoints: Vec::new() }
    }

    /// Whether the script is to stop at the line that it has come to, and why.
    pub(super) fn reason(&self, line: i64, timed_out: bool) -> Option<Reason> {
        if self.console.breakpoint.get() {
            Some(Reason::Asked)
        } else if self.breakpoints.contains(&line) {
            Some(Reason::Breakpoint)
        } else if timed_out {
            Some(Reason::Timeout)
        } else {
            self.console.step.get().then_some(Reason::Step)
        }
    }

    /// The script has stopped: says where and why.
    pub(super) fn stopped(&self, reason: Reason) {
        self.console.step.set(false);
        self.console.breakpoint.set(false);
        let line = self.console.line.get();
        let reason = reason.text();
        self.console.say(format!("* Stopped at {line}, stop reason = {reason}"));
        self.say_line(line);
    }

    /// Does what the client says.
    pub(super) fn obey(&mut self, words: &[Vec<u8>], target: &mut dyn Target) -> Verdict {
        let Some((name, rest)) = words.split_first() else { return Verdict::Stay };
        match name.to_ascii_lowercase().as_slice() {
            b"s" | b"step" | b"n" | b"next" => {
                self.console.step.set(true);
                return Verdict::Go;
            }
            b"c" | b"continue" => return Verdict::Go,
            b"a" | b"abort" => return Verdict::Abort,
            b"h" | b"help" => HELP.lines().for_each(|line| self.console.say(line)),
            b"l" | b"list" => self.list(rest),
            b"w" | b"whole" => self.say_around(1, i64::MAX),
            b"p" | b"print" => match rest {
                [name] => self.print(name, target),
                _ => self.print_all(target),
            },
            b"b" | b"break" => self.edit_breakpoints(rest),
            b"t" | b"trace" => self.trace(target),
            b"e" | b"eval" => self.evaluate(rest, target),
            b"r" | b"redis" | b"v" | b"valkey" if !rest.is_empty() => {
                self.console.step.set(true);
                target.call(rest);
                self.console.step.set(false);
            }
            b"m" | b"maxlen" => self.limit(rest),
            _ => self.console.say(UNKNOWN),
        }
        Verdict::Stay
    }

    fn say_line(&self, number: i64) {
        let text = usize::try_from(number - 1).ok().and_then(|index| self.source.get(index));
        let text = text.map_or(&b"<out of range source code line>"[..], Vec::as_slice);
        let current = self.console.line.get() == number;
        let marks = match (current, self.breakpoints.contains(&number)) {
            (true, true) => "->#",
            (true, false) => "-> ",
            (false, true) => "  #",
            (false, false) => "   ",
        };
        let mut line = format!("{marks}{number:<3} ").into_bytes();
        line.extend_from_slice(text);
        self.console.say(line);
    }

    /// Says the lines of the script from `context` before to `context` after a line.
    fn say_around(&self, number: i64, context: i64) {
        for line in 1..=self.source.len() as i64 {
            if (line - number).abs() <= context {
                self.say_line(line);
            }
        }
    }

    fn list(&self, rest: &[Vec<u8>]) {
        let around = rest.first().map_or(0, |word| leading_number(word));
        let context = rest.get(1).map_or(CONTEXT, |word| leading_number(word));
        let around = if around > 0 { around } else { self.console.line.get() };
        self.say_around(around, context);
    }

    fn print(&self, name: &[u8], target: &dyn Target) {
        let limit = self.console.value_limit();
        let value = if is_internal(name) {
            None
        } else if let Some((level, index)) = find_local(name, target) {
            Some(target.local_value(level, index, limit))
        } else if matches!(name, b"KEYS" | b"ARGV") {
            Some(target.global_value(name, limit))
        } else {
            None
        };
        match value {
            Some(value) => self.console.say_value([b"<value> ", value.as_slice()].concat()),
            None => self.console.say("No such variable."),
        }
    }

    fn print_all(&self, target: &dyn Target) {
        let limit = self.console.value_limit();
        let mut found = false;
        for index in 1.. {
            let Some(name) = target.local(0, index) else { break };
            if is_internal(&name) {
                continue;
            }
            found = true;
            let value = target.local_value(0, index, limit);
            self.console.say_value([b"<value> ", &name[..], b" = ", &value].concat());
        }
        if !found {
            self.console.say("No local variables in the current context.");
        }
    }

    fn edit_breakpoints(&mut self, rest: &[Vec<u8>]) {
        if rest.is_empty() {
            return self.list_breakpoints();
        }
        for word in rest {
            match whole_number(word) {
                None => {
                    let word = String::from_utf8_lossy(word);
                    self.console.say(format!("Invalid argument:'{word}'"));
                }
                Some(0) => {
                    self.breakpoints.clear();
                    self.console.say("All breakpoints removed.");
                }
                Some(line @ 1..) => self.add_breakpoint(line),
                Some(line) => match self.breakpoints.iter().position(|known| *known == -line) {
                    Some(index) => {
                        self.breakpoints.remove(index);
                        self.console.say("Breakpoint removed.");
                    }
                    None => self.console.say("No breakpoint in the specified line."),
                },
            }
        }
    }

    fn add_breakpoint(&mut self, line: i64) {
        if self.breakpoints.len() >= BREAKPOINTS_MAX {
            self.console.say("Too many breakpoints set.");
        } else if line > self.source.len() as i64 {
            self.console.say("Wrong line number.");
        } else {
            if !self.breakpoints.contains(&line) {
                self.breakpoints.push(line);
            }
            self.say_around(line, 1);
        }
    }

    fn list_breakpoints(&self) {
        match self.breakpoints.len() {
            0 => self.console.say("No breakpoints set. Use 'b <line>' to add one."),
            count => {
                self.console.say(format!("{count} breakpoints set:"));
                self.breakpoints.iter().for_each(|line| self.say_line(*line));
            }
        }
    }

    fn trace(&self, target: &dyn Target) {
        for level in 0.. {
            let Some(frame) = target.frame(level) else { break };
            let name = frame.name.unwrap_or_else(|| b"top level".to_vec());
            let from = if level == 0 { "In" } else { "From" };
            self.console.say(format!("{from} {}:", String::from_utf8_lossy(&name)));
            self.say_line(frame.line);
        }
        if target.has_more_frames() {
            self.console.say("<hint> Only the innermost calls are shown.");
        }
    }

    fn evaluate(&self, rest: &[Vec<u8>], target: &mut dyn Target) {
        let code = rest.join(&b' ');
        match target.evaluate(&code, self.console.value_limit()) {
            Ok(value) => self.console.say_value([b"<retval> ", value.as_slice()].concat()),
            Err(error) => self.console.say([b"<error> ", error.as_slice()].concat()),
        }
    }

    fn limit(&self, rest: &[Vec<u8>]) {
        if let [word] = rest {
            let len = match leading_number(word) {
                0 => 0,
                len => len.max(LEN_MIN),
            };
            self.console.set_len_max(usize::try_from(len).unwrap_or_default());
        }
        match self.console.len_max() {
            0 => self.console.say("<value> replies are unlimited."),
            len => self.console.say(format!("<value> replies are truncated at {len} bytes.")),
        }
    }
}

/// Level and index of the innermost local variable of a name. Of several in one frame the last is
/// the one that code at this place sees.
fn find_local(name: &[u8], target: &dyn Target) -> Option<(usize, usize)> {
    (0..).take_while(|level| target.frame(*level).is_some()).find_map(|level| {
        let locals = (1..).map_while(|index| Some((index, target.local(level, index)?)));
        let (index, _) = locals.filter(|(_, known)| known == name).last()?;
        Some((level, index))
    })
}

/// Whether a local variable is not the script's: what a `for` counts with, or what Lua keeps for the
/// moment. Such a place may hold what is no value at all, which must not be looked at.
fn is_internal(name: &[u8]) -> bool {
    name.starts_with(b"(")
}

/// The whole number that a word begins with; 0 when there is none. As C's `atoi`.
fn leading_number(word: &[u8]) -> i64 {
    let (sign, digits) = match word {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit()).take(9);
    sign * digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}

/// The whole number that a word is.
fn whole_number(word: &[u8]) -> Option<i64> {
    protocol::number::parse_i64(word).filter(|number| number.unsigned_abs() < 1 << 40)
}

#[cfg(test)]
#[path = "debugger_test.rs"]
mod tests;
