//! Commands on a script that stands still and does not exist.

use proptest::prelude::*;

use super::*;
use crate::script::debug::target::Frame;

/// Frames, innermost first: name, line, and local variables.
type Frames = Vec<(Option<&'static str>, i64, Vec<(&'static str, &'static str)>)>;

/// A script that stands where its frames say. What is evaluated is its own value, and an error when
/// it begins with `!`.
struct Fake {
    frames: Frames,
    console: Rc<Console>,
    called: Vec<String>,
}

impl Target for Fake {
    fn frame(&self, level: usize) -> Option<Frame> {
        let (name, line, _) = self.frames.get(level)?;
        Some(Frame { name: name.map(Into::into), line: *line })
    }

    fn has_more_frames(&self) -> bool {
        self.frames.len() > 2
    }

    fn local(&self, level: usize, index: usize) -> Option<Vec<u8>> {
        self.frames.get(level)?.2.get(index - 1).map(|(name, _)| (*name).into())
    }

    fn local_value(&self, level: usize, index: usize, limit: usize) -> Vec<u8> {
        let value = self.frames[level].2[index - 1].1;
        value.as_bytes()[..value.len().min(limit + 1)].into()
    }

    fn global_value(&self, name: &[u8], _limit: usize) -> Vec<u8> {
        [b"the ", name].concat()
    }

    fn evaluate(&mut self, code: &[u8], _limit: usize) -> Result<Vec<u8>, Vec<u8>> {
        if code.starts_with(b"!") { Err(code.into()) } else { Ok(code.into()) }
    }

    fn call(&mut self, words: &[Vec<u8>]) {
        assert!(self.console.step.get(), "what it calls is logged");
        self.called.push(String::from_utf8(words.join(&b' ')).unwrap());
    }

    fn is_over(&self) -> bool {
        false
    }
}

struct Stopped {
    console: Rc<Console>,
    debugger: Debugger,
    fake: Fake,
}

const BODY: &[u8] = b"local a = 1\r\nlocal function f(x)\n  return x\nend\nreturn f(a)\n\r\n\n";

impl Stopped {
    fn at(line: i64) -> Self {
        let console = Rc::new(Console::default());
        let debugger = Debugger::new(BODY, console.clone());
        let frames = vec![
            (Some("f"), line, vec![("x", "1"), ("(for index)", "9"), ("x", "2")]),
            (None, 5, vec![("a", "1"), ("f", "\"function\"")]),
        ];
        console.line.set(line);
        let fake = Fake { frames, console: console.clone(), called: Vec::new() };
        let stopped = Self { console, debugger, fake };
        stopped.debugger.stopped(Reason::Step);
        stopped.console.take();
        stopped
    }

    /// Says a line and returns the answer.
    fn say(&mut self, line: &str) -> Vec<String> {
        assert_eq!(self.obey(line), Verdict::Stay, "{line}");
        self.lines()
    }

    fn obey(&mut self, line: &str) -> Verdict {
        let words: Vec<Vec<u8>> = line.split(' ').map(Into::into).collect();
        self.debugger.obey(&words, &mut self.fake)
    }

    fn lines(&self) -> Vec<String> {
        let text = |line| String::from_utf8(line).unwrap();
        self.console.take().into_iter().map(text).collect()
    }
}

#[test]
fn the_source_is_listed_around_a_line() {
    let mut stopped = Stopped::at(3);
    let all = [
        "   1   local a = 1\r",
        "   2   local function f(x)",
        "-> 3     return x",
        "   4   end",
        "   5   return f(a)",
    ];
    for line in ["l", "list", "LIST 3", "l 0", "l x", "l -2", "w", "whole", "W", "l 1 99"] {
        assert_eq!(stopped.say(line), all, "{line}");
    }
    assert_eq!(stopped.say("l 4 1"), &all[2..]);
    assert_eq!(stopped.say("l 3 0"), &all[2..3]);
    assert_eq!(stopped.say("l 2 x"), &all[1..2]);
    assert!(stopped.say("l 99").is_empty());
    assert!(stopped.say("l 3 -1").is_empty());
}

#[test]
fn a_script_without_text_has_no_lines() {
    let console = Rc::new(Console::default());
    let debugger = Debugger::new(b"", console.clone());
    debugger.stopped(Reason::Step);
    assert_eq!(
        console.take(),
        [
            &b"* Stopped at 1, stop reason = step over"[..],
            b"-> 1   <out of range source code line>"
        ]
    );
}

#[test]
fn breakpoints_are_set_shown_and_removed() {
    let mut stopped = Stopped::at(3);
    assert_eq!(stopped.say("b"), ["No breakpoints set. Use 'b <line>' to add one."]);
    let set = ["   4   end", "  #5   return f(a)"];
    assert_eq!(stopped.say("b 5"), set);
    assert_eq!(stopped.say("break 5"), set, "again");
    assert_eq!(
        stopped.say("B 3 1"),
        [
            "   2   local function f(x)",
            "->#3     return x",
            "   4   end",
            "  #1   local a = 1\r",
            "   2   local function f(x)",
        ]
    );
    assert_eq!(
        stopped.say("b"),
        ["3 breakpoints set:", "  #5   return f(a)", "->#3     return x", "  #1   local a = 1\r"]
    );
    assert_eq!(stopped.say("b -3"), ["Breakpoint removed."]);
    assert_eq!(stopped.say("b -3"), ["No breakpoint in the specified line."]);
    assert_eq!(stopped.say("b 6"), ["Wrong line number."]);
    for bad in ["x", "1.5", "-0", "+1", "", "99999999999999999999"] {
        assert_eq!(stopped.say(&format!("b {bad}")), [format!("Invalid argument:'{bad}'")]);
    }
    assert_eq!(stopped.debugger.reason(5, false), Some(Reason::Breakpoint));
    assert_eq!(stopped.say("b 0"), ["All breakpoints removed."]);
    assert_eq!(stopped.debugger.reason(5, false), None);
}

#[test]
fn there_are_64_breakpoints_at_most() {
    let console = Rc::new(Console::default());
    let mut debugger = Debugger::new(&b"x\n".repeat(70), console.clone());
    let mut fake = Fake { frames: Vec::new(), console: console.clone(), called: Vec::new() };
    for line in 1..=66 {
        debugger.obey(&[b"b".to_vec(), line.to_string().into()], &mut fake);
    }
    let lines = console.take();
    let refused = lines.iter().filter(|line| *line == b"Too many breakpoints set.").count();
    assert_eq!(refused, 2);
    debugger.obey(&[b"b".to_vec()], &mut fake);
    assert_eq!(console.take().len(), 65);
}

#[test]
fn reasons_to_stop_have_an_order() {
    let mut stopped = Stopped::at(3);
    assert_eq!(stopped.debugger.reason(4, false), None);
    assert_eq!(stopped.debugger.reason(4, true), Some(Reason::Timeout));
    assert_eq!(stopped.obey("s"), Verdict::Go);
    assert_eq!(stopped.debugger.reason(4, false), Some(Reason::Step));
    stopped.say("b 4");
    assert_eq!(stopped.debugger.reason(4, true), Some(Reason::Breakpoint));
    stopped.console.stop_soon();
    assert_eq!(stopped.debugger.reason(4, true), Some(Reason::Asked));
    for (reason, text) in [
        (Reason::Step, "step over"),
        (Reason::Breakpoint, "break point"),
        (Reason::Asked, "redis.breakpoint() called"),
        (Reason::Timeout, "timeout reached, infinite loop?"),
    ] {
        stopped.console.line.set(4);
        stopped.debugger.stopped(reason);
        assert_eq!(
            stopped.lines(),
            [format!("* Stopped at 4, stop reason = {text}"), "->#4   end".into()]
        );
    }
    // Once stopped, there is no reason left.
    stopped.say("b 0");
    assert_eq!(stopped.debugger.reason(4, false), None);
}

#[test]
fn going_on_stepping_and_ending() {
    for (line, verdict, steps) in [
        ("s", Verdict::Go, true),
        ("STEP now", Verdict::Go, true),
        ("n", Verdict::Go, true),
        ("next", Verdict::Go, true),
        ("c", Verdict::Go, false),
        ("Continue x", Verdict::Go, false),
        ("a", Verdict::Abort, false),
        ("abort", Verdict::Abort, false),
    ] {
        let mut stopped = Stopped::at(1);
        assert_eq!(stopped.obey(line), verdict, "{line}");
        assert_eq!(stopped.console.step.get(), steps, "{line}");
        assert!(stopped.lines().is_empty(), "{line}");
    }
}

#[test]
fn variables_are_printed() {
    let mut stopped = Stopped::at(3);
    assert_eq!(stopped.say("p"), ["<value> x = 1", "<value> x = 2"]);
    assert_eq!(stopped.say("print x y"), ["<value> x = 1", "<value> x = 2"]);
    // The one that code sees there, and then those of the callers.
    assert_eq!(stopped.say("p x"), ["<value> 2"]);
    assert_eq!(stopped.say("p a"), ["<value> 1"]);
    assert_eq!(stopped.say("p f"), ["<value> \"function\""]);
    assert_eq!(stopped.say("p KEYS"), ["<value> the KEYS"]);
    assert_eq!(stopped.say("p ARGV"), ["<value> the ARGV"]);
    for name in ["nosuch", "redis", "(for", "X"] {
        assert_eq!(stopped.say(&format!("p {name}")), ["No such variable."], "{name}");
    }
    let internal = [b"p".to_vec(), b"(for index)".to_vec()];
    stopped.debugger.obey(&internal, &mut stopped.fake);
    assert_eq!(stopped.lines(), ["No such variable."]);
    stopped.fake.frames[0].2.clear();
    assert_eq!(stopped.say("p"), ["No local variables in the current context."]);
    stopped.fake.frames[0].2 = vec![("KEYS", "my own")];
    assert_eq!(stopped.say("p KEYS"), ["<value> my own"]);
}

#[test]
fn values_are_cut() {
    let mut stopped = Stopped::at(3);
    let long: &'static str = "0123456789".repeat(30).leak();
    stopped.fake.frames[0].2 = vec![("x", long)];
    let cut = stopped.say("p x");
    assert_eq!(cut[0], format!("<value> {} ...", &long[..248]));
    assert!(cut[1].starts_with("<hint> ") && cut.len() == 2, "{cut:?}");
    assert_eq!(stopped.say("p x"), &cut[..1], "the hint is given once");
    for (line, answer) in [
        ("m", "<value> replies are truncated at 256 bytes."),
        ("m 10", "<value> replies are truncated at 60 bytes."),
        ("maxlen -5", "<value> replies are truncated at 60 bytes."),
        ("M 100", "<value> replies are truncated at 100 bytes."),
        ("m 1 2", "<value> replies are truncated at 100 bytes."),
        ("m 0", "<value> replies are unlimited."),
        ("m", "<value> replies are unlimited."),
    ] {
        assert_eq!(stopped.say(line), [answer], "{line}");
    }
    assert_eq!(stopped.say("p x"), [format!("<value> {long}")]);
    stopped.say("m 61");
    assert_eq!(stopped.say("p"), [format!("<value> x = {} ...", &long[..49])]);
}

#[test]
fn the_way_to_the_line_is_shown() {
    let mut stopped = Stopped::at(3);
    stopped.say("b 5");
    assert_eq!(
        stopped.say("t"),
        ["In f:", "-> 3     return x", "From top level:", "  #5   return f(a)"]
    );
    stopped.fake.frames.push((None, 9, Vec::new()));
    let lines = stopped.say("t");
    assert_eq!(lines[5], "   9   <out of range source code line>");
    assert_eq!(lines[6], "<hint> Only the innermost calls are shown.");
    stopped.fake.frames.pop();
    stopped.fake.frames.remove(0);
    assert_eq!(stopped.say("trace"), ["In top level:", "  #5   return f(a)"]);
}

#[test]
fn code_is_evaluated_and_commands_are_called() {
    let mut stopped = Stopped::at(3);
    assert_eq!(stopped.say("e 1 + 2"), ["<retval> 1 + 2"]);
    assert_eq!(stopped.say("eval !x"), ["<error> !x"]);
    assert_eq!(stopped.say("e"), ["<retval> "]);
    for name in ["r", "redis", "v", "VALKEY"] {
        assert!(stopped.say(&format!("{name} set k v")).is_empty());
        assert_eq!(stopped.fake.called.pop().as_deref(), Some("set k v"));
        assert!(!stopped.console.step.get(), "it does not go on");
        assert_eq!(stopped.say(name), [UNKNOWN]);
    }
}

#[test]
fn what_is_unknown_is_said_to_be() {
    let mut stopped = Stopped::at(3);
    for line in ["x", "restart", "", "steps", "ste"] {
        assert_eq!(stopped.say(line), [UNKNOWN], "{line}");
    }
    assert_eq!(stopped.debugger.obey(&[], &mut stopped.fake), Verdict::Stay);
    assert!(stopped.lines().is_empty());
}

#[test]
fn help_names_every_command() {
    let mut stopped = Stopped::at(3);
    let help = stopped.say("h");
    assert_eq!(stopped.say("HELP me"), help);
    for letter in "hsnclwpbterma".chars() {
        let named = help.iter().any(|line| line.starts_with(&format!("[{letter}]")));
        assert!(named, "{letter}");
    }
    assert!(help.iter().all(|line| line.len() < 80));
}

proptest! {
    /// CVE-2021-32672 was a command that made Redis's debugger read what it had not been sent.
    #[test]
    fn whatever_is_said_the_session_goes_on(
        name in prop_oneof![
            proptest::sample::select(vec![
                "s", "c", "l", "list", "w", "p", "print", "b", "break", "t", "e", "r", "redis",
                "m", "maxlen", "h",
            ]).prop_map(|name| name.as_bytes().to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ],
        rest in proptest::collection::vec(
            prop_oneof![
                any::<i64>().prop_map(|number| number.to_string().into_bytes()),
                proptest::collection::vec(any::<u8>(), 0..40),
            ],
            0..4,
        ),
        line in 0i64..9,
    ) {
        let mut stopped = Stopped::at(line);
        // In UTF-8: the fake of this test shows what it is called with as text.
        let words: Vec<Vec<u8>> = std::iter::once(name)
            .chain(rest)
            .map(|word| String::from_utf8_lossy(&word).into_owned().into_bytes())
            .collect();
        if stopped.debugger.obey(&words, &mut stopped.fake) == Verdict::Stay {
            stopped.console.take();
            prop_assert!(stopped.say("help").len() > 10, "the session goes on");
        }
    }
}
