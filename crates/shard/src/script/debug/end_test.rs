//! Sessions that do not reach their end, and what their clients run without end.

use std::sync::Arc;

use super::tests::{command, debug, debug_inputs};
use super::{Client, Input, Request};
use crate::script::Limits;
use crate::script::interrupt::{Control, Debugging, Request as Asked};
use crate::testing::Rig;

#[test]
fn a_session_that_does_not_reach_its_end_leaves_nothing() {
    let mut rig = Rig::new();
    let body = "redis.call('set', KEYS[1], 'x')\nlocal a = 1\nerror('boo')";
    let sha = crate::script::sha::Sha::of(body.as_bytes()).hex();
    let step = || command("s");
    for (inputs, reply) in [
        (vec![step(), step(), step()], "-ERR user_script:3: boo"),
        (vec![step(), command("a")], "-ERR script aborted for user request"),
        (vec![step(), Input::Gone], "-ERR the client of the debugger has gone"),
        (vec![step(), Input::Broken], "-ERR protocol error"),
    ] {
        let line = if inputs.len() == 3 { 3 } else { 2 };
        let run = debug_inputs(&mut rig, true, body, inputs);
        assert_eq!(run.reply, format!("{reply} script: {sha}, on @user_script:{line}."));
        assert_eq!(run.transcript.last().map(String::as_str), Some("<endsession>"));
        rig.check("EXISTS k", ":0");
    }
}

/// Asks for something to happen to the script, from another thread, soon after the client has said
/// its second word. The hook of the debugger looks by itself: no signal is needed.
fn ask_soon(rig: &mut Rig, request: Asked) -> std::thread::JoinHandle<()> {
    let control = rig.shard().scripts().control().clone();
    std::thread::spawn(move || {
        // The second command of the client lets the script run.
        while control.stint() < 2 {
            std::thread::yield_now();
        }
        for _ in 0..50 {
            std::thread::yield_now();
        }
        if let Some(run) = control.running() {
            control.ask(run, request);
        }
    })
}

const ENDLESS: &str = "redis.call('set', KEYS[1], 1)\nwhile true do end";

#[test]
fn an_endless_loop_stops_when_its_time_is_over() {
    let mut rig = Rig::new();
    let asked = ask_soon(&mut rig, Asked::Timeout);
    let run = debug(&mut rig, true, ENDLESS, &["l", "c", "t", "a"]);
    asked.join().unwrap();
    assert_eq!(
        run.after("c"),
        [
            "* Stopped at 2, stop reason = timeout reached, infinite loop?",
            "-> 2   while true do end"
        ]
    );
    assert_eq!(run.after("t"), ["In top level:", "-> 2   while true do end"]);
    assert!(run.reply.starts_with("-ERR script aborted"), "{}", run.reply);
    rig.check("EXISTS k", ":0");
}

#[test]
fn a_session_can_be_killed_while_the_script_runs() {
    let mut rig = Rig::new();
    let body = "redis.call('set', KEYS[1], 1)\nlocal function f() while true do end end\n\
                while true do pcall(f) end";
    let asked = ask_soon(&mut rig, Asked::Kill);
    let run = debug(&mut rig, true, body, &["l", "c"]);
    asked.join().unwrap();
    assert_eq!(run.after("c"), ["<endsession>"]);
    assert!(run.reply.starts_with("-ERR Script killed by user with SCRIPT KILL... script: "));
    rig.check("EXISTS k", ":0");
}

#[test]
fn a_session_can_be_killed_while_the_client_thinks() {
    struct Killer(Arc<Control>);
    impl Client for Killer {
        fn send(&mut self, _lines: &[Vec<u8>]) {}
        fn receive(&mut self) -> Input {
            let control = &self.0;
            assert_eq!(control.debugging(), Debugging::Waits);
            control.ask(control.running().unwrap(), Asked::Kill);
            Input::Over
        }
    }
    let mut rig = Rig::new();
    let control = rig.shard().scripts().control().clone();
    for body in ["local a = 1 return a", "coroutine.wrap(function()\nlocal a = 1\nend)()"] {
        let client = Box::new(Killer(control.clone()));
        rig.shard().scripts_mut().debug_next(Request { client, keeps: true, hint: None });
        let reply = rig.run_parts(&["EVAL", body, "1", "k"]);
        assert!(reply.starts_with("-ERR Script killed by user"), "{reply}");
    }
}

#[test]
fn evaluated_code_is_stopped_when_its_time_is_over() {
    let mut rig = Rig::new();
    let asked = ask_soon(&mut rig, Asked::Timeout);
    let endless = "e local function f() while true do end end while true do pcall(f) end";
    let run =
        debug(&mut rig, true, "return redis.call('incr', KEYS[1])", &["l", endless, "e 1", "c"]);
    asked.join().unwrap();
    assert_eq!(run.after(endless), ["<error> the code ran for too long and was stopped"]);
    assert_eq!(run.after("e 1"), ["<retval> 1"], "the session goes on");
    assert_eq!(run.reply, ":1");
    rig.check("GET k", "$1");
}

#[test]
fn evaluated_code_is_under_the_memory_limit() {
    let mut rig = Rig::new();
    let limits = Limits { memory_bytes: 4 << 20, ..Limits::default() };
    rig.shard().scripts_mut().configure(limits);
    let body = "redis.call('set', KEYS[1], 1)\nreturn 1";
    let grow = "e local t = {} for i = 1, 1e9 do t[i] = tostring(i) end";
    let run = debug(&mut rig, true, body, &["s", grow, "c"]);
    assert!(run.reply.starts_with("-OOM Script used more than"), "{run:?}");
    rig.check("EXISTS k", ":0");
    rig.check("EVAL 'return 1' 0", ":1");
}
