//! Sessions over a client that has said everything beforehand.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::{Client, Input, Request};
use crate::script::interrupt::Debugging;
use crate::testing::Rig;

/// What both sides have said, the client's words with `> ` in front.
type Transcript = Rc<RefCell<Vec<String>>>;

struct Scripted {
    inputs: VecDeque<Input>,
    transcript: Transcript,
}

impl Client for Scripted {
    fn send(&mut self, lines: &[Vec<u8>]) {
        let text = |line: &Vec<u8>| String::from_utf8_lossy(line).into_owned();
        self.transcript.borrow_mut().extend(lines.iter().map(text));
    }

    fn receive(&mut self) -> Input {
        let input = self.inputs.pop_front().unwrap_or(Input::Gone);
        if let Input::Command(words) = &input {
            let words = String::from_utf8_lossy(&words.join(&b' ')).into_owned();
            self.transcript.borrow_mut().push(format!("> {words}"));
        }
        input
    }
}

/// A command: the first word, then the rest as one word for `e`, in words otherwise.
pub(super) fn command(line: &str) -> Input {
    let words: Vec<Vec<u8>> = match line.split_once(' ') {
        Some((name, code)) if name == "e" => vec![name.into(), code.into()],
        _ => line.split(' ').map(|word| word.as_bytes().to_vec()).collect(),
    };
    Input::Command(words)
}

#[derive(Debug)]
pub(super) struct Debugged {
    pub(super) transcript: Vec<String>,
    pub(super) reply: String,
}

impl Debugged {
    /// What was said after the client's last `words`, up to its next ones.
    pub(super) fn after(&self, words: &str) -> Vec<&str> {
        let words = format!("> {words}");
        let at = self.transcript.iter().rposition(|line| *line == words).expect(&words);
        let rest = self.transcript[at + 1..].iter().map(String::as_str);
        rest.take_while(|line| !line.starts_with("> ")).collect()
    }
}

pub(super) fn debug_inputs(rig: &mut Rig, keeps: bool, body: &str, inputs: Vec<Input>) -> Debugged {
    let transcript = Transcript::default();
    let client = Scripted { inputs: inputs.into(), transcript: transcript.clone() };
    let request = Request { client: Box::new(client), keeps, hint: None };
    rig.shard().scripts_mut().debug_next(request);
    let reply = rig.run_parts(&["EVAL", body, "1", "k", "a1"]);
    Debugged { transcript: transcript.take(), reply }
}

pub(super) fn debug(rig: &mut Rig, keeps: bool, body: &str, lines: &[&str]) -> Debugged {
    debug_inputs(rig, keeps, body, lines.iter().map(|line| command(line)).collect())
}

#[test]
fn the_script_stops_at_each_line() {
    let mut rig = Rig::new();
    let body = "local x = 5\nlocal y = x + 1\nreturn {x, y}";
    let run = debug(&mut rig, false, body, &["s", "n", "p", "s"]);
    assert_eq!(
        run.transcript,
        [
            "* Stopped at 1, stop reason = step over",
            "-> 1   local x = 5",
            "> s",
            "* Stopped at 2, stop reason = step over",
            "-> 2   local y = x + 1",
            "> n",
            "* Stopped at 3, stop reason = step over",
            "-> 3   return {x, y}",
            "> p",
            "<value> x = 5",
            "<value> y = 6",
            "> s",
            "<endsession>",
        ]
    );
    assert_eq!(run.reply, "[:5 :6]");
}

#[test]
fn a_call_is_followed_and_left() {
    let mut rig = Rig::new();
    let body =
        "local function f(n)\n  local m = n + 1\n  return m\nend\nlocal a = f(1) + f(2)\nreturn a";
    let run =
        debug(&mut rig, false, body, &["s", "s", "p", "s", "p", "t", "s", "s", "s", "p", "s"]);
    assert_eq!(
        run.transcript,
        [
            "* Stopped at 4, stop reason = step over",
            "-> 4   end",
            "> s",
            "* Stopped at 5, stop reason = step over",
            "-> 5   local a = f(1) + f(2)",
            "> s",
            "* Stopped at 2, stop reason = step over",
            "-> 2     local m = n + 1",
            "> p",
            "<value> n = 1",
            "> s",
            "* Stopped at 3, stop reason = step over",
            "-> 3     return m",
            "> p",
            "<value> n = 1",
            "<value> m = 2",
            "> t",
            "In f:",
            "-> 3     return m",
            "From top level:",
            "   5   local a = f(1) + f(2)",
            "> s",
            "* Stopped at 2, stop reason = step over",
            "-> 2     local m = n + 1",
            "> s",
            "* Stopped at 3, stop reason = step over",
            "-> 3     return m",
            "> s",
            "* Stopped at 6, stop reason = step over",
            "-> 6   return a",
            "> p",
            // The function is shown by its address.
            run.transcript[31].as_str(),
            "<value> a = 5",
            "> s",
            "<endsession>",
        ]
    );
    assert!(run.transcript[31].starts_with("<value> f = \"function@0x"), "{:?}", run.transcript);
    assert_eq!(run.reply, ":5");
}

#[test]
fn a_loop_in_one_line_stops_at_each_turn() {
    let mut rig = Rig::new();
    let body = "local n = 0\nfor i = 1, 3 do redis.call('ping') n = n + i end\nreturn n";
    let run = debug(&mut rig, false, body, &["s", "s", "s", "s", "s", "s", "s", "s"]);
    let stops = run.transcript.iter().filter(|line| line.starts_with("* Stopped at 2")).count();
    // Where the loop begins, and at each turn after the first.
    assert_eq!(stops, 3, "{:?}", run.transcript);
    assert_eq!(run.reply, ":6");
}

#[test]
fn breakpoints_stop_the_script() {
    let mut rig = Rig::new();
    let body = "local n = 0\nfor i = 1, 3 do\n  n = n + i\nend\nreturn n";
    let run = debug(&mut rig, false, body, &["b 3", "c", "p n", "c", "p n", "b 0", "c"]);
    assert_eq!(run.after("c"), ["<endsession>"]);
    assert_eq!(run.after("p n"), ["<value> 1"]);
    let stop = "* Stopped at 3, stop reason = break point";
    assert_eq!(run.transcript.iter().filter(|line| *line == stop).count(), 2);
    assert_eq!(run.reply, ":6");
}

#[test]
fn the_script_speaks_to_the_debugger() {
    let mut rig = Rig::new();
    let body = "local b = redis.breakpoint()\nlocal t = {1, {x = 'y'}}\n\
                redis.debug(b, t, nil, 1.5)\nreturn redis.debug()";
    let run = debug(&mut rig, false, body, &["c", "c"]);
    assert_eq!(
        run.transcript[2..],
        [
            "> c",
            "* Stopped at 2, stop reason = redis.breakpoint() called",
            "-> 2   local t = {1, {x = 'y'}}",
            "> c",
            "<debug> line 3: true, {1; {[\"x\"]=\"y\"}}, nil, 1.5",
            "<debug> line 4: ",
            "<endsession>",
        ]
    );
    assert_eq!(run.reply, "_");
    // Without a debugger they do nothing.
    rig.check("EVAL 'redis.debug(1) return tostring(redis.breakpoint())' 0", "$false");
}

#[test]
fn calls_of_the_line_that_runs_are_shown() {
    let mut rig = Rig::new();
    let body = "redis.call('hset', KEYS[1], 'f', 1, 'g', 2)\nredis.call('hgetall', KEYS[1])\n\
                redis.pcall('nope')\nredis.pcall('incr', KEYS[1])\nredis.pcall({})\n\
                redis.call('hget', KEYS[1], 'x')\nredis.setresp(3)\n\
                redis.call('hgetall', KEYS[1])\nredis.call('ping')\nreturn 1";
    let run = debug(&mut rig, false, body, &["s", "s", "s", "s", "s", "s", "s", "s", "c"]);
    let said = |line: &&String| line.starts_with('<');
    let said: Vec<&str> = run.transcript.iter().filter(said).map(String::as_str).collect();
    assert_eq!(
        said,
        [
            "<redis> hset k f 1 g 2",
            "<reply> 2",
            "<redis> hgetall k",
            "<reply> [\"f\",\"1\",\"g\",\"2\"]",
            "<redis> nope",
            "<error> Unknown Redis command called from script",
            "<redis> incr k",
            "<error> -WRONGTYPE Operation against a key holding the wrong kind of value",
            "<reply> \"-WRONGTYPE Operation against a key holding the wrong kind of value\"",
            "<error> Lua redis lib command arguments must be strings or integers",
            "<redis> hget k x",
            "<reply> NULL",
            "<redis> hgetall k",
            said[13],
            "<endsession>",
        ]
    );
    let maps = ["{\"f\" => \"1\",\"g\" => \"2\"}", "{\"g\" => \"2\",\"f\" => \"1\"}"];
    assert!(maps.iter().any(|map| said[13] == format!("<reply> {map}")), "{said:?}");
}

#[test]
fn what_a_session_has_done_is_taken_back_or_kept() {
    let mut rig = Rig::new();
    let body = "redis.call('set', KEYS[1], ARGV[1])\nreturn redis.call('get', KEYS[1])";
    assert_eq!(debug(&mut rig, false, body, &["s", "s"]).reply, "$a1");
    rig.check("GET k", "_");
    assert_eq!(debug(&mut rig, true, body, &["s", "s"]).reply, "$a1");
    rig.check("GET k", "$a1");
}

#[test]
fn what_the_client_does_is_part_of_the_script() {
    let mut rig = Rig::new();
    let body = "local a = 1\nreturn redis.call('get', KEYS[1])";
    let said = ["r set k 7", "e redis.call('incr', KEYS[1])", "r get k", "r nope", "c"];
    for keeps in [false, true] {
        let run = debug(&mut rig, keeps, body, &said);
        assert_eq!(run.after("r set k 7"), ["<redis> set k 7", "<reply> \"+OK\""]);
        assert_eq!(run.after("e redis.call('incr', KEYS[1])"), ["<retval> 8"]);
        assert_eq!(run.after("r get k"), ["<redis> get k", "<reply> \"8\""]);
        assert_eq!(
            run.after("r nope"),
            ["<redis> nope", "<error> Unknown Redis command called from script"]
        );
        assert_eq!(run.reply, "$8");
        rig.check("GET k", if keeps { "$8" } else { "_" });
    }
}

#[test]
fn a_session_can_end_before_it_has_begun() {
    let mut rig = Rig::new();
    let run = debug(&mut rig, false, "return (", &[]);
    assert_eq!(run.transcript, ["<endsession>"]);
    assert!(run.reply.starts_with("-ERR Error compiling script"), "{}", run.reply);

    let transcript = Transcript::default();
    let client = Scripted { inputs: VecDeque::new(), transcript: transcript.clone() };
    let request = Request { client: Box::new(client), keeps: false, hint: None };
    rig.shard().scripts_mut().debug_next(request);
    rig.check("EVAL 'return 1' x", "-ERR value is not an integer or out of range");
    rig.shard().scripts_mut().debug_no_more();
    assert_eq!(transcript.take(), ["<endsession>"]);
    rig.check("EVAL 'return 1' 0", ":1");
}

#[test]
fn the_client_is_told_a_hint_first() {
    let mut rig = Rig::new();
    let transcript = Transcript::default();
    let client = Scripted { inputs: [command("c")].into(), transcript: transcript.clone() };
    let request = Request { client: Box::new(client), keeps: false, hint: Some("look".into()) };
    rig.shard().scripts_mut().debug_next(request);
    rig.check("EVAL 'return 1' 0", ":1");
    assert_eq!(
        transcript.borrow()[..2],
        ["<hint> look", "* Stopped at 1, stop reason = step over"]
    );
}

#[test]
fn nothing_of_a_session_stays() {
    let mut rig = Rig::new();
    let body = "KEYS[2] = 'mine'\nreturn #KEYS";
    for _ in 0..2 {
        assert_eq!(debug(&mut rig, true, body, &["b 2", "s", "c"]).reply, ":2");
        // No hook, no debugger, the other VM, and the node does not know the script.
        rig.check("EVAL 'return {#KEYS, tostring(redis.breakpoint())}' 1 k", "[:1 $false]");
        let sha = crate::script::sha::Sha::of(body.as_bytes()).hex();
        rig.check(&format!("SCRIPT EXISTS {sha}"), "[:0]");
        let control = rig.shard().scripts().control().clone();
        assert_eq!((control.running(), control.debugging()), (None, Debugging::No));
    }
    // The second of two sessions knows nothing of the first one's breakpoints.
    let run = debug(&mut rig, true, body, &["b", "c"]);
    assert_eq!(run.after("b"), ["No breakpoints set. Use 'b <line>' to add one."]);
}

#[test]
fn coroutines_and_callbacks_stop_too() {
    let mut rig = Rig::new();
    let body = "local co = coroutine.wrap(function(a)\n  local b = a + 1\n  coroutine.yield(b)\n  \
                return 'end'\nend)\nlocal r = {co(1), co()}\ntable.sort(r, function(x, y)\n  \
                return tostring(x) < tostring(y)\nend)\nreturn r";
    let inputs = ["b 3 4 8", "c", "p", "t", "e 1", "r ping", "p KEYS", "c", "c", "p x", "s", "c"];
    let run = debug(&mut rig, false, body, &inputs);
    assert_eq!(run.after("p"), ["<value> a = 1", "<value> b = 2"]);
    assert_eq!(run.after("t"), ["In top level:", "->#3     coroutine.yield(b)"]);
    assert!(run.after("e 1")[0].starts_with("<error> nothing can be evaluated"), "{run:?}");
    assert_eq!(run.after("r ping"), ["<redis> ping", "<reply> \"+PONG\""]);
    assert_eq!(run.after("p KEYS"), ["<value> {\"k\"}"]);
    assert_eq!(run.after("p x").len(), 1);
    let stops: Vec<&str> = run
        .transcript
        .iter()
        .filter(|line| line.contains("Stopped"))
        .map(|line| &line[13..14])
        .collect();
    assert_eq!(stops, ["1", "3", "4", "8", "1"], "{run:?}");
    assert_eq!(run.reply, "[:2 $end]");
}

#[test]
fn what_a_library_function_calls_has_no_name() {
    let mut rig = Rig::new();
    let body = "local function double(c)\n  return c .. c\nend\n\
                local s = string.gsub('ab', '.', double)\nreturn s .. double('c')";
    let run =
        debug(&mut rig, false, body, &["b 2", "c", "t", "b 0", "b 5", "c", "b 2", "c", "t", "c"]);
    let is_call = |line: &&str| line.starts_with("In ") || line.starts_with("From ");
    let calls: Vec<&str> = run.transcript.iter().map(String::as_str).filter(is_call).collect();
    assert_eq!(calls, ["In top level:", "From top level:", "In double:", "From top level:"]);
    assert_eq!(run.reply, "$aabbcc");
}

#[test]
fn a_coroutine_can_be_left_and_aborted() {
    let mut rig = Rig::new();
    let body = "local co = coroutine.wrap(function()\n  redis.call('set', KEYS[1], 1)\n  return 2\n\
                end)\nlocal ok = pcall(co)\nreturn 1";
    for end in [command("a"), Input::Gone] {
        let run = debug_inputs(&mut rig, true, body, vec![command("b 3"), command("c"), end]);
        assert!(run.reply.ends_with("on @user_script:3."), "{run:?}");
        rig.check("EXISTS k", ":0");
    }
}

#[test]
fn values_are_shown_as_they_are() {
    let mut rig = Rig::new();
    let run = debug(
        &mut rig,
        false,
        "local t = {1, 2, nil, 4, x = {}}\nt.t = t\nlocal s, e = 'a\\0\\n\"\\\\', ''\n\
         local f, n = 1/3, -1e300\nreturn 1",
        &[
            "b 5",
            "c",
            "p s",
            "p e",
            "p f",
            "p n",
            "e {}",
            "e {{1}, {a = 1}}",
            "e cjson.null",
            "e tostring(1)",
            "e 'x', 'y'",
            "e -- nothing",
            "e return 5",
            "e local a = 1",
            "e KEYS[1] .. ARGV[1]",
            "e {1,2,3}",
            "c",
        ],
    );
    for (words, shown) in [
        ("p s", "<value> \"a\\x00\\n\\\"\\\\\""),
        ("p e", "<value> \"\""),
        ("p f", "<value> 0.333333"),
        ("p n", "<value> -1e+300"),
        ("e {}", "<retval> {}"),
        ("e {{1}, {a = 1}}", "<retval> {{1}; {[\"a\"]=1}}"),
        ("e cjson.null", "<retval> \"light-userdata@(nil)\""),
        ("e tostring(1)", "<retval> \"1\""),
        ("e 'x', 'y'", "<retval> \"x\""),
        ("e -- nothing", "<retval> nil"),
        ("e return 5", "<retval> 5"),
        ("e local a = 1", "<retval> nil"),
        ("e KEYS[1] .. ARGV[1]", "<retval> \"ka1\""),
        ("e {1,2,3}", "<retval> {1; 2; 3}"),
    ] {
        assert_eq!(run.after(words), [shown], "{words}");
    }
}

#[test]
fn deep_recursion_is_shown_in_part() {
    let mut rig = Rig::new();
    let body = "local function f(n)\n  if n == 0 then\n    return 0\n  end\n  return 1 + f(n - 1)\n\
                end\nlocal outer = 1\nreturn f(5000)";
    let run = debug(&mut rig, false, body, &["b 3", "c", "t", "p outer", "p n", "c"]);
    let trace = run.after("t");
    assert!((400..600).contains(&trace.len()), "{}", trace.len());
    assert_eq!(trace.last(), Some(&"<hint> Only the innermost calls are shown."));
    assert_eq!(run.after("p outer"), ["No such variable."]);
    assert_eq!(run.after("p n"), ["<value> 0"]);
    assert_eq!(run.reply, ":5000");
}

#[test]
fn savepoints_can_be_stepped_through_and_left() {
    let mut rig = Rig::new();
    let body = "local ok = redis.atomic(function()\n  redis.call('set', KEYS[1], 1)\n  error('no')\n\
                end)\nredis.call('incr', KEYS[1])\nreturn redis.call('get', KEYS[1])";
    let run = debug(&mut rig, true, body, &["s", "s", "s", "s", "s", "c"]);
    let stops = run.transcript.iter().filter_map(|line| line.strip_prefix("* Stopped at "));
    let stops: Vec<&str> = stops.filter_map(|line| line.get(..1)).collect();
    assert_eq!(stops, ["1", "4", "1", "2", "3", "5"], "{run:?}");
    assert_eq!(run.reply, "$1");
    rig.check("GET k", "$1");
    let run = debug(&mut rig, true, body, &["b 3", "c", "a"]);
    assert!(run.reply.starts_with("-ERR script aborted"), "{run:?}");
    rig.check("GET k", "$1");
}

#[test]
fn a_table_that_holds_itself_is_shown_to_a_depth() {
    let mut rig = Rig::new();
    let body =
        "local t = {}\nt[1] = t\nlocal many = {}\nfor i = 1, 20 do many[i] = many end\nreturn 1";
    let run = debug(&mut rig, false, body, &["b 5", "c", "p t", "m 0", "p many", "c"]);
    let deep = "<max recursion level reached! Nested table?>";
    assert_eq!(run.after("p t"), [format!("<value> {}{deep}{}", "{".repeat(10), "}".repeat(10))]);
    // 20 to the 10th would be too many.
    let many = run.after("p many");
    assert!(many[0].len() < 1_100_000 && many[0].ends_with(" ..."), "{}", many[0].len());
}

#[test]
fn errors_of_evaluated_code_are_shown() {
    let mut rig = Rig::new();
    let run = debug(
        &mut rig,
        false,
        "return 1",
        &[
            "e error('boo')",
            "e nosuch",
            "e for",
            "e error({err = 'MY text'})",
            "e redis.call('nope')",
            "e redis.call('set', 'other', 1)",
            "e local x = x.y.z",
            "c",
        ],
    );
    for (words, shown) in [
        ("e error('boo')", "ldb_eval:1: boo"),
        ("e nosuch", "ldb_eval:1: Script attempted to access nonexistent global variable 'nosuch'"),
        ("e for", "ldb_eval:1: '<name>' expected near '<eof>'"),
        ("e error({err = 'MY text'})", "MY text"),
        ("e redis.call('nope')", "ERR Unknown Redis command called from script"),
        (
            "e redis.call('set', 'other', 1)",
            "ERR Script attempted to access keys that do not hash to the same slot",
        ),
        (
            "e local x = x.y.z",
            "ldb_eval:1: Script attempted to access nonexistent global variable 'x'",
        ),
    ] {
        assert_eq!(run.after(words), [format!("<error> {shown}")], "{words}");
    }
    assert_eq!(run.reply, ":1", "the script goes on");
}
